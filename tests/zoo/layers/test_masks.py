"""Masks of the right shape, of those that broadcast, and of wrong ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.layers.masks import MASKS, ROWS, STEPS
from zoo import cells, layers
from zoo.keras_private import mask_of

N_X = 4


def crf():
    made = layers.CRF(N_X)
    made.build((None, None, N_X))
    return made


def attention():
    made = layers.Attention("dot")
    return lambda sequences, mask: made(sequences, sequences, values_mask=mask)


def decoder():
    made = layers.AttentionDecoder(layers.LSTM(N_X), layers.Attention("dot"), N_X)
    return lambda sequences, mask: made(sequences, sequences, mask=mask)


def tagger():
    made, metric = crf(), layers.CRFAccuracy()

    def best_and_accuracy(sequences, mask):
        emissions = made(sequences, mask=mask)
        metric.reset_state()
        metric.update_state(np.zeros((ROWS, STEPS)), emissions)
        return layers.CRFDecoder()(emissions), metric.result()

    return best_and_accuracy


def masked(make):
    """Returns a function that makes a layer and returns a call of it."""

    def made():
        layer = make()
        return lambda sequences, mask: layer(sequences, mask=mask)

    return made


CALLS = {
    "lean": masked(lambda: layers.LSTM(3, return_sequences=True)),
    "kernel": masked(lambda: layers.GRU(3, fused=True)),
    "cells": masked(lambda: layers.LSTM(3, fused=False)),
    "elementwise": masked(lambda: layers.MinGRU(3)),
    "bidirectional": masked(lambda: layers.Bidirectional(layers.SimpleRNN(3))),
    "deep": masked(lambda: layers.DeepRNN.stack("lstm", 3, 2, skip="output")),
    "gates": masked(lambda: layers.LSTM(3).gates),
    "mean": masked(layers.MeanPooling),
    "max": masked(layers.MaxPooling),
    "pooled by attention": masked(layers.AttentionPooling),
    "attention": attention,
    "attention decoder": decoder,
    "decode": masked(lambda: crf().decode),
    "marginals": masked(lambda: crf().marginals),
    "tags": tagger,
}


@pytest.fixture(params=CALLS)
def call(request):
    return CALLS[request.param]()


def sequences_of(rows=ROWS, steps=STEPS):
    random = np.random.default_rng(1)
    return random.normal(size=(rows, steps, N_X)).astype("float32")


@pytest.mark.parametrize(
    "shape",
    [(ROWS, STEPS, 2), (ROWS, STEPS - 1), (ROWS + 1, STEPS), (ROWS, 1), (STEPS,)],
)
def test_a_mask_of_another_shape_is_refused(call, shape):
    with pytest.raises(ValueError, match=r"of each step whether it is valid, \(3, 5\)"):
        call(sequences_of(), np.ones(shape, bool))


@pytest.mark.slow
def test_a_graph_refuses_it_as_soon_as_it_knows_the_shapes(call):
    sequences = sequences_of()
    call(sequences, MASKS["holes"])  # so that what is made once is made
    graph = tf.function(
        call,
        input_signature=[
            tf.TensorSpec((None, None, N_X)),
            tf.TensorSpec((None, None), tf.bool),
        ],
    )
    graph(sequences, MASKS["holes"])
    for shape in [(ROWS, STEPS - 1), (ROWS, 1), (1, 1)]:
        with pytest.raises((tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError)):
            graph(sequences, np.ones(shape, bool))


@pytest.mark.parametrize("shape", [(ROWS, 1), (1, 1), (ROWS, STEPS + 1)])
@pytest.mark.parametrize("known", [(None, None), (ROWS, None), (None, STEPS)])
def test_a_graph_takes_no_step_of_a_mask_for_all(shape, known):
    @tf.function(
        input_signature=[
            tf.TensorSpec((*known, N_X)),
            tf.TensorSpec((None, None), tf.bool),
        ]
    )
    def pool(sequences, mask):
        return layers.MeanPooling()(sequences, mask=mask)

    sequences, one_row = sequences_of(), MASKS["holes"][:1]
    expected = sequences[:, one_row[0]].mean(axis=1)
    np.testing.assert_allclose(pool(sequences, one_row), expected, atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError):
        pool(sequences, np.ones(shape, bool))


@pytest.mark.slow
def test_a_mask_may_be_of_numbers_and_have_an_axis_of_one(call):
    sequences, mask = sequences_of(), MASKS["holes"]
    tf.keras.utils.set_random_seed(1)
    expected = tf.nest.flatten(call(sequences, mask))
    for given in (mask[..., None], mask.astype("int32"), mask.tolist()):
        tf.keras.utils.set_random_seed(1)
        found = tf.nest.flatten(call(sequences, given))
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_a_mask_of_one_row_is_for_all(call):
    sequences, mask = sequences_of(), MASKS["holes"][:1]
    tf.keras.utils.set_random_seed(1)
    expected = tf.nest.flatten(call(sequences, np.repeat(mask, ROWS, axis=0)))
    tf.keras.utils.set_random_seed(1)
    found = tf.nest.flatten(call(sequences, mask))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "layer",
    [
        layers.GRU(3, return_sequences=True, name="gru"),
        layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both"),
        layers.DeepRNN.stack("gru", 3, 2, return_sequences=True, name="deep"),
    ],
    ids=lambda layer: layer.name,
)
def test_a_mask_given_as_lists_goes_along_with_the_outputs(layer):
    mask = MASKS["holes"]
    outputs = layer(sequences_of(), mask=mask.tolist())
    np.testing.assert_array_equal(mask_of(outputs), mask)


def attending(**arguments):
    made = layers.AttentionDecoder(layers.GRU(3), layers.Attention("dot"), **arguments)
    memory = np.random.default_rng(2).normal(size=(ROWS, 4, 3)).astype("float32")
    return lambda sequences, **kwargs: made(sequences, memory, **kwargs)[0], made


def fed_back(layer):
    made = layers.OutputRecurrence(layer)
    return lambda sequences, **kwargs: made(sequences, sequences, **kwargs), made


def by_itself(layer):
    return layer, layer


CELL_BY_CELL = {
    "variant": lambda: by_itself(layers.LSTM(3, peephole=True)),
    "backwards": lambda: by_itself(layers.GRU(3, fused=False, go_backwards=True)),
    "unrolled": lambda: by_itself(layers.GRU(3, unroll=True)),
    "stack of cells": lambda: by_itself(layers.RNN([cells.GRUCell(3)])),
    "attention decoder": lambda: attending(input_feeding=True),
    "fed back": lambda: fed_back(layers.SimpleRNN(3, fused=False)),
    "fed back without a state": lambda: fed_back(keras.layers.Dense(3)),
}


@pytest.mark.parametrize("kind", CELL_BY_CELL)
def test_what_is_no_number_under_the_mask_never_reaches_a_gradient(kind):
    call, layer = CELL_BY_CELL[kind]()
    sequences, mask = tf.constant(sequences_of()), tf.constant(MASKS["holes"])

    def gradients(sequences):
        with tf.GradientTape() as tape:
            tape.watch(sequences)
            outputs = call(sequences, mask=mask, training=True)
            if len(outputs.shape) == 3:
                outputs = tf.where(mask[..., None], outputs, 0)
            loss = tf.reduce_sum(outputs**2)
        weights = [weight.value for weight in layer.trainable_variables]
        return [loss, *tape.gradient(loss, [sequences, *weights])]

    expected = gradients(sequences)
    for strange in (np.nan, -np.inf):
        spoilt = tf.where(mask[..., None], sequences, strange)
        for found, wanted in zip(gradients(spoilt), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("skip", [True, "dense", ["input", 3]])
def test_skips_that_are_none_are_named(skip):
    with pytest.raises(ValueError, match="`skip` may hold residual, input, output"):
        layers.DeepRNN.stack("lstm", 3, 2, skip=skip)
