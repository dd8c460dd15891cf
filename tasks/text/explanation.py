"""What a language model's gates do over a text, and what it expected there."""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tasks.cli import answers, extras, inputs, outputs
from tasks.errors import UserError
from tasks.reporting import explanation_page
from tasks.text.config import Explanation
from zoo import plots
from zoo.files import replaced_file
from zoo.models import LanguageModel
from zoo.text.vocabulary import START

# A picture of more would be too wide to look at.
_MOST_TOKENS = 300
PICTURE, PAGE = "gates.png", "explanation.html"


@dataclasses.dataclass(frozen=True)
class Expected:
    """How probable a word is at its place in a text.

    Attributes:
        word: the word.
        probability: of its tokens, given what comes before. Of characters with the one
            that follows the word, so that "was" is not the beginning of "wasp".
        log_probability: log P of the whole text with it, in nats.
        is_there: whether the text has it.
    """

    word: str
    probability: float
    log_probability: float
    is_there: bool


def explain(name: str, texts: inputs.Texts, settings: Explanation) -> None:
    """Draws the gates over the tokens of a text, and compares words in it.

    Args:
        name: the preset's name or folder.
        texts: one text.
        settings: what to compare, and where to draw.

    Raises:
        UserError: there are several texts, or too long a one, or the model has no
            gates, or matplotlib is missing.
        PresetError: there is no such preset, or it is damaged.
    """
    outputs.check_folder(settings.output, "--output")
    for made in (PICTURE, PAGE):
        outputs.check_file(settings.output / made, "--output", [texts.path])
    extras.require("matplotlib", "plots", "A picture of the gates")
    text, *others = (text.decode("utf-8", "replace") for text in texts)
    if others:
        raise UserError(f"explain takes one text, found {1 + len(others)}.")
    model = LanguageModel.from_preset(name)
    check_gates(name, model)
    tokens, logs, gates = read(model, text)
    answers.check_numbers(name, logs)
    alternatives = [
        inputs.argument(word, "--alternatives") for word in settings.alternatives
    ]
    prefix, words = compare(model, text, alternatives)
    print(describe(prefix, words))
    picture, page = settings.output / PICTURE, settings.output / PAGE
    tokens = list(map(explanation_page.visible, tokens))
    draw(gates, tokens, picture)
    with replaced_file(page) as file:
        content = explanation_page.render(
            text, tokens, logs, gates, prefix, words, picture.read_bytes()
        )
        file.write_text(content, "utf-8")
    print(f"picture     {picture}")
    print(f"page        {page}")


def check_gates(name: str, model) -> None:
    """Raises a UserError where a model has no gates.

    Args:
        name: the preset's name or folder.
        model: a `zoo.models.LanguageModel`.
    """
    if model.config["cell"] == "rnn":
        raise UserError(f"{name} is of simple recurrent units, which have no gates.")


def read(model, text: str):
    """Returns what a model reads of a text, what that costs, and its gates.

    Args:
        model: a `zoo.models.LanguageModel` with gates.
        text: the text.

    Returns:
        The tokens, `<SOS>` before them; log P of each, in nats, (tokens,), 0 of
        `<SOS>`; and the gates, for each layer a dict of (tokens, units).

    Raises:
        UserError: there are too many tokens to draw.
    """
    scored = model.score(tf.constant([text]))
    tokens = [token.decode("utf-8", "replace") for token in scored["tokens"][0].numpy()]
    if len(tokens) > _MOST_TOKENS:
        raise UserError(
            f"A text of at most {_MOST_TOKENS} tokens can be drawn, found "
            f"{len(tokens):,}. Give a shorter one."
        )
    logs = np.concatenate([[0.0], scored["log_probabilities"][0].numpy()])
    tokens = [START, *tokens]
    ids = model.vocabulary.ids(tf.constant([tokens]))
    layers = model.recurrent.gates(model.embedding(ids))
    gates = [{name: np.array(gate)[0] for name, gate in g.items()} for g in layers]
    return tokens, logs, gates


def compare(model, text: str, alternatives: Sequence[str]):
    """Puts each of some words in the place of one of them, and asks the model.

    Args:
        model: a `zoo.models.LanguageModel`.
        text: the text. The last of the words in it is replaced; where there is none,
            they are put at its end.
        alternatives: the words.

    Returns:
        What comes before the word, and an `Expected` for each.
    """
    if not alternatives:
        return text, []
    prefix, there, rest = _split_at_last(text, alternatives)
    end = rest[:1] if model.level == "character" else ""
    texts = tf.constant([prefix + word + rest for word in alternatives])
    scored = {key: each.numpy() for key, each in model.score(texts).items()}
    # To subwords the space belongs to what comes after it.
    begin = _count(model, prefix.rstrip() if model.level == "subword" else prefix)
    words = []
    for place, word in enumerate(alternatives):
        own = slice(begin, _count(model, prefix + word + end))
        log = float(scored["log_probabilities"][place, own].sum())
        total = float(scored["log_probability"][place])
        words.append(Expected(word, math.exp(log), total, word == there))
    return prefix, words


def _split_at_last(text, words):
    """Returns what is before the last of some words, which of them, and what after."""
    longest_first = sorted(words, key=len, reverse=True)
    pattern = rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(?!\w)"
    found = list(re.finditer(pattern, text))
    if not found:
        return text.rstrip() + " ", None, ""
    return text[: found[-1].start()], found[-1][0], text[found[-1].end() :]


def _count(model, text):
    """Returns how many tokens a text has, without `<EOS>`."""
    return int(model.language.tokens(tf.constant([text])).flat_values.shape[0])


def describe(prefix: str, words: Sequence[Expected]) -> str:
    """Returns what `compare` found, a line each."""
    shown = prefix if len(prefix) <= 60 else "…" + prefix[-59:]
    width = max((len(each.word) for each in words), default=0)
    lines = [f"after       {shown!r}"] if words else []
    for each in words:
        mark = "  (in the text)" if each.is_there else ""
        lines.append(
            f"  {each.word:{width}}  P {each.probability:.6f}  "
            f"log P of the text {each.log_probability:.3f}{mark}"
        )
    return "\n".join(lines)


def draw(gates: Sequence[Mapping], tokens: Sequence[str], path: Path) -> None:
    """Draws what `read` returned, as a PNG.

    Args:
        gates: for each layer a dict of (tokens, units).
        tokens: what stands at each step.
        path: the picture.

    Raises:
        UserError: matplotlib is missing.
    """
    layers = {f"layer {number}": each for number, each in enumerate(gates, start=1)}
    try:
        plots.gates(gates[0] if len(gates) == 1 else layers, tokens, path)
    except ImportError as error:
        raise UserError(str(error)) from error
