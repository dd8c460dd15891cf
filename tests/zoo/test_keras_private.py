"""What Keras keeps to itself is where `zoo.keras_private` says that it is."""

import keras
import numpy as np
import pytest

from zoo import keras_private, layers

OVERRIDDEN = {
    layers.RNN: (keras.layers.RNN, "inner_loop", "_maybe_config_dropout_masks"),
    layers.LSTM: (keras.layers.LSTM, "inner_loop"),
    layers.GRU: (keras.layers.GRU, "inner_loop"),
}


@pytest.mark.parametrize("own", OVERRIDDEN)
def test_what_is_overridden_is_there(own):
    theirs, *names = OVERRIDDEN[own]
    for name in names:
        assert getattr(own, name) is not getattr(theirs, name)


def test_what_is_called_or_overridden_in_keras_is_there():
    assert callable(keras.layers.RNN._maybe_reset_dropout_masks)
    assert callable(keras.Model._maybe_symbolic_build)
    assert callable(keras.optimizers.Optimizer._all_reduce_sum_gradients)


def test_cells_of_keras_and_of_the_zoo_hold_dropout_masks():
    for layer in (keras.layers.LSTM(2), layers.LSTM(2), layers.GRU(2)):
        assert isinstance(layer.cell, keras_private.DropoutRNNCell)


def test_what_a_cell_has_drawn_is_held_where_it_is_looked_for():
    cell = keras.layers.GRUCell(2, dropout=0.5, recurrent_dropout=0.5)
    cell.get_dropout_mask(np.ones((1, 2)))
    cell.get_recurrent_dropout_mask(np.ones((1, 2)))
    held = [getattr(cell, name) for name in keras_private.DROPOUT_MASKS]
    assert None not in held
    cell.reset_dropout_mask()
    cell.reset_recurrent_dropout_mask()
    held = [getattr(cell, name) for name in keras_private.DROPOUT_MASKS]
    assert held == [None, None]


def test_layers_are_found_at_any_depth():
    stack = layers.DeepRNN([layers.GRU(2), layers.LSTM(3)])
    inside = list(keras_private.layers_in(stack))
    assert inside[0] is stack
    assert {layer.cell for layer in stack.layers} <= set(inside)
    assert stack not in list(keras_private.layers_in(stack, include_self=False))


def test_training_is_an_argument_of_some_layers():
    class Plain(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    assert keras_private.takes_training(keras.layers.Dropout(0.5))
    assert not keras_private.takes_training(Plain())


def test_a_mask_comes_along_with_its_tensor():
    embedding = keras.layers.Embedding(3, 2, mask_zero=True)
    ids = np.array([[1, 0]])
    assert keras_private.mask_of(embedding(ids)).numpy().tolist() == [[True, False]]
    assert keras_private.mask_of(np.zeros(2)) is None
    tensor = keras.ops.ones((1, 2, 3))
    keras_private.carry_mask(tensor, np.array([[True, False]]))
    np.testing.assert_array_equal(
        keras.layers.Dense(1)(tensor)._keras_mask, [[True, False]]
    )


def test_shapes_are_asked_for_in_a_scope_of_their_own():
    seen = []

    class Asked(keras.layers.Layer):
        def call(self, inputs):
            seen.append(keras_private.in_symbolic_scope())
            return inputs

    Asked()(keras.Input((2,)))
    Asked()(np.ones((1, 2)))
    assert seen == [True, False]
