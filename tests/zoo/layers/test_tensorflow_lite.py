"""What the README promises of layers in TensorFlow Lite, without Flex."""

import numpy as np
import pytest
import tensorflow as tf

from zoo import kernels, layers

pytestmark = pytest.mark.slow

STEPS, FEATURES = 5, 3
X = np.random.default_rng(0).normal(size=(2, STEPS, FEATURES)).astype("float32")


def converted(layer, masked=False):
    """Returns a layer as a TensorFlow Lite model of builtin operations alone."""
    signature = [tf.TensorSpec([1, None, FEATURES], tf.float32)]
    if masked:
        signature.append(tf.TensorSpec([1, None], tf.bool))

    def apply(x, mask=None):
        return layer(x, mask=mask)

    call = tf.function(apply, input_signature=signature, autograph=False)
    with kernels.portable(lite=True):
        function = call.get_concrete_function()
    # Without what holds the variables they become constants.
    return tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()


def run(content, *inputs):
    interpreter = tf.lite.Interpreter(model_content=content)
    given = {value.dtype.type: value for value in inputs}
    places = {row["index"]: row["dtype"] for row in interpreter.get_input_details()}
    for place, dtype in places.items():
        interpreter.resize_tensor_input(place, given[dtype].shape)
    interpreter.allocate_tensors()
    for place, dtype in places.items():
        interpreter.set_tensor(place, given[dtype])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.LSTM(4),
        lambda: layers.GRU(4),
        lambda: layers.GRU(4, reset_after=True, return_sequences=True),
        lambda: layers.SimpleRNN(4),
        lambda: layers.Bidirectional(layers.LSTM(4)),
    ],
    ids=["lstm", "gru", "reset_after", "rnn", "bidirectional"],
)
def test_layer_without_a_mask_runs_by_builtin_operations(make):
    layer = make()
    expected = layer(X)
    content = converted(layer)
    found = np.concatenate([run(content, row[None]) for row in X])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("make", [layers.LSTM, layers.GRU])
def test_layer_with_a_mask_runs_by_builtin_operations(make):
    layer = make(4)
    mask = np.array([[True, False, True, True, False]])
    expected = layer(X[:1], mask=tf.constant(mask))
    found = run(converted(layer, masked=True), X[:1], mask)
    np.testing.assert_allclose(found, expected, atol=1e-5)
