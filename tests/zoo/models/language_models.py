"""Small language models under test, and what they compute, in NumPy."""

import numpy as np

from tests.zoo.cells import equations
from tests.zoo.cells.units import draw_weights
from zoo.layers.states import state_sizes
from zoo.models import LanguageModel

CHARACTERS = [*"ab c.é"]
STEPS = {
    "rnn": equations.simple_rnn,
    "gru": equations.gru_full,
    "lstm": equations.lstm,
}


def make(vocabulary=CHARACTERS, **arguments):
    """Returns a small model whose weights leave nothing at its default."""
    arguments = {"embedding_units": 3, "units": 4, "cell": "rnn"} | arguments
    model = LanguageModel(vocabulary, **arguments)
    draw_weights(model)
    return model


def by_cells(model, ids, state):
    """Returns the logits after one step of the layers' cells, and the new state."""
    a, new = model.embedding(ids), []
    for layer in model.recurrent.layers:
        count = len(new) + len(state_sizes(layer))
        a, states = layer.cell(a, state[len(new) : count])
        new += states
    return model.logits(model.projected(a)), new


def in_numpy(model, ids):
    """Returns log ŷ<t> of texts, float64 (batch, steps, V), by the equations.

    Args:
        model: a `LanguageModel`.
        ids: x, int (batch, steps).
    """
    config = model.get_config()
    cell, units = config["cell"], config["units"]
    weights = {weight.path: np.asarray(weight, "float64") for weight in model.weights}
    embeddings = weights["embedding/embeddings"]
    a = embeddings[np.asarray(ids)]
    for number in range(1, config["layers"] + 1):
        prefix = f"recurrent/{cell}_{number}/"
        own = [value for path, value in weights.items() if path.startswith(prefix)]
        count = 2 if cell == "lstm" else 1
        state, outputs = [np.zeros([len(a), units])] * count, []
        for x in a.swapaxes(0, 1):
            state = STEPS[cell](x, state, *own)
            outputs.append(state[0])
        a = np.stack(outputs, 1)
    if "projection/kernel" in weights:
        a = a @ weights["projection/kernel"] + weights["projection/bias"]
    table = embeddings if config["tied"] else weights["output_embedding/embeddings"]
    logits = a @ table.T + weights["softmax/bias"]
    impossible = [0, 2] if model.sentences else [0, 2, 3]
    logits[..., impossible] = -np.inf
    largest = logits.max(axis=-1, keepdims=True)
    sums = np.exp(logits - largest).sum(axis=-1, keepdims=True)
    return logits - largest - np.log(sums)


def log_probabilities(model, texts):
    """Returns for each text log P of its tokens, `<EOS>` too if they are sentences."""
    found = []
    for text in texts:
        tokens = text if model.level == "character" else text.split()
        known = model.vocabulary.tokens
        y = [known.index(token) if token in known else 1 for token in tokens]
        y += [3] * model.sentences
        logs = in_numpy(model, [[2, *y[:-1]]])[0] if y else np.zeros([0, len(known)])
        found.append([logs[t, each] for t, each in enumerate(y)])
    return found
