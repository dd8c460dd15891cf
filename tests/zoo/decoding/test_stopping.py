"""Stop sequences, against looking for them with Python."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.decoding import StopSequences


def test_a_window_stops_where_it_ends_with_a_sequence():
    sequences = [(2,), (0, 1, 0), (1, 1)]
    stop = StopSequences(sequences)
    assert stop.steps == 3
    windows = np.stack(np.meshgrid(*[[-1, 0, 1, 2]] * 3), -1).reshape(-1, 3)
    for dtype in (np.int32, np.int64):
        found = stop(tf.constant(windows.astype(dtype))).numpy()
        expected = [
            any(tuple(window)[3 - len(each) :] == each for each in sequences)
            for window in windows.tolist()
        ]
        assert found.tolist() == expected


@pytest.mark.parametrize("sequences", [[], [[1], []]])
def test_nothing_to_stop_at_is_refused(sequences):
    with pytest.raises(ValueError, match="sequences of one id at least"):
        StopSequences(sequences)
