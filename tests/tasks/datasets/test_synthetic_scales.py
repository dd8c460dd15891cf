"""The scales cost what their docstring says, by counting all that can be played."""

import collections
import math
import re
from pathlib import Path

import numpy as np
import pytest

from tasks.datasets.synthetic import scales

MAJOR = [0, 2, 4, 5, 7, 9, 11]


@pytest.fixture(scope="module")
def rolls():
    """All pieces, by split."""
    return {
        split: [example["roll"] for example in scales.generate(split)]
        for split in scales.SIZES
    }


def notes(roll):
    """The MIDI numbers that sound in each frame, the lowest first."""
    return [[int(key) + 21 for key in np.flatnonzero(frame)] for frame in roll]


@pytest.fixture(scope="module")
def beginnings():
    """All beginnings of four frames and their chances: {frames: chance}."""
    found = collections.Counter()
    chord = 1 / 3
    for place in scales.places():
        for first in range(3):
            played = (place.first_frame(first),)
            _play_on(found, played, place, chord / len(scales.places()))
    return found


def _play_on(found, played, place, chance):
    if len(played) == 4:
        found[played] += chance
        return
    for step, to_step in place.steps().items():
        for chord in range(3):
            frames = (*played, step.frame(chord))
            _play_on(found, frames, step, chance * to_step / 3)


def following(beginnings, seen, wanted):
    """Chances of a frame given others, by places: {frames seen: {frame: chance}}."""
    chances = collections.defaultdict(collections.Counter)
    for frames, chance in beginnings.items():
        chances[tuple(frames[place] for place in seen)][frames[wanted]] += chance
    return chances


def entropy(beginnings, seen, wanted):
    total = 0.0
    for counts in following(beginnings, seen, wanted).values():
        past = counts.total()
        total -= sum(p * math.log(p / past) for p in counts.values())
    return total


def test_every_frame_costs_the_entropy_given_all_before_it(beginnings):
    assert sum(beginnings.values()) == pytest.approx(1)
    for wanted in (1, 2, 3):
        found = entropy(beginnings, range(wanted), wanted)
        assert found == pytest.approx(scales.entropy(), rel=1e-9)


def test_few_frames_do_not_tell_what_follows(beginnings):
    after = [scales.entropy_after(1), scales.entropy_after(2)]
    assert entropy(beginnings, [2], 3) == pytest.approx(after[0], rel=1e-9)
    assert entropy(beginnings, [1, 2], 3) == pytest.approx(after[1], rel=1e-9)
    assert after[0] > after[1] > scales.entropy() + 0.1


def test_keys_predicted_by_themselves_cost_more(beginnings):
    total = 0.0
    for counts in following(beginnings, [0, 1], 2).values():
        past = counts.total()
        for key in set().union(*counts):
            on = sum(p for frame, p in counts.items() if key in frame) / past
            for p in (on, 1 - on):
                if p > 1e-9:
                    total -= past * p * math.log(p)
    assert scales.entropy_of_keys() == pytest.approx(total, rel=1e-6)
    assert total > scales.entropy() + 1.5


def test_pieces_cost_about_the_entropy(rolls):
    for some in rolls.values():
        frames = [len(roll) - 1 for roll in some]
        mean = np.average([scales.cost(roll) for roll in some], weights=frames)
        # One frame's cost spreads by 0.63, as a rare turn is dear.
        assert abs(mean - scales.entropy()) < 4 * 0.63 / math.sqrt(sum(frames))


def test_lengths_vary_and_pieces_differ(rolls):
    assert {split: len(some) for split, some in rolls.items()} == scales.SIZES
    lengths = {len(roll) for roll in rolls["train"]}
    assert lengths == set(range(16, 49))
    pieces = [roll.tobytes() for some in rolls.values() for roll in some]
    assert len(set(pieces)) == 1400


def test_first_frame_tells_key_and_direction(rolls):
    agree = free = 0
    for roll in rolls["train"]:
        first, second, *_ = notes(roll)
        bass = [note for note in first if note < 48]
        rose = len(bass) == 2
        assert bass == [bass[0], bass[0] + 7][: len(bass)]
        assert len(first) - len(bass) == 3
        scale = {(bass[0] + step) % 12 for step in MAJOR}
        assert {note % 12 for frame in notes(roll) for note in frame} <= scale
        if first[-1] in (bass[0] + 36, bass[0] + 60):  # an end, where all turn
            assert rose == (second[-1] < first[-1])
        else:
            agree += rose == (second[-1] > first[-1])
            free += 1
    assert agree / free == pytest.approx(7 / 8, abs=0.04)


def test_melody_goes_on_and_seldom_turns(rolls):
    turns = steps = 0
    for roll in rolls["train"]:
        tonic = notes(roll)[0][0]
        scale = [tonic + 36 + 12 * octave + step for octave in (0, 1) for step in MAJOR]
        melody = [[*scale, tonic + 60].index(frame[-1]) for frame in notes(roll)]
        moves = np.diff(melody)
        assert set(abs(moves)) == {1}
        free = ~np.isin(melody[1:-1], (0, 14))
        turns += (moves[1:] != moves[:-1])[free].sum()
        steps += free.sum()
    assert turns / steps == pytest.approx(1 / 8, abs=0.01)


def test_triads_stand_below_the_melody_in_three_ways(rolls):
    ways = collections.Counter()
    for roll in rolls["train"]:
        tonic = notes(roll)[0][0]
        for frame in notes(roll)[1:]:
            degrees = [MAJOR.index((note - tonic) % 12) for note in frame]
            assert frame[-1] - frame[0] <= 10
            ways[tuple((degrees[-1] - degree) % 7 for degree in degrees[:2])] += 1
    assert set(ways) == {(4, 2), (5, 3), (5, 2)}
    for count in ways.values():
        assert count / ways.total() == pytest.approx(1 / 3, abs=0.01)


def test_the_figures_in_the_documents_are_the_computed_ones():
    expected = [
        scales.entropy(),
        scales.entropy_after(1),
        scales.entropy_after(2),
        scales.entropy_of_keys(),
    ]
    expected = [f"{value:.4f}" for value in expected]
    assert re.findall(r"\d\.\d{4}", scales.__doc__) == expected
    readme = Path(scales.__file__).with_name("README.md").read_text("utf-8")
    [row] = [line for line in readme.splitlines() if "`scales`" in line[:12]]
    assert re.findall(r"\d\.\d{4}", row) == [expected[0], expected[3]]
