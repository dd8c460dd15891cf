"""Recurrent weights dropped over time: which, how long, and on which path."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.units import (
    N_A,
    N_X,
    NAMESAKES,
    UNITS,
    draw,
    draw_weights,
    every_unit,
)
from tests.zoo.layers.masks import ALL_PATTERNS, STEPS
from zoo import cells, layers

ROWS = len(ALL_PATTERNS)
slow = pytest.mark.slow
RATE = 0.4


def make(build, **arguments):
    """Returns a built layer that drops weights, with weights all its own."""
    arguments = {"recurrent_weight_dropout": RATE, "seed": 5} | arguments
    layer = build(**arguments)
    layer.build((None, None, N_X))
    draw_weights(layer)
    return layer


def next_draw(layer):
    """Returns the recurrent weights of the layer's next call, and rewinds its seed."""
    cell, seed = layer.cell, layer.cell.seed_generator.state
    before = np.asarray(seed)
    dropped = np.asarray(cell.recurrent_weights(training=True))
    cell.reset_recurrent_dropout_mask()
    seed.assign(before)
    return dropped


def draw_states(layer):
    return [
        tf.constant(draw(ROWS, size, seed=20 + place))
        for place, size in enumerate(keras.tree.flatten(layer.state_size))
    ]


def call(layer, mask=ALL_PATTERNS):
    """Returns what a layer gives in training, and all gradients of a sum of it."""
    sequences, states = tf.constant(draw(ROWS, STEPS, N_X)), draw_states(layer)
    with tf.GradientTape() as tape:
        tape.watch([sequences, states])
        found = layer(sequences, initial_state=states, mask=mask, training=True)
        found = list(found) if isinstance(found, tuple | list) else [found]
        loss = sum(
            tf.reduce_sum(each * draw(*each.shape, seed=30 + place))
            for place, each in enumerate(found)
        )
    weights = [weight.value for weight in layer.trainable_variables]
    return found, tape.gradient(loss, [sequences, *states, *weights])


def assert_close(found, expected, tolerance=1e-5):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance)


# A kernel takes seconds to compile: each of these is slow, but for two.
EVERYDAY = ("lstm", None), ("gru", 3)
CASES = [
    pytest.param(
        unit,
        every,
        marks=() if (unit.name, every) in EVERYDAY else slow,
        id=f"{unit.name}-{every}",
    )
    for unit in NAMESAKES
    for every in (None, 3)
]


@pytest.mark.slow
@pytest.mark.parametrize(("unit", "checkpoint_every"), CASES)
def test_kernel_does_what_keras_does_with_the_dropped_weights(unit, checkpoint_every):
    flags = {"return_sequences": True, "return_state": True}
    layer = make(unit.layer, fused=True, checkpoint_every=checkpoint_every, **flags)
    assert layer.fused_path == "fused"
    dropped = next_draw(layer)
    namesake = unit.keras_layer(**flags)
    namesake.build((None, None, N_X))
    namesake.set_weights(layer.get_weights())
    namesake.cell.recurrent_kernel.assign(dropped)

    found, gradients = call(layer)

    expected, others = call(namesake)
    assert_close(found, expected)
    place = len(gradients) - 2  # the recurrent kernel's; the bias comes after it
    kept = dropped != 0
    assert 0 < kept.sum() < kept.size
    np.testing.assert_array_equal(np.asarray(gradients[place])[~kept], 0)
    assert (np.asarray(gradients[place])[kept] != 0).all()
    others[place] = np.where(kept, others[place] / (1 - RATE), 0)
    assert_close(gradients, others, 1e-4)


@pytest.mark.slow
@every_unit
@pytest.mark.parametrize(
    "arguments",
    [{"go_backwards": True, "dropout": 0.3}, {"use_bias": False}],
    ids=["backwards", "no bias"],
)
def test_both_paths_drop_the_same_weights(unit, arguments):
    layer, cell = (make(unit.layer, fused=way, **arguments) for way in ("auto", False))
    for _ in range(2):  # the second call's weights are others
        found, gradients = call(layer)
        expected, others = call(cell)
        assert_close(found, expected)
        assert_close(gradients, others, 1e-4)


def around(make_cell):
    return lambda **arguments: layers.RNN(make_cell(**arguments), fused=False)


