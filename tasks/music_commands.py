"""What a music model does for a user: generate, continue, harmonize, score."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tasks import cli, music_files
from tasks.errors import UserError
from tasks.music_settings import (
    Continuation,
    Drawing,
    Generation,
    Scoring,
    check_tempo,
)
from zoo import music
from zoo.music.midi import TEMPO, load_pretty_midi


def generate(name: str, settings: Generation) -> None:
    """Draws pieces and writes them as 001.mid, 001.wav, 001.png and so on.

    Args:
        name: the preset's name or folder.
        settings: what to draw.

    Raises:
        UserError: the primer or the chord doesn't fit, or a library is missing.
        PresetError: there is no such preset, or it is damaged.
    """
    model, grid = _open(name)
    primer, tempo, quarters_per_bar = _beginning(model, grid, settings)
    given = len(primer)
    if given > settings.steps:
        raise UserError(
            f"The primer has {given} time steps, the piece is to have "
            f"{settings.steps}. Ask for more --steps, or begin with fewer --bars."
        )
    digits = max(3, len(str(settings.count)))
    names = [f"{number:0{digits}}" for number in range(1, settings.count + 1)]
    stems = _stems(settings.output, names, [settings.primer] if settings.primer else [])
    rolls, lengths = model.generate(
        np.repeat(primer[None], settings.count, axis=0),
        settings.steps,
        temperature=settings.temperature,
        seed=settings.seed,
    )
    for stem, roll, length in zip(stems, rolls.numpy(), lengths.numpy(), strict=True):
        music_files.write_piece(
            roll[:length], stem, grid, tempo, quarters_per_bar, given=given
        )


def go_on(name: str, files: Sequence[Path], settings: Continuation) -> None:
    """Draws how pieces go on, and writes NAME-continued.mid, .wav and .png.

    Args:
        name: the preset's name or folder.
        files: MIDI files.
        settings: how much to draw, and how.

    Raises:
        UserError: a file can't be read or doesn't fit, or a library is missing.
        PresetError: there is no such preset, or it is damaged.
    """
    model, grid = _open(name)
    pieces = _read(files, model, grid, settings)
    stems = _stems(settings.output, [f"{p.stem}-continued" for p in files], files)
    for piece, stem in zip(pieces, stems, strict=True):
        given = len(piece.roll)
        [roll], [length] = model.generate(
            piece.roll[None],
            given + settings.steps,
            temperature=settings.temperature,
            seed=settings.seed,
        )
        music_files.write_piece(
            roll.numpy()[: int(length)],
            stem,
            grid,
            piece.tempo,
            piece.quarters_per_bar,
            given=given,
        )


def harmonize(name: str, files: Sequence[Path], settings: Drawing) -> None:
    """Draws what goes below melodies; writes NAME-harmonized.mid, .wav and .png.

    Args:
        name: the preset's name or folder.
        files: MIDI files, of which the highest note of each time step is kept.
        settings: how to draw.

    Raises:
        UserError: a file can't be read or doesn't fit, a library is missing, or the
            model can't harmonize.
        PresetError: there is no such preset, or it is damaged.
    """
    model, grid = _open(name)
    if grid.drums:
        raise UserError(f"{name} plays drums, which have no melody.")
    pieces = _read(files, model, grid, settings)
    stems = _stems(settings.output, [f"{p.stem}-harmonized" for p in files], files)
    for path, piece, stem in zip(files, pieces, stems, strict=True):
        try:
            [roll] = model.harmonize(
                piece.roll[None],
                temperature=settings.temperature,
                seed=settings.seed,
            )
        except ValueError as error:
            raise UserError(f"{name}: {error}") from error
        music_files.write_piece(
            roll.numpy(),
            stem,
            grid,
            piece.tempo,
            piece.quarters_per_bar,
            beside={path.name: piece.roll},
        )


def score(name: str, files: Sequence[Path], settings: Scoring) -> None:
    """Prints how probable each file is, in nats per frame: the fewer the likelier.

    Args:
        name: the preset's name or folder.
        files: MIDI files.
        settings: whether to print JSON.

    Raises:
        UserError: a file can't be read or doesn't fit, or a library is missing.
        PresetError: there is no such preset, or it is damaged.
    """
    model, grid = _open(name)
    rolls = [music_files.read_roll(path, model.keys, grid).roll for path in files]
    if not settings.json:
        print("nats per frame  published  frames  file")
    for path, roll in zip(files, rolls, strict=True):
        found = {name: float(nats) for name, [nats] in model.score(roll[None]).items()}
        row = {"file": str(path), "frames": len(roll), **found}
        if settings.json:
            print(json.dumps(row, ensure_ascii=False), flush=True)
        else:
            print(
                f"{row['nats_per_frame']:14.4f}  "
                f"{row['published_nats_per_frame']:9.4f}  "
                f"{row['frames']:6}  {path}",
                flush=True,
            )


def _open(name):
    """Returns a preset's model, and its grid."""
    from zoo import presets
    from zoo.models import MusicModel

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
    return model, music_files.grid_of(presets.find(name))


def _beginning(model, grid, settings):
    """Returns a roll that pieces begin with, their tempo, and the quarters in a bar."""
    roll = np.zeros((0, model.keys), np.uint8)
    tempo, quarters_per_bar = settings.tempo or TEMPO, settings.quarters_per_bar
    if settings.chord is not None:
        if grid.drums:
            raise UserError("--chord: the model plays drums. Give a --primer.")
        try:
            roll = music.frame(settings.chord, keys=model.keys)[None]
        except ValueError as error:
            raise UserError(f"--chord: {error}") from error
    elif settings.primer is not None:
        [piece] = _read([settings.primer], model, grid, settings)
        quarters_per_bar = quarters_per_bar or piece.quarters_per_bar
        roll, tempo = piece.roll, piece.tempo
        if settings.bars is not None:
            roll = music_files.first_bars(
                settings.primer, roll, grid, settings.bars, quarters_per_bar
            )
    return roll, tempo, quarters_per_bar


def _read(files, model, grid, settings):
    """Returns the files' rolls, with the tempi to write them in."""
    pieces = []
    for path in files:
        piece = music_files.read_roll(path, model.keys, grid)
        tempo = settings.tempo or piece.tempo
        check_tempo(f"{path}, without --tempo", tempo)
        pieces.append(piece._replace(tempo=tempo))
    return pieces


def _stems(folder, names, given):
    """Returns the paths to write, without .mid; no piece may take another's place."""
    stems = [folder / name for name in names]
    kept = {path.resolve() for path in given}
    for place, stem in enumerate(stems):
        written = stem.parent / f"{stem.name}.mid"
        if stem in stems[:place]:
            raise UserError(f"Two files would be written as {written}. Rename one.")
        if written.resolve() in kept:
            raise UserError(f"{written} would be replaced: choose another --output.")
    return stems


COMMANDS = {
    "generate": cli.Command(
        "draw pieces, from nothing, a chord or the beginning of a MIDI file",
        Generation,
        generate,
    ),
    "continue": cli.Command(
        "draw how MIDI files go on", Continuation, go_on, takes_files=True
    ),
    "harmonize": cli.Command(
        "keep the melodies of MIDI files and draw what goes below them",
        Drawing,
        harmonize,
        takes_files=True,
    ),
    "score": cli.Command(
        "say how probable MIDI files are", Scoring, score, takes_files=True
    ),
}
"""The template's own commands, by name."""
