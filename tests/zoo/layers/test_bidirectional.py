"""Both directions, against the equations and against Keras."""

from unittest.mock import Mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.cells.equations import over_time
from tests.zoo.cells.units import (
    N_A,
    N_X,
    UNITS,
    draw,
    draw_weights,
    every_unit,
)
from tests.zoo.layers.masks import ALL_PATTERNS, MASKS, STEPS
from zoo import layers
from zoo.keras_private import mask_of
from zoo.kernels import compiled

ROWS = len(ALL_PATTERNS)
GRU, LSTM = UNITS[1], UNITS[-1]

MERGES = {
    "concat": lambda forward, backward: np.concatenate([forward, backward], axis=-1),
    "sum": lambda forward, backward: forward + backward,
    "mul": lambda forward, backward: forward * backward,
    "ave": lambda forward, backward: (forward + backward) / 2,
    None: lambda forward, backward: (forward, backward),
}


def make(layer, merge_mode="concat", wrapper=layers.Bidirectional, batch=None):
    wrapped = wrapper(layer, merge_mode=merge_mode)
    wrapped.build((batch, STEPS, N_X))
    draw_weights(wrapped)
    return wrapped


def draw_states(unit, rows):
    return [draw(rows, N_A, seed=20 + place) for place in range(2 * unit.states)]


def both_directions(unit, weights, sequences, states, mask):
    """Returns outputs and last states of each direction, in time's order.

    The backward direction takes a row's valid steps in the opposite order.
    """
    half = len(weights) // 2
    forward, forward_states = over_time(
        unit.step, weights[:half], sequences, states[: unit.states], mask
    )
    backward, backward_states = over_time(
        unit.step,
        weights[half:],
        sequences[:, ::-1],
        states[unit.states :],
        None if mask is None else mask[:, ::-1],
    )
    if mask is not None:
        forward = forward * mask[:, :, None]
        backward = backward * mask[:, ::-1, None]
    return (forward, forward_states), (backward[:, ::-1], backward_states)


@pytest.mark.slow
@every_unit
@pytest.mark.parametrize(
    "mask",
    [None, ALL_PATTERNS, MASKS["all rows empty"]],
    ids=["no mask", "all patterns", "all rows empty"],
)
def test_each_direction_takes_the_valid_steps_alone(unit, mask):
    layer = make(unit.layer(return_sequences=True, return_state=True))
    rows = 2 if mask is None else len(mask)
    sequences, states = draw(rows, STEPS, N_X), draw_states(unit, rows)

    outputs, *last = layer(sequences, initial_state=states, mask=mask)

    (forward, forward_states), (backward, backward_states) = both_directions(
        unit, layer.get_weights(), sequences, states, mask
    )
    expected = np.concatenate([forward, backward], axis=-1)
    np.testing.assert_allclose(outputs, expected, atol=2e-6)
    np.testing.assert_allclose(last, forward_states + backward_states, atol=2e-6)


@pytest.mark.slow
@every_unit
def test_last_output_joins_the_last_states_of_both_directions(unit):
    layer = make(unit.layer())
    sequences = draw(ROWS, STEPS, N_X)

    output = layer(sequences, mask=ALL_PATTERNS)

    zeros = [np.zeros((ROWS, N_A))] * 2 * unit.states
    (_, [forward, *_]), (_, [backward, *_]) = both_directions(
        unit, layer.get_weights(), sequences, zeros, ALL_PATTERNS
    )
    expected = np.concatenate([forward, backward], axis=-1)
    np.testing.assert_allclose(output, expected, atol=2e-6)


@pytest.mark.slow
def test_unrolled_directions_take_the_valid_steps_alone():
    unrolled = make(GRU.layer(return_sequences=True, unroll=True))
    looped = make(GRU.layer(return_sequences=True))
    sequences = draw(ROWS, STEPS, N_X)
    np.testing.assert_allclose(
        unrolled(sequences, mask=ALL_PATTERNS),
        looped(sequences, mask=ALL_PATTERNS),
        atol=1e-6,
    )


@pytest.mark.parametrize(
    ("unit", "mask"),
    [
        pytest.param(UNITS[0], None, id="rnn"),
        pytest.param(GRU, None, id="gru"),
        pytest.param(UNITS[2], ALL_PATTERNS, id="gru_reset_after-masked"),
    ],
)
def test_outputs_equal_those_of_keras(unit, mask):
    check_same_as_keras(unit, "concat", mask)


@pytest.mark.parametrize("merge_mode", MERGES)
def test_merged_outputs_equal_those_of_keras(merge_mode):
    check_same_as_keras(LSTM, merge_mode, ALL_PATTERNS)


