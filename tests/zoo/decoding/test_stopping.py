"""Stop sequences, against looking for them with Python."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.decoding import StopSequences


def test_a_window_stops_where_it_ends_with_a_sequence():
    sequences = [(2,), (0, 1, 0), (1, 1), (2,)]
    stop = StopSequences(sequences)
    assert stop.steps == 3
    assert len(stop.sequences) == 3
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


def test_a_step_costs_the_sequences_ids_and_not_their_number_times_the_longest():
    stop = StopSequences([tuple(range(5000)), *((n,) for n in range(5000))])
    graph = tf.function(stop).get_concrete_function(tf.TensorSpec([None, 5000]))
    constants = [op for op in graph.graph.get_operations() if op.type == "Const"]
    sizes = [int(np.prod(op.outputs[0].shape)) for op in constants]
    assert max(sizes) == 10_000
    found = graph(tf.constant([[-1.0] * 4999 + [7], [-1.0] * 5000, [*range(5000)]]))
    assert found.numpy().tolist() == [True, False, True]
