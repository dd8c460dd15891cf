"""Training that can be killed at any moment, and goes on with the same result."""

import csv
import dataclasses
import json
import math
import sys
import time
from pathlib import Path

import keras
import tensorflow as tf

from tasks import hardware
from tasks.bucketing import BucketedBatches
from tasks.config import TrainingConfig
from tasks.errors import TrainingError, UserError
from zoo import plots, presets
from zoo.files import replaced_file

CONFIG, CHECKPOINTS = "config.json", "checkpoints"


def open_output(output: Path, config, defaults, resume: bool):
    """Looks at a training's folder, and returns what to train with.

    Args:
        output: the folder.
        config: what the command line asks for, a dataclass.
        defaults: the same with nothing asked for.
        resume: whether to go on with what is there.

    Returns:
        The config to train with: when resuming, the one the training began with.

    Raises:
        UserError: there is something to resume but `resume` is false, or the
            reverse; other flags are given than the training began with; its
            record is damaged; or `output` can't be a folder.
    """
    path = output / CONFIG
    nearest = next(folder for folder in (output, *output.parents) if folder.exists())
    if not nearest.is_dir():
        raise UserError(f"{output} can't be a folder: {nearest} is a file.")
    if not resume:
        if (output / CHECKPOINTS).exists():
            raise UserError(
                f"{output} holds a training already. Go on with it by --resume, "
                "or choose another --output."
            )
        return config
    if not path.exists():
        raise UserError(f"Nothing to resume: {output} holds no training.")
    try:
        begun = type(config)(**json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path} is damaged, or of another version of the zoo: {error}. "
            "Train anew in another --output."
        ) from error
    for field in dataclasses.fields(config):
        asked, then = getattr(config, field.name), getattr(begun, field.name)
        if asked not in (then, getattr(defaults, field.name)):
            raise UserError(
                f"The training in {output} began with {field.name} = {then}; "
                f"--resume can't change it to {asked}. Train anew in another --output."
            )
    return begun


def begin(output: Path, config) -> None:
    """Writes down what a training is to be resumed with."""
    with replaced_file(output / CONFIG) as file:
        file.write_text(json.dumps(dataclasses.asdict(config), indent=2) + "\n")


def strategy(config: TrainingConfig) -> tf.distribute.Strategy:
    """Returns how the work is spread: build and train the model in its scope."""
    if config.mirrored:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def optimizer(config: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    """Returns Adam (Kingma & Ba 2015) as the config asks for it.

    Args:
        config: the step size, its schedule, and how gradients are clipped. Along
            a cosine it first rises over a twentieth of the steps.
        steps: how many updates the training has at most.
    """
    rate = config.learning_rate
    if config.schedule == "cosine":
        warmup = steps // 20
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps - warmup, warmup_target=rate, warmup_steps=warmup
        )
    return keras.optimizers.Adam(
        rate,
        global_clipnorm=config.clip_norm or None,
        clipvalue=config.clip_value or None,
    )


def fit(
    model: keras.Model,
    batches: BucketedBatches,
    validation: tf.data.Dataset | None,
    config: TrainingConfig,
    folder: Path,
    monitor: str | None = "val_accuracy",
) -> list[dict]:
    """Trains a compiled model, from where an earlier call was killed if it was.

    Args:
        model: a model compiled with `optimizer`.
        batches: the training set.
        validation: the set to choose the best epoch on; None to keep the last.
        config: epochs and patience.
        folder: where checkpoints, `history.csv` and TensorBoard's logs go.
        monitor: the validation metric that is better the higher it is.

    Returns:
        The history: what each epoch took and gave. The model has the weights of
        the best epoch.

    Raises:
        TrainingError: the loss is NaN or infinite. The checkpoints are those of
            the last good epoch.
    """
    checkpoints = Checkpoints(model, folder, config.patience, monitor)
    checkpoints.restore_latest()
    done = len(checkpoints.history)
    if not checkpoints.is_finished(config.epochs):
        model.fit(
            batches.dataset(),
            validation_data=validation,
            epochs=config.epochs,
            initial_epoch=done,
            shuffle=False,  # the batches know their order
            verbose="auto" if sys.stdout.isatty() else 2,
            callbacks=[
                _Progress(len(batches)),
                _Order(batches),
                _Divergence(),
                checkpoints,
                keras.callbacks.TensorBoard(folder / "tensorboard"),
            ],
        )
    checkpoints.restore_best()
    return checkpoints.history


class _Progress(keras.callbacks.Callback):
    """Prints a line a minute where there is no terminal for a progress bar."""

    def __init__(self, batches: int, seconds: float = 60.0):
        super().__init__()
        self._batches = batches
        self._seconds = seconds

    def on_epoch_begin(self, epoch, logs=None):
        self._began = self._told = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if sys.stdout.isatty() or now - self._told < self._seconds:
            return
        self._told = now
        done = batch + 1
        left = (now - self._began) / done * (self._batches - done) / 60
        figures = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        print(
            f"  {done:,}/{self._batches:,}  {figures}  {left:.0f} min left", flush=True
        )


