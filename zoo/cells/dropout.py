"""Variational dropout inside a cell (Gal & Ghahramani 2016)."""


def drop(cell, inputs, state, training):
    """Drops parts of a step's input and of its recurrent state, in training.

    Each sequence has one mask for its inputs and one for its state, the same
    at every step and for all gates. The surrounding layer draws new ones for
    each batch.

    Args:
        cell: a `DropoutRNNCell` with `dropout` and `recurrent_dropout`, both
            fractions in [0, 1).
        inputs: (batch, features).
        state: (batch, units), what the recurrent kernel multiplies.
        training: nothing is dropped unless this is true.

    Returns:
        `inputs` and `state`, scaled by 1 / (1 - rate) where they are kept.
    """
    if training and cell.dropout > 0.0:
        inputs = inputs * cell.get_dropout_mask(inputs)
    if training and cell.recurrent_dropout > 0.0:
        state = state * cell.get_recurrent_dropout_mask(state)
    return inputs, state
