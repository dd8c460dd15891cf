"""Known sequences read window by window, against the same read as a whole."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.models.teacher_forcing import over_windows

INPUTS = np.random.default_rng(0).integers(1, 9, [3, 7]).astype("int32")
TARGETS = np.random.default_rng(1).integers(1, 9, [3, 7]).astype("int32")


def read_from(widths):
    """Returns what reads: running sums of inputs, and inputs with their targets."""

    def read(inputs, targets, state):
        widths.append(int(inputs.shape[1]))
        sums = state[0] + tf.cumsum(tf.cast(inputs, tf.float32), axis=1)
        return [sums, tf.stack([inputs, targets], axis=2)], [sums[:, -1:]]

    return read


@pytest.mark.parametrize("window", [-1, 0, 1, 3, 7, 50])
@pytest.mark.parametrize("steps", [0, 1, 6, 7])
@pytest.mark.parametrize("rows", [0, 3])
def test_windows_one_after_another_are_the_whole(window, steps, rows):
    widths, inputs, targets = [], INPUTS[:rows, :steps], TARGETS[:rows, :steps]
    sums, pairs = over_windows(
        read_from(widths),
        [tf.fill([rows, 1], 10.0)],
        tf.constant(inputs),
        tf.constant(targets),
        window=tf.constant(window),
        kept=[(tf.float32, 2), (tf.int32, 3)],
    )
    np.testing.assert_array_equal(sums, 10 + np.cumsum(inputs, axis=1))
    np.testing.assert_array_equal(pairs, np.stack([inputs, targets], axis=2))
    widest = min(max(window, 1), max(steps, 1))
    assert set(widths) == {widest}
    assert len(widths) == max(-(-steps // widest), 1)
