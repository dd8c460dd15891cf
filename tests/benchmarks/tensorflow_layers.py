"""A case computed by `zoo.layers` or `keras.layers`, as their users would."""

import importlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tests.benchmarks import cases
from tests.benchmarks.cases import Case

CHECKPOINTS = "checkpoint_every"
"""The argument by which a layer is asked for checkpointed BPTT, if it has that."""


def library(name: str):
    """Returns the layers of "zoo" or "keras"."""
    return importlib.import_module(f"{name}.layers")


def build(layers, kind: str, units: int, **arguments):
    """Returns a layer of a kind that returns all a<t>.

    Args:
        layers: `zoo.layers` or `keras.layers`.
        kind: one of `cases.KINDS`.
        units: n_a.
        **arguments: more arguments of the layer, such as `fused`.
    """
    arguments = {"units": units, "return_sequences": True, **arguments}
    if kind == "bidirectional_lstm":
        return layers.Bidirectional(layers.LSTM(**arguments))
    if kind in ("gru", "gru_textbook"):
        return layers.GRU(reset_after=kind == "gru", **arguments)
    return {"lstm": layers.LSTM, "simple_rnn": layers.SimpleRNN}[kind](**arguments)


def path(layer) -> str:
    """Returns the path that a zoo layer takes, "" for another's layer."""
    return getattr(getattr(layer, "forward_layer", layer), "fused_path", "")


def step(layer, mode: str, signature=None) -> Callable:
    """Returns a `tf.function` of (sequences, upstream, mask).

    No `jit_compile`: what a layer compiles is its own affair.

    Args:
        layer: built or not.
        mode: "inference" returns the outputs; "training" returns them, and the
            gradients by the inputs and all weights.
        signature: `tf.function`'s; by default the shapes of the first call.
    """

    def inference(sequences, upstream, mask=None):
        return layer(sequences, mask=mask, training=False)

    def training(sequences, upstream, mask=None):
        with tf.GradientTape() as tape:
            tape.watch(sequences)
            outputs = layer(sequences, mask=mask, training=True)
        sources = [sequences, *(w.value for w in layer.trainable_weights)]
        return outputs, *tape.gradient(outputs, sources, output_gradients=upstream)

    compute = training if mode == "training" else inference
    return tf.function(compute, input_signature=signature)


def any_length(inputs: int, units: int, masked: bool = False) -> list:
    """Returns the signature of a step for any batch size and number of steps."""
    signature = [
        tf.TensorSpec((None, None, inputs), tf.float32),
        tf.TensorSpec((None, None, units), tf.float32),
    ]
    return [*signature, tf.TensorSpec((None, None), tf.bool)] if masked else signature


class Contestant:
    """A case, ready to be computed again and again."""

    def __init__(self, library_name: str, case: dict, seed: int, options: dict):
        case = Case.from_json(case)
        data = cases.data(case, seed)
        _, _, inputs, units = case.shape
        arguments = dict(options)
        dynamic = arguments.pop("dynamic", False)
        if library_name == "keras":
            arguments.pop("fused", None)
        self.layer = build(library(library_name), case.kind, units, **arguments)
        self.layer.build(data.sequences.shape)
        self.layer.set_weights(data.weights)
        outputs = data.upstream.shape[-1]
        signature = any_length(inputs, outputs, case.masked) if dynamic else None
        self._step = step(self.layer, case.mode, signature)
        self._arguments = [
            tf.constant(array)
            for array in (data.sequences, data.upstream, data.mask)
            if array is not None
        ]

    def run(self):
        """Computes the case once; returns when the result is there."""
        return self._step(*self._arguments)

    def path(self) -> str:
        """Returns which path the layer took."""
        return path(self.layer)

    def results(self) -> list[np.ndarray]:
        """Returns the outputs; in training also the gradients, in Keras' layout."""
        return [tensor.numpy() for tensor in tf.nest.flatten(self.run())]
