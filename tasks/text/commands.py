"""What a language model does with texts: generate, score, rank."""

import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tasks.cli import answers, config, inputs, outputs
from tasks.data import json_lines
from tasks.errors import UserError
from tasks.text.config import Dynamic, Generation, Scoring
from zoo import kernels
from zoo.models import DynamicEvaluation, LanguageModel
from zoo.text.vocabulary import UNKNOWN_ID

# How many tokens the text in a model card has.
_SAMPLE = {"character": 400, "word": 120, "subword": 150}

# What is added to a table.
COLUMNS = "log_probability", "perplexity", "bits_per_character"

# How many unknown words are named at most.
_NAMED = 10

# What a prompt's end, or a text's beginning, has no space at, where words are joined.
_CLOSING, _OPENING = ",.;:!?…%)]}", "([{"


def generate(name: str, settings: Generation) -> None:
    """Writes texts to the terminal, the first one as it is drawn.

    Args:
        name: the preset's name or folder.
        settings: what to write.

    Raises:
        UserError: `stop` holds no tokens.
        PresetError: there is no such preset, it is damaged, or gives NaN.
    """
    model = LanguageModel.from_preset(name)
    prompt = inputs.argument(settings.prompt, "--prompt").encode("utf-8")
    stop = settings.stop and inputs.argument(settings.stop, "--stop")
    if stop is not None and not len(_tokens(model, stop)):
        raise UserError(f"--stop {stop!r} holds no {model.level}s.")
    for note in notes(model, prompt):
        outputs.note(note)
    pieces = drawn(name, _pieces(model, prompt, stop, settings))
    _write_all(pieces, prompt.decode("utf-8", "replace"), settings.count, model.level)


def _pieces(model, prompt, stop, settings):
    """Yields what is drawn. The prompt, perhaps a long one, is read for the first."""
    yield from model.stream(
        tf.constant([prompt] * settings.count),
        settings.length,
        temperature=settings.temperature,
        top_k=settings.top_k,
        top_p=settings.top_p,
        repetition_penalty=settings.repetition_penalty,
        stop=() if stop is None else (stop,),
        seed=settings.seed,
    )


def drawn(name: str, pieces: Iterable[tf.Tensor]) -> Iterator[tf.Tensor]:
    """Yields what `LanguageModel.stream` does.

    Args:
        name: the preset's name or folder.
        pieces: what it returned.

    Raises:
        PresetError: the model gives NaN, of which nothing can be drawn.
    """
    try:
        yield from pieces
    except FloatingPointError as error:
        raise answers.no_numbers(name) from error


def sample(model) -> dict[str, str]:
    """Returns a text that a model writes from nothing, for its card.

    Args:
        model: a `zoo.models.LanguageModel`.

    Returns:
        The `text`, and the `command` that prints it, but for `--model`.
    """
    how = {"length": _SAMPLE[model.level], "temperature": 0.8, "seed": 1}
    with kernels.portable():  # as the command does
        [text] = model.generate(tf.constant([""]), **how).numpy()
    flags = " ".join(f"--{name} {value}" for name, value in how.items())
    return {
        "command": f"python -m tasks.text generate {flags}",
        "text": text.decode("utf-8", "replace"),
    }


def _write_all(pieces, prompt, count, level):
    """Writes the first text as its pieces come, then the others."""
    texts = [[] for _ in range(count)]
    title = "--- {} of " + f"{count}\n" if count > 1 else ""
    for piece in _behind(title.format(1) + prompt, pieces):
        for place, text in enumerate(piece.numpy()):
            more = text.decode("utf-8", "replace")
            if more and not texts[place]:
                more = gap(level, prompt, more) + more
            if more:
                texts[place].append(more)
            if place == 0:
                _write(more)
    _write("\n")
    for number, text in enumerate(texts[1:], start=2):
        _write(title.format(number) + prompt + "".join(text) + "\n")


def _behind(beginning, pieces):
    """Writes how the first text begins, and yields its pieces.

    Who waits at a terminal sees it at once. Elsewhere nothing is written where there
    is no first piece, of a model that gives NaN.
    """
    if not sys.stdout.isatty():
        first = [*itertools.islice(pieces, 1)]
        _write(beginning)
        yield from itertools.chain(first, pieces)
        return
    _write(beginning)
    try:
        yield from pieces
    except Exception:
        _write("\n")  # what is wrong gets a line of its own
        raise


def _write(text):
    print(text, end="", flush=True)


def notes(model, prompt: bytes | str) -> list[str]:
    """Says which tokens of a prompt a model has never seen, in a sentence or none."""
    tokens = _tokens(model, prompt)
    unknown = tokens[model.vocabulary.ids(tokens) == UNKNOWN_ID].numpy()
    if not len(unknown):
        return []
    named = dict.fromkeys(repr(token.decode()) for token in unknown)
    listed = ", ".join(itertools.islice(named, _NAMED))
    return [f"the model knows no {listed}: all one to it."]


def _tokens(model, text):
    return model.language.tokens(tf.constant([text])).flat_values


