"""The recurrent layers in the place of Keras' own: weights, gradients, files."""

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
    every_namesake,
    every_unit,
)
from tests.zoo.layers.masks import ALL_PATTERNS, STEPS
from zoo import cells, layers

pytestmark = pytest.mark.slow

ROWS = len(ALL_PATTERNS)

OPTIONS = "return_sequences", "return_state", "go_backwards"
# Each pair of two options, of each unit two cases that are opposites.
FLAGS = {
    "rnn": (False, False, False),
    "gru": (False, False, True),
    "gru_reset_after": (False, True, False),
    "lstm": (False, True, True),
}


def masked_or_not(units):
    """Runs a test with each unit, with all patterns of a mask or none in turn."""
    return pytest.mark.parametrize(
        ("unit", "mask"),
        [(unit, ALL_PATTERNS if n % 2 else None) for n, unit in enumerate(units)],
        ids=[unit.name for unit in units],
    )


def make(build, **arguments):
    layer = build(**arguments)
    layer.build((None, None, N_X))
    draw_weights(layer)
    return layer


def call(layer, states, mask):
    results = layer(draw(ROWS, STEPS, N_X), initial_state=states, mask=mask)
    return results if isinstance(results, tuple | list) else [results]


def check_same(ours, namesake, with_state_and_mask):
    states = mask = None
    if with_state_and_mask:
        count = len(ours.state_size)
        states = [draw(ROWS, N_A, seed=20 + place) for place in range(count)]
        mask = ALL_PATTERNS
    results, expected = call(ours, states, mask), call(namesake, states, mask)
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, value, atol=1e-6)


@every_namesake
@pytest.mark.parametrize("opposite", [False, True])
def test_our_weights_do_the_same_in_keras(unit, opposite):
    values = [value is not opposite for value in FLAGS[unit.name]]
    flags = dict(zip(OPTIONS, values, strict=True))
    ours, namesake = make(unit.layer, **flags), unit.keras_layer(**flags)
    namesake.build((None, None, N_X))
    namesake.set_weights(ours.get_weights())
    check_same(ours, namesake, with_state_and_mask=True)


@every_namesake
@pytest.mark.parametrize("use_bias", [True, False])
def test_weights_of_keras_do_the_same_here(unit, use_bias):
    arguments = {"use_bias": use_bias, "return_sequences": True}
    ours, namesake = unit.layer(**arguments), make(unit.keras_layer, **arguments)
    ours.build((None, None, N_X))
    ours.set_weights(namesake.get_weights())
    check_same(ours, namesake, with_state_and_mask=False)


@masked_or_not(NAMESAKES)
def test_gradients_equal_those_of_keras(unit, mask):
    ours = make(unit.layer, return_sequences=True)
    namesake = make(unit.keras_layer, return_sequences=True)
    sequences = tf.constant(draw(ROWS, STEPS, N_X))
    weighting = draw(ROWS, STEPS, N_A, seed=30)

    def gradients(layer):
        weights = [weight.value for weight in layer.weights]
        with tf.GradientTape() as tape:
            tape.watch(sequences)
            loss = tf.reduce_mean(layer(sequences, mask=mask) * weighting)
        return tape.gradient(loss, [sequences, *weights])

    for gradient, expected in zip(gradients(ours), gradients(namesake), strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-6)
        assert np.abs(gradient).max() > 1e-4


@every_unit
def test_cell_that_keras_made_is_gone(unit):
    layer = make(unit.layer, dropout=0.1)
    assert list(layer._flatten_layers(include_self=False)) == [layer.cell]
    assert type(layer.cell) is getattr(cells, f"{unit.kind}Cell")
    kernel, recurrent_kernel, bias, _seed = layer.variables
    assert layer.trainable_variables == [kernel, recurrent_kernel, bias]


@every_unit
def test_arguments_reach_the_cell(unit):
    arguments = {
        "activation": "relu",
        "use_bias": False,
        "kernel_initializer": "ones",
        "recurrent_constraint": "max_norm",
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
        "seed": 7,
        "trainable": False,
        "dtype": "float64",
    }
    cell = unit.layer(**arguments).cell
    expected = unit.cell(**arguments, name=cell.name)
    assert cell.get_config() == expected.get_config()


@every_namesake
def test_positional_arguments_are_those_of_keras(unit):
    ours = unit.layer(N_A, activation="relu", name="layer")
    positional = type(ours)(N_A, "relu", name="layer", **unit.arguments)
    assert positional.get_config() == ours.get_config()


def test_positional_arguments_of_the_generic_layer_are_those_of_keras():
    assert layers.RNN(cells.GRUCell(N_A), True).return_sequences


def test_reset_after_without_a_relevance_gate_is_refused():
    with pytest.raises(ValueError, match="`relevance_gate=False` leaves it out"):
        layers.GRU(N_A, reset_after=True, relevance_gate=False)


def test_textbook_gru_is_the_default():
    layer = layers.GRU(N_A)
    assert not layer.reset_after
    assert layer.relevance_gate


