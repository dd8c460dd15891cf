"""The real-gated linear recurrent unit."""

import math
from typing import Any

import keras
from keras import ops

from zoo.cells.elementwise import ElementwiseCell
from zoo.typing import Tensor

_SHARPNESS = 8.0


@keras.saving.register_keras_serializable(package="zoo")
class RetentionUniform(keras.initializers.Initializer):
    """Draws Λ so that what a unit keeps, exp(-8 softplus(Λ)), is spread over a range.

    Its square is drawn uniformly, as of a ring in the plane (Orvieto et al. 2023).

    Args:
        minimum: the least that is kept, above 0.
        maximum: the most, below 1.
        seed: an integer for the draw to be repeatable.

    Raises:
        ValueError: not 0 < minimum < maximum < 1.
    """

    def __init__(
        self, minimum: float = 0.9, maximum: float = 0.999, seed: int | None = None
    ):
        if not 0 < minimum < maximum < 1:
            raise ValueError(
                "`minimum` and `maximum` must be in (0, 1), the one below the other. "
                f"Found: {minimum} and {maximum}."
            )
        self.minimum, self.maximum, self.seed = minimum, maximum, seed

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Returns Λ."""
        bounds = (2 * math.log(kept) for kept in (self.minimum, self.maximum))
        low, high = (math.exp(bound) for bound in bounds)
        # Keras' own draws by a number, and no variable, where there is no seed: a layer
        # may be built within a graph.
        draw = keras.initializers.RandomUniform(low, high, seed=self.seed)
        square = draw(shape, dtype=dtype)
        return ops.log(ops.expm1(-ops.log(square) / (2 * _SHARPNESS)))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"minimum": self.minimum, "maximum": self.maximum, "seed": self.seed}


@keras.saving.register_keras_serializable(package="zoo")
class RGLRUCell(ElementwiseCell):
    """One step of a real-gated linear recurrent unit (De et al. 2024, "Griffin").

    ```
    Γ_r    = σ(W_r x<t> + b_r)                    relevance
    Γ_i    = σ(W_i x<t> + b_i)                    input
    log A  = -8 softplus(Λ) * Γ_r                 A: forget
    h<t>   = A * h<t-1> + sqrt(1 - A²) * (Γ_i * x<t>)
    ```

    Where there are other than n_a inputs, a projection W_x x<t> is gated instead of
    x<t>. The columns of `kernel`, (n_x, 2 n_a) or (n_x, 3 n_a), belong to Γ_r, Γ_i and,
    if there is one, the projection, in this order; those of `bias` (2 n_a,) to the
    gates. `retention` (n_a,) is Λ, drawn so that with an open Γ_r between 0.9 and
    0.999 of the state are kept at a step.

    The gates that can be read are Γ_r, Γ_i, and as `forget` the A that they make.
    A is computed in float32, for half precision has no number between 0.996 and 1; and
    within a layer's call the state stays in float32 from step to step, or what is so
    slow would be lost. A step gives the state back in the dtype that it came in: who
    goes step by step, or from window to window, in half precision loses it.

    Args:
        units: n_a, a positive integer.
        retention_initializer: of Λ.
        **kwargs: the arguments of `ElementwiseCell`.
    """

    gate_names = ("forget", "relevance", "input", "memory")
    # The output is the state, if not as the same tensor: wrappers ask.
    shows_state = True

    def __init__(self, units: int, *, retention_initializer: Any = None, **kwargs: Any):
        super().__init__(units, **kwargs)
        if retention_initializer is None:
            retention_initializer = RetentionUniform()
        self.retention_initializer = keras.initializers.get(retention_initializer)
        self.autocast = False  # it would make the state as short as the inputs

    @property
    def state_dtype(self) -> str:
        """The dtype of A, and of the state in a layer: float32 at least."""
        return "float64" if self.compute_dtype == "float64" else "float32"

    @property
    def is_projected(self) -> bool:
        """Whether a projection of the inputs is gated; known once built."""
        return self.kernel.shape[0] != self.units

    def build(self, input_shape: Any) -> None:
        """Creates the weights, for inputs of shape (batch, n_x)."""
        inputs = input_shape[-1]
        self._add_kernel(inputs, 2 if inputs == self.units else 3, biases=2)
        self.retention = self.add_weight(
            shape=(self.units,),
            name="retention",
            initializer=self.retention_initializer,
            autocast=False,  # a layer around the cell would round it
        )

    def decay(self) -> Any:
        """Returns -8 softplus(Λ), (n_a,): log A where Γ_r is open."""
        retention = ops.cast(self.retention, self.state_dtype)
        return -_SHARPNESS * ops.softplus(retention)

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
            states: h<t-1>, (batch, n_a), alone or in a list, in any floating dtype.
            training: whether dropout is applied.
            return_gates: whether to return the gates too: see `gates`.

        Returns:
            h<t>, (batch, n_a), and the new state, in the form and dtype of `states`.
        """
        nested = isinstance(states, list | tuple)
        h = states[0] if nested else states
        x = self._dropped(ops.cast(inputs, self.compute_dtype), training)
        z_relevance, z_input, *projected = self._sums(x)
        relevance, entering = ops.sigmoid(z_relevance), ops.sigmoid(z_input)
        exact = self.state_dtype
        log_a = self.decay() * ops.cast(relevance, exact)
        forget = ops.exp(log_a)
        written = ops.cast(entering * (projected[0] if projected else x), exact)
        state = forget * ops.cast(h, exact) + _scale(log_a) * written
        output = ops.cast(state, self.compute_dtype)
        gates = {"forget": ops.cast(forget, self.compute_dtype)}
        gates |= {"relevance": relevance, "input": entering, "memory": output}
        state = ops.cast(state, h.dtype)
        return self._result(output, [state], nested, gates, return_gates)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "retention_initializer": keras.initializers.serialize(
                self.retention_initializer
            ),
        }


def _scale(log_a):
    """Returns sqrt(1 - A²) of log A, with a gradient, 0, where A = 1 too."""
    square = -ops.expm1(2 * log_a)
    some = square > 0
    return ops.where(some, ops.sqrt(ops.where(some, square, 1)), 0)
