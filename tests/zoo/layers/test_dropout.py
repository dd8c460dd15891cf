"""Dropout over time: which masks are drawn, when, and for how long."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import N_A, N_X, UNITS, draw, every_unit
from tests.zoo.layers.masks import STEPS
from zoo import layers

ROWS = 16


def make_linear(unit, recurrence, **arguments):
    """Makes a layer that computes a<t> = x<t> + recurrence * a<t-1>."""
    layer = unit.layer(activation="linear", return_sequences=True, **arguments)
    layer.build((None, None, N_A))
    unit.make_linear(layer, recurrence)
    return layer


def operations(function):
    """Returns the types of all operations in a graph and in the functions it calls."""
    graph = function.get_concrete_function().graph.as_graph_def()
    nodes = list(graph.node)
    for called in graph.library.function:
        nodes.extend(called.node_def)
    return {node.op for node in nodes}


@every_unit
def test_inputs_have_one_mask_for_all_steps(unit):
    layer = make_linear(unit, recurrence=0.0, dropout=0.5)
    ones = np.ones((ROWS, STEPS, N_A), "float32")

    outputs = np.asarray(layer(ones, training=True))

    np.testing.assert_array_equal(outputs, np.repeat(outputs[:, :1], STEPS, axis=1))
    assert set(np.unique(outputs)) == {0.0, 2.0}
    assert len(np.unique(outputs[:, 0], axis=0)) > 1  # each row has its own


@every_unit
def test_state_has_one_mask_for_all_steps(unit):
    layer = make_linear(unit, recurrence=1.0, recurrent_dropout=0.5)
    ones = np.ones((ROWS, STEPS, N_A), "float32")

    outputs = np.asarray(layer(ones, training=True))

    # a<t> = 1 + 2 a<t-1> where the state is kept, 1 where it is dropped
    kept = outputs[:, -1] > 1
    assert 0 < kept.sum() < kept.size
    steps = np.arange(1, STEPS + 1)[None, :, None]
    expected = np.where(kept[:, None], 2.0**steps - 1, 1.0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        pytest.param(unit, kind, id=f"{unit.name}-{kind}")
        for unit, kind in zip(
            UNITS, itertools.cycle(["dropout", "recurrent_dropout"]), strict=False
        )
    ],
)
def test_each_batch_has_new_masks(unit, kind):
    layer = make_linear(unit, recurrence=1.0, **{kind: 0.5})
    ones = np.ones((ROWS, STEPS, N_A), "float32")

    first = layer(ones, training=True)
    second = layer(ones, training=True)

    assert np.abs(first - second).max() > 0


@pytest.mark.parametrize(
    ("unit", "kind"),
    [(UNITS[0], "dropout"), (UNITS[-1], "recurrent_dropout")],
    ids=lambda value: getattr(value, "name", value),
)
def test_each_run_of_a_graph_has_new_masks(unit, kind):
    layer = make_linear(unit, recurrence=1.0, **{kind: 0.5})
    ones = np.ones((ROWS, STEPS, N_A), "float32")
    train = tf.function(lambda: layer(ones, training=True))

    first = train()
    second = train()

    assert np.abs(first - second).max() > 0


@every_unit
def test_nothing_is_dropped_at_inference(unit):
    layer = make_linear(unit, 1.0, dropout=0.5, recurrent_dropout=0.5)
    ones = np.ones((ROWS, STEPS, N_A), "float32")

    layer(ones, training=True)
    outputs = layer(ones)

    steps = np.arange(1, STEPS + 1)[None, :, None]
    expected = np.broadcast_to(steps, outputs.shape)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "unit", [UNITS[0], UNITS[2], UNITS[-1]], ids=lambda unit: unit.name
)
def test_inference_graph_draws_no_random_numbers(unit):
    layer = unit.layer(dropout=0.5, recurrent_dropout=0.5)
    sequences = tf.constant(draw(2, STEPS, N_X))
    layer(sequences)

    inference = operations(tf.function(lambda: layer(sequences)))
    training = operations(tf.function(lambda: layer(sequences, training=True)))

    assert not [operation for operation in inference if "Random" in operation]
    assert not [operation for operation in inference if "Assign" in operation]
    assert [operation for operation in training if "Random" in operation]


@pytest.mark.slow
def test_stacked_cells_with_dropout_train_in_a_graph():
    stack = [unit.cell(dropout=0.5, recurrent_dropout=0.5) for unit in UNITS]
    layer = layers.RNN(stack, return_sequences=True)
    sequences = tf.constant(draw(ROWS, STEPS, N_X))
    layer(sequences)

    @tf.function
    def train():
        with tf.GradientTape() as tape:
            outputs = layer(sequences, training=True)
            loss = tf.reduce_mean(outputs**2)
        return loss, tape.gradient(loss, [w.value for w in layer.trainable_variables])

    first, gradients = train()
    second, _ = train()
    assert len(gradients) == 3 * len(UNITS)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert first != second
    np.testing.assert_array_equal(layer(sequences), layer(sequences))
