"""`synthetic/scales`: short pieces of music whose entropy is known, as piano rolls.

**Rule.** A piece is in one of the twelve major keys. Its melody walks through two
octaves of the scale, a degree each frame. It goes on in its direction, turns with
chance 1/8, and always turns at the ends. Two notes below make each of its notes a triad
of the key, of which it is the fifth, the root or the third, each with chance 1/3. The
first frame also holds the key's tonic in the bass, and the fifth above it if the melody
rises.

**Optimum.** `entropy()`, 1.4485 nats per frame given all frames before it, the first
not predicted: no model costs less. It needs

- memory: who sees the last frame alone pays at least 2.3065 (`entropy_after(1)`), who
  sees the last two 1.5776 (`entropy_after(2)`), as these don't always tell the key;
- notes that hang together: who predicts each of the 88 keys by itself, from all frames
  before, pays at least 3.2909 (`entropy_of_keys()`).

What a piece itself costs, which chance makes a little more or less, is `cost(roll)`.
"""

import collections
import functools
import math
import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from zoo.music.keys import KEYS, LOWEST

SIZES = {"train": 1000, "validation": 200, "test": 200}
STEPS = range(16, 49)
TURN = 1 / 8
MAJOR = (0, 2, 4, 5, 7, 9, 11)  # semitones above the tonic
DEGREES = 15  # two octaves, both ends included
CHORDS = ((2, 4), (3, 5), (2, 5))  # degrees below the melody
BASS, MIDDLE = 24, 60  # MIDI numbers: C of the bass and of the melody's lowest octave


class Place(NamedTuple):
    """Where a melody is: all of the past that its future hangs on.

    Attributes:
        tonic: semitones from C to the tonic.
        degree: 0, the tonic, to `DEGREES - 1`, two octaves above.
        rises: whether its last step went up.
    """

    tonic: int
    degree: int
    rises: bool

    def frame(self, chord: int) -> frozenset[int]:
        """Returns the MIDI numbers that sound, the melody's the highest of them."""
        degrees = [self.degree - below for below in (0, *CHORDS[chord])]
        return frozenset(
            MIDDLE + self.tonic + 12 * (degree // 7) + MAJOR[degree % 7]
            for degree in degrees
        )

    def first_frame(self, chord: int) -> frozenset[int]:
        """Returns the same and what tells the key and the direction."""
        bass = {BASS + self.tonic} | ({BASS + self.tonic + 7} if self.rises else set())
        return self.frame(chord) | bass

    def steps(self) -> dict["Place", float]:
        """Returns where the melody may go, and with which chances."""
        onward = self.degree + (1 if self.rises else -1)
        back = self.degree - (1 if self.rises else -1)
        turned = Place(self.tonic, back, not self.rises)
        if onward not in range(DEGREES):
            return {turned: 1.0}
        return {Place(self.tonic, onward, self.rises): 1 - TURN, turned: TURN}


@functools.cache
def places() -> list[Place]:
    """Returns all places: in the long run, and at the start, one as likely as another.

    That they stay so follows from each having chances to be entered that add up to 1.
    """
    return [
        Place(tonic, degree, rises)
        for tonic in range(12)
        for degree in range(DEGREES)
        for rises in (True, False)
        if degree != (0 if rises else DEGREES - 1)  # nothing leads there
    ]


@functools.cache
def _next_frames(place):
    """Returns the chance of each frame that may follow: {frame: chance}."""
    return {
        step.frame(chord): chance / len(CHORDS)
        for step, chance in place.steps().items()
        for chord in range(len(CHORDS))
    }


def entropy() -> float:
    """Returns what a frame costs on average, given all before it, in nats.

    ```
    H = -Σ_s 1/S Σ_f P(f | s) log P(f | s)    over places s and frames f
    ```
    """
    costs = [
        -sum(p * math.log(p) for p in _next_frames(place).values())
        for place in places()
    ]
    return float(np.mean(costs))


def entropy_of_keys() -> float:
    """Returns what a frame costs if each key is predicted by itself, in nats.

    ```
    H = Σ_s 1/S Σ_k -p log p - (1 - p) log(1 - p),  p = P(k sounds | s)
    ```
    """
    total = 0.0
    for place in places():
        sounds = np.zeros(128)
        for frame, chance in _next_frames(place).items():
            sounds[list(frame)] += chance
        p = sounds[(sounds > 0) & (sounds < 1 - 1e-9)]  # the others are certain
        total -= float((p * np.log(p) + (1 - p) * np.log(1 - p)).sum())
    return total / len(places())


def entropy_after(frames: int) -> float:
    """Returns what a frame costs given only the last few frames, in nats.

    Those of the middle of a piece, with the first frame out of sight.
    """
    # The frames seen, with the place that they lead to: their chance.
    windows = {
        ((place.frame(chord),), place): 1 / len(places()) / len(CHORDS)
        for place in places()
        for chord in range(len(CHORDS))
    }
    for _ in range(frames):
        windows = _a_frame_longer(windows)
    joint, past = collections.Counter(), collections.Counter()
    for (seen, _), chance in windows.items():
        joint[seen] += chance
        past[seen[:-1]] += chance
    return -sum(p * math.log(p / past[seen[:-1]]) for seen, p in joint.items())


def _a_frame_longer(windows):
    longer = collections.Counter()
    for (seen, place), chance in windows.items():
        for step, to_step in place.steps().items():
            for chord in range(len(CHORDS)):
                frames = (*seen, step.frame(chord))
                longer[frames, step] += chance * to_step / len(CHORDS)
    return longer


@functools.cache
def _beginnings():
    """Returns the place that each first frame tells."""
    return {
        place.first_frame(chord): place
        for place in places()
        for chord in range(len(CHORDS))
    }


def cost(roll: np.ndarray) -> float:
    """Returns -log P of a piece, in nats per frame, given its first frame.

    Args:
        roll: a piece of this dataset, (steps, 88), of zeros and ones.
    """
    first, *rest = (frozenset(np.flatnonzero(frame) + LOWEST) for frame in roll)
    place = _beginnings()[first]
    total = 0.0
    for frame in rest:
        total -= math.log(_next_frames(place)[frame])
        [place] = [s for s in place.steps() if max(s.frame(0)) == max(frame)]
    return total / len(rest)


def generate(split: str) -> Iterator[dict[str, np.ndarray]]:
    """Yields the examples of `split`."""
    rng = random.Random(f"synthetic/scales/{split}")
    for _ in range(SIZES[split]):
        place, steps = rng.choice(places()), rng.choice(STEPS)
        frames = [place.first_frame(rng.randrange(len(CHORDS)))]
        while len(frames) < steps:
            chances = place.steps()
            [place] = rng.choices(list(chances), list(chances.values()))
            frames.append(place.frame(rng.randrange(len(CHORDS))))
        roll = np.zeros((steps, KEYS), np.uint8)
        for step, frame in enumerate(frames):
            roll[step, [key - LOWEST for key in frame]] = 1
        yield {"roll": roll}
