"""Training that can be killed at any moment, and goes on with the same result."""

import dataclasses
import json
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tasks.cli import outputs
from tasks.cli.config import TrainingConfig
from tasks.errors import UserError
from tasks.reporting import cards
from tasks.training import (
    callbacks,
    cluster,
    fine_tuning,
    fingerprints,
    folders,
    hardware,
    progress,
    starting_point,
    within_epoch,
    workers,
)
from tasks.training.folders import CHECKPOINTS, CONFIG, PRESET
from tasks.training.optimizers import optimizer
from tasks.training.workers import for_one_process
from zoo import plots, presets
from zoo.files import replaced_file

__all__ = [
    "CHECKPOINTS",
    "CONFIG",
    "DATA",
    "OWN",
    "begin",
    "finish",
    "fit",
    "for_one_process",
    "join_workers",
    "minutes",
    "open_output",
    "optimizer",
    "strategy",
]

DATA = "data.json"
FINISHED = "finished.json"
# What the record of the data calls the preset that a training began with.
_PRESET = "preset"
# What another machine may have elsewhere, over what the work is spread, and what only
# says when to stop: it goes on as it would have with more patience from the beginning,
# or if it hadn't been finished.
_FREE = {"data_dir", "mirrored", "patience", "finish"}
# What each worker of a training may have otherwise.
OWN = {"data_dir"}


def open_output(
    output: Path,
    config,
    given: Collection[str],
    resume: bool,
    own: Collection[str] = (),
):
    """Looks at a training's folder, and returns what to train with.

    Args:
        output: the folder.
        config: what the command line asks for, a dataclass.
        given: the names of its fields that were asked for, and didn't come by default.
        resume: whether to go on with what is there.
        own: the names of fields that are taken from `config` in any case, see `OWN`.

    Returns:
        The config to train with: when resuming, the one the training began with, with
        what may be changed of it: more epochs, if the step size is constant.

    Raises:
        UserError: there is something to resume, or that would be replaced, but
            `resume` is false, or the reverse; other flags are given than the training
            began with; its record is damaged; or `output` can't be a folder.
    """
    path = output / CONFIG
    outputs.check_tensorflow_folder(output, "--output")
    if not resume:
        folders.check_new(output)
        return config
    if not path.exists():
        raise UserError(f"Nothing to resume: {output} holds no training.")
    folders.check_begun(path, {field.name for field in dataclasses.fields(config)})
    try:
        begun = folders.read_begun(path, type(config))
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is damaged, or of another version of the zoo: {error}. "
            "Train anew in another --output."
        ) from error
    changed = {name: getattr(config, name) for name in own}
    for field in dataclasses.fields(config):
        asked, then = getattr(config, field.name), getattr(begun, field.name)
        if field.name in given and asked != then:
            _check_change(output, field.name, asked, begun)
            changed[field.name] = asked
    if config.finish and not progress.epochs_done(output / CHECKPOINTS):
        raise UserError(
            f"The training in {output} has no epoch behind it that a preset could be "
            "made of. Leave --finish out."
        )
    return dataclasses.replace(begun, **changed)


def _check_change(output, name, asked, begun):
    """Raises a UserError where a training can't go on with another value."""
    if name in _FREE:
        return
    if name == "from_preset" and begun.from_preset is not None:
        return  # it may lie elsewhere now: `begin` knows it again
    began = _shown(getattr(begun, name))
    then = f"The training in {output} began with {name} = {began}; "
    if not name.endswith("epochs") or name == "transposed_epochs":
        raise UserError(
            f"{then}--resume can't change it to {_shown(asked)}. Train anew in another "
            "--output."
        )
    if begun.schedule != "constant":
        raise UserError(
            f"{then}--resume can't change it to {asked}, for its step size follows a "
            f"{begun.schedule} that ends at zero with the last of them: with more it "
            "would have been another from the first step on. Train anew in another "
            "--output, with --schedule constant to go on for as long as you like."
        )
    begins = output / CHECKPOINTS / "latest"
    done = progress.epochs_done(output / CHECKPOINTS)
    if name == "epochs" and asked < done:
        raise UserError(
            f"The training in {output} has {done} epochs already: give --epochs {done} "
            "or more."
        )
    if name == "pretrain_epochs" and begins.exists():
        raise UserError(
            f"{then}--resume can't change it to {asked}, for pretraining is over: what "
            "is trained now began from what it gave. Train anew in another --output."
        )


