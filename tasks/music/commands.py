"""What a music model does for a user: generate, continue, harmonize, score."""

import collections
import dataclasses
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tasks.cli import answers, outputs
from tasks.data import json_lines
from tasks.errors import UserError
from tasks.music import additions, midi_files
from tasks.music.config import (
    Continuation,
    Generation,
    Harmonization,
    Scoring,
    check_tempo,
)
from zoo import music, presets
from zoo.models import MusicModel
from zoo.music.midi import TEMPO, load_pretty_midi

_STEPS, _STEPS_AFTER = 128, 64
# Of so many pieces at a time what they cost needs little memory.
_SCORED = 64
_KEPT = "The file that is written has them as they are."


class Opened(NamedTuple):
    """A preset that pieces are drawn from.

    Attributes:
        name: its name or folder.
        model: a `zoo.models.MusicModel`.
        grid: what the steps and columns of its rolls stand for.
        one_key: whether it knows pieces in one key alone.
    """

    name: str
    model: MusicModel
    grid: midi_files.Grid
    one_key: bool


def open_preset(name: str) -> Opened:
    """Returns a preset to draw pieces from.

    Args:
        name: the preset's name or folder.

    Raises:
        UserError: it wants what can't be given here, or a library is missing.
        PresetError: there is no such preset, or it is damaged.
    """
    try:
        load_pretty_midi()
    except ImportError as error:
        raise UserError(str(error)) from error
    model = MusicModel.from_preset(name)
    if model.conditioning is not None:
        raise UserError(
            f"{name} draws pieces that depend on a vector of {model.conditioning} "
            "numbers, which can't be given here. Use it from Python: "
            "zoo.from_preset(…).generate(vector=…)."
        )
    folder = presets.find(name)
    one_key = midi_files.knows_one_key(folder)
    return Opened(name, model, midi_files.grid_of(folder), one_key)


def generate(name: str, settings: Generation) -> None:
    """Draws pieces and writes them as 001.mid, 001.wav, 001.png and so on.

    Args:
        name: the preset's name or folder.
        settings: what to draw.

    Raises:
        UserError: the primer or the chord doesn't fit, or a library is missing.
        PresetError: there is no such preset, it is damaged, or gives NaN.
    """
    compose(open_preset(name), settings)


def compose(opened: Opened, settings: Generation) -> list[Path]:
    """Does what `generate` does, by a model that is loaded.

    Returns:
        The paths of the pieces, without .mid, .wav and .png.

    Raises:
        UserError: the primer or the chord doesn't fit.
        PresetError: the model gives NaN.
    """
    _, model, grid, _ = opened
    primer = _primer(opened, settings)
    roll = _first_frame(model, grid, settings) if primer is None else primer.roll
    given, steps = len(roll), settings.steps
    if steps is None:
        steps = max(_STEPS, given + _STEPS_AFTER)
    if given > steps:
        raise UserError(
            f"The primer has {given} time steps, the piece is to have {steps}. Ask for "
            "more --steps, or begin with fewer --bars."
        )
    digits = max(3, len(str(settings.count)))
    names = [f"{number:0{digits}}" for number in range(1, settings.count + 1)]
    stems = _stems(settings.output, names, [settings.primer] if settings.primer else [])
    rolls, lengths = model.generate(
        np.repeat(roll[None], settings.count, axis=0),
        steps,
        temperature=settings.temperature,
        seed=settings.seed,
    )
    for first in range(0, settings.count, _SCORED):
        some = slice(first, first + _SCORED)
        _nats(opened, rolls[some], lengths[some])
    for stem, piece, length in zip(stems, rolls.numpy(), lengths.numpy(), strict=True):
        if primer is not None:
            drawn = piece[given:length]
            additions.write(primer, drawn, primer.next_step, stem)
            continue
        midi_files.write_piece(
            piece[:length],
            stem,
            grid,
            settings.tempo or TEMPO,
            settings.quarters_per_bar,
            given=given,
        )
    return stems


