"""What a translator is made of, and which of its arguments go together."""

from typing import Any

import keras

from zoo.decoding import parameters
from zoo.layers import BY_CELL, Attention, AttentionDecoder, ContextDecoder, DeepRNN
from zoo.layers.attention import SCORES
from zoo.layers.bridge import BRIDGES
from zoo.models.construction import check_choice, check_least
from zoo.models.texts import LEVELS
from zoo.models.translator.joined_sentences import CUTS
from zoo.text import Subwords
from zoo.typing import Tensor

CONTEXTS = ("state", "input", "both")
# What translations are searched with where a model says nothing else.
PENALTIES = {"length_penalty": 0.6, "coverage_penalty": 0.0}


def dropouts(config: Any) -> list[keras.layers.Dropout]:
    """Returns the dropout after either embedding, and that before the softmax."""
    rates = {
        "source": config["embedding_dropout"],
        "target": config["embedding_dropout"],
        "output": config["dropout"],
    }
    return [
        keras.layers.Dropout(rate, name=f"{place}_dropout")
        for place, rate in rates.items()
    ]


def encoder(config: Any) -> DeepRNN:
    """Returns the encoder, in both directions."""
    return DeepRNN.stack(
        config["cell"],
        config["units"] // 2,
        config["encoder_layers"],
        bidirectional=True,
        dropout=config["dropout"],
        return_sequences=True,
        return_state=True,
        name="encoder",
    )


def decoder(config: Any) -> Any:
    """Returns the decoder, with attention or without."""
    units, score = config["units"], config["attention"]
    stack = DeepRNN.stack(
        config["cell"],
        units,
        config["decoder_layers"],
        dropout=config["dropout"],
        name="recurrent",
    )
    if not score:
        return ContextDecoder(stack, config["context"] != "state", name="decoder")
    own_units = units if score in ("additive", "concat") else None
    return AttentionDecoder(
        stack,
        Attention(score, own_units, config["heads"], name="attention"),
        units=config["embedding_units"] if config["tied"] else units,
        order=config["order"],
        input_feeding=config["input_feeding"],
        name="decoder",
    )


def check(
    *,
    vocabularies: Any,
    level: str,
    cell: Any,
    units: int,
    attention: Any,
    context: Tensor,
    bridge: Any,
    **others: Any,
) -> None:
    """Raises a ValueError if an argument is none, or two don't go together."""
    check_choice("level", level, LEVELS)
    check_choice("cell", cell, BY_CELL)
    check_choice("context", context, CONTEXTS)
    check_choice("bridge", bridge, BRIDGES)
    if others["sentences"] is not None:
        check_choice("sentences", others["sentences"], CUTS)
    if attention is not None:
        check_choice("attention", attention, SCORES)
    elif others["copying"]:
        raise ValueError(
            "copying=True copies what attention looks at: it needs attention."
        )
    if others["copying_cues"] and not others["copying"]:
        raise ValueError(
            "copying_cues=True tells what is to be copied: it needs copying=True."
        )
    for name in ("encoder_layers", "decoder_layers"):
        check_least(1, **{name: others[name]})
    if units % 2:
        raise ValueError(
            f"units must be even, found {units}: each direction of the encoder has "
            "half of them."
        )
    for name in ("label_smoothing", "scheduled_sampling"):
        if not 0 <= others[name] < 1:
            raise ValueError(f"{name} must be in [0, 1), found {others[name]}.")
    if bridge == "copy" and others["encoder_layers"] != others["decoder_layers"]:
        raise ValueError(
            "bridge='copy' needs as many layers in the encoder as in the decoder, "
            f"found {others['encoder_layers']} and {others['decoder_layers']}. Take "
            "'dense'."
        )
    if attention is None and context == "state" and bridge == "zero":
        raise ValueError(
            "Without attention, with context='state' and bridge='zero', nothing of the "
            "source gets to the decoder. Take bridge='dense' or another context."
        )
    if level != "subword" and any(isinstance(v, Subwords) for v in vocabularies):
        raise ValueError(
            f"A vocabulary of Subwords needs level='subword', found {level!r}."
        )


def check_penalties(
    length_penalty: float, coverage_penalty: float, attention: str | None
) -> None:
    """Raises a ValueError if a penalty is out of its range, or needs attention."""
    check_range(length_penalty, coverage_penalty)
    if coverage_penalty and not attention:
        raise ValueError(
            f"A coverage_penalty, {coverage_penalty}, is about attention: it needs "
            "attention."
        )


def check_range(length_penalty: Any, coverage_penalty: Any) -> None:
    """Raises a ValueError if a penalty, or one of several, is out of its range."""
    values = length_penalty, coverage_penalty
    for name, value in zip(PENALTIES, values, strict=True):
        parameters.check(name, value, least=0)
        parameters.check(name, value, least=0, most=parameters.LARGEST)


def check_shared(shared: Any, source: Any, target: Any) -> None:
    """Raises a ValueError if two vocabularies can't share an embedding that is to."""
    if shared and source.tokens != target.tokens:
        raise ValueError(
            f"A shared embedding needs one vocabulary, found two, of {len(source)} and "
            f"{len(target)} tokens. Give the same one twice."
        )