def _shown(value):
    return " ".join(map(str, value)) if isinstance(value, list) else value


def begin(output: Path, config, model=None, **data) -> None:
    """Writes down what a training is to be resumed with.

    Args:
        output: the training's folder.
        config: its config.
        model: the model, whose vocabularies are the data's too.
        **data: what it is trained and chosen on, by name; None where there is none.

    Raises:
        UserError: there are checkpoints already, of a training on other data, or which
            began with a preset of another model; or another process trains there.
    """
    found = {
        name: {"examples": len(part), "fingerprint": fingerprints.of_data(part)}
        for name, part in data.items()
        if part is not None
    }
    if model is not None:
        found["vocabulary"] = {"fingerprint": fingerprints.of_vocabularies(model)}
    if config.from_preset is not None:
        preset = presets.find(config.from_preset)
        found[_PRESET] = {
            "model": fingerprints.of_presets_model(preset),
            "fingerprint": fingerprints.of_preset(preset),
        }
    folders.hold(output)
    resumed = (output / CHECKPOINTS).exists()
    if resumed:
        _check_data(output, found)
    if not workers.is_chief():
        return
    fine_tuning.keep(config, output, resumed)
    # To finish is said of this time.
    flags = dataclasses.asdict(config) | {"finish": False}
    for name, content in {CONFIG: flags, DATA: found}.items():
        with replaced_file(output / name) as file:
            file.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def _check_data(output, found):
    """Raises a UserError where a training began on other data than is found now."""
    try:
        begun = json.loads((output / DATA).read_text("utf-8"))
    except (OSError, ValueError):
        return  # of an older version: what doesn't fit the model is still told
    if _PRESET in begun:  # else an older version's, or there is none
        _check_preset(output, begun[_PRESET], found[_PRESET])
    for name in dict.fromkeys([*begun, *found]):
        if name == _PRESET or begun.get(name) == found.get(name):
            continue
        then, now = (
            each.get(name, {}).get("examples", "none") for each in (begun, found)
        )
        what = f"{name} had {then} examples and has {now} now"
        if then == now:
            what = f"{name} has changed"
        raise UserError(
            f"The training in {output} began on other data: {what}. --resume goes on "
            "with the same data only: bring them back, or train anew in another "
            "--output."
        )


def _check_preset(output, then, now):
    """Raises a UserError where a training can't go on with a preset as it is now.

    Its weights count until the training has saved its own.
    """
    if then == now:
        return
    goes_on = progress.saved(output / CHECKPOINTS) > (0, 0)
    if then["model"] == now["model"] and goes_on:
        if workers.is_chief():
            outputs.note(
                f"the preset that the training in {output} began with has other "
                "weights now: it goes on with its own."
            )
        return
    what = "has other weights" if then["model"] == now["model"] else "is another model"
    raise UserError(
        f"The preset that the training in {output} began with {what} now. Bring it "
        "back, by --from-preset if it lies elsewhere, or train anew in another "
        "--output."
    )


def join_workers(config: TrainingConfig, output: Path, seconds: float) -> None:
    """Makes this process one of the workers that `TF_CONFIG` names.

    Where the training is over but for what the chief does after it, the chief goes on
    alone.

    Args:
        config: the training's config, which has to be that of all workers.
        output: the training's folder, which has to be shared.
        seconds: how long to wait for the others.

    Raises:
        UserError: see `workers.join`.
        workers.Done: this isn't the chief, and the training is over.
    """
    this = cluster.read(os.environ)
    if config.mirrored:
        raise UserError(
            "--mirrored is for one process. Leave it out, or give --no-mirrored where "
            "the training began with it: each worker uses all its GPUs."
        )
    if _is_over(output / CHECKPOINTS, config):
        if not this.is_chief:
            raise workers.Done
        return
    flags = {
        name: value
        for name, value in dataclasses.asdict(config).items()
        if name not in OWN
    }
    workers.join(flags, output, seconds)


