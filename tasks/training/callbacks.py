"""What watches over a training: its order, its loss, its checkpoints."""

import collections
import csv
import json
import math
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tasks.errors import TrainingError, UserError
from tasks.training import checkpoint_files, progress, workers
from zoo.files import replaced_file


class Progress(keras.callbacks.Callback):
    """Tells what is waited for, and prints a line a minute where there is no terminal.

    Args:
        batches: how many there are in an epoch.
        shapes: how many shapes they have, for each of which the training step is
            compiled when its first batch comes.
        seconds: between two lines.

    Attributes:
        batches_before: how many of the next epoch's were trained on before.
    """

    def __init__(self, batches: int, shapes: int = 1, seconds: float = 60.0):
        super().__init__()
        self._batches = batches
        self._shapes = shapes
        self._seconds = seconds
        self._said = False
        self.batches_before = 0

    def on_train_begin(self, logs=None):
        """Says why the first batches take so long."""
        if self._said:
            return
        self._said = True
        each = f"each of the {self._shapes} shapes" if self._shapes > 1 else "all"
        print(
            f"compiling   the training step, with the first batch of {each}: it takes "
            "seconds,\n            and the time left looks longer until then",
            flush=True,
        )

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the epoch's clock."""
        self._last = self._told = time.monotonic()
        self._durations = collections.deque(maxlen=100)
        self._first, self.batches_before = self.batches_before, 0

    def on_train_batch_end(self, batch, logs=None):
        """Prints, if a minute is over."""
        now = time.monotonic()
        self._durations.append(now - self._last)
        self._last = now
        if sys.stdout.isatty() or now - self._told < self._seconds:
            return
        self._told = now
        done = self._first + batch + 1
        # Not the mean: what was compiled need not be compiled again.
        left = statistics.median(self._durations) * (self._batches - done) / 60
        figures = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        print(
            f"  {done:,}/{self._batches:,}  {figures}  {left:.0f} min left", flush=True
        )


class Order(keras.callbacks.Callback):
    """Tells the batches which epoch's order they are to come in."""

    def __init__(self, batches):
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        """Chooses the epoch's order."""
        self._batches.set_epoch(epoch)


# No weight that has learnt anything is as large. The product of three that aren't is a
# float32 still, and no infinity.
_LARGEST_WEIGHT = 1e12


class Divergence(keras.callbacks.Callback):
    """Stops a training whose loss, or one of whose weights, is no number any more.

    What an epoch's last update has done, the losses of its batches don't tell.

    Args:
        checkpoints: those of the training's epochs.
    """

    def __init__(self, checkpoints: "Checkpoints"):
        super().__init__()
        self._checkpoints = checkpoints

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the training's loss so far."""
        self._check(logs, f"batch {batch}")

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the epoch's losses and at the weights, before the epoch is saved."""
        where = f"the end of epoch {epoch + 1}"
        self._check(logs, where)
        for weight in self.model.trainable_variables:
            if not tf.reduce_all(tf.abs(weight.value) < _LARGEST_WEIGHT):
                what = f"{weight.path} holds a NaN, or what is far too large,"
                raise self._error(what, where)

    def _check(self, logs, where):
        for name, value in (logs or {}).items():
            if name.endswith("loss") and not math.isfinite(value):
                raise self._error(f"{name} is {value}", where)

    def _error(self, what, where):
        kept = "The checkpoint of the last good epoch is kept."
        if not self._checkpoints.history:
            kept = "No epoch was saved."
        return TrainingError(
            f"{what} at {where}. {kept} Try a smaller --learning-rate or --clip-norm."
        )


