"""Gradients of every order for what has those of the first order written by hand.

TensorFlow can't differentiate a hand-written gradient that is compiled by XLA, or reads
what the forward pass kept. Those of a higher order come from the same computation as
TensorFlow's own operations do it, step by step, in several times the time.
"""

import weakref
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

# Not exported: where custom gradients are registered.
from tensorflow.python.framework import ops

from zoo.kernels.contexts import has_tangents, is_vectorized, unobserved
from zoo.typing import Tensor


def call(
    forward: Any,
    backward: Any,
    plain: Any,
    inputs: Tensor,
    fixed: Tensor = (),
    owner: Tensor = None,
) -> Any:
    """Returns what `forward` computes, with a hand-written gradient.

    Args:
        forward: takes `inputs` and `fixed`; returns a list of outputs, and what
            `backward` needs of the computation, any structure of tensors.
        backward: takes `inputs`, `fixed`, what `forward` kept, and a list of the
            gradients of the loss with respect to the outputs; returns those with
            respect to the inputs.
        plain: takes `inputs` and `fixed` and returns the outputs, by operations that
            TensorFlow differentiates. It must use no other tensors.
        inputs: floating tensors, in a list.
        fixed: tensors that there are no gradients for, in a list.
        owner: what this is computed for, if anything. When it is gone, all gradients
            of the graphs that it was in go with the graphs (see `_bind`).

    Returns:
        A list of the outputs.

    Raises:
        NotImplementedError: forward-mode differentiation, within a `tf.function`.
    """
    count, nothing = len(inputs), [None] * len(fixed)
    refuse_forward_mode(inputs)
    if has_tangents(inputs):
        return plain(list(inputs), list(fixed))

    @tf.custom_gradient
    def run(*tensors):
        given = list(tensors[:count]), list(tensors[count:])
        outputs, kept = forward(*_constant(given))
        kept = _constant(kept)

        def gradient(*d_outputs):
            d_outputs = list(map(_dense, d_outputs))
            # Made the gradient's own before XLA is in sight: a branch of `tf.cond`
            # fails otherwise.
            with unobserved():
                own = _constant(kept)
            # `tf.vectorized_map`, which Jacobians use, would convert what XLA is to
            # compile, for many seconds and often in vain.
            if is_vectorized():
                found = _product(plain, *given, d_outputs)
            else:
                found = _first_order(backward, plain, *given, own, d_outputs)
            return [*found, *nothing]

        return outputs, gradient

    return _called(run, [*inputs, *fixed], owner)


def _first_order(backward, plain, inputs, fixed, kept, d_outputs):
    """Returns what `backward` does, itself differentiable."""
    differentiable, count = [*inputs, *d_outputs], len(inputs)

    # All that its gradient uses is an argument, of this graph: where TensorFlow traces
    # the gradient in a graph of its own, it reaches no tensor of the graph before.
    @tf.custom_gradient
    def first_order(*tensors):
        free = list(tensors[: len(differentiable)])
        fixed = list(tensors[len(differentiable) :])
        inputs, d_outputs = free[:count], free[count:]
        results = backward(*_constant([inputs, fixed]), kept, _constant(d_outputs))

        def gradient(*upstream):
            with tf.GradientTape() as tape:
                tape.watch(free)
                found = _product(plain, inputs, fixed, d_outputs)
            found = tape.gradient(found, free, list(map(_dense, upstream)))
            # It is linear in the outputs' gradients, so that one of them is connected,
            # but where forward mode asks for it, in whose midst no tape works.
            if all(each is None for each in found[count:]):
                raise NotImplementedError(_FORWARD)
            found = [
                tf.zeros_like(tensor) if each is None else each
                for each, tensor in zip(found, free, strict=True)
            ]
            return [*found, *[None] * len(fixed)]

        return list(results), gradient

    return _called(first_order, [*differentiable, *fixed])


def refuse_forward_mode(tensors: Iterable[Tensor]) -> None:
    """Raises where forward mode in a graph watches one of some tensors.

    TensorFlow itself has no forward mode through a graph's loops.

    Raises:
        NotImplementedError: see above.
    """
    if has_tangents(tensors) and not tf.executing_eagerly():
        raise NotImplementedError(_FORWARD)


_FORWARD = (
    "Forward-mode differentiation (tf.autodiff.ForwardAccumulator) can't go through a "
    "loop over time within a tf.function. Call the layer outside of tf.function, or "
    "take tf.GradientTape."
)


def _product(plain, inputs, fixed, d_outputs):
    """Returns the outputs' gradients times their Jacobian."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = plain(inputs, fixed)
    return tape.gradient(outputs, inputs, list(d_outputs), _ZERO)


def _called(function, tensors, owner=None):
    """Returns what a function with a custom gradient gives."""
    with unobserved():
        if tf.executing_eagerly():
            return function(*tensors)
        # Tensors of this graph, and not of one around it.
        results = function(*map(tf.identity, tensors))
    _bind(results[0].op)
    if owner is not None:
        graphs = tuple(map(weakref.ref, _surrounding(results[0].graph)))
        weakref.finalize(owner, _bind_all, graphs).atexit = False
    return results


def _surrounding(graph):
    """Returns a graph and those that it is traced within."""
    graphs = []
    while graph is not None:
        graphs.append(graph)
        graph = getattr(graph, "outer_graph", None)
    return graphs


def _bind(operation):
    """Makes the custom gradient of an operation live as long as the graph.

    TensorFlow keeps it for ever, with all that it holds: the graph of a whole training
    step, for each model that was ever trained.
    """
    name = operation.get_attr("_gradient_op_type").decode()
    entry = _registry.get(name)
    if entry is None or isinstance(entry[_FUNCTION], _Bound):
        return
    graph = operation.graph
    graph.zoo_gradients = [*getattr(graph, "zoo_gradients", []), entry[_FUNCTION]]
    entry[_FUNCTION] = _Bound(entry[_FUNCTION])
    weakref.finalize(graph, _registry.pop, name, None).atexit = False


def _bind_all(graphs):
    """Does so for all of some graphs, given as weak references.

    Keras' training step has one, too: the optimizer's sum over replicas.
    """
    for graph in graphs:
        for operation in graph().get_operations() if graph() is not None else ():
            if operation.type == "IdentityN" and _is_custom(operation):
                _bind(operation)


def _is_custom(operation):
    return "_gradient_op_type" in operation.node_def.attr


class _Bound:
    """A gradient that a graph holds; TensorFlow calls this as the function itself."""

    def __init__(self, function):
        self._function = weakref.ref(function)

    def __call__(self, operation, *gradients):
        return self._function()(operation, *gradients)


_registry, _FUNCTION = ops.gradient_registry._registry, "type"


def _dense(gradient):
    """Returns a gradient as a tensor.

    Of rows that are gathered of an output, as `tf.boolean_mask` does, TensorFlow hands
    on their places and values.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    return tf.math.unsorted_segment_sum(
        gradient.values, gradient.indices, gradient.dense_shape[0]
    )


def _constant(tensors):
    """Returns tensors that no gradient goes through."""
    return tf.nest.map_structure(tf.stop_gradient, tensors)


_ZERO = tf.UnconnectedGradients.ZERO
