"""Graphs are made once for each key, and not kept without end."""

import tensorflow as tf

from zoo.models import kept_graphs
from zoo.models.kept_graphs import KeptGraphs


def test_a_key_s_graph_is_made_once_and_the_oldest_goes(monkeypatch):
    monkeypatch.setattr(kept_graphs, "MOST", 2)
    graphs, traced = KeptGraphs(), []

    def called(key):
        def function(x):
            traced.append(key)
            return x + key

        return float(graphs.get(key, function)(tf.constant(0.5)))

    assert [called(key) for key in (1, 2, 1, 2)] == [1.5, 2.5, 1.5, 2.5]
    assert traced == [1, 2]
    assert called(3) == 3.5
    assert len(graphs) == 2
    assert called(2) == 2.5
    assert traced == [1, 2, 3]
    assert called(1) == 1.5
    assert traced == [1, 2, 3, 1]
