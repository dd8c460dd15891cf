"""A decoder's first states, made of an encoder's last ones."""

from typing import Any

import keras
from keras import ops

BRIDGES = ("copy", "dense", "zero")


@keras.saving.register_keras_serializable(package="zoo")
class Bridge(keras.layers.Layer):
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
        """Creates the weights."""
        for dense in self.to_states:
            dense.build((None, self.sizes[0]))

    def call(self, states: Any) -> Any:
        """Makes the first states, and C."""
        count = len(states) // self.layers // 2  # of a direction
        if count < 1 or len(states) != 2 * count * self.layers:
            raise ValueError(
                f"'{self.name}' takes the states of both directions of {self.layers} "
                f"layers, as many of each, found {len(states)}."
            )
        both = [
            ops.concatenate([states[place], states[place + count]], axis=-1)
            for start in range(0, len(states), 2 * count)
            for place in range(start, start + count)
        ]
        c = both[-count]
        if self.kind == "copy":
            return both, c
        if self.kind == "dense":
            return [dense(c) for dense in self.to_states], c
        rows = ops.shape(c)[0]
        return [ops.zeros((rows, size), c.dtype) for size in self.sizes], c

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        own = {"kind": self.kind, "layers": self.layers, "sizes": self.sizes}
        return {**super().get_config(), **own}