def check_same_as_keras(unit, merge_mode, mask):
    arguments = {"return_sequences": True, "return_state": True}
    ours = make(unit.layer(**arguments), merge_mode)
    namesake = make(
        unit.keras_layer(**arguments), merge_mode, keras.layers.Bidirectional
    )
    draw_weights(namesake, seed=40)
    ours.set_weights(namesake.get_weights())
    sequences, states = draw(ROWS, STEPS, N_X), draw_states(unit, ROWS)

    results = ours(sequences, initial_state=states, mask=mask)
    expected = namesake(sequences, initial_state=states, mask=mask)

    assert len(results) == (2 if merge_mode is None else 1) + 2 * unit.states
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, value, atol=1e-6)


@pytest.mark.parametrize(
    ("merge_mode", "return_sequences"),
    [*((mode, True) for mode in MERGES), ("concat", False), (None, False)],
)
def test_directions_are_merged_as_asked(merge_mode, return_sequences):
    layer = make(LSTM.layer(return_sequences=return_sequences), merge_mode)
    sequences, mask = draw(ROWS, STEPS, N_X), ALL_PATTERNS

    forward = np.asarray(layer.forward_layer(sequences, mask=mask))
    backward = np.asarray(layer.backward_layer(sequences, mask=mask))

    if return_sequences:
        backward = backward[:, ::-1]
    results = layer(sequences, mask=mask)
    expected = MERGES[merge_mode](forward, backward)
    if merge_mode is not None:
        results, expected = [results], [expected]
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, value, atol=1e-6)


@pytest.mark.parametrize(
    ("unit", "garbage"),
    [
        pytest.param(unit, garbage, id=f"{unit.name}-{garbage}")
        for unit, garbage in [*((unit, np.nan) for unit in UNITS), (LSTM, 1e3)]
    ],
)
def test_padding_never_changes_a_result(unit, garbage):
    layer = make(unit.layer(return_sequences=True, return_state=True))
    sequences = draw(2, 3, N_X)
    padding = ((0, 0), (2, 1))
    mask = np.pad(np.ones((2, 3), bool), padding)
    padded = np.pad(sequences, (*padding, (0, 0)), constant_values=garbage)

    outputs, *states = layer(padded, mask=mask)

    expected, *expected_states = layer(sequences)
    expected = np.pad(expected, (*padding, (0, 0)))
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    np.testing.assert_allclose(states, expected_states, atol=1e-6)


@pytest.mark.slow
@every_unit
def test_masks_reach_the_layers_behind(unit):
    model = keras.Sequential(
        [
            keras.Input((None, N_X)),
            keras.layers.Masking(),
            layers.Bidirectional(unit.layer(return_sequences=True)),
            layers.Bidirectional(unit.layer(return_sequences=True), merge_mode="sum"),
            layers.Bidirectional(unit.layer()),
        ]
    )
    draw_weights(model)
    sequences = draw(2, 3, N_X)
    padded = np.pad(sequences, ((0, 0), (2, 1), (0, 0)))

    np.testing.assert_allclose(model(padded), model(sequences), atol=1e-6)


def test_mask_that_travels_with_the_sequences_holds_with_an_initial_state():
    layer = make(LSTM.layer())
    sequences, states = draw(ROWS, STEPS, N_X), draw_states(LSTM, ROWS)
    sequences *= ALL_PATTERNS[:, :, None]

    implicit = layer(keras.layers.Masking()(sequences), initial_state=states)

    explicit = layer(sequences, initial_state=states, mask=ALL_PATTERNS)
    np.testing.assert_allclose(implicit, explicit, atol=1e-6)


