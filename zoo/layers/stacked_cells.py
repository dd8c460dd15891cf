"""Stacks of cells whose states go out as they came in, as loops ask for."""

from typing import Any

import keras

from zoo.typing import Tensor


@keras.saving.register_keras_serializable(package="zoo")
class StackedCells(keras.layers.StackedRNNCells):
    """Keras' stack of cells, of which one cell's states keep their form.

    Keras' own returns those of a stack of one without the list that they came in, and
    under a mask its layers raise.
    """

    def call(
        self, inputs: Tensor, states: Any, training: bool | None = False, **kwargs: Any
    ) -> Any:
        """Takes one step: see `keras.layers.StackedRNNCells`."""
        output, new = super().call(inputs, states, training=training, **kwargs)
        return output, keras.tree.pack_sequence_as(states, keras.tree.flatten(new))


def keeping_form(cell: Any) -> Any:
    """Returns a cell, or a list of them, as what a layer can run under a mask.

    Args:
        cell: what Keras' layer takes. All but Keras' stacks with a stack of one cell in
            them are returned as they are.
    """
    own: dict[str, Any] = {}
    if isinstance(cell, list | tuple):
        cells = list(cell)
    elif type(cell) is keras.layers.StackedRNNCells:
        cells = list(cell.cells)
        own = {name: getattr(cell, name) for name in ("name", "trainable")}
        own["dtype"] = cell.dtype_policy
    else:
        return cell
    if len(cells) == 1 or any(map(_loses_form, cells)):
        return StackedCells(cells, **own)
    return cell


def _loses_form(cell):
    """Says whether a stack returns states in another form than they come in."""
    if not isinstance(cell, keras.layers.StackedRNNCells):
        return False
    return len(cell.cells) == 1 or any(map(_loses_form, cell.cells))
