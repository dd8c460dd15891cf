"""The tab on which music is drawn and melodies are harmonized."""

import contextlib
import secrets
import shutil
from pathlib import Path

import gradio as gr
import numpy as np

from tasks import music
from tasks.cli import outputs
from tasks.demo.config import MOST_BYTES, MOST_STEPS
from tasks.demo.controls import Tab
from tasks.demo.files import new_folder
from tasks.demo.models import Models, number, whole, within_bounds
from tasks.errors import UserError
from tasks.music import commands
from tasks.music.config import Continuation, Generation, Harmonization

_EXAMPLES = {
    "A chorale": ["music_jsb", "", 128, 1],
    "A chorale from C major": ["music_jsb", "C3 G3 E4 C5", 96, 0.9],
    "A folk tune": ["music_nottingham", "C E G", 128, 0.9],
    "A limit: a chord that no chorale has": ["music_jsb", "C C# D Eb", 64, 1],
}


def load(folder):
    """Returns a preset to draw music from, which has drawn once."""
    opened = commands.open_preset(str(folder))
    opened.model.generate(np.zeros((1, 0, opened.model.keys)), 8, seed=1)
    return opened


def compose(
    models: Models,
    preset: str,
    chord: str = "",
    midi: str | None = None,
    steps: float = 128,
    temperature: float = 1.0,
    seed: float | None = None,
):
    """Draws a piece of music, from nothing, a chord or a MIDI file.

    Args:
        models: the models.
        preset: the preset's name.
        chord: notes to begin with, or "".
        midi: a MIDI file to go on with, or None.
        steps: the most time steps of the piece; of a file, to add to it.
        temperature: how daringly.
        seed: of the draws; None for a new one.

    Returns:
        The paths of the picture, the sound (WAV), the MIDI file and the sound again.

    Raises:
        UserError: the chord or the file doesn't fit, or a number is out of its range.
    """
    chord = within_bounds(chord or "", "chord").strip()
    if midi and chord:
        raise UserError("Give a chord or a MIDI file to begin with, not both.")
    folder = new_folder()
    how = {**_drawn(temperature, seed), "steps": _steps(steps), "output": folder}
    if midi:
        path = _given(midi, folder)
        settings = Continuation(**how)
        settings.check()
        stem = folder / f"{path.stem}-continued"
        with _own_words(folder), models.answering(preset, "music") as opened:
            commands.go_on_with(opened, path, stem, settings)
        return _made(stem)
    settings = Generation(chord=chord or None, **how)
    settings.check()
    with models.answering(preset, "music") as opened:
        [stem] = commands.compose(opened, settings)
    return _made(stem)


def harmonize(
    models: Models,
    preset: str,
    midi: str | None,
    melody_only: bool = False,
    temperature: float = 1.0,
    seed: float | None = None,
):
    """Draws what goes below the melody of a MIDI file.

    Args:
        models: the models.
        preset: the preset's name.
        midi: the MIDI file.
        melody_only: whether its notes below the melody are left out.
        temperature: how daringly.
        seed: of the draws; None for a new one.

    Returns:
        As `compose`.

    Raises:
        UserError: the file doesn't fit, or a number is out of its range.
    """
    if not midi:
        raise UserError("There is no MIDI file yet: give one with a melody.")
    folder = new_folder()
    path = _given(midi, folder)
    settings = Harmonization(
        **_drawn(temperature, seed), output=folder, melody_only=bool(melody_only)
    )
    settings.check()
    stem = folder / f"{path.stem}-harmonized"
    with _own_words(folder), models.answering(preset, "music") as opened:
        commands.harmonize_one(opened, path, stem, settings, MOST_STEPS)
    return _made(stem)


def _drawn(temperature, seed):
    """Returns the settings of all draws."""
    if seed is None:
        seed = secrets.randbelow(2**31)
    outputs.note(f"drawn with seed {whole('seed', seed)}")
    return {"temperature": number("temperature", temperature), "seed": int(seed)}