def go_on(name: str, files: Sequence[Path], settings: Continuation) -> None:
    """Draws how pieces go on, and writes NAME-continued.mid, .wav and .png.

    What a file has stays as it is. What is drawn follows its last note, in a track of
    its own: see `tasks.music.additions`.

    Args:
        name: the preset's name or folder.
        files: MIDI files. One that doesn't do is told; the others are continued.
        settings: how much to draw, and how.

    Raises:
        UserError: a file can't be read or doesn't fit, or a library is missing.
        PresetError: there is no such preset, or it is damaged.
    """
    opened = open_preset(name)
    stems = _stems(settings.output, [f"{p.stem}-continued" for p in files], files)
    _each(files, stems, lambda path, stem: go_on_with(opened, path, stem, settings))


def go_on_with(opened: Opened, path: Path, stem: Path, settings: Continuation) -> None:
    """Does what `go_on` does with one file, by a model that is loaded.

    Args:
        opened: the preset.
        path: the MIDI file.
        stem: the path to write, without .mid, .wav and .png.
        settings: see `go_on`.

    Raises:
        UserError: the file can't be read or doesn't fit.
        PresetError: the model gives NaN.
    """
    piece = _read(path, opened, settings)
    given = len(piece.roll)
    rolls, lengths = opened.model.generate(
        piece.roll[None],
        given + settings.steps,
        temperature=settings.temperature,
        seed=settings.seed,
    )
    _nats(opened, rolls, lengths)
    drawn = rolls.numpy()[0, given : int(lengths[0])]
    if not drawn.any():
        outputs.note(
            f"{path}: the model ends the piece there, and nothing is added. Try "
            "another --seed."
        )
    additions.write(piece, drawn, piece.next_step, stem)


def harmonize(name: str, files: Sequence[Path], settings: Harmonization) -> None:
    """Draws what goes below melodies; writes NAME-harmonized.mid, .wav and .png.

    What a file has stays as it is, all of its notes unless the melody only is wanted.
    What is drawn stands below those that are the highest, in a track of its own.

    Args:
        name: the preset's name or folder.
        files: MIDI files. One that doesn't do is told; the others are harmonized.
        settings: how to draw.

    Raises:
        UserError: a file can't be read or doesn't fit, a library is missing, or the
            model can't harmonize.
        PresetError: there is no such preset, or it is damaged.
    """
    opened = open_preset(name)
    _check_melodic(opened)
    stems = _stems(settings.output, [f"{p.stem}-harmonized" for p in files], files)
    _each(files, stems, lambda path, stem: harmonize_one(opened, path, stem, settings))


def harmonize_one(
    opened: Opened,
    path: Path,
    stem: Path,
    settings: Harmonization,
    most: int | None = None,
) -> None:
    """Does what `harmonize` does with one file, by a model that is loaded.

    Args:
        opened: the preset.
        path: the MIDI file.
        stem: the path to write, without .mid, .wav and .png.
        settings: see `harmonize`.
        most: how many time steps the file may have; None for any number.

    Raises:
        UserError: the file can't be read or doesn't fit, or the model can't harmonize.
        PresetError: the model gives NaN.
    """
    _check_melodic(opened)
    piece = _read(path, opened, settings)
    if most is not None and len(piece.roll) > most:
        raise UserError(
            f"{path} has {len(piece.roll):,} time steps, and {most:,} are harmonized "
            "here at most. Give a part of it."
        )
    if settings.melody_only:
        piece = additions.melody_only(piece, path)
    try:
        rolls = opened.model.harmonize(
            piece.roll[None],
            temperature=settings.temperature,
            seed=settings.seed,
            free=additions.below_melody(piece)[None],
        )
    except ValueError as error:
        raise UserError(f"{opened.name}: {error}") from error
    _nats(opened, rolls)
    drawn = np.where(piece.roll, 0, rolls.numpy()[0])
    if not drawn.any():
        outputs.note(
            f"{path}: nothing is drawn below the melody. Has it notes enough, and room "
            "below them? Else try another --seed."
        )
    beside = {path.name: piece.own_notes}
    additions.write(piece, drawn, 0, stem, beside=beside)


