"""A training that leaves amid an epoch, and goes on at the very next batch."""

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import keras
import tensorflow as tf

from tasks.cli import signals
from tasks.errors import InterruptionError, LostWorkerError, TrainingError
from tasks.training import callbacks, checkpoint_files, progress, rendezvous, workers

# Seconds between two checkpoints amid an epoch, and between two looks whether another
# worker has been told to leave.
SAVE_SECONDS, _LOOK_SECONDS = 600.0, 1.0


class WithinEpoch(keras.callbacks.Callback):
    """Saves a training amid an epoch: every ten minutes, and before it leaves.

    SIGTERM, by which machines are taken away, SIGHUP, as a terminal is closed, and
    Ctrl-C let the batch that is being trained on end, and are obeyed after the
    checkpoint is written; so they do where an epoch is being saved. Where there is
    nothing to wait for, as in a validation, they are obeyed at once. Ctrl-C at the
    second time is, too; the others, which supervisors repeat and send to whole groups,
    mean no more at the second time than at the first.

    Of several workers the chief alone saves: their weights are the same. Another one
    that is told to leave tells the chief by a file, and goes on until the chief has
    left; for no batch could be ended without it.

    What is saved behind an epoch's last batch goes on with its validation.

    What can't be saved amid an epoch is told, and the epoch goes on.

    A checkpoint holds what `callbacks.Checkpoints` saves of an epoch, the metrics of
    the epoch's batches so far, and what is carried from batch to batch: the model's
    `carried_variables`. (What each of several replicas counts for itself the chief
    doesn't have: where there are several, before an interruption or after it, the
    metrics are those of the batches after it. And where they carry something, there
    are no checkpoints amid an epoch, and one of a single replica is passed over.)

    Args:
        model: a compiled model.
        folder: the training's checkpoints.
        checkpoints: those of whole epochs.
        batches: how many there are in an epoch.

    Attributes:
        batches_before: how many of the next epoch's were trained on before.
        figures_before: what the epoch that has begun gave in them, by name.
    """

    def __init__(
        self, model, folder: Path, checkpoints: callbacks.Checkpoints, batches: int
    ):
        super().__init__()
        self.set_model(model)
        self.batches_before = 0
        self.figures_before: dict[str, Any] = {}
        self._batches = batches
        self._folder = Path(folder) / progress.WITHIN_EPOCH
        self._note = Path(folder) / "leaving"
        self._checkpoints = checkpoints
        carried = getattr(model, "carried_variables", [])
        self._is_one = model.distribute_strategy.num_replicas_in_sync == 1
        self._can_save = self._is_one or not carried
        self._json = tf.Variable("{}", trainable=False)
        checkpoint = tf.train.Checkpoint(
            state=[variable.value for variable in checkpoint_files.state(model)],
            optimizer=[variable.value for variable in model.optimizer.variables],
            carried=carried,
            position=self._json,
        )
        self._manager = tf.train.CheckpointManager(
            checkpoint, self._folder, max_to_keep=1
        )
        self._position: dict[str, Any] = {}
        # Of the epoch that has begun: its number, the batches before, and the clock.
        self._epoch, self._before, self._began = 0, 0, time.monotonic()
        self._saved = self._looked = self._began
        self._waits = False  # for the end of what is done, if a signal comes
        self._told = self._interrupts = 0

    def restore(self) -> None:
        """Puts the model where the training was left, if it was amid the next epoch.

        A checkpoint that can't be gone on from is told and passed over.
        """
        name, self._position = workers.as_the_chief(
            self._newest() if workers.is_chief() else None
        )
        if name is None:
            return
        checkpoint_files.restore(self._manager, self._folder / name)
        self.batches_before = self._position["batches"]
        self._checkpoints.seconds_before = self._position["seconds"]

    def _newest(self):
        """Returns the name and the position of the checkpoint to go on from, if any."""
        for path in checkpoint_files.paths(self._folder):
            found = checkpoint_files.tensors(path)
            if found is None:
                print(f"note: the checkpoint {path} is damaged.", file=sys.stderr)
                continue
            position = json.loads(found["position/.ATTRIBUTES/VARIABLE_VALUE"])
            if position["epoch"] != len(self._checkpoints.history):
                continue
            if self._can_save:
                return path.name, position
            print(
                f"note: the checkpoint {path} is passed over, for several replicas "
                "can't go on with what one has carried from batch to batch: the epoch "
                "begins anew.",
                file=sys.stderr,
            )
        return None, {}

    def end_epoch(
        self,
        validation: Any,
        used: Sequence[keras.callbacks.Callback],
        epochs: int,
        verbose: str | int,
    ) -> None:
        """Does what Keras' `fit` does behind an epoch's last batch.

        Args:
            validation: as `evaluate` takes it, or None.
            used: the callbacks, this one among them.
            epochs: how many there are to be, to show.
            verbose: as `fit` takes it.
        """
        every = keras.callbacks.CallbackList(
            list(used),
            add_progbar=verbose != 0,
            model=self.model,
            verbose=verbose,
            epochs=epochs,
            steps=self._batches,
        )
        epoch = len(self._checkpoints.history)
        every.on_train_begin()
        every.on_epoch_begin(epoch)
        figures = dict(self.figures_before)
        if validation is not None:
            found = self.model.evaluate(validation, callbacks=every, return_dict=True)
            figures |= {f"val_{name}": value for name, value in found.items()}
        every.on_epoch_end(epoch, figures)
        every.on_train_end()

    def forget(self) -> None:
        """Removes what was saved: nobody is to go on from there."""
        if workers.is_chief():
            shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Obeys signals as told above, as long as it lasts.

        Raises:
            InterruptionError: by a signal, when what can be saved is saved.
            LostWorkerError: another worker was told to leave.
        """
        if workers.is_chief():
            self._note.unlink(missing_ok=True)
        handlers = {}
        if threading.current_thread() is threading.main_thread():
            numbers = *signals.to_leave(), signal.SIGINT
            handlers = {each: signal.signal(each, self._tell) for each in numbers}
        try:
            yield
        except TrainingError:
            # The last update may have spoilt what was saved after it.
            self.forget()
            raise
        except workers.LOST as error:
            if self._told and not workers.is_chief():  # the chief has saved, and left
                raise InterruptionError(self._told, "") from error
            raise
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            if workers.is_chief():
                self._note.unlink(missing_ok=True)
        self.forget()
        self._obey("")

    def _tell(self, number: int, _: FrameType | None) -> None:
        """Is called with a signal, in between two lines of Python."""
        again, self._told = self._told, self._told or number
        self._interrupts += number == signal.SIGINT
        if self._interrupts > 1 or not (again or self._waits):
            raise InterruptionError(self._told, "")
        with contextlib.suppress(OSError):
            if not workers.is_chief():
                self._note.parent.mkdir(parents=True, exist_ok=True)
                self._note.touch()
            elif number == signal.SIGINT:
                # Not by `print`, whose buffer may be being written just now.
                told = "\nleaving     as soon as it is saved; Ctrl-C again: at once\n"
                os.write(1, told.encode())

    def on_epoch_begin(self, epoch, logs=None):
        """Goes on with the metrics of the epoch's first batches."""
        self._obey("")
        self.figures_before = self._position.get("figures", {})
        if self._has_metrics():
            values = self._position["metrics"]
            for variable, value in zip(self._metrics(), values, strict=True):
                variable.assign(value)
            self.figures_before = self.model.get_metrics_result()
        self._epoch, self._before = epoch, self.batches_before
        self._saved = time.monotonic()
        self._began = self._saved - self._position.get("seconds", 0.0)
        self._position, self.batches_before = {}, 0
        self._waits = self._can_save

    def on_test_begin(self, logs=None):
        """From now on nothing can be saved until the epoch's end."""
        self._waits = False
        self._obey("")

    def on_epoch_end(self, epoch, logs=None):
        """Nor here, where others may validate. After a part of an epoch `fit` ends."""
        self._waits = False
        if self._before:
            self.model.stop_training = True

    def before_saving(self, epoch, logs=None):
        """Lets an epoch's checkpoint be written: to be called when all else is done."""
        self._waits = True

    def on_train_batch_end(self, batch, logs=None):
        """Saves, if it is time to, and leaves, if that was told."""
        if not workers.is_chief() or not self._can_save:
            return
        done = self._before + batch + 1
        lost = not self._told and self._is_noted(done == self._batches)
        told = self._told or lost
        now = time.monotonic()
        if not told and now - self._saved < SAVE_SECONDS:
            return
        self._saved = now
        where = f"saved after batch {done:,} of epoch {self._epoch + 1}"
        try:
            self._save(done, now - self._began, logs)
        except OSError as error:  # the epoch needs none of it
            print(f"note: {error.filename}: {error.strerror}", file=sys.stderr)
            where = ""
        self._obey(where)
        if lost:
            raise LostWorkerError(
                f"Another worker was told to leave{where and f': {where}'}. Start all "
                "of them again by the same commands: they go on where the chief last "
                "saved."
            )

    def _obey(self, where):
        """Ends the training, if that was told."""
        if self._told:
            raise InterruptionError(self._told, where)

    def _is_noted(self, surely):
        """Says whether another worker was told to leave.

        Args:
            surely: whether to look in any case, and not but once a second.
        """
        now = time.monotonic()
        if workers.count() == 1:
            return False
        if not surely and now - self._looked < _LOOK_SECONDS:
            return False
        self._looked = now
        return rendezvous.is_there(self._note.parent, self._note.name)

    def _has_metrics(self):
        """Says whether the metrics can go on: those of one replica, on one."""
        return self._is_one and bool(self._position.get("metrics"))

    def _metrics(self):
        return self.model.metrics_variables if self._is_one else []

    def _save(self, batches, seconds, figures):
        position = {
            "epoch": self._epoch,
            "batches": batches,
            "seconds": seconds,
            "figures": {name: float(value) for name, value in figures.items()},
            "metrics": [each.numpy().tolist() for each in self._metrics()],
        }
        self._json.assign(json.dumps(position))
        number = progress.number(self._epoch, batches)
        checkpoint_files.save(self._manager, number)
