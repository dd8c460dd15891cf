"""The minimal gated recurrent unit."""

from typing import Any

import keras
from keras import ops

from zoo.cells.elementwise import ElementwiseCell, positive_part
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class MinGRUCell(ElementwiseCell):
    """One step of a minimal gated recurrent unit (Feng et al. 2024).

    A GRU whose gate and candidate see the input alone:

    ```
    Γ_u  = σ(W_u x<t> + b_u)                      update
    c̃    = W_c x<t> + b_c                         candidate
    c<t> = Γ_u * c̃ + (1 - Γ_u) * c<t-1>
    ```

    The columns of `kernel` (n_x, 2 n_a) and of `bias` (2 n_a,) belong to Γ_u and c̃.
    (Unlike a GRU's in Keras, they are those of Γ_u itself.)

    With `positive=True` states stay above 0, as in the paper's log-space variant:
    `c̃ = g(W_c x<t> + b_c)`, where g(v) = v + 0.5 for v ≥ 0 and σ(v) below.

    Args:
        units: n_a, a positive integer.
        positive: whether the candidate is made positive.
        **kwargs: the arguments of `ElementwiseCell`.
    """

    gate_names = ("update", "candidate", "memory")

    def __init__(self, units: int, *, positive: bool = False, **kwargs: Any):
        super().__init__(units, **kwargs)
        self.positive = positive

    def build(self, input_shape: Any) -> None:
        """Creates the weights, for inputs of shape (batch, n_x)."""
        self._add_kernel(input_shape[-1], blocks=2, biases=2)

    def call(
        self,
        inputs: Tensor,
        states: Any,
        training: bool | None = False,
        return_gates: bool = False,
    ) -> Any:
        """Takes one step.

        Args:
            inputs: x<t>, (batch, n_x).
            states: c<t-1>, (batch, n_a), alone or in a list.
            training: whether dropout is applied.
            return_gates: whether to return the gates too: see `gates`.

        Returns:
            c<t>, (batch, n_a), and the new state, in the form of `states`.
        """
        nested = isinstance(states, list | tuple)
        c = states[0] if nested else states
        z_update, candidate = self._sums(self._dropped(inputs, training))
        update = ops.sigmoid(z_update)
        if self.positive:
            candidate = positive_part(candidate)
        c = update * candidate + (1 - update) * c
        gates = {"update": update, "candidate": candidate, "memory": c}
        return self._result(c, [c], nested, gates, return_gates)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "positive": self.positive}