class _Order(keras.callbacks.Callback):
    """Tells the batches which epoch's order they are to come in."""

    def __init__(self, batches):
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self._batches.set_epoch(epoch)


class _Divergence(keras.callbacks.Callback):
    """Stops a training whose loss is no number any more."""

    def on_train_batch_end(self, batch, logs=None):
        self._check(logs, f"batch {batch}")

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs, f"the end of epoch {epoch + 1}")

    @staticmethod
    def _check(logs, where):
        for name, value in (logs or {}).items():
            if name.endswith("loss") and not math.isfinite(value):
                raise TrainingError(
                    f"{name} is {value} at {where}. The checkpoint of the last good "
                    "epoch is kept. Try a smaller --learning-rate or --clip-norm."
                )


class Checkpoints(keras.callbacks.Callback):
    """Keeps the latest and the best epoch on disk, and stops when none is better.

    A checkpoint of the latest epoch holds all that the next one depends on:
    weights, the optimizer's state, the dropout seeds' state and the history, from
    which the best epoch and the epochs since are known.

    Args:
        model: a compiled model.
        folder: where `latest/`, `best/` and `history.csv` go.
        patience: epochs without improvement after which training stops.
        monitor: a metric that is better the higher it is, or None to regard the
            latest epoch as the best.
    """

    def __init__(self, model, folder: Path, patience: int, monitor: str | None):
        super().__init__()
        self.history: list[dict] = []
        self._folder = Path(folder)
        self._patience = patience
        self._monitor = monitor
        model.optimizer.build(model.trainable_variables)
        state = [*_state(model), *model.optimizer.variables]
        self._json = tf.Variable("[]", trainable=False)
        latest = tf.train.Checkpoint(
            state=[variable.value for variable in state], history=self._json
        )
        best = tf.train.Checkpoint(weights=[w.value for w in model.weights])
        self._latest, self._best = (
            tf.train.CheckpointManager(checkpoint, self._folder / name, max_to_keep=1)
            for name, checkpoint in {"latest": latest, "best": best}.items()
        )

    def restore_latest(self) -> None:
        """Puts the model where the last complete epoch left it, if there is one."""
        self._latest.restore_or_initialize()
        self.history = json.loads(self._json.numpy())

    def restore_best(self) -> None:
        """Gives the model the weights of the best epoch."""
        self._best.restore_or_initialize()

    def is_finished(self, epochs: int) -> bool:
        """Says whether nothing is left to do of `epochs`."""
        return (
            len(self.history) >= epochs or self._epochs_since_best() >= self._patience
        )

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the epoch's clock."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Saves the epoch; the best one first, for the latest refers to it."""
        row = {name: float(value) for name, value in logs.items()}
        seconds = round(time.monotonic() - self._began, 1)
        self.history.append({"epoch": epoch + 1, "seconds": seconds, **row})
        if self._epochs_since_best() == 0:
            self._best.save(epoch)
        self._json.assign(json.dumps(self.history))
        self._latest.save(epoch)
        self._write_csv()
        if self._epochs_since_best() >= self._patience:
            self.model.stop_training = True

    def _epochs_since_best(self):
        if self._monitor is None or not self.history:
            return 0
        values = [row[self._monitor] for row in self.history]
        return len(values) - 1 - values.index(max(values))

    def _write_csv(self):
        target = self._folder / "history.csv"
        with replaced_file(target) as path, path.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.history[0])
            writer.writeheader()
            writer.writerows(self.history)


def _state(model):
    """Returns a model's weights and the state of its dropout seeds."""
    metrics = {id(variable) for variable in model.metrics_variables}
    return [variable for variable in model.variables if id(variable) not in metrics]


def minutes(history: list[dict]) -> float:
    """Returns how long a training took, validation included."""
    return round(sum(row["seconds"] for row in history) / 60, 1)


def finish(model, history: list[dict], record: dict, config, output: Path) -> Path:
    """Saves a trained model as a preset, with its history, and says where.

    Args:
        model: a `zoo.models.base.Model`.
        history: what `fit` returned.
        record: what the template knows of the training, for the model card.
        config: the training's config.
        output: the training's folder.

    Returns:
        The preset's folder.
    """
    preset = output / "preset"
    model.save_to_preset(preset)
    best = max(history, key=lambda row: row.get("val_accuracy", row["epoch"]))
    record = record | {
        "epochs": len(history),
        "best_epoch": best["epoch"],
        "seed": config.seed,
        "minutes": minutes(history),
        "hardware": hardware.describe(),
        "versions": hardware.versions(),
        "parameters": model.count_params(),
    }
    presets.write_metrics(preset, {"training": record}, card="")
    curves = output / "learning_curves.png"
    try:
        plots.learning_curves(history, curves)
    except ImportError as error:
        curves = error
    print(f"preset      {preset}")
    print(f"SavedModel  {preset / presets.SAVED_MODEL}")
    print(f"curves      {curves}")
    print(f"logs        {output / CHECKPOINTS}: history.csv, tensorboard/")
    return preset
