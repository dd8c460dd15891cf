"""States: nests of tensors with a row for each of a batch, taken all at once."""

from typing import Any

import tensorflow as tf

from zoo.typing import Tensor


def repeat(structure: Any, times: int) -> Any:
    """Repeats every row: row i becomes rows i · times to (i + 1) · times - 1.

    So a prompt is continued in several ways at once, and beams begin.

    Args:
        structure: a nest of tensors (batch, …); scalars, which have no rows, stay.
        times: int, or int scalar tensor.

    Returns:
        The nest, of (batch · times, …).
    """
    return _map(lambda tensor: tf.repeat(tensor, times, axis=0), structure)


def gather(structure: Any, rows: Tensor) -> Any:
    """Takes rows, int32 (n,), of a nest of tensors (batch, …); scalars stay."""
    return _map(lambda tensor: tf.gather(tensor, rows), structure)


def as_before(state: Any, before: Any) -> Any:
    """Returns a state in the form of the one before it, and of its static shapes.

    A loop takes no other, and Keras' layers return lists where they took tuples.

    Raises:
        ValueError: the shapes are others, or not as many.
    """
    pairs = zip(tf.nest.flatten(state), tf.nest.flatten(before), strict=True)
    same = [tf.ensure_shape(new, old.shape) for new, old in pairs]
    return tf.nest.pack_sequence_as(before, same)


def _map(function, structure):
    def apply(value):
        tensor = tf.convert_to_tensor(value)
        return function(tensor) if tensor.shape.rank else tensor

    return tf.nest.map_structure(apply, structure)
