"""Models as SavedModels that plain TensorFlow loads, on a CPU, without our code.

The weights lie in a SavedModel once, tracked under their Keras paths, so that
`read_weights` can put them back into a model to train on.
"""

import os
from pathlib import Path

import tensorflow as tf

from zoo import kernels
from zoo.files import replaced_folder
from zoo.reproducible import make_reproducible


class WeightsError(Exception):
    """The weights of a SavedModel are missing, damaged or don't fit a model."""


class _Served(tf.Module):
    """What a SavedModel holds of a model: weights, look-up tables, functions."""

    def __init__(self, model):
        super().__init__()
        self.weights = _named(model)
        self.vocabularies = dict(model.vocabularies)


def _named(model):
    """Returns a model's TensorFlow variables by their Keras paths."""
    return {weight.path: weight.value for weight in model.weights}


def save(model, path: str | os.PathLike) -> None:
    """Writes a model of the zoo as a SavedModel, in place of what was there.

    Args:
        model: a `zoo.models.base.Model`: `signatures()` gives its functions, by
            name, each traceable without a Python value of its own.
        path: the SavedModel's folder.

    Raises:
        FileExistsError: something else is there.
    """
    signatures = model.signatures()
    served = _Served(model)
    with replaced_folder(path, "saved_model.pb") as folder:
        # A signature can only be called with tensors by keyword; the functions
        # themselves, as attributes, keep Python's calling conventions.
        for name, function in signatures.items():
            if name != "serving_default":
                setattr(served, name, function)
        with kernels.portable():
            tf.saved_model.save(served, folder, signatures=signatures)
        make_reproducible(folder)


def read_weights(model, path: str | os.PathLike) -> None:
    """Reads a SavedModel's weights into a model built from the same config.

    Args:
        model: what `save` was called with, or its like, built.
        path: the SavedModel's folder.

    Raises:
        WeightsError: a file is missing, cut off or damaged, or a weight is
            missing or of another shape. The model's weights are then undefined.
    """
    prefix = Path(path) / "variables" / "variables"
    missing = [
        file.name
        for file in (prefix.with_suffix(".index"), _shard(prefix))
        if not file.is_file()
    ]
    if missing:
        raise WeightsError(f"{prefix.parent} lacks the file {' and '.join(missing)}.")
    checkpoint = tf.train.Checkpoint(weights=_named(model))
    try:
        status = checkpoint.read(os.fspath(prefix))
        status.assert_existing_objects_matched()
        status.expect_partial()
    except (IndexError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{_shard(prefix)} is cut off or damaged: {reason}") from (
            error
        )
    except (AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(
            f"The weights in {prefix.parent} don't fit the configuration: {reason}"
        ) from error


def _shard(prefix):
    return prefix.with_name("variables.data-00000-of-00001")
