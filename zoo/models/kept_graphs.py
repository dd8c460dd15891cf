"""Graphs that a model keeps, one for each way in which it is called."""

from collections.abc import Callable, Hashable

from zoo.kernels.tracing import graph

# How many are kept: a caller may think of new filters and stops without end.
MOST = 32


class KeptGraphs:
    """Makes a graph for each key once; where there are too many, the oldest goes."""

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
        if key not in self._graphs:
            if len(self._graphs) >= MOST:
                del self._graphs[next(iter(self._graphs))]
            self._graphs[key] = graph(function, reduce_retracing=True)
        return self._graphs[key]
