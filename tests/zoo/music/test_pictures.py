"""Pictures show each note where it sounds, under the right name and time."""

import sys

import numpy as np
import pytest

from tests.zoo.music.rolls import melody
from zoo import music


def bars(axes):
    """The notes of a panel: row, start, length."""
    found = []
    for collection in axes.collections:
        for path in collection.get_paths():
            (left, bottom), (right, top) = path.get_extents().get_points()
            found.append(((bottom + top) / 2, left, right - left))
    return sorted(found)


def test_notes_are_drawn_at_their_keys_and_steps(tmp_path, figures):
    path = tmp_path / "folder" / "roll.png"
    music.piano_rolls(melody(60, 60, 67, None), path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert list(path.parent.iterdir()) == [path]
    (axes,) = figures[0].axes
    np.testing.assert_allclose(bars(axes), [(60, 0, 1.9), (67, 2, 0.9)])
    assert axes.get_xlabel() == "step"
    assert axes.get_xlim() == (0, 4)
    labels = [label.get_text() for label in axes.get_yticklabels()]
    names = dict(zip(axes.get_yticks(), labels, strict=True))
    assert names[60] == "C4"
    assert names[67] == "G4"
    assert 66 not in names


@pytest.mark.parametrize(
    ("units", "label", "start", "limits"),
    [
        ({"steps_per_quarter": 2}, "quarter note", 3, (0, 4)),
        ({"steps_per_quarter": 2, "quarters_per_bar": 3}, "bar", 2, (1, 1 + 8 / 6)),
    ],
)
def test_time_is_counted_in_quarters_or_bars(
    tmp_path, figures, units, label, start, limits
):
    roll = melody(*[None] * 6, 60, None)
    music.piano_rolls(roll, tmp_path / "roll.png", **units)
    (axes,) = figures[0].axes
    assert axes.get_xlabel() == label
    assert bars(axes)[0][:2] == pytest.approx((60, start))
    assert axes.get_xlim() == pytest.approx(limits)


def test_rolls_stand_side_by_side_at_one_scale(tmp_path, figures):
    real, generated = melody(*[60] * 40), melody(*[72] * 20)
    rolls = {"real": real, "for $5": generated}
    music.piano_rolls(rolls, tmp_path / "rolls.png")
    left, right = figures[0].axes
    assert [axes.get_title() for axes in (left, right)] == ["real", r"for \$5"]
    assert left.get_ylim() == right.get_ylim() == (58.5, 73.5)
    assert (left.get_xlim(), right.get_xlim()) == ((0, 40), (0, 20))
    widths = [axes.get_position().width for axes in (left, right)]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.02)


def test_line_stands_after_what_was_given(tmp_path, figures):
    time = {"steps_per_quarter": 2, "quarters_per_bar": 4}
    music.piano_rolls(melody(*[60] * 32), tmp_path / "roll.png", given=24, **time)
    (axes,) = figures[0].axes
    (line,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert list(line.get_xdata()) == [4, 4]  # after bars 1, 2 and 3


def test_a_title_that_the_font_lacks_is_boxes_without_a_warning(tmp_path, recwarn):
    pytest.importorskip("matplotlib")
    music.piano_rolls({"漢字.mid": melody(60)}, tmp_path / "roll.png")
    assert (tmp_path / "roll.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert not [str(each.message) for each in recwarn if "Glyph" in str(each.message)]


def test_drums_have_their_names(tmp_path, figures):
    music.piano_rolls(np.eye(9), tmp_path / "drums.png", drums=True)
    (axes,) = figures[0].axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == list(music.DRUMS)
    assert [row for row, _, _ in bars(axes)] == pytest.approx(list(range(9)))


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_silence_is_drawn(tmp_path, steps):
    pytest.importorskip("matplotlib")
    music.piano_rolls(np.zeros((steps, 88)), tmp_path / "roll.png")
    assert (tmp_path / "roll.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("rolls", "arguments", "message"),
    [
        ({}, {}, "no piano roll to draw"),
        (np.zeros((1, 2, 88)), {}, "shape"),
        (melody(60), {"quarters_per_bar": 4}, "without `steps_per_quarter`"),
        (melody(60), {"drums": True}, "9 columns"),
        (melody(60), {"lowest": 100}, "found 88 keys from 100"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, rolls, arguments, message):
    with pytest.raises(ValueError, match=message):
        music.piano_rolls(rolls, tmp_path / "roll.png", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_missing_library_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        music.piano_rolls(melody(60), tmp_path / "roll.png")
