"""Graphs are made once for each key, and not kept without end."""

import threading
from concurrent.futures import ThreadPoolExecutor

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


def test_threads_that_come_at_the_same_time_share_a_graph(monkeypatch):
    graphs, together, traced = KeptGraphs(), threading.Barrier(4), []
    make = kept_graphs.graph

    def made(function, **how):
        together.wait()  # all have found that there is none
        return make(function, **how)

    def ask(number):
        def function(x):
            traced.append(number)
            return x + 1

        return graphs.get("key", function)(tf.constant(number))

    monkeypatch.setattr(kept_graphs, "graph", made)
    with ThreadPoolExecutor(4) as threads:
        assert [int(each) for each in threads.map(ask, range(4))] == [1, 2, 3, 4]
    assert len(traced) == len(graphs) == 1


def test_a_graph_that_others_displace_meanwhile_is_still_given(monkeypatch):
    monkeypatch.setattr(kept_graphs, "MOST", 1)
    graphs = KeptGraphs()

    def ask(key):
        return int(graphs.get(key, lambda x: x + key)(tf.constant(1)))

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, range(20))) == list(range(1, 21))
