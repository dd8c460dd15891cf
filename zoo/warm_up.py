"""Requests that a server answers before others come, for the first ones take longer.

TensorFlow plans a graph when it first runs. TensorFlow Serving makes the requests that
it finds beside a SavedModel before it says that the model is ready:

    assets.extra/tf_serving_warmup_requests     TFRecords of PredictionLog

Source: https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

FILE = Path("assets.extra", "tf_serving_warmup_requests")

# What texts are warmed up with.
_TEXT = "The first answer takes longer."
# The numbers of the fields that are written, of TensorFlow Serving's messages, all of
# which are of variable length. (`tensorflow-serving-api` has them, and needs gRPC.)
_LOG_PREDICT = 6
_PREDICT_REQUEST = 1
_REQUEST_MODEL, _REQUEST_INPUT = 1, 2
_MODEL_NAME, _MODEL_SIGNATURE = 1, 3
_KEY, _VALUE = 1, 2
_VARIABLE_LENGTH = 2


def write(folder: Path, functions: Mapping[str, Any]) -> None:
    """Writes a request for each signature of a SavedModel.

    Args:
        folder: the SavedModel.
        functions: each a `tf.function` with an `input_signature`, by the signatures'
            names. One without inputs has no request: TensorFlow Serving can't call it.
    """
    path = folder / FILE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, function in sorted(functions.items()):
            inputs = example(function)
            if inputs:
                writer.write(_log(signature, inputs))


def example(function: Any) -> dict[str, tf.Tensor]:
    """Returns what a function may be asked: one row, and numbers by their defaults.

    Numbers are of shape (1,): a server that makes batches joins requests along the
    first axis of each input, and loads no model whose first requests lack one.

    Args:
        function: a `tf.function` with an `input_signature`.

    Returns:
        Tensors by the names of its inputs.
    """
    parameters = inspect.signature(function.python_function).parameters.values()
    pairs = zip(parameters, function.input_signature, strict=False)
    defaults = {each: given.default for given, each in pairs if _has_default(given)}
    specs = tf.nest.flatten(function.input_signature)
    return {spec.name: _one_row(spec, defaults.get(spec)) for spec in specs}


def _has_default(parameter):
    return parameter.default not in (parameter.empty, None)


def _one_row(spec, default):
    """Returns a default, a text, or ids or numbers that are 0.

    Numbers of any shape without a default are a sequence of no step.
    """
    if spec.shape.rank is not None:
        sizes = [size or 1 for size in spec.shape]
    else:
        sizes = [1, 0] if default is None and spec.dtype.is_floating else [1]
    if default is None:
        default = _TEXT if spec.dtype == tf.string else 0
    return tf.fill(sizes, tf.constant(default, spec.dtype))


def _log(signature, inputs):
    """Returns a `PredictionLog` of a request."""
    # Whatever name it is served by.
    model = _field(_MODEL_NAME, b"model")
    model += _field(_MODEL_SIGNATURE, signature.encode())
    request = _field(_REQUEST_MODEL, model)
    for key, value in sorted(inputs.items()):
        value = tf.make_tensor_proto(value.numpy()).SerializeToString()
        entry = _field(_KEY, key.encode()) + _field(_VALUE, value)
        request += _field(_REQUEST_INPUT, entry)
    return _field(_LOG_PREDICT, _field(_PREDICT_REQUEST, request))


def _field(number, content):
    """Returns a field of a protocol buffer, as it is written."""
    length, size = b"", len(content)
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    tag = number << 3 | _VARIABLE_LENGTH
    return bytes([tag]) + length + bytes([size]) + content