def _steps(steps):
    steps = whole("steps", steps)
    if steps > MOST_STEPS:
        raise UserError(
            f"--steps: at most {MOST_STEPS:,} can be drawn here, found {steps:,}. "
            "python -m tasks.music generate draws more."
        )
    return steps


def _given(midi, folder):
    """Returns a file that was given, in a folder of the page's own."""
    given = Path(midi)
    size = given.stat().st_size
    if size > MOST_BYTES:
        raise UserError(
            f"{given.name} has {size / 1e6:.1f} MB, and {MOST_BYTES / 1e6:.0f} MB are "
            "read at most. Give a part of it."
        )
    return Path(shutil.copy(given, folder / given.name))


@contextlib.contextmanager
def _own_words(folder):
    """Tells mistakes and notes without the page's own folder in them."""
    try:
        with outputs.collected() as told:
            yield
    except UserError as error:
        raise UserError(str(error).replace(f"{folder}/", "")) from error
    for note in told.notes:
        outputs.note(note.replace(f"{folder}/", ""))


def _made(stem):
    """Returns the paths of a piece's picture, sound, MIDI and sound."""
    picture, wav, midi = (
        str(path) if path.is_file() else None
        for path in (
            stem.parent / f"{stem.name}.{kind}" for kind in ("png", "wav", "mid")
        )
    )
    return picture, wav, midi, wav


def build(models: Models) -> None:
    """Lays out the tab."""
    tab = Tab(models, "music", music.TEMPLATE.preset)
    models.register("music", load)
    with tab.asking():
        preset = tab.chooser(
            "Nothing, a chord or the beginning of a piece in, music out."
        )
        chord = gr.Textbox(
            label="Chord to begin with",
            info="Note by note, as in C E G or F#3 A C#4; may be empty.",
        )
        midi = gr.File(
            label="MIDI file: a beginning, or a melody",
            file_types=[".mid", ".midi"],
            type="filepath",
            height=140,
        )
        with gr.Accordion("How long, and how daringly", open=False):
            steps, temperature, seed, melody_only = _drawing()
        examples = {
            label: row for label, row in _EXAMPLES.items() if row[0] in tab.names
        }
        tab.examples(examples, [preset, chord, steps, temperature])
        button, below, stop = tab.buttons("Compose", "Harmonize the file")
    with tab.answer():
        sound = gr.Audio(label="Sound", type="filepath", interactive=False, buttons=[])
        picture = gr.Image(
            label="Piano roll",
            type="filepath",
            interactive=False,
            buttons=["download", "fullscreen"],
            elem_classes="picture",
        )
        with gr.Row():
            as_midi = gr.DownloadButton("Download MIDI", min_width=120)
            as_wav = gr.DownloadButton("Download WAV", min_width=120)
        results = [picture, sound, as_midi, as_wav]
        given = [preset, chord, midi, steps, temperature, seed]
        events = [button.click, chord.submit]
        composing = tab.ask(events, compose, given, results, "compose")
    given = [preset, midi, melody_only, temperature, seed]
    harmonizing = tab.ask([below.click], harmonize, given, results, "harmonize")
    tab.stop_by(stop, composing, harmonizing)


def _drawing():
    """Lays out how pieces are drawn."""
    return (
        gr.Slider(
            1,
            MOST_STEPS,
            128,
            step=1,
            label="Time steps",
            info="The most that a piece has; of a file, that are added.",
        ),
        gr.Slider(
            0, 2, 1, step=0.05, label="Temperature", info="0: always the likeliest."
        ),
        gr.Number(
            None,
            label="Seed",
            info="The same seed, the same piece; empty: a new one.",
            precision=0,
        ),
        gr.Checkbox(
            False,
            label="Harmonize the melody only",
            info="Notes of the file below its melody are left out.",
        ),
    )