BLOCKS = {
    "bidirectional": lambda **own: layers.Bidirectional(layers.LSTM(N_A, **own)),
    "deep": lambda **own: layers.DeepRNN(
        [layers.GRU(N_A, name=f"gru_{number}", **own) for number in range(2)]
    ),
    "peephole": lambda **own: layers.LSTM(N_A, peephole=True, **own),
    "normalized": lambda **own: layers.GRU(N_A, layer_normalization=True, **own),
    "stacked": around(
        lambda **own: keras.layers.StackedRNNCells(
            [cells.LSTMCell(N_A, **own), cells.GRUCell(N_A, **own)]
        )
    ),
    "wrapped": around(lambda **own: cells.Leaky(cells.LSTMCell(N_A, **own))),
    "deep transition": around(
        lambda **own: cells.DeepTransitionCell(
            cells.GRUCell(N_A, **own), transition_units=[3]
        )
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_drops_weights_for_a_batch_and_only_in_training(name):
    keras.utils.set_random_seed(1)
    layer = BLOCKS[name](recurrent_weight_dropout=RATE)
    layer.build((None, None, N_X))
    draw_weights(layer)
    plain = BLOCKS[name]()
    plain.build((None, None, N_X))
    plain.set_weights(layer.get_weights())
    sequences = tf.constant(draw(ROWS, STEPS, N_X))
    # Rows are alike, and so stay alike: all have one mask.
    alike = tf.repeat(sequences[:1], ROWS, axis=0)
    train = tf.function(lambda: layer(alike, training=True))

    np.testing.assert_allclose(
        layer(sequences, mask=ALL_PATTERNS),
        plain(sequences, mask=ALL_PATTERNS),
        atol=1e-6,
    )
    first, second = (np.asarray(train()) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_allclose(first, first[:1].repeat(ROWS, axis=0), atol=1e-6)
    np.testing.assert_allclose(
        layer(sequences, training=False), plain(sequences), atol=1e-6
    )


@pytest.mark.slow
@every_unit
@pytest.mark.parametrize("fused", ["auto", False])
def test_all_steps_have_the_same_weights(unit, fused):
    flags = {"return_sequences": True, "return_state": True}
    layer = make(unit.layer, fused=fused, **flags)
    sequences, states = draw(ROWS, STEPS, N_X), draw_states(layer)
    cell = unit.cell()
    cell.build((None, N_X))
    cell.set_weights(layer.get_weights())
    cell.recurrent_kernel.assign(next_draw(layer))

    outputs, *_ = layer(sequences, initial_state=states, training=True)

    for t in range(STEPS):
        a, states = cell(sequences[:, t], states)
        np.testing.assert_allclose(outputs[:, t], a, atol=1e-5)


@pytest.mark.slow
@every_unit
def test_same_seed_drops_the_same(unit):
    sequences = draw(ROWS, STEPS, N_X)

    def outputs(layer):
        return layer(sequences, mask=ALL_PATTERNS, training=True)

    one, same = make(unit.layer), make(unit.layer)
    other = make(unit.layer, seed=6)
    first, again, different = (outputs(each) for each in (one, same, other))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - different).max() > 1e-3
    # The seed's state is a variable, which checkpoints keep.
    [state] = [each for each in one.variables if "seed" in each.path]
    before = np.asarray(state)
    second = outputs(one)
    assert np.abs(first - second).max() > 1e-3
    state.assign(before)
    np.testing.assert_array_equal(outputs(one), second)


@every_unit
def test_steps_taken_one_by_one_in_training_drop_too(unit):
    layer = make(unit.layer)
    x, states = draw(ROWS, N_X), draw_states(layer)
    dropped = next_draw(layer)

    output, _ = layers.stepper(layer, training=True)(x, states)

    layer.cell.reset_recurrent_dropout_mask()
    layer.cell.recurrent_kernel.assign(dropped)
    expected, _ = layers.stepper(layer)(x, states)
    np.testing.assert_allclose(output, expected, atol=1e-6)


@every_unit
def test_rate_survives_saving(unit):
    layer = make(unit.layer)
    copy = type(layer).from_config(layer.get_config())
    assert copy.recurrent_weight_dropout == copy.cell.recurrent_weight_dropout == RATE
    config = layer.get_config()
    del config["recurrent_weight_dropout"]  # of a layer saved before there was one
    assert type(layer).from_config(config).recurrent_weight_dropout == 0


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float64"])
def test_weights_are_dropped_in_the_layers_precision(dtype):
    layer = make(UNITS[-1].layer, dtype=dtype, units=40)
    dropped = layer.cell.recurrent_weights(training=True)
    assert dropped.dtype == layer.compute_dtype
    share = np.mean(np.asarray(tf.cast(dropped, "float64")) == 0)
    assert share == pytest.approx(RATE, abs=5 * (RATE * (1 - RATE) / 6400) ** 0.5)
    layer.cell.reset_recurrent_dropout_mask()
    assert layer(draw(2, 3, N_X), training=True).dtype == layer.compute_dtype


def test_cudnn_which_has_no_such_weights_is_refused_or_left_out(monkeypatch):
    with pytest.raises(ValueError, match="recurrent_weight_dropout=0"):
        layers.LSTM(N_A, recurrent_weight_dropout=RATE, use_cudnn=True)
    asked = []
    path = keras.layers.GRU.inner_loop

    def watched(self, *args, **kwargs):
        asked.append(self)
        return path(self, *args, **kwargs)

    monkeypatch.setattr(keras.layers.GRU, "inner_loop", watched)
    layer = layers.GRU(N_A, reset_after=True, recurrent_weight_dropout=RATE)
    layer(draw(2, 3, N_X), training=True)
    assert asked == []
    layer(draw(2, 3, N_X))
    assert asked == [layer]