def gap(level: str, prompt: str, text: str) -> str:
    """Returns what stands between a prompt and what goes on with it.

    Args:
        level: what a token of the model is.
        prompt: the prompt.
        text: what goes on with it, not empty.
    """
    if level != "word" or not prompt or prompt[-1].isspace():
        return ""
    return "" if prompt[-1] in _OPENING or text[0] in _CLOSING else " "


def score(name: str, texts: inputs.Texts, settings: Scoring) -> None:
    """Prints how probable each text is, in order, or adds it to a table.

    Args:
        name: the preset's name or folder.
        texts: the texts.
        settings: how many are scored at a time, and whether to print JSON, a line a
            text, with each token's log P and all words that are unknown; or where to
            write it.

    Raises:
        UserError: what is found can't be written.
        PresetError: there is no such preset, or it is damaged.
    """
    answers.check(texts, settings, COLUMNS)
    rows = _scores(name, texts, settings.batch_size, settings)
    answers.write((_as_answer(row, settings) for row in rows), texts, settings)


def _as_answer(row, settings):
    """Returns what is shown of a text, and what is added to a table."""
    if settings.json:
        shown = json_lines.line(row)
    else:
        shown = (
            f"log P {row['log_probability']:10.3f}  "
            f"perplexity {row['perplexity']:9.3f}  "
            f"bits per character {row['bits_per_character']:6.3f}  "
            f"{outputs.shortened(row['text'])}{_noted(row['unknown'])}"
        )
    return answers.Answer(shown, {name: row[name] for name in COLUMNS})


def rank(name: str, texts: Iterator[bytes], settings: config.PredictionConfig) -> None:
    """Prints texts by how probable they are as a whole, the most probable first.

    Args:
        name: the preset's name or folder.
        texts: the texts.
        settings: as `score`'s.

    Raises:
        PresetError: there is no such preset, or it is damaged.
    """
    rows = ranked(_scores(name, texts, settings.batch_size))
    for place, row in enumerate(rows, start=1):
        if settings.json:
            row = {
                "rank": place,
                "text": row["text"],
                "log_probability": row["log_probability"],
                "unknown": row["unknown"],
            }
            print(json_lines.line(row))
        else:
            shown = outputs.shortened(row["text"])
            noted = _noted(row["unknown"])
            print(f"{place:3}  log P {row['log_probability']:10.3f}  {shown}{noted}")


def _scores(name, texts, batch_size, settings=None):
    """Yields for each text what `LanguageModel.score` says of it."""
    model = LanguageModel.from_preset(name)
    if settings is not None and settings.dynamic:
        score = learning(model, settings).score
    else:
        signature = [tf.TensorSpec([None], tf.string)]
        score = tf.function(model.score, input_signature=signature, autograph=False)
    while batch := list(itertools.islice(texts, batch_size)):
        found = score(tf.constant(batch))
        _check_numbers(found["log_probability"].numpy(), name, settings)
        yield from score_rows(model, batch, found)


def _check_numbers(logs, name, settings):
    """Raises an error where NaN was scored: perhaps by what the model has learned."""
    if settings is None or not settings.dynamic:
        answers.check_numbers(name, logs)
    elif np.isnan(logs).any():
        raise UserError(
            f"--dynamic-rate {settings.dynamic_rate}: what was learned has made the "
            "probabilities NaN. Give a lower one."
        )


def learning(model: LanguageModel, settings: Dynamic) -> DynamicEvaluation:
    """Returns what lets a model learn from what it reads, as settings say."""
    return DynamicEvaluation(
        model, settings.dynamic_rate, settings.dynamic_decay, settings.dynamic_window
    )


def score_rows(
    model, texts: Sequence[bytes], scored: Mapping[str, tf.Tensor]
) -> Iterator[dict]:
    """Yields for each text what a model says of it, fit for JSON.

    Args:
        model: a `zoo.models.LanguageModel`.
        texts: the texts.
        scored: what its `score` returned of them.
    """
    found = {key: each.numpy() for key, each in scored.items()}
    written = model.language.tokens(tf.constant(texts)).to_list()
    for place, text in enumerate(texts):
        length = found["lengths"][place]
        tokens = found["tokens"][place, :length]
        unknown = zip(written[place], found["unknown"][place], strict=False)
        yield {
            "text": text.decode("utf-8", "replace"),
            **{
                key: float(found[key][place])
                for key in ("log_probability", "perplexity", "bits_per_character")
            },
            "tokens": [token.decode("utf-8", "replace") for token in tokens],
            "log_probabilities": found["log_probabilities"][place, :length].tolist(),
            "unknown": [
                token.decode("utf-8", "replace") for token, is_one in unknown if is_one
            ],
        }


def ranked(rows: Iterable[dict]) -> list[dict]:
    """Returns what `score_rows` yields, the most probable text first."""
    # Of equal ones those that come first: sorting is stable.
    return sorted(rows, key=lambda row: -row["log_probability"])


def _noted(unknown):
    """Says which words of a text the model doesn't know."""
    named = dict.fromkeys(map(repr, unknown))
    listed = ", ".join(itertools.islice(named, _NAMED))
    if len(named) > _NAMED:
        listed += ", …"
    return f"  (unknown: {listed})" if listed else ""
