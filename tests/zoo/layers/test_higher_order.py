"""Gradients of gradients, Jacobians and forward mode, against the cells and Keras."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.layers.test_fused import UNITS
from zoo import kernels, layers
from zoo.layers import CRF

pytestmark = pytest.mark.slow

# Few enough rows for one piece, but where a test has more of them halved.
BATCH, STEPS, N_X, N_A = 3, 6, 2, 3
GENERATOR = np.random.default_rng(0)
X = tf.constant(GENERATOR.normal(size=(BATCH, STEPS, N_X)), "float32")
MASK = tf.constant(GENERATOR.random((BATCH, STEPS)) < 0.6)


def pair(make):
    """Returns a layer that `make` makes, and one of the same weights by the cell."""
    made = [make("auto"), make(False)]
    for layer in made:
        layer.build(X.shape)
    made[1].set_weights(made[0].get_weights())
    return made


def of_kind(kind, **arguments):
    layer_class, own = UNITS[kind]
    return lambda fused: layer_class(
        N_A,
        return_sequences=True,
        fused=fused,
        bias_initializer="random_normal",
        **own,
        **arguments,
    )


NAMESAKES = {
    "rnn": keras.layers.SimpleRNN,
    "lstm": keras.layers.LSTM,
    "gru": functools.partial(keras.layers.GRU, reset_after=False),
    "gru_reset_after": keras.layers.GRU,
}


@functools.cache
def kept_pair(kind):
    """Returns a pair of several tests, for which a shape is compiled but once."""
    return pair(of_kind(kind))


def penalty(layer, mask=MASK, alone=(False,), states=None, training=True, x=X):
    """Returns the gradients of a gradient penalty, as those of WGAN-GP are.

    Of the penalty alone, or with the critic: of as many losses as `alone` has. What
    the cell gives needs no graph.
    """
    states = [] if states is None else states
    given = {"initial_state": states} if states else {}
    with tf.GradientTape(persistent=len(alone) > 1) as outer:
        outer.watch([x, *states])
        with tf.GradientTape() as inner:
            inner.watch([x, *states])
            outputs = layer(x, mask=mask, training=training, **given)
            critic = tf.reduce_sum(tf.square(outputs))
        norms = inner.gradient(critic, [x, *states])
        loss = sum(tf.reduce_sum(norm**3) for norm in norms)
        losses = [loss if each else loss + critic for each in alone]
    weights = [weight.value for weight in layer.trainable_variables]
    sources = [x, *states, *weights]
    return [each for loss in losses for each in outer.gradient(loss, sources)]


def assert_same(found, expected, tolerance=1e-5):
    for one, other in zip(found, expected, strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(one / scale, other / scale, atol=tolerance)


@pytest.mark.parametrize("kind", UNITS)
def test_gradient_penalty_in_a_graph_is_that_of_the_cell_and_of_keras(kind):
    kernel, cell = kept_pair(kind)
    namesake = NAMESAKES[kind](N_A, return_sequences=True)
    namesake.build(X.shape)
    namesake.set_weights(kernel.get_weights())
    assert kernel.fused_path == "fused"
    found = tf.function(penalty)(kernel)
    assert_same(found, penalty(cell))
    assert_same(found, penalty(namesake))


def test_gradient_penalty_of_a_batch_in_halves_alone_and_with_the_critic():
    kernel, cell = kept_pair("lstm")
    x, mask = (tf.repeat(each, 2, axis=0) for each in (X, MASK))
    how = {"mask": mask, "alone": (True, False), "x": x}
    assert_same(tf.function(penalty)(kernel, **how), penalty(cell, **how))


def test_gradient_penalty_outside_of_a_graph_is_the_same():
    kernel, cell = kept_pair("lstm")
    assert_same(penalty(kernel), penalty(cell))


@pytest.fixture
def short_chunks(monkeypatch):
    """Has core operations written out for one step instead of several: fewer."""
    monkeypatch.setattr(kernels.inference, "CHUNK", 1)


@pytest.mark.usefixtures("short_chunks")
def test_gradient_penalty_of_core_operations_is_the_same():
    lean, cell = pair(of_kind("lstm"))
    assert_same(penalty(lean, training=False), penalty(cell))


def test_gradient_penalty_reaches_the_initial_state():
    kernel, cell = kept_pair("lstm")
    states = [tf.ones((BATCH, N_A)), tf.fill((BATCH, N_A), 0.5)]
    run = tf.function(penalty)
    assert_same(run(kernel, states=states), penalty(cell, states=states))


WHOLE = {"return_sequences": True}


def in_segments(fused):
    every = 4 if fused else None
    return layers.LSTM(N_A, fused=fused, checkpoint_every=every, **WHOLE)


@pytest.mark.parametrize(
    ("make", "in_graph"),
    [
        (
            lambda fused: layers.Bidirectional(layers.GRU(N_A, fused=fused, **WHOLE)),
            False,
        ),
        (
            lambda fused: layers.DeepRNN(
                [layers.LSTM(N_A, fused=fused), layers.GRU(N_A, fused=fused)],
                skip="input",
            ),
            True,
        ),
        (in_segments, True),
        (in_segments, False),
    ],
    ids=["bidirectional", "deep", "checkpointed", "checkpointed, eager"],
)
def test_gradient_penalty_of_layers_around_kernels(make, in_graph):
    kernel, cell = pair(make)
    run = tf.function(penalty) if in_graph else penalty
    assert_same(run(kernel), penalty(cell))


def test_gradient_penalty_within_a_larger_xla_computation():
    kernel, cell = kept_pair("lstm")
    found = tf.function(penalty, jit_compile=True)(kernel)
    assert_same(found, penalty(cell))


@pytest.mark.parametrize("outer", [tf.function, lambda function: function])
def test_layer_in_a_function_of_its_own_is_differentiated_twice(outer):
    kernel, cell = kept_pair("gru")

    def inside(layer):
        call = tf.function(lambda x, **_: layer(x, mask=MASK, training=True))
        call.trainable_variables = layer.trainable_variables
        return call

    assert_same(outer(penalty)(inside(kernel)), penalty(cell))


def test_model_with_a_penalty_trains_as_with_cells():
    class Penalised(keras.Sequential):
        def train_step(self, data):
            x, _ = data
            with tf.GradientTape() as outer:
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    critic = self(x, training=True)
                gradient = inner.gradient(critic, x)
                loss = tf.reduce_mean(gradient**2)
            weights = self.trainable_variables
            self.optimizer.apply_gradients(
                zip(outer.gradient(loss, weights), weights, strict=True)
            )
            return {"penalty": loss}

    losses = []
    for fused in ("auto", False):
        keras.utils.set_random_seed(1)
        model = Penalised(
            [
                keras.Input((STEPS, N_X)),
                layers.LSTM(3, fused=fused),
                keras.layers.Dense(1, use_bias=False),
            ]
        )
        model.compile(keras.optimizers.SGD(1.0), run_eagerly=not fused)
        x = np.repeat(X, 2, axis=0)  # in halves
        history = model.fit(x, np.zeros(len(x)), epochs=3, verbose=0)
        losses.append(history.history["penalty"])
    assert losses[0][0] > 1.0001 * losses[0][-1] > 0
    np.testing.assert_allclose(*losses, rtol=1e-4)


def jacobian(layer, method):
    with tf.GradientTape() as tape:
        tape.watch(X)
        outputs = layer(X, mask=MASK)
    return getattr(tape, method)(outputs, X)


def one_by_one(layer):
    """Returns what `jacobian` does, a gradient for each output."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(X)
        outputs = layer(X, mask=MASK)
        units = tf.unstack(tf.reshape(outputs, [-1]))
    found = tf.stack([tape.gradient(each, X) for each in units])
    return tf.reshape(found, [*outputs.shape, *X.shape])


