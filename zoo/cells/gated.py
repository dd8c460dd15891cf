"""Cells whose gates can be read."""

from typing import Any

from zoo.typing import Tensor


class Gated:
    """Lets a cell's gates be read, from the very step that it takes.

    Mixed into a Keras cell whose `call` takes `return_gates`: with it the step
    returns, after the output and the states, a dict of its gates. So there is one
    step, and what is read is what was computed.

    Attributes:
        gate_names: those of `update`, `relevance`, `forget`, `input`, `output`,
            `candidate` and `memory` that the unit has; empty if it has none.
    """

    gate_names: tuple[str, ...] = ()

    def gates(self, inputs: Tensor, states: Any, training: bool | None = False) -> Any:
        """Takes one step and returns its gates instead of its output.

        Args:
            inputs: x<t>, (batch, n_x).
            states: the states of t-1, as the cell takes them.
            training: whether dropout is applied.

        Returns:
            A dict of (batch, n_a) tensors under `gate_names`: Γ_u, Γ_r, Γ_f, Γ_i and
            Γ_o in (0, 1), the candidate c̃ and the memory c<t> after the step.

        Raises:
            ValueError: the cell has no gates.
        """
        require_gates(self, self.name)
        *_, gates = self(inputs, states, training=training, return_gates=True)
        return gates


def require_gates(cell: Any, owner: Any) -> Any:
    """Raises an error, about the layer named `owner`, if `cell` has no gates."""
    if getattr(cell, "gate_names", ()):
        return
    while hasattr(cell, "cell"):  # a wrapper around it
        cell = cell.cell
    raise ValueError(
        f"'{owner}' has no gates that can be read: its cell is a "
        f"{type(cell).__module__.split('.')[0]} {type(cell).__name__}. "
        "zoo.cells.GRUCell and zoo.cells.LSTMCell have them, alone or in a wrapper; so "
        "do MinGRUCell, MinLSTMCell, SRUCell and RGLRUCell."
    )
