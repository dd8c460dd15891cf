"""Small translators under test, and what they compute, in NumPy."""

import numpy as np

from tests.zoo.cells import equations
from tests.zoo.cells.units import draw_weights
from tests.zoo.layers.attentions import attended
from zoo.models import Translator
from zoo.text import Subwords

SOURCE, TARGET = [*"abcé"], [*"xyz"]
SIZE = 4 + len(TARGET)
STEPS = {
    "rnn": equations.simple_rnn,
    "gru": equations.gru_full,
    "lstm": equations.lstm,
}


def make(target=TARGET, **arguments):
    """Returns a small model whose weights leave nothing at its default."""
    defaults = {"level": "character", "embedding_units": 3, "units": 4, "cell": "gru"}
    model = Translator(SOURCE, target, **{**defaults, **arguments})
    draw_weights(model)
    return model


def subwords():
    """Returns a few pieces of words beside the 256 bytes."""
    return Subwords([*(f"<0x{byte:02X}>" for byte in range(256)), *"▁abc", "▁ab"])


def in_numpy(model, source, inputs):
    """Returns log ŷ<t>, float64 (T_y, V), and α, (T_y, T_x), of one translation.

    By the equations, of a model with one layer in encoder and decoder.

    Args:
        model: a `Translator`.
        source: x, ids without padding.
        inputs: y<t-1>, the same.
    """
    config = model.config
    step = STEPS[config["cell"]]
    count, half = 1 + (config["cell"] == "lstm"), config["units"] // 2
    weights = {w.path: w.numpy().astype("float64") for w in model.weights}

    def own(prefix):
        return [value for path, value in weights.items() if path.startswith(prefix)]

    def run(x, layer, state):
        states = []
        for each in x:
            state = step(each, state, *own(layer))
            states.append(state)
        return states

    encoder = f"encoder/bidirectional_{config['cell']}_1/"
    x = weights["source_embedding/embeddings"][source]
    zeros = [np.zeros(half)] * count
    ahead = run(x, f"{encoder}forward", zeros)
    back = run(x[::-1], f"{encoder}backward", zeros)
    values = [[*a[0], *b[0]] for a, b in zip(ahead, back[::-1], strict=True)]
    last = [np.concatenate(pair) for pair in zip(ahead[-1], back[-1], strict=True)]
    c = last[0]
    state = {"copy": last, "zero": [np.zeros(2 * half)] * count}.get(config["bridge"])
    if state is None:
        state = []
        for n in range(1, count + 1):
            dense = [weights[f"bridge/state_{n}/{w}"] for w in ("kernel", "bias")]
            state.append(np.tanh(c @ dense[0] + dense[1]))
    hidden, alphas, fed = [], [], np.zeros(model.output_embedding.embeddings.shape[1])
    for each in weights["target_embedding/embeddings"][inputs]:
        seen = [each]
        if model.attends and config["order"] == "before":
            context, alpha = _attend(model, state, values)
            seen.append(context)
        if model.attends and config["input_feeding"]:
            seen.append(fed)
        if not model.attends and config["context"] != "state":
            seen.append(c)
        state = step(np.concatenate(seen), state, *own("decoder/recurrent"))
        fed = state[0]
        if model.attends:
            if config["order"] == "after":
                context, alpha = _attend(model, state, values)
            alphas.append(alpha[0])
            joined = np.concatenate([context, state[0]])
            fed = np.tanh(joined @ weights["decoder/attentional/kernel"])
        elif "projection/kernel" in weights:
            fed = fed @ weights["projection/kernel"] + weights["projection/bias"]
        hidden.append(fed)
    table = "target_embedding" if config["tied"] else "output_embedding"
    logits = np.array(hidden) @ weights[f"{table}/embeddings"].T
    logits += weights["softmax/bias"]
    logits[:, [0, 2]] = -np.inf
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    if config["copying"]:
        kernel, bias, *cue = own("pointer")
        gate = hidden @ kernel + bias
        if cue:
            gate += np.array(alphas) @ (np.array(values) @ cue[0])
        p = _with_copies(model, p, gate, alphas, source)
    with np.errstate(divide="ignore"):
        return np.log(p), np.array(alphas)


def _with_copies(model, p, gate, alphas, source):
    """Returns P of a model that copies, (T_y, V)."""
    gate, copied = 1 / (1 + np.exp(-gate)), np.zeros_like(p)
    tokens = list(model.target.vocabulary.tokens)
    for place, each in enumerate(source):
        token = model.source.vocabulary.tokens[each]
        if token in tokens:
            copied[:, tokens.index(token)] += np.array(alphas)[:, place]
    return (1 - gate * copied.sum(axis=-1, keepdims=True)) * p + gate * copied


def _attend(model, state, values):
    values = np.array(values)
    everything = np.ones(len(values), bool)
    return attended(model.decoder.attention, state[0], values, everything)
