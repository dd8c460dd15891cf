"""Small music models under test, and what they compute, in NumPy, frame by frame."""

import itertools
import math

import numpy as np

from tests.zoo.cells import equations
from tests.zoo.cells.units import draw_weights
from tests.zoo.layers import frames
from zoo.models import MusicModel

STEPS = {
    "rnn": equations.simple_rnn,
    "gru": equations.gru_full,
    "lstm": equations.lstm,
}
KEYS = {"nade": frames.nade, "bernoulli": frames.bernoulli}


def make(keys=5, **arguments):
    """Returns a small model whose weights leave nothing at its default."""
    arguments = {"units": 4, "output_units": 3, "cell": "rnn"} | arguments
    model = MusicModel(keys, **arguments)
    length = [model.ending.mean, model.ending.shape] if is_long(model) else []
    draw_weights(model)
    for weight, value in zip(length, (1.7, 2.5), strict=False):
        weight.assign(value)
    return model


def is_long(model):
    """Says whether the model's pieces begin with their length."""
    return model.get_config()["ending"] == "length"


def pieces(keys, frames_count):
    """Returns all pieces of so many frames, float (n, frames, keys)."""
    every = frames.every_frame(keys)
    choices = list(itertools.product(range(len(every)), repeat=frames_count))
    places = np.array(choices, int).reshape(len(choices), frames_count)
    return every[places]


def costs(model, piece, vector=None):
    """Returns what a piece costs in nats by the equations.

    Args:
        model: a `MusicModel`.
        piece: 0 and 1, (T, keys).
        vector: (conditioning,), or None.

    Returns:
        The cost of each frame, (T,), and of the ending there.
    """
    config, total = model.get_config(), len(piece)
    weights = {weight.path: np.asarray(weight, "float64") for weight in model.weights}

    def below(prefix):
        return [value for path, value in weights.items() if path.startswith(prefix)]

    recurrent = "recurrent/" if vector is None else "conditioned/recurrent/"
    step = STEPS[config["cell"]]
    states = [
        [np.zeros(config["units"])] * (2 if config["cell"] == "lstm" else 1)
        for _ in range(config["layers"])
    ]
    if vector is not None and config["conditioned_by"] != "input":
        first = below("conditioned/state_")
        values = [
            np.tanh(vector @ kernel + bias)
            for kernel, bias in zip(first[::2], first[1::2], strict=True)
        ]
        states = [[values.pop(0) for _ in layer] for layer in states]

    hidden = []
    for t, x in enumerate([np.zeros(config["keys"]), *piece], start=1):
        if config["embedding_units"]:
            kernel, bias = below("embedding/")
            x = np.maximum(x @ kernel + bias, 0)
        if config["ending"] == "length":
            left = max(total - t, 0)
            x = np.concatenate([x, [np.log(1 + left), 1 / (1 + left)]])
        if vector is not None and config["conditioned_by"] != "state":
            x = np.concatenate([x, vector])
        for number in range(config["layers"]):
            own = below(f"{recurrent}{config['cell']}_{number + 1}/")
            states[number] = step(x, states[number], *own)
            x = states[number][0]
        hidden.append(x)

    how = {"order": config["order"]} if config["output"] == "nade" else {}
    found = [
        frames.nats(
            KEYS[config["output"]], below(f"{config['output']}/"), h, frame, **how
        )
        for h, frame in zip(hidden[:-1], piece, strict=True)
    ]
    return np.array(found), _ending(config, below, hidden, piece)


def _ending(config, below, hidden, piece):
    total = len(piece)
    if config["ending"] == "eos":
        logits = np.array(hidden) @ below("eos/")[0] + below("eos/")[1]
    elif config["ending"] == "halt":
        seen = np.concatenate([hidden[:-1], piece], axis=1)
        logits = seen @ below("halt/")[0] + below("halt/")[1]
    elif config["ending"] == "length":
        mean, shape = below("length/")
        return -_negative_binomial(total - 1, mean, shape)
    else:
        return 0.0
    signs = np.where(np.arange(len(logits)) == len(logits) - 1, -1, 1)
    return np.sum(np.logaddexp(0, signs * logits[:, 0]))


def _negative_binomial(n, mean, shape):
    """Returns log P(n), by P(0) and the ratio of each probability to the one before."""
    chance = mean / (shape + mean)
    ratios = [(shape + k) * chance / (k + 1) for k in range(n)]
    return shape * math.log(1 - chance) + sum(map(math.log, ratios))
