"""The harmony of piano rolls: chords, keys, and statistics of both."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import comb

import numpy as np

from zoo.music.keys import LOWEST, PITCH_CLASSES, check_range
from zoo.music.rolls import sounding

_CHORDS = {
    (0, 4, 7): "major",
    (0, 3, 7): "minor",
    (0, 3, 6): "diminished",
    (0, 4, 8): "augmented",
    (0, 4, 7, 10): "dominant 7th",
    (0, 4, 7, 11): "major 7th",
    (0, 3, 7, 10): "minor 7th",
    (0, 3, 6, 10): "half-diminished 7th",
    (0, 3, 6, 9): "diminished 7th",
}
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11))
"""Major and harmonic minor."""

_SAMPLE = 100
_COMMON = 10


def chord_name(keys: Iterable[int]) -> str:
    """Returns the name of the chord that keys make, whatever their octaves.

    "C major", or "A minor 7th": the triads, and the sevenths on them. Other keys are
    named one by one, "C D G", from C up. A chord that is the same on several roots
    (augmented, diminished 7th) has the first from C up.

    Args:
        keys: MIDI keys, or pitch classes; at least one.
    """
    classes = sorted({key % 12 for key in keys})
    for root in classes:
        kind = _CHORDS.get(tuple(sorted((each - root) % 12 for each in classes)))
        if kind:
            return f"{PITCH_CLASSES[root]} {kind}"
    return " ".join(PITCH_CLASSES[each] for each in classes)


def statistics(rolls: Sequence[np.ndarray], lowest: int = LOWEST) -> dict:
    """Returns figures of a set of pieces, by which generated ones are judged.

    They don't hang on how many pieces there are: generated pieces may be compared
    with more real ones. Drums have no harmony; these are figures of pitched notes.

    Args:
        rolls: a roll a piece, (steps, keys), 0 or 1, without padding.
        lowest: the MIDI key of the first column.

    Returns:
        a dict, ready for JSON; a share of nothing is 0.

        - `pieces` and `frames`: their numbers.
        - `notes_per_frame`: the mean number of keys that sound, silence counted.
        - `repeated_frames`: the share of frames equal to the one before, of those
          that have one in their piece.
        - `notes_in_key`: the share of notes, a note a frame it sounds in, that are in
          the scale which holds most of its piece's, of the twelve major and the
          twelve harmonic minor scales. Notes drawn at random come to over 7/12.
        - `chords_per_100_frames`: the number of different chords (sets of pitch
          classes) to expect in 100 frames drawn from those that sound, or in all if
          there are fewer: Σ 1 − C(N − n, 100) / C(N, 100) over the chords, each in n
          of N frames (rarefaction; Hurlbert, 1971).
        - `common_chords`: the shares of the ten most frequent chords of the frames
          that sound, by name.

    Raises:
        ValueError: something isn't a roll, or its keys aren't MIDI's.
    """
    rolls = [sounding(roll) for roll in rolls]
    for roll in rolls:
        check_range(lowest, roll.shape[1])
    frames = sum(map(len, rolls))
    sounding_notes = sum(int(roll.sum()) for roll in rolls)
    repeated = sum(int((roll[1:] == roll[:-1]).all(axis=1).sum()) for roll in rolls)
    classes = [_pitch_classes(roll, lowest) for roll in rolls]
    chords = Counter(
        tuple(np.flatnonzero(frame).tolist())
        for piece in classes
        for frame in piece.astype(bool)
        if frame.any()
    )
    total = chords.total()
    return {
        "pieces": len(rolls),
        "frames": frames,
        "notes_per_frame": _share(sounding_notes, frames),
        "repeated_frames": _share(
            repeated, sum(max(0, len(roll) - 1) for roll in rolls)
        ),
        "notes_in_key": _share(sum(map(_in_key, classes)), sounding_notes),
        "chords_per_100_frames": _expected_kinds(chords.values(), _SAMPLE),
        "common_chords": {
            chord_name(chord): _share(count, total)
            for chord, count in chords.most_common(_COMMON)
        },
    }


def _share(part, whole):
    return part / whole if whole else 0.0


def _pitch_classes(roll, lowest):
    """Returns how many keys of each pitch class sound, int (steps, 12)."""
    counts = np.zeros((len(roll), 12), int)
    for column in range(roll.shape[1]):
        counts[:, (lowest + column) % 12] += roll[:, column]
    return counts


def _in_key(classes):
    """Returns how many notes of a piece are in the scale that holds most of them."""
    counts = classes.sum(axis=0)
    return max(
        int(counts[[(root + degree) % 12 for degree in scale]].sum())
        for scale in _SCALES
        for root in range(12)
    )


def _expected_kinds(counts, size):
    """Returns the expected number of different things among `size` drawn of all."""
    total = sum(counts)
    size = min(size, total)
    return sum(1 - comb(total - n, size) / comb(total, size) for n in counts)