# By core operations and a kernel, between which the graph chooses; and by segments.
@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize(
    ("method", "every", "in_graph"),
    [("jacobian", None, True), ("batch_jacobian", 4, False)],
)
def test_jacobians_are_those_of_the_cell(method, every, in_graph):
    kernel, cell = pair(of_kind("lstm"))
    kernel.checkpoint_every = every
    found = (tf.function(jacobian) if in_graph else jacobian)(kernel, method)
    expected = one_by_one(cell)
    if method == "batch_jacobian":
        expected = np.asarray(expected)[range(BATCH), :, :, range(BATCH)]
    assert_same([found], [expected])


def test_gradients_of_each_example_are_those_of_the_cell():
    def of_one(layer, row):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(row[None]) ** 2)
        return tape.gradient(loss, layer.trainable_variables[0].value)

    kernel, cell = pair(of_kind("gru"))
    found = tf.vectorized_map(lambda row: of_one(kernel, row), X)
    assert_same([found], [tf.stack([of_one(cell, row) for row in X])])
    kernel.fused = True
    with pytest.raises(ValueError, match=r"vectorized_map.* Leave fused=True out"):
        tf.vectorized_map(lambda row: of_one(kernel, row), X)


def directional(layer, call=None):
    """Returns the outputs' derivative by the inputs and all weights, in a direction."""
    call = call or layer
    watched = [X, *(weight.value for weight in layer.trainable_variables)]
    ones = [tf.ones_like(each) for each in watched]
    with tf.autodiff.ForwardAccumulator(watched, ones) as accumulator:
        outputs = call(X, training=True)
    return accumulator.jvp(outputs)


@pytest.mark.parametrize("every", [None, 4])
def test_forward_mode_is_that_of_the_cell(every):
    kernel, cell = pair(of_kind("lstm"))
    kernel.checkpoint_every = every
    assert_same([directional(kernel)], [directional(cell)])


