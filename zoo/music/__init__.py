"""Piano rolls, MIDI and audio, in NumPy.

Each function loads the library it needs when it is called: pretty_midi to write MIDI
(the extra `music`), matplotlib for pictures (`plots`). Reading MIDI and audio need
neither.
"""

from zoo.music.audio import synthesize, write_wav
from zoo.music.drums import DRUMS
from zoo.music.harmony import chord_name, statistics
from zoo.music.keys import KEYS, LOWEST, frame, key_name, parse_chord
from zoo.music.midi_reading import MidiRoll, read_midi
from zoo.music.midi_writing import write_midi
from zoo.music.pictures import piano_rolls
from zoo.music.rolls import Note, notes, sounding, spell, transpose, transpositions

__all__ = [
    "DRUMS",
    "KEYS",
    "LOWEST",
    "MidiRoll",
    "Note",
    "chord_name",
    "frame",
    "key_name",
    "notes",
    "parse_chord",
    "piano_rolls",
    "read_midi",
    "sounding",
    "spell",
    "statistics",
    "synthesize",
    "transpose",
    "transpositions",
    "write_midi",
    "write_wav",
]