def strategy(config: TrainingConfig, **data) -> tf.distribute.Strategy:
    """Returns how the work is spread: build and compile the model in its scope.

    Args:
        config: the training's config.
        **data: what was read, by name: it has to be the same for all workers, as the
            preset has to be that the training begins with.

    Raises:
        UserError: another worker has read other data, or another preset.
    """
    found = workers.strategy()
    if found is not None:
        if config.from_preset is not None:
            data[_PRESET] = fingerprints.of_preset(config.from_preset)
        workers.check_data(**data)
        return found
    if config.mirrored:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def fit(
    model: keras.Model,
    batches,
    validation: Any,
    config: TrainingConfig,
    folder: Path,
    monitor: str | None,
    watchers: Sequence[keras.callbacks.Callback] = (),
) -> list[dict]:
    """Trains a compiled model, from where an earlier call was killed if it was.

    Args:
        model: a model compiled with `optimizer`.
        batches: the training set: `tasks.data.bucketing.BucketedBatches`, or what has
            its `dataset`, `set_epoch` and length, and `shapes` if they are several.
        validation: such batches to choose the best epoch on; or several by name, to
            choose by the mean of what they give; None to keep the last. Workers
            validate each on its shard.
        config: epochs and patience.
        folder: where checkpoints, `history.csv` and TensorBoard's logs go.
        monitor: the validation metric to choose by, see `callbacks.merit`.
        watchers: callbacks that may add figures to an epoch's logs, to choose by; of
            several workers the chief's alone are called.

    Returns:
        The history: what each epoch took and gave. The model has the weights of
        the best epoch. It is told where that is worse than the preset that the training
        began with.

    Raises:
        TrainingError: the loss or a weight is NaN or infinite. The checkpoints are
            those of the last good epoch.
        OSError: an epoch's checkpoint can't be written.
        InterruptionError: a signal has ended it: see `within_epoch.WithinEpoch`.
        LostWorkerError: another worker was told to leave.
    """
    checkpoints = callbacks.Checkpoints(model, folder, config.patience, monitor)
    # Not by watchers: they take long, and know no model before the first epoch.
    measures_before = config.from_preset and monitor and not watchers
    chief = workers.is_chief()
    watchers = list(watchers if chief else ())
    strategy = model.distribute_strategy
    if isinstance(validation, Mapping):
        measured_on = {
            name: workers.distributed(part, strategy)
            for name, part in validation.items()
        }
        # What they find is looked at, too, before others measure and it is saved.
        validations = callbacks.Validations(measured_on, checkpoints)
        watchers[:0] = [validations, callbacks.Divergence(checkpoints)]
        validation = None
    elif validation is not None:
        measured_on = validation = workers.distributed(validation, strategy)
    checkpoints.restore_latest()
    if checkpoints.is_finished(config.epochs):
        print(checkpoints.why_finished(config.epochs))
    elif config.finish:
        print(f"finished    after epoch {len(checkpoints.history)}, by --finish")
    else:
        if measures_before and not checkpoints.history:
            starting_point.measure(model, measured_on, folder, monitor)
        _fit(model, batches, validation, config, folder, checkpoints, watchers)
    checkpoints.restore_best()
    if measures_before and chief:
        starting_point.tell_if_worse(checkpoints.history, folder, monitor)
    if chief and not config.finish:
        with replaced_file(folder / FINISHED) as file:
            file.write_text(json.dumps(_end(config)) + "\n", "utf-8")
    return checkpoints.history


