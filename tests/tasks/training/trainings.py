"""Trains tiny models, by one process or as one of several workers.

python -m tests.tasks.training.trainings FOLDER DATA_DIR [told:]RUN/TEMPLATE …

With TF_CONFIG it is a worker. One that is "told" is told to leave in the second epoch:
in its last batch if it is alone, and the next goes on; else in the first if it isn't
the chief. What is trained goes to FOLDER/RUN/TEMPLATE; at its end it is said on how
many batches. A RUN that is called "further…" begins with the preset of the run "one".
"""

import contextlib
import dataclasses
import os
import signal
import sys
from pathlib import Path

import pytest

from tasks import music, ner, sentiment, text, translation
from tasks.cli import command_line as cli
from tasks.cli import templates
from tasks.errors import InterruptionError
from tasks.training import within_epoch, workers
from tests.cell_by_cell import cell_by_cell
from tests.quick_tracing import trace_quickly
from tests.tasks.one_signature import one_signature
from zoo import music as notes

# Batches of three rows, and one of one: shares of one and two, of none and one.
COMMON = """
    --epochs 2 --batch-size 3 --buckets 1 --units 2 --clip-norm 0.1 --ema-momentum 0.5
    --learning-rate 0.02 --weight-decay 0.1
"""
FLAGS = {
    "sentiment": """
        --train-file {folder}/own.csv --validation-file {folder}/own.csv
        --test-file {folder}/own.csv --embedding-units 3 --word-dropout 0
        --embedding-dropout 0 --dropout 0 --pretrain-dataset synthetic/reviews
        --pretrain-split train[:10] --pretrain-window 5 --pretrain-epochs 1
        --pretrain-batch-size 3 --data-dir {data}
    """,
    "ner": """
        --train-file {folder}/own.conll --validation-file {folder}/own.conll
        --test-file {folder}/own.conll --word-units 3 --lowercase-units 2
        --character-embedding-units 2 --character-units 2 --word-dropout 0 --dropout 0
        --augment-names 0.5
    """,
    "text": """
        --files {folder}/own.txt --window 8 --embedding-units 3 --hold-out 0.2
    """,
    "music": "--midi-files {folder}/*.mid --frame-units 3 --transpose 2",
    "translation": """
        --files {folder}/own.de {folder}/own.en
        --validation-files {folder}/own.de {folder}/own.en
        --level character --embedding-units 4 --units 4 --dropout 0
        --embedding-dropout 0
    """,
}
TEMPLATES = {
    each.name: each
    for each in (m.TEMPLATE for m in (sentiment, ner, text, music, translation))
}
# The others go cell by cell: kernels take seconds to be compiled, for each shape.
BY_KERNELS = ("ner",)


def write_files(folder: Path) -> None:
    """Writes what is trained on."""
    rows = "fine one,pos\nbad,neg\nvery good film,pos\ndull,neg\nso bad it is,neg\n"
    (folder / "own.csv").write_text("text,label\n" + rows + "nice,pos\nawful,neg\n")
    sentences = "Ann B-PER\nmet O\nRome B-LOC\n", "Bob B-PER\nran O\n", "Go O\n"
    (folder / "own.conll").write_text("\n".join((sentences * 3)[:7]))
    (folder / "own.txt").write_text("a bad cab, a cab, add a bed; " * 7)
    for number in range(7):
        chords = [notes.frame("C E G"), notes.frame("D F A")] * (number + 2)
        notes.write_midi(chords, folder / f"{number}.mid", tempo=120)
    for name in ("own.de", "own.en"):
        lines = [name[-2:] * (number % 3 + 1) for number in range(7)]
        (folder / name).write_text("\n".join(lines) + "\n")


def config(name: str, folder: Path, data: Path):
    """Returns what a template is trained with."""
    flags = (COMMON + FLAGS[name]).format(folder=folder, data=data).split()
    return cli._parser(TEMPLATES[name]).parse_args(["train", *flags]).config


def further(settings, preset: Path):
    """Returns the config of a training that begins with a preset.

    Of a classifier with other classes, so that what decides on them begins anew.
    """
    settings = dataclasses.replace(settings, from_preset=str(preset))
    if hasattr(settings, "label_columns"):
        settings.map = ["pos=good", "neg=bad"]
    return settings


def main() -> None:
    """Trains one model after the other."""
    trace_quickly()
    folder, data = map(Path, sys.argv[1:3])
    if "TF_CONFIG" in os.environ:
        workers.join({}, folder, 120)
    batches = _counted()
    for job in sys.argv[3:]:
        output = job.removeprefix("told:")
        batches.clear()
        try:
            _train(output, folder, data, told=job != output)
        finally:
            print("batches", output, len(batches), file=sys.stderr, flush=True)


def _train(output, folder, data, told):
    name = Path(output).name
    train = templates.function(TEMPLATES[name].train)
    settings = config(name, folder, data)
    if output.startswith("further"):
        settings = further(settings, folder / "one" / name)
    with contextlib.ExitStack() as stack:
        stack.enter_context(one_signature())
        if name not in BY_KERNELS:
            stack.enter_context(cell_by_cell())
        if told:
            stack.enter_context(_told_in_second_epoch())
        try:
            train(settings, folder / output)
        except workers.Done:
            print("done", output, file=sys.stderr, flush=True)
        except InterruptionError as error:
            if workers.count() > 1:  # the others are lost
                raise
            print("interrupted", error, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _told_in_second_epoch():
    """Has SIGTERM come to one process, or to another than the chief."""

    def on_train_batch_begin(within, batch, logs=None):
        alone = workers.count() == 1
        told = alone or not workers.is_chief()
        chosen = within._batches - 1 if alone else 0
        if told and (within._epoch, batch) == (1, chosen):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            within_epoch.WithinEpoch, "on_train_batch_begin", on_train_batch_begin
        )
        patch.setattr(within_epoch, "_LOOK_SECONDS", 0)
        yield


def _counted() -> list[int]:
    """Returns a list that gets longer with each batch that is trained on."""
    batches, end = [], within_epoch.WithinEpoch.on_train_batch_end

    def on_train_batch_end(within, batch, logs=None):
        batches.append(batch)
        end(within, batch, logs)

    within_epoch.WithinEpoch.on_train_batch_end = on_train_batch_end
    return batches


if __name__ == "__main__":
    main()