@pytest.mark.parametrize(
    ("unit", "merge_mode", "return_sequences"),
    [
        (GRU, "concat", True),
        (GRU, None, False),
        (LSTM, "concat", False),
        (LSTM, None, True),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_only_sequences_have_a_mask(unit, merge_mode, return_sequences):
    layer = make(
        unit.layer(return_sequences=return_sequences, return_state=True), merge_mode
    )
    mask = MASKS["holes"]
    outputs = 1 if merge_mode else 2

    masks = layer.compute_mask(None, mask)

    assert len(masks) == outputs + 2 * unit.states
    expected = mask if return_sequences else None
    assert all(output_mask is expected for output_mask in masks[:outputs])
    assert all(state_mask is None for state_mask in masks[outputs:])


def test_mask_is_in_the_order_of_the_direction_that_is_given_first():
    layer = layers.Bidirectional(
        layers.GRU(N_A, return_sequences=True, go_backwards=True),
        backward_layer=layers.GRU(N_A, return_sequences=True),
    )
    mask = MASKS["padded on the right"]

    outputs = layer(draw(len(mask), STEPS, N_X), mask=mask)

    np.testing.assert_array_equal(np.any(outputs != 0, axis=-1), mask[:, ::-1])
    np.testing.assert_array_equal(mask_of(outputs), mask[:, ::-1])


@pytest.mark.parametrize(
    ("unit", "merge_mode"), [(GRU, "concat"), (LSTM, None)], ids=["gru", "lstm"]
)
def test_stateful_layer_that_returns_its_states_takes_a_mask(unit, merge_mode):
    stateful = make(
        unit.layer(stateful=True, return_state=True, return_sequences=True),
        merge_mode,
        batch=2,
    )
    plain = make(
        unit.layer(return_state=True, return_sequences=True), merge_mode, batch=2
    )
    outputs = 1 if merge_mode else 2
    mask = np.array([[True] * 3 + [False] * 2, [True] * STEPS])
    sequences = draw(2, STEPS, N_X) * mask[:, :, None]
    sequences = keras.layers.Masking()(sequences)  # Keras' own raises here

    _, *first = stateful(sequences)
    second = stateful(sequences)

    states = first[outputs - 1 :]
    expected = plain(sequences, initial_state=list(states), mask=mask)
    for result, value in zip(second, expected, strict=True):
        np.testing.assert_allclose(result, value, atol=1e-6)
    stateful.reset_state()
    again = stateful(sequences)[outputs:]
    np.testing.assert_allclose(again, states, atol=1e-6)


@pytest.mark.parametrize(
    "merge_mode",
    [pytest.param(m, marks=() if m == "concat" else pytest.mark.slow) for m in MERGES],
)
def test_saved_model_loads_by_itself_and_gives_identical_outputs(merge_mode, tmp_path):
    inputs = keras.Input((None, N_X))
    layer = layers.Bidirectional(
        layers.GRU(N_A, return_sequences=True, relevance_gate=False), merge_mode
    )
    model = keras.Model(inputs, layer(keras.layers.Masking()(inputs)))
    draw_weights(model)
    model.save(tmp_path / "model.keras")

    copy = keras.models.load_model(tmp_path / "model.keras")

    loaded = copy.layers[-1]
    assert type(loaded) is layers.Bidirectional
    assert loaded.merge_mode == merge_mode
    for direction in ("forward_layer", "backward_layer"):
        one, other = getattr(loaded, direction), getattr(layer, direction)
        assert type(one) is layers.GRU
        assert one.get_config() == other.get_config()
    sequences = draw(ROWS, STEPS, N_X) * ALL_PATTERNS[:, :, None]
    np.testing.assert_array_equal(copy(sequences), model(sequences))


def test_directions_may_differ():
    layer = layers.Bidirectional(
        layers.LSTM(N_A), backward_layer=layers.GRU(2, go_backwards=True)
    )
    sequences, mask = draw(ROWS, STEPS, N_X), ALL_PATTERNS

    output = layer(sequences, mask=mask)

    # By itself a direction multiplies halves of the batch, which rounds otherwise.
    forward = layer.forward_layer(sequences, mask=mask)
    backward = layer.backward_layer(sequences, mask=mask)
    np.testing.assert_allclose(output[:, :N_A], forward, rtol=0, atol=1e-6)
    np.testing.assert_allclose(output[:, N_A:], backward, rtol=0, atol=1e-6)


def unlike(kind, merge_mode="concat", **arguments):
    """Returns directions of N_A and of two units, the backward one a `kind`."""
    return layers.Bidirectional(
        layers.LSTM(N_A, **arguments),
        merge_mode,
        backward_layer=kind(2, go_backwards=True, **arguments),
    )


def make_unlike(*args, **arguments):
    layer = unlike(*args, **arguments)
    layer.build((None, STEPS, N_X))
    draw_weights(layer)
    return layer


every_kind = pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU])


