"""A training of each template is gone on with: the same data, and more epochs."""

import os
import shutil
import signal

import pytest

from tasks import music, ner, sentiment, text, translation
from tasks.data import builders
from tasks.datasets.synthetic import dates, entities, markov, reviews, scales
from tasks.training import callbacks, within_epoch
from tests.tasks.commands import history

pytestmark = pytest.mark.slow

pytest.importorskip("babel")

UNITS = ("--units", 3, "--embedding-units", 3)
ROWS = ("--batch-size", 20)
SMALL = {
    "ner": (
        *("--units", 3, "--word-units", 3, "--lowercase-units", 2, *ROWS),
        *("--character-features", "none"),
    ),
    "sentiment": (
        *(*UNITS, *ROWS, "--pooling", "mean", "--no-bidirectional"),
        *("--pretrain-split", "train", "--pretrain-window", 10),
        *("--pretrain-epochs", 1, "--pretrain-batch-size", 20),
    ),
    "text": (*UNITS, "--window", 20, "--batch-size", 10),
    "music": (*UNITS, "--batch-size", 4, "--frame-units", 3),
    "translation": (
        *("--units", 4, "--embedding-units", 4, *ROWS, "--choose-by", "nats"),
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
def small_dir(tmp_path_factory):
    """A little of each dataset, prepared."""
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        for module in (dates, entities, reviews):
            patch.setattr(module, "SIZES", {"train": 60, "validation": 20, "test": 20})
        patch.setattr(scales, "SIZES", {"train": 12, "validation": 4, "test": 4})
        lengths = {"train": 700, "validation": 200, "test": 200}
        patch.setattr(markov, "LENGTHS", lengths)
        patch.setattr(markov, "_text", markov._text.__wrapped__)
        for name in DATA.values():
            builders.load_builder(f"synthetic/{name}", folder)
    return folder


@pytest.fixture
def train(run, small_dir, by_cells, monkeypatch):
    """Trains a template; ends with the epochs, without a preset."""

    def finish(*arguments, **kwargs):
        raise KilledError

    monkeypatch.setattr("tasks.training.fitting.finish", finish)

    def train(name, output, *argv):
        flags = ("--data-dir", small_dir, "--output", output)
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


@pytest.mark.parametrize("name", SMALL)
def test_more_epochs_and_a_rest_of_one_give_what_would_have_been(
    train, left_after_first_epoch, tmp_path, monkeypatch, name
):
    """Dropout, carried states, averaged weights, metrics: all go on.

    What is resumed has one epoch behind it, all that was asked for; another is asked
    for, and left at its second batch; then its rest.
    """
    signals, trained_on = [], []

    def on_train_batch_end(within, batch, logs=None):
        trained_on.append((within._epoch, within._before + batch))
        if trained_on[-1] in signals:
            signals.clear()
            os.kill(os.getpid(), signal.SIGTERM)
        end(within, batch, logs)

    end = within_epoch.WithinEpoch.on_train_batch_end
    monkeypatch.setattr(
        within_epoch.WithinEpoch, "on_train_batch_end", on_train_batch_end
    )
    flags = ("--dataset", f"synthetic/{DATA[name]}", *SMALL[name], "--cell", "rnn")
    flags += ("--buckets", 1, "--ema-momentum", 0.5, "--dropout", 0.3)
    flags += ("--schedule", "constant", "--patience", 9, "--epochs", 2)
    whole, output = tmp_path / "whole", tmp_path / "run"
    left_after_first_epoch(whole, output)
    assert train(name, whole, *flags) is None
    second = [place for place in trained_on if place[0] == 1]
    assert len(second) >= 3
    trained_on.clear()
    config = (output / "config.json").read_text()
    (output / "config.json").write_text(config.replace('"epochs": 2', '"epochs": 1'))
    assert len(history(output)) == 1
    signals.append((1, 1))
    outcome = train(name, output, "--resume", "--epochs", 2)
    assert outcome.code == 128 + signal.SIGTERM
    told = "saved after batch 2 of epoch 2. Go on with --resume."
    assert f"interrupted, {told}" in outcome.err
    assert train(name, output, "--resume") is None
    assert trained_on == second
    assert len(history(output)) == 2
    assert history(whole) == history(output)

    record = (output / "data.json").read_text()
    (output / "data.json").write_text(record.replace('"examples": ', '"examples": 9'))
    outcome = train(name, output, "--resume")
    assert outcome.code == 2
    assert "began on other data: train had 9" in outcome.err
