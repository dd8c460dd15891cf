"""Graphs that a model keeps, one for each way in which it is called."""

from collections.abc import Callable, Hashable

from zoo.kernels.tracing import graph

# How many are kept: a caller may think of new filters and stops without end.
MOST = 32


class KeptGraphs:
    """Makes a graph for each key once; where there are too many, the oldest goes.

    Threads that ask for a key at the same time are given the same graph, of which one
    of them makes the trace.
    """

    def __init__(self):
        self._graphs = {}

    def __len__(self) -> int:
        """Returns how many graphs are kept."""
        return len(self._graphs)

    def get(self, key: Hashable, function: Callable) -> Callable:
        """Returns the graph of a key.

        Args:
            key: what tells the ways to call apart. What differs in tensors alone needs
                no key, for a graph takes any.
            function: what the graph is made of where there is none yet. Equal keys'
                functions must do the same.
        """
        found = self._graphs.get(key)
        if found is not None:
            return found
        new = graph(function, reduce_retracing=True)
        keys = tuple(self._graphs)
        for oldest in keys[: max(len(keys) - MOST + 1, 0)]:
            self._graphs.pop(oldest, None)
        return self._graphs.setdefault(key, new)  # that of the thread that came first
