"""The keys of a keyboard: their names, their numbers, and which of them there are.

A key is a MIDI number, 60 being middle C, C4. A piano roll holds some of them, from
the lowest upwards without a gap: 88 keys from 21, a piano's, unless told otherwise.
"""

import re
from collections.abc import Iterable

import numpy as np

LOWEST = 21
KEYS = 88

PITCH_CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""Names of the twelve pitch classes, each as it is spelled most."""

_MIDI_KEYS = 128
_NOTE = re.compile(r"([A-G])([#b♯♭]*)(-?\d+)?", re.IGNORECASE)
_SYLLABLES = r"do|ut|re|ré|mi|fa|sol|so|la|si|ti"
_KINDS = {
    "m": (0, 3, 7),
    "min": (0, 3, 7),
    "maj": (0, 4, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "m7": (0, 3, 7, 10),
    "min7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "dim7": (0, 3, 6, 9),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
}
"""The chords' names that are told from notes, by the semitones above the root."""

_SYMBOL = re.compile(f"([A-Ga-g][#b♯♭]?)({'|'.join(_KINDS)})")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "♯": 1, "b": -1, "♭": -1}


def key_name(key: int) -> str:
    """Returns a key's name: "C4" of 60."""
    return f"{PITCH_CLASSES[key % 12]}{key // 12 - 1}"


def parse_chord(text: str, lowest: int = LOWEST, keys: int = KEYS) -> list[int]:
    """Returns the keys of notes written by name.

    "C E G" is 60, 64, 67. A note without an octave is the nearest above the note
    before it, and the first one is in octave 4; so "E G C" is 64, 67, 72. A digit is
    always an octave: "G7" is one note, no seventh chord.

    Args:
        text: notes between spaces or commas, each a letter, its sharps (#) or flats
            (b), and an octave if wanted: "C#3 Bb3".
        lowest: the lowest key there is.
        keys: how many there are.

    Raises:
        ValueError: there is no note, something isn't one, or it is not on the keys.
    """
    found = []
    for word in text.replace(",", " ").split():
        match = _NOTE.fullmatch(word)
        if not match:
            raise ValueError(
                f"There is no note {word!r}, found in the chord {text!r}. Write a "
                f"chord note by note, as in 'C E G', 'C4 Eb4 G4' or 'F#3'.{_hint(word)}"
            )
        letter, accidentals, octave = match.groups()
        key = _STEPS[letter.upper()] + sum(_ACCIDENTALS[a.lower()] for a in accidentals)
        if octave is not None:
            key += 12 * (int(octave) + 1)
        elif found:
            key = found[-1] + 1 + (key - found[-1] - 1) % 12
        else:
            key += 60
        found.append(key)
    if not found:
        raise ValueError(f"The chord {text!r} has no notes. Write some, as in 'C E G'.")
    _check_on_keys(found, lowest, keys)
    return found


def _hint(word):
    """Says what somebody may have meant by what is no note."""
    if word[:1] in "Hh":
        return " The German H is B, and B is Bb."
    if re.fullmatch(_SYLLABLES, word, re.IGNORECASE):
        return " Do re mi fa sol la si are C D E F G A B."
    symbol = _SYMBOL.fullmatch(word)
    if symbol:
        root, kind = symbol.groups()
        root = root[0].upper() + root[1:]
        notes = parse_chord(root, 0, _MIDI_KEYS)[0] + np.array(_KINDS[kind])
        names = " ".join(PITCH_CLASSES[note % 12] for note in notes)
        return f" {word} is a chord's name: its notes are {names!r}."
    if re.search(r"[-/+.;]", word):
        return " Notes stand between spaces or commas."
    return ""


def frame(
    chord: str | Iterable[int], lowest: int = LOWEST, keys: int = KEYS
) -> np.ndarray:
    """Returns a chord as one step of a piano roll.

    Args:
        chord: keys, or their names as for `parse_chord`.
        lowest: the key of the first column.
        keys: the number of columns.

    Returns:
        uint8, (keys,): 1 where a key sounds.

    Raises:
        ValueError: a name isn't a note's, or a key is not one of the columns.
    """
    chord = parse_chord(chord, lowest, keys) if isinstance(chord, str) else list(chord)
    _check_on_keys(chord, lowest, keys)
    row = np.zeros(keys, np.uint8)
    row[[key - lowest for key in chord]] = 1
    return row


def check_range(lowest: int, keys: int) -> None:
    """Raises ValueError unless MIDI has all of these keys."""
    if lowest < 0 or keys < 1 or lowest + keys > _MIDI_KEYS:
        raise ValueError(
            f"MIDI has the keys 0 to {_MIDI_KEYS - 1}; found {keys} keys from {lowest} "
            f"upwards. A piano has {KEYS} from {LOWEST}."
        )


def range_name(lowest: int, keys: int) -> str:
    """Returns the name of a range of keys: "A0 to C8 (MIDI 21 to 108)"."""
    highest = lowest + keys - 1
    names = f"{key_name(lowest)} to {key_name(highest)}"
    return f"{names} (MIDI {lowest} to {highest})"


def _check_on_keys(chord, lowest, keys):
    check_range(lowest, keys)
    for key in chord:
        if not lowest <= key < lowest + keys:
            raise ValueError(
                f"The note {key_name(key)} (MIDI {key}) is not on the keys "
                f"{range_name(lowest, keys)}. Choose another octave."
            )