def _fit(model, batches, validation, config, folder, checkpoints, watchers):
    """Trains until nothing is left to do, the rest of a broken epoch first."""
    chief, strategy = workers.is_chief(), model.distribute_strategy
    within = within_epoch.WithinEpoch(model, folder, checkpoints, len(batches))
    within.restore()
    shown = callbacks.Progress(len(batches), getattr(batches, "shapes", 1))
    shown.batches_before = within.batches_before % len(batches)
    used = [
        callbacks.Order(batches),
        callbacks.Divergence(checkpoints),
        within,
        *watchers,
        keras.callbacks.LambdaCallback(on_epoch_end=within.before_saving),
        checkpoints,
        *([_tensorboard(folder)] if chief else ()),
    ]

    verbosity = _verbosity() if chief else 0

    def train(batches_before):
        model.fit(
            workers.distributed(batches, strategy, batches_before),
            validation_data=validation,
            epochs=config.epochs,
            initial_epoch=len(checkpoints.history),
            shuffle=False,  # the batches know their order
            verbose=verbosity,
            callbacks=[shown, *used] if chief else used,
        )

    with within.watched():
        if within.batches_before:
            # Makes the metrics' variables, whose values are to be restored.
            model.evaluate(workers.distributed(batches, strategy), steps=1, verbose=0)
            if within.batches_before < len(batches):
                train(within.batches_before)
            else:
                within.end_epoch(validation, used, config.epochs, verbosity)
            # Keras ends a `fit` by giving the weights their moving averages.
            checkpoints.restore_latest()
        if not checkpoints.is_finished(config.epochs):
            train(0)


def _verbosity():
    return "auto" if sys.stdout.isatty() else 2


def _tensorboard(folder):
    return keras.callbacks.TensorBoard(folder / "tensorboard")


def _end(config):
    """Returns what says when a training ends."""
    return {"epochs": config.epochs, "patience": config.patience}


def _is_over(folder, config):
    """Says whether a training has come to the end that a config asks for."""
    try:
        return json.loads((folder / FINISHED).read_text("utf-8")) == _end(config)
    except (OSError, ValueError):
        return False


def minutes(history: list[dict]) -> float:
    """Returns how long a training took, validation included."""
    return round(sum(row["seconds"] for row in history) / 60, 1)


def finish(
    model,
    history: list[dict],
    record: dict,
    config,
    output: Path,
    monitor: str | None,
    card: cards.Card,
    extras: dict | None = None,
) -> Path:
    """Saves a trained model as a preset, with its history and card, and says where.

    Args:
        model: a `zoo.models.base.Model`.
        history: what `fit` returned.
        record: what the template knows of the training, for the model card.
        config: the training's config.
        output: the training's folder.
        monitor: what the best epoch was chosen by; None if the last was kept.
        card: what the card says of every model of the template.
        extras: what else goes into the metrics: see `tasks.reporting.cards.render`.

    Returns:
        The preset's folder.
    """
    preset = output / PRESET
    began_with, cited = fine_tuning.kept(config, output)
    model.save_to_preset(preset)
    best = history[-1]
    if monitor is not None:
        best = max(history, key=lambda row: callbacks.merit(row, monitor))
    record = {
        **record,
        **began_with,
        "epochs": len(history),
        "best_epoch": best["epoch"],
        "seed": config.seed,
        "minutes": minutes(history),
        "hardware": hardware.describe(),
        "versions": hardware.versions(),
        "parameters": model.count_params(),
    }
    metrics = {"training": record} | (extras or {})
    if cited:
        metrics["citations"] = cited
    cards.write(preset, metrics, card)
    curves = output / "learning_curves.png"
    try:
        plots.learning_curves(history, curves)
    except ImportError as error:
        curves = error
    print(f"preset      {preset}")
    print(f"SavedModel  {preset / presets.SAVED_MODEL}")
    print(f"card        {preset / presets.CARD}")
    print(f"curves      {curves}")
    print(f"logs        {output / CHECKPOINTS}: history.csv, tensorboard/")
    return preset
