"""The text benchmarks' models by the zoo and by `keras.layers`."""

import keras
import numpy as np

from tests.benchmarks.text_cases import (
    CHARACTERS,
    EMBEDDING_UNITS,
    VOCABULARY_SIZE,
    TextCase,
)
from zoo.models import LanguageModel


def zoo_model(case: TextCase) -> LanguageModel:
    """Returns the zoo's model, with the case's weights."""
    model = LanguageModel(
        [*CHARACTERS],
        embedding_units=EMBEDDING_UNITS,
        cell=case.cell,
        units=case.units,
        layers=case.layers,
    )
    kernel, bias = case.softmax()
    model.embedding.set_weights([case.embedding()])
    for layer, weights in zip(
        model.recurrent.layers, case.layer_weights(kind(case)), strict=True
    ):
        layer.set_weights(weights)
    model.output_embedding.set_weights([kernel.T])
    model.softmax.bias.assign(bias)
    return model


def stateful_model(case: TextCase, steps: int) -> keras.Sequential:
    """Returns a Keras model that keeps its states from call to call.

    Args:
        case: its sizes.
        steps: in a call.
    """
    model = keras.Sequential(
        [keras.Input(batch_shape=(case.batch, steps), dtype="int32")]
    )
    for layer in _layers(case, stateful=True):
        model.add(layer)
    model.set_weights(_weights(case, kind(case)))
    return model


def step_model(case: TextCase, reset_after: bool = False) -> keras.Model:
    """Returns a Keras model that takes its states and returns them.

    Its inputs are ids, int32 (batch, 1), and the states, its outputs logits (batch, V)
    and the states.

    Args:
        case: its sizes.
        reset_after: of a GRU.
    """
    embedding, *recurrent, softmax = _layers(
        case, reset_after, return_state=True, return_sequences=False
    )
    assert len(recurrent) == 1
    ids = keras.Input((1,), dtype="int32")
    states = [keras.Input((case.units,)) for _ in range(states_of(case))]
    a, *new = recurrent[0](embedding(ids), initial_state=states)
    model = keras.Model([ids, *states], [softmax(a), *new])
    model.set_weights(_weights(case, "gru" if reset_after else kind(case)))
    return model


def kind(case: TextCase) -> str:
    """Returns the zoo's variant of the cell, of `cases.KINDS`."""
    return {"gru": "gru_textbook"}.get(case.cell, case.cell)


def states_of(case: TextCase) -> int:
    """Returns how many states a layer has."""
    return {"gru": 1, "lstm": 2}[case.cell]


def _layers(case, reset_after=False, **arguments):
    arguments = {"units": case.units, "return_sequences": True, **arguments}
    if case.cell == "gru":
        arguments["reset_after"] = reset_after
    layer = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[case.cell]
    return [
        keras.layers.Embedding(VOCABULARY_SIZE, EMBEDDING_UNITS),
        *(layer(**arguments) for _ in range(case.layers)),
        keras.layers.Dense(VOCABULARY_SIZE),
    ]


def _weights(case, kind) -> list[np.ndarray]:
    layers = case.layer_weights(kind)
    return [case.embedding(), *(w for each in layers for w in each), *case.softmax()]