@every_unit
def test_saved_model_loads_by_itself_and_gives_identical_outputs(unit, tmp_path):
    arguments = {"dropout": 0.2, "return_sequences": True, "go_backwards": True}
    model = keras.Sequential(
        [
            keras.Input((None, N_X)),
            keras.layers.Masking(),
            unit.layer(recurrent_activation="hard_sigmoid", **arguments)
            if unit.kind != "SimpleRNN"
            else unit.layer(activation="relu", **arguments),
        ]
    )
    draw_weights(model)
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    assert type(copy.layers[-1]) is getattr(layers, unit.kind)
    assert copy.layers[-1].get_config() == model.layers[-1].get_config()
    sequences = draw(ROWS, STEPS, N_X) * ALL_PATTERNS[:, :, None]
    np.testing.assert_array_equal(copy(sequences), model(sequences))


def test_saved_model_with_a_generic_layer_loads_by_itself(tmp_path):
    stack = [cells.LSTMCell(N_A), cells.GRUCell(N_A, relevance_gate=False)]
    model = keras.Sequential([keras.Input((None, N_X)), layers.RNN(stack)])
    draw_weights(model)
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    assert type(copy.layers[-1]) is layers.RNN
    sequences = draw(2, STEPS, N_X)
    np.testing.assert_array_equal(copy(sequences), model(sequences))


@every_unit
def test_activation_may_be_any_function(unit):
    def double(v):
        return 2 * v

    layer = make(unit.layer, activation=lambda v: double(v))
    expected = make(unit.layer, activation=double)
    sequences = draw(2, STEPS, N_X)
    np.testing.assert_array_equal(layer(sequences), expected(sequences))
    assert np.abs(layer(sequences) - make(unit.layer)(sequences)).max() > 1e-3


@every_unit
def test_regularizers_give_losses(unit):
    layer = make(
        unit.layer,
        kernel_regularizer=keras.regularizers.L2(0.1),
        recurrent_regularizer=keras.regularizers.L1(0.2),
        bias_regularizer=keras.regularizers.L2(0.3),
    )
    kernel, recurrent_kernel, bias = layer.get_weights()
    expected = [
        0.1 * np.sum(kernel**2),
        0.2 * np.sum(np.abs(recurrent_kernel)),
        0.3 * np.sum(bias**2),
    ]
    np.testing.assert_allclose(sorted(layer.losses), sorted(expected), rtol=1e-5)


@every_unit
def test_activity_regularizer_gives_a_loss(unit):
    layer = make(unit.layer, activity_regularizer=keras.regularizers.L2(0.4))

    output = np.asarray(layer(draw(2, STEPS, N_X)))

    expected = 0.4 * np.sum(output**2) / len(output)
    np.testing.assert_allclose(layer.losses, [expected], rtol=1e-5)


@masked_or_not(UNITS)
def test_bfloat16_stays_close_to_float32(unit, mask):
    half = make(unit.layer, dtype="mixed_bfloat16", return_sequences=True)
    full = make(unit.layer, return_sequences=True)
    sequences = draw(ROWS, STEPS, N_X)

    outputs = half(sequences, mask=mask)

    assert outputs.dtype == tf.bfloat16
    assert {weight.dtype for weight in half.weights} == {"float32"}
    np.testing.assert_allclose(
        tf.cast(outputs, "float32"), full(sequences, mask=mask), atol=0.05
    )


@every_unit
def test_few_rows_or_steps_are_enough(unit):
    layer = make(unit.layer, return_sequences=True, return_state=True)
    for shape in [(0, STEPS), (2, 1), (1, 1)]:
        sequences = draw(*shape, N_X)

        outputs, *states = layer(sequences, mask=np.ones(shape, bool))

        assert outputs.shape == (*shape, N_A)
        assert [state.shape for state in states] == [(shape[0], N_A)] * unit.states
        if shape[1] == 1:
            first, *_ = layer.cell(sequences[:, 0], layer.get_initial_state(shape[0]))
            np.testing.assert_allclose(outputs[:, 0], first, atol=1e-6)


@every_unit
def test_one_graph_serves_every_shape(unit):
    layer = make(unit.layer, return_sequences=True)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, N_X], tf.float32),
            tf.TensorSpec([None, None], tf.bool),
        ]
    )
    def run(sequences, mask):
        return layer(sequences, mask=mask)

    for shape in [(ROWS, STEPS), (2, 3), (1, 1), (0, 2)]:
        sequences, mask = draw(*shape, N_X), ALL_PATTERNS[: shape[0], : shape[1]]
        np.testing.assert_allclose(
            run(sequences, mask), layer(sequences, mask=mask), atol=1e-6
        )


# By a kernel, and by a cell that has none.
@pytest.mark.parametrize("name", ["lstm", "gru_simplified"])
def test_model_trains(name):
    (unit,) = (unit for unit in UNITS if unit.name == name)
    model = keras.Sequential([unit.layer(dropout=0.1), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    sequences, targets = draw(4, STEPS, N_X), draw(4, 1)
    model.build(sequences.shape)
    before = model.get_weights()

    history = model.fit(sequences, targets, epochs=1, verbose=0)

    assert np.isfinite(history.history["loss"]).all()
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.abs(new - old).max() > 0


@pytest.mark.parametrize("wrap", [lambda layer: layer, layers.Bidirectional])
def test_state_and_mask_can_be_given_by_place(wrap):
    layer = wrap(layers.GRU(N_A))
    sequences = draw(ROWS, STEPS, N_X)
    by_place = layer(sequences, None, tf.constant(ALL_PATTERNS))
    by_name = layer(sequences, mask=tf.constant(ALL_PATTERNS))
    np.testing.assert_array_equal(by_place, by_name)
