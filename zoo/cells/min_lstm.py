"""Minimal long short-term memory."""

from typing import Any

import keras
from keras import ops

from zoo.cells.elementwise import ElementwiseCell, positive_part
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class MinLSTMCell(ElementwiseCell):
    """One step of minimal long short-term memory (Feng et al. 2024).

    An LSTM whose gates and candidate see the input alone, and share out what is kept
    and what is written:

    ```
    Γ_u  = σ(W_u x<t> + b_u)
    Γ_f  = σ(W_f x<t> + b_f)
    Γ'_u = Γ_u / (Γ_f + Γ_u)                      update
    Γ'_f = Γ_f / (Γ_f + Γ_u)                      forget
    c̃    = W_c x<t> + b_c                         candidate
    c<t> = Γ'_f * c<t-1> + Γ'_u * c̃,  a<t> = c<t>
    ```

    The columns of `kernel` (n_x, 3 n_a) and of `bias` (3 n_a,) belong to Γ_u, Γ_f and
    c̃, in this order. The gates that can be read are Γ'_u and Γ'_f, which act; they are
    computed from log Γ_u and log Γ_f, so that two closed gates still have a ratio.

    Args:
        units: n_a, a positive integer.
        unit_forget_bias: whether b_f starts at 1, as an LSTM's.
        positive: whether the candidate is made positive, as in `MinGRUCell`.
        **kwargs: the arguments of `ElementwiseCell`.
    """

    gate_names = ("update", "forget", "candidate", "memory")

    def __init__(
        self,
        units: int,
        *,
        unit_forget_bias: bool = True,
        positive: bool = False,
        **kwargs: Any,
    ):
        super().__init__(units, **kwargs)
        self.unit_forget_bias = unit_forget_bias
        self.positive = positive

    def build(self, input_shape: Any) -> None:
        """Creates the weights, for inputs of shape (batch, n_x)."""

        def initial_bias(shape, dtype=None):
            ones = ops.ones((self.units,), dtype=dtype)
            update, candidate = (
                self.bias_initializer((self.units,), dtype=dtype) for _ in range(2)
            )
            return ops.concatenate([update, ones, candidate])

        start = initial_bias if self.unit_forget_bias else None
        self._add_kernel(input_shape[-1], blocks=3, biases=3, bias_initializer=start)

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
        z_update, z_forget, candidate = self._sums(self._dropped(inputs, training))
        difference = ops.log_sigmoid(z_forget) - ops.log_sigmoid(z_update)
        forget, update = ops.sigmoid(difference), ops.sigmoid(-difference)
        if self.positive:
            candidate = positive_part(candidate)
        c = forget * c + update * candidate
        gates = {"update": update, "forget": forget}
        gates |= {"candidate": candidate, "memory": c}
        return self._result(c, [c], nested, gates, return_gates)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "unit_forget_bias": self.unit_forget_bias,
            "positive": self.positive,
        }
