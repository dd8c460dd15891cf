"""A decoder's first states, made of an encoder's last ones."""

from typing import Any

import keras
from keras import ops

from zoo.layers.shapes import SpecOfCall

BRIDGES = ("copy", "dense", "zero")


@keras.saving.register_keras_serializable(package="zoo")
class Bridge(SpecOfCall, keras.layers.Layer):
    """Makes a decoder's first states of a bidirectional encoder's last ones.

    ```
    C    = [a→<T_x>, a←<1>] of the encoder's uppermost layer
    s<0> = [s→<T_x>, s←<1>] of the encoder's layer of the same number     "copy"
         = tanh(W_s C + b_s)                                              "dense"
         = 0                                                              "zero"
    ```

    for each state s of the decoder's layers, an LSTM's c included.

    Args:
        kind: "copy", "dense" or "zero".
        layers: how many layers the encoder has.
        sizes: of the decoder's states, each twice that of a direction's.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        states: the encoder's last states, layer by layer, those of the forward
            direction first: a flat list of (batch, n).

    Returns:
        The decoder's first states, a flat list of (batch, n), and C, (batch, n).

    Raises:
        ValueError: `kind` is not one of the three; or there are other states than
            those of two directions of `layers` layers.
    """

    def __init__(self, kind: str, layers: int, sizes: Any, **kwargs: Any):
        super().__init__(**kwargs)
        if kind not in BRIDGES:
            raise ValueError(
                f"kind must be one of {', '.join(BRIDGES)}, found {kind!r}."
            )
        self.kind = kind
        self.layers = layers
        self.sizes = list(sizes)
        self.to_states = [
            keras.layers.Dense(
                size, "tanh", dtype=self.dtype_policy, name=f"state_{number}"
            )
            for number, size in enumerate(sizes if kind == "dense" else [], start=1)
        ]

    def build(self, states_shape: Any) -> None:
        """Creates the weights: for C of the size of a<0>, where no shapes are given."""
        size = self.sizes[0]
        if states_shape is not None:
            pairs, count = self._pairs(states_shape)
            size = sum(shape[-1] for shape in pairs[-count])
        for dense in self.to_states:
            dense.build((None, size))

    def call(self, states: Any) -> Any:
        """Makes the first states, and C."""
        pairs, count = self._pairs(states)
        both = [ops.concatenate(pair, axis=-1) for pair in pairs]
        c = both[-count]
        if self.kind == "copy":
            return both, c
        if self.kind == "dense":
            return [dense(c) for dense in self.to_states], c
        rows = ops.shape(c)[0]
        return [ops.zeros((rows, size), c.dtype) for size in self.sizes], c

    def _pairs(self, states):
        """Returns each state of both directions, and how many a layer has of them."""
        count = len(states) // self.layers // 2
        if count < 1 or len(states) != 2 * count * self.layers:
            raise ValueError(
                f"'{self.name}' takes the states of both directions of {self.layers} "
                f"layers, as many of each, found {len(states)}."
            )
        pairs = [
            (states[place], states[place + count])
            for start in range(0, len(states), 2 * count)
            for place in range(start, start + count)
        ]
        return pairs, count

    def compute_output_shape(self, states_shape: Any) -> Any:
        """Returns the shapes of the decoder's first states, and of C."""
        pairs, count = self._pairs(states_shape)
        batch = states_shape[0][0]
        both = [(batch, forward[1] + backward[1]) for forward, backward in pairs]
        if self.kind == "copy":
            return both, both[-count]
        return [(batch, size) for size in self.sizes], both[-count]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        own = {"kind": self.kind, "layers": self.layers, "sizes": self.sizes}
        return {**super().get_config(), **own}