def _nats(opened, rolls, lengths=None):
    """Returns what pieces cost, by name; raises an error where that is NaN.

    What is drawn of NaN is silence, and only what it costs tells.
    """
    scored = opened.model.score(rolls, lengths)
    found = {key: np.asarray(nats) for key, nats in scored.items()}
    for nats in found.values():
        answers.check_numbers(opened.name, nats.flat)
    return found


def _check_melodic(opened):
    if opened.grid.drums:
        raise UserError(f"{opened.name} plays drums, which have no melody.")


def score(name: str, files: Sequence[Path], settings: Scoring) -> None:
    """Prints how probable each file is, in nats per frame: the fewer the likelier.

    Args:
        name: the preset's name or folder.
        files: MIDI files. One that doesn't do is told; the others are scored.
        settings: whether to print JSON.

    Raises:
        UserError: a file can't be read or doesn't fit, or a library is missing.
        PresetError: there is no such preset, or it is damaged.
    """
    opened = open_preset(name)
    rows = []

    def scored(path, _):
        roll = midi_files.hear(path, opened.model.keys, opened.grid, "").roll
        found = {key: nats.item() for key, nats in _nats(opened, roll[None]).items()}
        row = {"file": str(path), "frames": len(roll), **found}
        if settings.json:
            print(json_lines.line(row), flush=True)
            return
        if not rows:
            print("nats per frame  published  frames  file")
        rows.append(row)
        print(
            f"{row['nats_per_frame']:14.4f}  "
            f"{row['published_nats_per_frame']:9.4f}  "
            f"{row['frames']:6}  {path}",
            flush=True,
        )

    _each(files, files, scored)


def _each(
    files: Sequence[Path], stems: Iterable[Path], run: Callable[[Path, Path], None]
) -> None:
    """Does something with each file; those that don't do are told, and the others done.

    Raises:
        UserError: some didn't do: of a single file what is wrong with it.
    """
    left_out = 0
    for path, stem in zip(files, stems, strict=True):
        try:
            run(path, stem)
        except UserError as error:
            if len(files) == 1:
                raise
            left_out += 1
            print(f"left out: {error}", file=sys.stderr, flush=True)
    if left_out:
        raise UserError(f"{left_out} of {len(files)} files are left out: see above.")


def _first_frame(model, grid, settings):
    """Returns the roll that pieces without a primer begin with, of one step or none."""
    if settings.chord is None:
        return np.zeros((0, model.keys), np.uint8)
    if grid.drums:
        raise UserError("--chord: the model plays drums. Give a --primer.")
    try:
        return music.frame(settings.chord, grid.lowest, model.keys)[None]
    except ValueError as error:
        raise UserError(f"--chord: {error}") from error


def _primer(opened, settings):
    """Returns the piece that others begin with, if there is one."""
    if settings.primer is None:
        return None
    primer = _read(settings.primer, opened, settings)
    if settings.bars is None:
        bar = settings.quarters_per_bar or primer.quarters_per_bar
        return dataclasses.replace(primer, quarters_per_bar=bar)
    return additions.first_bars(
        settings.primer, primer, settings.bars, settings.quarters_per_bar
    )


def _read(path, opened, settings):
    """Returns a file as the model hears it and as it stays."""
    _, model, grid, one_key = opened
    piece = midi_files.hear(path, model.keys, grid, _KEPT)
    tempo = settings.tempo or piece.tempo
    check_tempo(f"{path}, without --tempo", tempo)
    given = additions.original(piece, grid, settings.tempo)
    if grid.drums:
        return given
    if settings.transpose is not None:
        return additions.moved(given, settings.transpose)
    if one_key:
        return additions.in_known_key(model, given, path)
    return given


def _stems(folder, names, given):
    """Returns the paths to write, without .mid; no piece may take another's place."""
    stems = [folder / name for name in names]
    kept = {path.resolve() for path in given}
    counts = collections.Counter(stems)
    for stem in stems:
        written = stem.parent / f"{stem.name}.mid"
        if counts[stem] > 1:
            raise UserError(f"Two files would be written as {written}. Rename one.")
        if written.resolve() in kept:
            raise UserError(f"{written} would be replaced: choose another --output.")
    return stems
