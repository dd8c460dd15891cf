"""Piano rolls, MIDI and audio, in NumPy.

Each function loads the library it needs when it is called: pretty_midi for MIDI (the
extra `music`), matplotlib for pictures (`plots`). Audio needs neither.
"""

from zoo.music.keys import KEYS, LOWEST, frame, key_name, parse_chord
from zoo.music.rolls import Note, notes, sounding, spell, transpose, transpositions

__all__ = [
    "KEYS",
    "LOWEST",
    "Note",
    "frame",
    "key_name",
    "notes",
    "parse_chord",
    "sounding",
    "spell",
    "transpose",
    "transpositions",
]
