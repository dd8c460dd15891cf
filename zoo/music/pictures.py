"""Pictures of piano rolls. They need the extra `plots`."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from zoo.music.drums import DRUMS, check_drums
from zoo.music.keys import LOWEST, check_range, key_name
from zoo.music.rolls import Note, notes, sounding
from zoo.plots import new_figure, write_figure

_BLACK = (1, 3, 6, 8, 10)


def piano_rolls(
    rolls: np.ndarray | Mapping[str, np.ndarray],
    path: str | os.PathLike,
    *,
    lowest: int = LOWEST,
    steps_per_quarter: int | None = None,
    quarters_per_bar: float | None = None,
    drums: bool = False,
    given: int = 0,
) -> None:
    """Draws one piano roll, or a few side by side: a real piece and a generated one.

    Time goes from left to right, at one scale in all of them, and keys upwards, as
    far as any of them uses keys. A bar is a note; the black keys' rows are grey.

    Args:
        rolls: (steps, keys), 0 or 1; or such rolls by their titles.
        path: the PNG to write.
        lowest: the MIDI key of the first column. Drums have their own.
        steps_per_quarter: the time steps in a quarter note; time is then counted in
            quarter notes, else in steps.
        quarters_per_bar: the quarter notes in a bar, 4 in 4/4, 3 in 6/8; time is
            then counted in bars, from 1.
        drums: they are drum rolls, (steps, 9), as in `zoo.music.DRUMS`.
        given: how many steps a model was given, before those that it drew. A dashed
            line stands between them.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: something isn't a roll, its keys aren't MIDI's, there is none, or
            a bar is given without the steps in a quarter note.
    """
    if not isinstance(rolls, Mapping):
        rolls = {"": rolls}
    if not rolls:
        raise ValueError("There is no piano roll to draw. Give one or more.")
    rolls = {title: sounding(roll) for title, roll in rolls.items()}
    for roll in rolls.values():
        check_drums(roll) if drums else check_range(lowest, roll.shape[1])
    panels = {
        title: Panel([notes(roll)], len(roll), lowest * (not drums))
        for title, roll in rolls.items()
    }
    note_panels(
        panels,
        path,
        steps_per_quarter=steps_per_quarter,
        quarters_per_bar=quarters_per_bar,
        drums=drums,
        given=given,
    )


class Panel(NamedTuple):
    """Notes to draw beside others.

    Attributes:
        parts: notes of one colour each; their times may be no whole steps.
        steps: how long they are, in steps.
        lowest: the MIDI key of column 0; of drums 0.
    """

    parts: Sequence[Sequence[Note]]
    steps: float
    lowest: int = 0


def note_panels(
    panels: Mapping[str, Panel],
    path: str | os.PathLike,
    *,
    steps_per_quarter: int | None = None,
    quarters_per_bar: float | None = None,
    drums: bool = False,
    given: float = 0,
) -> None:
    """Draws notes at any times, as `piano_rolls` draws rolls.

    Args:
        panels: what stands side by side, by its titles.
        path: the PNG to write.
        steps_per_quarter: see `piano_rolls`.
        quarters_per_bar: see there.
        drums: see there.
        given: see there.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: a bar is given without the steps in a quarter note.
    """
    unit, steps_per_unit, first = _time(steps_per_quarter, quarters_per_bar)
    longest = max(1, *(panel.steps for panel in panels.values()))
    widths = [max(panel.steps, longest / 4, 1) for panel in panels.values()]
    low, high = (0, len(DRUMS) - 1) if drums else _used(panels.values())
    figure = new_figure(
        figsize=(
            1 + np.clip(0.1 * sum(widths), 5 * len(panels), 24),
            1.2 + np.clip(0.14 * (high - low + 1), 2.2, 8),
        )
    )
    drawn = figure.subplots(
        1, len(panels), squeeze=False, sharey=True, width_ratios=widths
    )[0]
    for number, (axes, title) in enumerate(zip(drawn, panels, strict=True)):
        for place, part in enumerate(panels[title].parts):
            color = f"C{number + place}"
            _draw(axes, part, panels[title].lowest, first, steps_per_unit, color)
        if given:
            end_of_given = first + given / steps_per_unit
            axes.axvline(end_of_given, color="0.2", linestyle="--")
        end = first + widths[number] / steps_per_unit
        # A $ would begin a formula.
        axes.set(title=title.replace("$", r"\$"), xlabel=unit, xlim=(first, end))
    drawn[0].set_ylim(low - 0.5, high + 0.5)
    if drums:
        drawn[0].set_yticks(range(len(DRUMS)), list(DRUMS))
    else:
        _label_keys(drawn, low, high)
    write_figure(figure, path)


def _time(steps_per_quarter, quarters_per_bar):
    """Returns the unit of time, the steps in one, and the number of the first."""
    if quarters_per_bar is not None:
        if steps_per_quarter is None:
            raise ValueError(
                "Bars can't be counted without `steps_per_quarter`. Found "
                f"`quarters_per_bar` {quarters_per_bar} alone."
            )
        return "bar", steps_per_quarter * quarters_per_bar, 1
    if steps_per_quarter is not None:
        return "quarter note", steps_per_quarter, 0
    return "step", 1, 0


def _used(panels):
    """Returns the lowest and the highest key to draw, more than an octave apart."""
    used = [
        panel.lowest + note.column
        for panel in panels
        for part in panel.parts
        for note in part
    ]
    low, high = (min(used), max(used)) if used else (60, 60)
    missing = max(0, 12 - (high - low))
    return low - 1 - missing // 2, high + 1 + (missing + 1) // 2


def _draw(axes, part, lowest, first, steps_per_unit, color):
    times = {}
    for note in part:
        # A gap tells a note from the next one.
        length = note.end - note.start
        length = max(length - 0.1, 0.7 * length)
        span = (first + note.start / steps_per_unit, length / steps_per_unit)
        times.setdefault(lowest + note.column, []).append(span)
    for row, spans in times.items():
        axes.broken_barh(spans, (row - 0.42, 0.84), color=color, linewidth=0)
    axes.locator_params(axis="x", integer=True)
    axes.grid(axis="x", alpha=0.4)
    axes.set_axisbelow(True)


def _label_keys(panels, low, high):
    """Names the white keys; where they are too many, each C."""
    keys = range(low, high + 1)
    crowded = len(keys) > 60
    named = [
        key for key in keys if key % 12 not in _BLACK and not (crowded and key % 12)
    ]
    names = [key_name(key) for key in named]
    panels[0].set_yticks(named, names, fontsize=None if crowded else 7)
    for axes in panels:
        for key in keys:
            if key % 12 in _BLACK:
                axes.axhspan(key - 0.5, key + 0.5, color="0.93", zorder=0)
            elif key % 12 == 0:
                axes.axhline(key - 0.5, color="0.6", linewidth=0.8, zorder=0)
