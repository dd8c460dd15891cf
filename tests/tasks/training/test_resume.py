"""A training of each template is gone on with: the same data, and more epochs."""

import itertools
import os
import shutil
import signal

import pytest

from tasks import music, ner, sentiment, text, translation
from tasks.data import builders
from tasks.datasets.synthetic import dates
from tasks.training import callbacks, within_epoch
from tests.tasks.commands import history

pytestmark = pytest.mark.slow

pytest.importorskip("babel")

UNITS = ("--units", 3, "--embedding-units", 3, "--cell", "rnn")
SMALL = {
    "ner": (
        *("--units", 3, "--word-units", 3, "--cell", "rnn", "--lowercase-units", 2),
        *("--character-features", "none"),
    ),
    "sentiment": (*UNITS, "--pooling", "mean", "--no-bidirectional"),
    "text": (*UNITS, "--window", 50, "--batch-size", 80),
    "music": (*UNITS, "--frame-units", 3),
    "translation": (
        *("--units", 4, "--embedding-units", 4, "--cell", "rnn", "--batch-size", 50),
        *("--choose-by", "nats", "--dropout", 0),
    ),
}
DATA = {"ner": "entities", "sentiment": "reviews", "text": "markov"} | {
    "music": "scales",
    "translation": "dates",
}
MODULES = {"ner": ner, "sentiment": sentiment, "text": text} | {
    "music": music,
    "translation": translation,
}


class KilledError(BaseException):
    """Ends a training behind its epochs, before all that comes then."""


@pytest.fixture(scope="module")
def dates_dir(tmp_path_factory):
    """A few of the dates, prepared."""
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dates, "SIZES", {"train": 200, "validation": 60, "test": 60})
        builders.load_builder("synthetic/dates", folder)
    return folder


@pytest.fixture
def train(run, data_dir, dates_dir, monkeypatch):
    """Trains a template; ends with the epochs, without a preset."""

    def finish(*arguments, **kwargs):
        raise KilledError

    monkeypatch.setattr("tasks.training.fitting.finish", finish)

    def train(name, output, *argv):
        folder = dates_dir if name == "translation" else data_dir
        flags = ("--data-dir", folder, "--output", output)
        try:
            return run("train", *flags, *argv, template=MODULES[name].TEMPLATE)
        except KilledError:
            return None

    return train


@pytest.fixture
def left_after_first_epoch(monkeypatch):
    """Has a training's folder copied as it is after its first epoch."""
    begin = callbacks.Order.on_epoch_begin

    def left_after_first_epoch(output, copy):
        def on_epoch_begin(order, epoch, logs=None):
            if epoch == 1 and not copy.exists():
                shutil.copytree(output, copy)
            begin(order, epoch, logs)

        monkeypatch.setattr(callbacks.Order, "on_epoch_begin", on_epoch_begin)

    return left_after_first_epoch


@pytest.fixture(params=SMALL)
def name(request):
    """The name of a template, whose layers have no kernels if it trains on few rows."""
    if request.param != "text":
        request.getfixturevalue("by_cells")
    return request.param


def test_a_training_that_leaves_amid_an_epoch_ends_as_if_it_had_not(
    train, tmp_path, monkeypatch, name
):
    """Dropout, carried states, averaged weights, metrics: all go on."""
    part = 20 if name == "music" else 100
    split = "train" if name == "text" else f"train[:{part}]"
    data = ("--dataset", f"synthetic/{DATA[name]}", "--train-split", split)
    rows = {"music": 4, "text": 80}.get(name, 20)
    flags = (*data, *SMALL[name], "--buckets", 1, "--batch-size", rows, "--epochs", 2)
    flags += ("--ema-momentum", 0.5, "--dropout", 0.3)
    assert train(name, tmp_path / "whole", *flags) is None
    signals, trained_on = [(0, 1), (1, 2)], []

    def on_train_batch_end(within, batch, logs=None):
        trained_on.append((within._epoch, within._before + batch))
        if (within._epoch, within._before + batch) in signals:
            signals.pop(0)
            os.kill(os.getpid(), signal.SIGTERM)
        end(within, batch, logs)

    end = within_epoch.WithinEpoch.on_train_batch_end
    monkeypatch.setattr(
        within_epoch.WithinEpoch, "on_train_batch_end", on_train_batch_end
    )
    for number, epoch in enumerate((0, 1)):
        resume = ("--resume",) if number else flags
        outcome = train(name, tmp_path / "run", *resume)
        assert outcome.code == 128 + signal.SIGTERM
        told = f"batch {2 + epoch} of epoch {epoch + 1}. Go on with --resume."
        assert f"interrupted, saved after {told}" in outcome.err
    assert train(name, tmp_path / "run", "--resume") is None
    assert not signals
    batches = range(len(trained_on) // 2)
    assert trained_on == list(itertools.product(range(2), batches))
    assert history(tmp_path / "whole") == history(tmp_path / "run")


def test_other_data_and_more_epochs(train, left_after_first_epoch, tmp_path, name):
    part = 20 if name in ("text", "music") else 100
    split = "train" if name == "text" else f"train[:{part}]"
    data = ("--dataset", f"synthetic/{DATA[name]}", "--train-split", split)
    flags = (*data, "--buckets", 1, "--batch-size", 20, *SMALL[name])
    constant = ("--schedule", "constant", "--patience", 9)
    whole, output = tmp_path / "whole", tmp_path / "run"
    left_after_first_epoch(whole, output)
    assert train(name, whole, *flags, *constant, "--epochs", 2) is None
    config = (output / "config.json").read_text()
    (output / "config.json").write_text(config.replace('"epochs": 2', '"epochs": 1'))
    assert len(history(output)) == 1
    assert train(name, output, "--resume", "--epochs", 2) is None
    assert len(history(output)) == 2
    assert history(whole) == history(output)

    record = (output / "data.json").read_text()
    (output / "data.json").write_text(record.replace('"examples": ', '"examples": 9'))
    outcome = train(name, output, "--resume")
    assert outcome.code == 2
    assert "began on other data: train had 9" in outcome.err
    (output / "data.json").write_text(record)

    cosine = tmp_path / "cosine"
    shutil.copytree(output, cosine)
    config = (cosine / "config.json").read_text()
    (cosine / "config.json").write_text(config.replace('"constant"', '"cosine"'))
    outcome = train(name, cosine, "--resume", "--epochs", 12)
    assert outcome.code == 2
    assert "for its step size follows a cosine" in outcome.err