def test_forward_over_reverse_is_that_of_the_cell():
    def hessian_product(layer):
        with tf.autodiff.ForwardAccumulator(X, tf.ones_like(X)) as accumulator:
            with tf.GradientTape() as tape:
                tape.watch(X)
                loss = tf.reduce_sum(layer(X, training=True) ** 2)
            gradient = tape.gradient(loss, X)
        return accumulator.jvp(gradient)

    kernel, cell = kept_pair("gru")
    assert_same([hessian_product(kernel)], [hessian_product(cell)])


def test_forward_mode_through_a_graph_raises_a_sentence():
    kernel, _ = kept_pair("lstm")
    sentence = "can't go through a loop over time within a tf.function"
    for through in (
        lambda: directional(kernel, tf.function(kernel.call)),
        tf.function(lambda: directional(kernel)),
    ):
        with pytest.raises(NotImplementedError, match=sentence):
            through()


def test_gradient_in_a_loop_of_a_graph_is_that_of_the_cell():
    def gradients(layer, n):
        weights = [weight.value for weight in layer.trainable_variables]
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(X * tf.cast(n, "float32")) ** 2)
        return tape.gradient(loss, weights)

    @tf.function
    def summed(layer):
        def add(n, sums):
            found = gradients(layer, n)
            return n + 1, [a + b for a, b in zip(sums, found, strict=True)]

        zeros = [tf.zeros_like(weight.value) for weight in layer.trainable_variables]
        return tf.while_loop(lambda n, _: n < 3, add, (1, zeros))[1]

    kernel, cell = kept_pair("lstm")
    expected = zip(*(gradients(cell, n) for n in (1, 2)), strict=True)
    assert_same(summed(kernel), [a + b for a, b in expected])


def test_crf_in_forward_mode_is_right_or_raises():
    crf = CRF(["O", "B-X", "I-X"], "iob2", initializer="random_normal", dtype="float64")
    emissions = tf.constant(GENERATOR.normal(size=(2, 4, 3)))
    tags = tf.constant([[0, 1, 2, 0], [1, 2, 0, 1]])
    direction = tf.constant(GENERATOR.normal(size=emissions.shape))

    def slope(function):
        with tf.autodiff.ForwardAccumulator(emissions, direction) as accumulator:
            nats = function(emissions)
        return accumulator.jvp(nats)

    def likelihood(emissions):
        return crf.log_likelihood(emissions, tags)

    crf(emissions)
    ahead, behind = (
        likelihood(emissions + step) for step in (1e-6 * direction, -1e-6 * direction)
    )
    np.testing.assert_allclose(slope(likelihood), (ahead - behind) / 2e-6, atol=1e-6)
    with pytest.raises(NotImplementedError, match="ForwardAccumulator"):
        slope(tf.function(likelihood))


@pytest.mark.parametrize("in_graph", [True, False])
def test_crf_is_differentiated_twice(in_graph):
    crf = CRF(["O", "B-X", "I-X"], "iob2", initializer="random_normal", dtype="float64")
    emissions = tf.constant(GENERATOR.normal(size=(2, 4, 3)))
    tags = tf.constant([[0, 1, 2, 0], [1, 2, 0, 1]])
    mask = tf.constant([[True, True, True, True], [True, False, True, True]])
    direction = tf.constant(GENERATOR.normal(size=emissions.shape))

    def first(emissions):
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            nats = tf.reduce_sum(crf.log_likelihood(emissions, tags, mask) ** 2)
        return tape.gradient(nats, emissions)

    def second(emissions):
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            slope = tf.reduce_sum(first(emissions) * direction)
        return tape.gradient(slope, [emissions, crf.transitions.value])

    crf(emissions)
    found, by_transitions = (tf.function(second) if in_graph else second)(emissions)
    step = 1e-5 * direction
    expected = (first(emissions + step) - first(emissions - step)) / 2e-5
    np.testing.assert_allclose(found, expected, atol=1e-7)
    assert np.isfinite(by_transitions).all()
    assert np.abs(by_transitions).max() > 0.01


def test_marginals_of_a_crf_have_a_gradient():
    crf = CRF(["O", "B-X", "I-X"], "iob2", initializer="random_normal", dtype="float64")
    emissions = tf.constant(GENERATOR.normal(size=(2, 4, 3)))
    direction = tf.constant(GENERATOR.normal(size=emissions.shape))
    step = 1e-5 * direction
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        slope = tf.reduce_sum(crf.marginals(emissions) * direction)
    found = tape.gradient(slope, emissions)
    ahead, behind = (crf.marginals(emissions + s) for s in (step, -step))
    np.testing.assert_allclose(found, (ahead - behind) / 2e-5, atol=1e-8)
