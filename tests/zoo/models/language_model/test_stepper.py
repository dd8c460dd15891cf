"""A step for loops, against the same step by the layers' cells."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.models.language_models import CHARACTERS, by_cells, make
from zoo.layers import stepping
from zoo.models.language_model.stepper import Stepper

ARGUMENTS = {
    "rnn": {"cell": "rnn"},
    "gru": {"cell": "gru", "tied": True},
    "lstm": {"cell": "lstm", "layers": 2, "tied": True, "variational": True},
    "sru": {"cell": "sru", "layers": 2},
}
IDS = np.random.default_rng(0).integers(1, 4 + len(CHARACTERS), [3, 6])


@pytest.mark.slow
@pytest.mark.parametrize("cell", ARGUMENTS)
@pytest.mark.parametrize("largest_table", [0, 2**22])
@pytest.mark.parametrize("compiled", [False, True])
def test_step_is_that_of_the_cells(cell, largest_table, compiled, monkeypatch):
    monkeypatch.setattr(stepping, "_LARGEST_TABLE", largest_table)
    model = make(**ARGUMENTS[cell])
    step = Stepper(model, compiled)
    expected = state = model.recurrent.get_initial_state(3)
    for ids in tf.constant(IDS.T, tf.int32):
        logits, state = step(ids, state)
        expected_logits, expected = by_cells(model, ids, expected)
        np.testing.assert_allclose(logits, expected_logits, atol=1e-5)
        for found, right in zip(state, expected, strict=True):
            np.testing.assert_allclose(found, right, atol=1e-5)


@pytest.mark.slow
def test_texts_of_any_length_are_read_as_the_layers_run_over_them():
    model = make(**ARGUMENTS["lstm"])
    step = Stepper(model)
    zeros = model.recurrent.get_initial_state(3)
    lengths = np.array([4, 0, 6])
    mask = np.arange(6) < lengths[:, None]
    state = step.read(tf.constant(IDS), tf.constant(mask), zeros)
    for row, length in enumerate(lengths):
        if length:
            _, expected = model.run(IDS[row : row + 1, :length])
        else:
            expected = [each[:1] for each in zeros]
        for found, right in zip(state, expected, strict=True):
            np.testing.assert_allclose(found[row], right[0], atol=1e-5)
    nothing = step.read(tf.constant(IDS[:, :0]), tf.constant(mask[:, :0]), state)
    for found, right in zip(nothing, state, strict=True):
        np.testing.assert_array_equal(found, right)
