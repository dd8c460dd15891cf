"""Whether a shape has come often enough for XLA to compile for it.

XLA compiles for a second or so at each new shape, which most shapes of a service or of
a console never pay back. So a call that only infers goes by `inference` until the calls
of its shape have taken about as long as compiling twice would; none before that waits.
What a call takes is estimated, from its size.

The count lies in a table that operations find by its name, so that a graph may be
exported, and counts from 0 wherever it runs.
"""

import hashlib
from typing import Any

import tensorflow as tf

# Not exported: what tells whether a graph is traced for XLA.
from tensorflow.python.ops import control_flow_util

from zoo.kernels.compiled import padded_length
from zoo.typing import Tensor

# Nanoseconds: of compiling twice, of a step, and of a multiplication and addition.
_WORTH, _STEP, _PRODUCT = 2_000_000_000, 25_000, 1 / 16


def is_compiled_as_a_whole() -> bool:
    """Says whether what is traced is a part of a larger XLA computation."""
    graph = tf.compat.v1.get_default_graph()
    return control_flow_util.GraphOrParentsInXlaContext(graph)


def is_worth_compiling(
    step: Any, sequences: Tensor, kernel: Tensor, masked: bool
) -> tf.Tensor:
    """Counts a call, and says whether a kernel is to be compiled for it, or was.

    Args:
        step: a `zoo.kernels.steps.Step`.
        sequences: x, (batch, steps, n_x).
        kernel: W_x, (n_x, gates · n_a).
        masked: whether there is a mask.

    Returns:
        bool, a scalar.
    """
    kind = f"{type(step).__qualname__} {kernel.shape} {kernel.dtype} {masked}"
    table = tf.raw_ops.MutableHashTableV2(
        key_dtype=tf.int64,
        value_dtype=tf.int64,
        shared_name=f"zoo_kernels_{hashlib.sha256(kind.encode()).hexdigest()[:16]}",
    )
    rows, steps = tf.unstack(tf.shape(sequences)[:2])
    shape = [tf.cast(each, tf.int64) for each in (rows, padded_length(steps))]
    key = shape[0] * 2**32 + shape[1]
    inputs, columns = kernel.shape
    # A gate's columns are as many as the state's: its products are in the estimate.
    products = columns * (inputs + columns // step.parts) * _PRODUCT
    cost = tf.cast(steps, tf.int64) * (_STEP + shape[0] * round(products))
    spent = tf.raw_ops.LookupTableFindV2(
        table_handle=table, keys=key, default_value=tf.constant(0, tf.int64)
    )
    spent = tf.minimum(spent, _WORTH) + cost
    insert = tf.raw_ops.LookupTableInsertV2(table_handle=table, keys=key, values=spent)
    if insert is not None:
        with tf.control_dependencies([insert]):
            spent = tf.identity(spent)
    return spent >= _WORTH