# All pairs of values of two of these.
@pytest.mark.parametrize(
    ("kind", "merge_mode", "return_sequences", "return_state"),
    [
        (layers.LSTM, "concat", True, True),
        (layers.LSTM, None, False, False),
        (layers.LSTM, None, True, False),
        (layers.GRU, "concat", False, False),
        (layers.GRU, None, True, True),
        (layers.GRU, None, False, True),
        (layers.GRU, "concat", True, False),
    ],
)
def test_shapes_of_unlike_directions_are_told_as_they_are(
    kind, merge_mode, return_sequences, return_state
):
    layer = unlike(
        kind, merge_mode, return_sequences=return_sequences, return_state=return_state
    )
    inputs = keras.Input((STEPS, N_X), batch_size=2)

    told = keras.tree.flatten(layer(inputs))

    found = keras.tree.flatten(layer(draw(2, STEPS, N_X)))
    assert [each.shape for each in told] == [tuple(each.shape) for each in found]
    masks = layer.compute_mask(None, np.ones((2, STEPS), bool))
    if merge_mode is None or return_state:
        assert len(masks) == len(found)


@every_kind
def test_unlike_directions_stand_before_other_layers(kind):
    inputs = keras.Input((None, N_X))
    both = unlike(kind, return_sequences=True)
    alone = keras.Model(inputs, keras.layers.Dense(3)(both(inputs)))
    stack = layers.DeepRNN([unlike(kind), layers.GRU(3)], return_state=True)
    sequences = draw(2, STEPS, N_X)

    outputs = alone(sequences)

    dense = alone.layers[-1]
    np.testing.assert_allclose(outputs, dense(both(sequences)), atol=1e-6)
    first, *states = stack(sequences)
    assert keras.Model(inputs, stack(inputs))(sequences)[0].shape == (2, 3)
    again, *_ = stack(sequences, initial_state=states)
    assert np.abs(first - again).max() > 1e-3


@pytest.mark.parametrize(
    ("kind", "merge_mode"), [(layers.LSTM, None), (layers.GRU, "concat")]
)
def test_each_of_unlike_directions_starts_from_its_states(kind, merge_mode):
    layer = make_unlike(kind, merge_mode, return_sequences=True, return_state=True)
    sequences, mask = draw(ROWS, STEPS, N_X), ALL_PATTERNS
    states = [draw(ROWS, n, seed=20 + n) for n in layer.state_size]

    found = layer(sequences, initial_state=states, mask=mask)

    forward, *own = layer.forward_layer(sequences, initial_state=states[:2], mask=mask)
    backward, *others = layer.backward_layer(
        sequences, initial_state=states[2:], mask=mask
    )
    outputs = [forward, backward[:, ::-1]]
    if merge_mode == "concat":
        outputs = [np.concatenate(outputs, axis=-1)]
    for result, value in zip(found, [*outputs, *own, *others], strict=True):
        np.testing.assert_allclose(result, value, atol=1e-6)
    zeros = layer.get_initial_state(ROWS)
    for result, value in zip(
        layer(sequences, initial_state=zeros), layer(sequences), strict=True
    ):
        np.testing.assert_allclose(result, value, atol=1e-6)
    gates = layer.gates(sequences, mask=mask, initial_state=states)
    alone = layer.backward_layer.gates(sequences, mask=mask, initial_state=states[2:])
    np.testing.assert_array_equal(gates["backward"]["memory"], alone["memory"])


@every_kind
@pytest.mark.parametrize("merge_mode", ["sum", "mul", "ave"])
def test_outputs_of_different_sizes_cannot_become_one(kind, merge_mode):
    with pytest.raises(ValueError, match="those of the directions are 2 and 4"):
        unlike(kind, merge_mode)


def test_weights_that_keras_would_ignore_are_refused():
    layer = make(layers.GRU(2))
    saved = layer.get_weights()
    with pytest.raises(ValueError, match="give them to its `set_weights`"):
        layers.Bidirectional(layers.GRU(2), weights=saved)
    with pytest.raises(ValueError, match="give them to its `set_weights`"):
        layers.Bidirectional(layers.GRU(2), "concat", saved)
    layers.Bidirectional(layers.GRU(2), "concat", None)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [GRU, LSTM], ids=lambda unit: unit.name)
def test_directions_have_a_core_each_or_two(unit, monkeypatch):
    """On two cores the batch stays in one piece; on more it is halved as elsewhere."""
    layer = make(unit.layer(return_sequences=True))
    sequences = tf.constant(draw(ROWS, STEPS, N_X))
    halved = Mock(wraps=compiled._in_halves)
    monkeypatch.setattr(compiled, "_in_halves", halved)
    results = []
    for cores, pieces in (2, 0), (8, 2):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        with tf.GradientTape() as tape:
            tape.watch(sequences)
            output = layer(sequences, mask=ALL_PATTERNS, training=True)
            loss = tf.reduce_sum(output**2)
        weights = [weight.value for weight in layer.trainable_weights]
        gradients = tape.gradient(loss, [sequences, *weights])
        assert halved.call_count == pieces
        results.append([output, *gradients])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
