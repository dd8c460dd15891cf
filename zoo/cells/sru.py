"""The simple recurrent unit of Lei et al."""

from typing import Any

import keras
from keras import ops

from zoo.cells.elementwise import ElementwiseCell
from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class SRUCell(ElementwiseCell):
    """One step of a simple recurrent unit (Lei et al. 2018).

    Its gates see the memory too, each unit's its own, through weight vectors v; and a
    highway leads the input past the memory:

    ```
    Γ_f  = σ(W_f x<t> + v_f * c<t-1> + b_f)       forget
    Γ_r  = σ(W_r x<t> + v_r * c<t-1> + b_r)       relevance
    c̃    = W_c x<t>                               candidate
    c<t> = Γ_f * c<t-1> + (1 - Γ_f) * c̃
    a<t> = Γ_r * c<t> + (1 - Γ_r) * α h<t>
    ```

    with h<t> = x<t> where there are as many inputs as units, and else a projection of
    it, W_h x<t>. The columns of `kernel`, (n_x, 3 n_a) or (n_x, 4 n_a), belong to Γ_f,
    Γ_r, c̃ and, if there is one, the projection, in this order; those of `bias`
    (2 n_a,) to Γ_f and Γ_r; the rows of `recurrent_vectors` (2, n_a) are v_f and v_r.

    It has two states, a<t> and c<t>, as an LSTM. The next step reads c<t> alone.

    Args:
        units: n_a, a positive integer.
        highway_scale: α; √3 keeps the highway's variance at the start, by the paper.
        recurrent_initializer: of `recurrent_vectors`.
        **kwargs: the arguments of `ElementwiseCell`.
    """

    gate_names = ("forget", "relevance", "candidate", "memory")

    def __init__(
        self,
        units: int,
        *,
        highway_scale: float = 1.0,
        recurrent_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(units, **kwargs)
        self.highway_scale = highway_scale
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)

    @property
    def state_size(self) -> Any:
        """The sizes of a and c."""
        return [self.units, self.units]

    @property
    def is_projected(self) -> bool:
        """Whether the highway carries a projection of the inputs; known once built."""
        return self.kernel.shape[0] != self.units

    def build(self, input_shape: Any) -> None:
        """Creates the weights, for inputs of shape (batch, n_x)."""
        inputs = input_shape[-1]
        blocks = 3 if inputs == self.units else 4
        self._add_kernel(inputs, blocks, biases=2)
        self.recurrent_vectors = self.add_weight(
            shape=(2, self.units),
            name="recurrent_vectors",
            initializer=self.recurrent_initializer,
        )

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
            states: a<t-1> and c<t-1>, each (batch, n_a).
            training: whether dropout is applied.
            return_gates: whether to return the gates too: see `gates`.

        Returns:
            a<t>, (batch, n_a), and the new states [a<t>, c<t>].
        """
        _, c = states
        x = self._dropped(inputs, training)
        z_forget, z_relevance, candidate, *highway = self._sums(x)
        v_forget, v_relevance = ops.unstack(
            ops.convert_to_tensor(self.recurrent_vectors), 2
        )
        forget = ops.sigmoid(z_forget + v_forget * c)
        relevance = ops.sigmoid(z_relevance + v_relevance * c)
        c = forget * c + (1 - forget) * candidate
        past = self.highway_scale * (highway[0] if highway else x)
        a = relevance * c + (1 - relevance) * past
        gates = {"forget": forget, "relevance": relevance}
        gates |= {"candidate": candidate, "memory": c}
        return self._result(a, [a, c], True, gates, return_gates)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "highway_scale": self.highway_scale,
            "recurrent_initializer": keras.initializers.serialize(
                self.recurrent_initializer
            ),
        }
