"""Trains tiny models, by one process or as one of several workers.

python -m tests.tasks.training.trainings FOLDER DATA_DIR

Each line of stdin is a list in JSON: the environments of processes, and their jobs,
[told:]RUN/TEMPLATE. They train one model after the other, each in a fork of this
process, which imports for many seconds; when all have ended, a line of stdout lists for
each its exit code and what it said on stdout and on stderr.

With TF_CONFIG a process is a worker. One that is "told" is told to leave in the second
epoch: in its last batch if it is alone, and the next goes on; else in the first if it
isn't the chief. What is trained goes to FOLDER/RUN/TEMPLATE: the weights, and a preset
of what is FINISHED; at its end it is said on how many batches. A RUN that is called
"further…" begins with the preset of the run "one".
"""

import contextlib
import dataclasses
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tasks import music, ner, sentiment, text, translation
from tasks.cli import command_line as cli
from tasks.cli import templates
from tasks.errors import InterruptionError
from tasks.training import fitting, within_epoch, workers
from tests.cell_by_cell import cell_by_cell
from tests.quick_tracing import trace_quickly
from tests.tasks.one_signature import one_signature
from zoo import music as notes

# Batches of three rows, and one of one: shares of one and two, of none and one.
COMMON = """
    --epochs 2 --batch-size 3 --buckets 1 --units 2 --clip-norm 0.1 --ema-momentum 0.5
    --learning-rate 0.02 --weight-decay 0.1 --cell rnn
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
        --character-features none --word-dropout 0 --dropout 0 --augment-names 0.5
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
BY_KERNELS = ("text",)
WEIGHTS = "weights.npz"
# The others end with their weights: a preset takes as long again, and is made of any
# model by the same steps.
FINISHED = "one/sentiment", "two/sentiment"


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
    return dataclasses.replace(
        settings,
        from_preset=str(preset),
        map=["pos=good", "neg=bad"],
        pretrain_split=None,
        pretrain_dataset=None,
    )


class _EndError(Exception):
    """Ends a training behind its epochs."""


def main() -> None:
    """Trains what is asked for."""
    folder, data = map(Path, sys.argv[1:])
    for line in sys.stdin:
        environments, jobs = json.loads(line)
        forks = {}
        for number, environment in enumerate(environments):
            said = [folder / f"{number}.{stream}" for stream in ("out", "err")]
            fork = os.fork()
            if not fork:
                _become(environment, said)
                _work(jobs, folder, data)
                return
            forks[fork] = said
        ended = [
            (os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]), *map(Path.read_text, s))
            for fork, s in forks.items()
        ]
        print(json.dumps(ended), flush=True)


def _become(environment, said):
    """Makes this fork a process of its own environment, stdout and stderr."""
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream, path in enumerate(said, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)


def _work(jobs, folder, data):
    """Trains one model after the other."""
    trace_quickly()
    if "TF_CONFIG" in os.environ:
        workers.join({}, folder, 600)
    batches = _counted()
    for job in jobs:
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
        stack.enter_context(_weights_kept(finished=output in FINISHED))
        if name not in BY_KERNELS:
            stack.enter_context(cell_by_cell())
        if told:
            stack.enter_context(_told_in_second_epoch())
        try:
            train(settings, folder / output)
        except (workers.Done, _EndError):
            print("done", output, file=sys.stderr, flush=True)
        except InterruptionError as error:
            if workers.count() > 1:  # the others are lost
                raise
            print("interrupted", error, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _weights_kept(finished):
    """Has the weights be kept that a training ends with; says whether it goes on."""
    finish = fitting.finish

    def keep(model, history, record, config, output, *rest):
        # It is the chief's, in no strategy, to be saved and measured by it alone.
        assert workers.is_chief()
        assert type(model.distribute_strategy) is type(tf.distribute.get_strategy())
        named = {weight.path: weight.numpy() for weight in model.weights}
        np.savez(output / WEIGHTS, **named)
        if not finished:
            raise _EndError
        return finish(model, history, record, config, output, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "finish", keep)
        yield


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