class Checkpoints(keras.callbacks.Callback):
    """Keeps the latest and the best epoch on disk, and stops when none is better.

    A checkpoint of the latest epoch holds all that the next one depends on:
    weights, the optimizer's state, the dropout seeds' state and the history, from
    which the best epoch and the epochs since are known.

    Where the optimizer keeps a moving average of the weights, the average is what is
    validated and what the best epoch's checkpoint holds.

    Of several workers the chief alone writes, and its history is that of all.

    Args:
        model: a compiled model.
        folder: where `latest/`, `best/` and `history.csv` go.
        patience: epochs without improvement after which training stops.
        monitor: what the best epoch is chosen by, see `merit`; or None to regard the
            latest epoch as the best.

    Attributes:
        history: what each epoch took and gave.
        seconds_before: what the next epoch has taken already, before an interruption.
    """

    def __init__(self, model, folder: Path, patience: int, monitor: str | None):
        super().__init__()
        self.history: list[dict] = []
        self.seconds_before = 0.0
        self._folder = Path(folder)
        self._patience = patience
        self._monitor = monitor
        with model.distribute_strategy.scope():
            model.optimizer.build(model.trainable_variables)
        state = [*checkpoint_files.state(model), *model.optimizer.variables]
        self._json = tf.Variable("[]", trainable=False)
        latest = tf.train.Checkpoint(
            state=[variable.value for variable in state], history=self._json
        )
        best = tf.train.Checkpoint(weights=[w.value for w in model.weights])
        # Two of each: where the last one is damaged, there is the one before it.
        self._latest, self._best = (
            tf.train.CheckpointManager(checkpoint, self._folder / name, max_to_keep=2)
            for name, checkpoint in {"latest": latest, "best": best}.items()
        )

    def restore_latest(self) -> None:
        """Puts the model where the last complete epoch left it, if there is one.

        A checkpoint that is damaged, or whose best epoch's is, is told and passed over.

        Raises:
            UserError: all are damaged, or they don't fit the model.
        """
        path, self.history = workers.as_the_chief(
            self._latest_whole() if workers.is_chief() else None
        )
        if path is not None:
            checkpoint_files.restore(self._latest, self._folder / "latest" / path)
        elif checkpoint_files.paths(self._folder / "latest"):
            raise UserError(
                f"The checkpoints in {self._folder} are damaged, all of them. Train "
                "anew, in another --output."
            )
        told = progress.epochs_done(self._folder)
        # It is written behind the checkpoint, and lacks an epoch if it wasn't.
        if workers.is_chief() and self.history and told != len(self.history):
            self._write_csv()

    def _latest_whole(self):
        """Returns the latest whole checkpoint's name, or None, and its history."""
        for path in checkpoint_files.paths(self._folder / "latest"):
            self.history = _history(path)
            if self.history and checkpoint_files.is_whole(self._best_path()):
                return path.name, self.history
            print(f"note: the checkpoint {path} is damaged.", file=sys.stderr)
        return None, []

    def restore_best(self) -> None:
        """Gives the model the weights of the best epoch."""
        workers.as_the_chief(None)  # has to be done with writing them
        checkpoint_files.restore(self._best, self._best_path())

    def _best_path(self):
        """Returns the best epoch's checkpoint."""
        number = len(self.history) - 1 - self._epochs_since_best()
        return self._folder / "best" / f"ckpt-{number}"

    def is_finished(self, epochs: int) -> bool:
        """Says whether nothing is left to do of `epochs`."""
        return (
            len(self.history) >= epochs or self._epochs_since_best() >= self._patience
        )

    def why_finished(self, epochs: int) -> str:
        """Returns why nothing is left to do of `epochs`, and how to go on."""
        done = len(self.history)
        if done >= epochs:
            return f"finished    all {done} epochs are done"
        return (
            f"finished    after epoch {done}, for none of the last {self._patience} "
            "was better: --patience goes on"
        )

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the epoch's clock."""
        self._began = time.monotonic() - self.seconds_before
        self.seconds_before = 0.0

    def on_test_begin(self, logs=None):
        """Validates the averaged weights."""
        self._swap_averages()

    def on_test_end(self, logs=None):
        """Goes on training the last ones."""
        self._swap_averages()

    def on_epoch_end(self, epoch, logs=None):
        """Saves the epoch; the best one first, for the latest refers to it."""
        row = {name: float(value) for name, value in logs.items()}
        seconds = round(time.monotonic() - self._began, 1)
        row = {"epoch": epoch + 1, "seconds": seconds, **row}
        self.history.append(workers.as_the_chief(row))
        if workers.is_chief():
            self._save(epoch)
        if self._epochs_since_best() >= self._patience:
            self.model.stop_training = True

    def _save(self, epoch):
        if self._epochs_since_best() == 0:
            self._swap_averages()
            checkpoint_files.save(self._best, epoch)
            self._swap_averages()
        self._json.assign(json.dumps(self.history))
        checkpoint_files.save(self._latest, epoch)
        self._write_csv()

    def _swap_averages(self):
        """Exchanges the weights and their averages, where there are any.

        Keras' own `SwapEMAWeights` adds and subtracts, which rounds, and doesn't
        know after a resumption which of the two the model has.
        """
        optimizer = self.model.optimizer
        if not optimizer.use_ema:
            return
        averages = optimizer._model_variables_moving_average
        for weight, average in zip(
            self.model.trainable_variables, averages, strict=True
        ):
            kept = tf.identity(weight.value)
            weight.assign(average)
            average.assign(kept)

    def _epochs_since_best(self):
        if self._monitor is None or not self.history:
            return 0
        values = [merit(row, self._monitor) for row in self.history]
        return len(values) - 1 - values.index(max(values))

    def _write_csv(self):
        target = self._folder / "history.csv"
        with (
            replaced_file(target) as path,
            path.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, self.history[0])
            writer.writeheader()
            writer.writerows(self.history)


class Validations(keras.callbacks.Callback):
    """Validates on several sets, each by itself.

    An epoch's logs tell each figure of each set, `val_f1_wikiann/en`, and the sets'
    mean, `val_f1`: the sets count alike, however large they are.

    Args:
        datasets: the sets by their names, as `evaluate` takes them.
        averages: the callback that swaps the weights for their averages, if they are
            kept, while it is tested.
    """

    def __init__(self, datasets: Mapping[str, Any], averages: Checkpoints):
        super().__init__()
        self._datasets = datasets
        self._averages = averages

    def on_epoch_end(self, epoch, logs=None):
        """Validates, before the epoch is saved."""
        logs |= validated(self.model, self._datasets, [self._averages])


def validated(
    model: keras.Model,
    datasets: Mapping[str, Any],
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, float]:
    """Returns what a model scores on several sets: see `Validations`.

    Args:
        model: a compiled model.
        datasets: the sets by their names, as `evaluate` takes them.
        callbacks: those of each evaluation.
    """
    found = {
        name: model.evaluate(
            dataset, verbose=0, return_dict=True, callbacks=list(callbacks)
        )
        for name, dataset in datasets.items()
    }
    figures = {}
    for figure in next(iter(found.values())):
        values = {name: float(each[figure]) for name, each in found.items()}
        figures[f"val_{figure}"] = statistics.mean(values.values())
        figures |= {f"val_{figure}_{name}": value for name, value in values.items()}
    return figures


def merit(row: dict, monitor: str) -> float:
    """Returns how good an epoch was, the higher the better.

    Args:
        row: the epoch's line of the history.
        monitor: a metric that is better the higher it is; with a "-" before its name,
            one that is better the lower it is.
    """
    name = monitor.removeprefix("-")
    return row[name] if name == monitor else -row[name]


def _history(path):
    """Returns the history that a checkpoint holds; nothing if it is damaged."""
    found = checkpoint_files.tensors(path) or {}
    return json.loads(found.get("history/.ATTRIBUTES/VARIABLE_VALUE", b"[]"))
