"""What a translator does with texts: translate them, score translations."""

import dataclasses
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf
from tqdm import tqdm

from tasks.cli import answers, extras, inputs, outputs
from tasks.data import json_lines
from tasks.errors import UserError
from tasks.reporting.explanation_page import visible
from tasks.training import fingerprints
from tasks.translation import sorted_batches
from tasks.translation.config import Scoring, Search, Translation
from tasks.translation.partial_file import PartialFile, partial_names
from zoo import kernels, plots, presets
from zoo.models import Translator

# A picture of more tokens than this shows nothing any more.
MOST_DRAWN = 100
# What may be added to a table, the last one where several are asked for.
COLUMNS = "translation", "translation_score", "translations"
# Flags that no translation depends on.
_WITHOUT_EFFECT = {"output", "resume", "batch_size", "attention_plot"}


def translate(name: str, texts: inputs.Texts, settings: Translation) -> None:
    """Prints each text's translation, in order, or writes them into a file.

    Args:
        name: the preset's name or folder.
        texts: the texts. A blank one's translation is empty.
        settings: how to translate, and where to.

    Raises:
        UserError: something can't be gone on with, or drawn, or isn't for this model.
        PresetError: there is no such preset, or it is damaged.
    """
    answers.check(texts, settings, COLUMNS[: 2 + (settings.n_best > 1)])
    if settings.output:
        for path in partial_names(settings.output):
            outputs.check_file(path, "--output", [texts.path])
    if settings.attention_plot:
        outputs.check_file(settings.attention_plot, "--attention-plot", [texts.path])
        extras.require("matplotlib", "plots", "--attention-plot")
    model = Translator.from_preset(name)
    settings.check_model(model)
    if settings.attention_plot:
        first, *others = texts
        if others:
            raise UserError(
                f"--attention-plot is of one text, found {1 + len(others):,}."
            )
        _draw(name, model, first, settings)
        texts = inputs.Texts(iter([first]), lambda: 1)
    if settings.text_column is not None:
        rows = _shown_progress(_rows(model, texts, settings), texts)
        answers.write((_as_answer(row, settings) for row in rows), texts, settings)
        return
    if settings.output:
        _write(name, model, texts, settings)
        return
    for row in _shown_progress(_rows(model, texts, settings), texts):
        for line in _lines(row, settings):
            print(line, flush=True)


def _as_answer(row, settings):
    """Returns what is added to a table for a text."""
    found = row["translations"]
    best = found[0]
    cells = dict(zip(COLUMNS, (best["translation"], best["score"]), strict=False))
    if settings.n_best > 1:
        cells[COLUMNS[-1]] = found
    return answers.Answer("", cells)


def _write(name, model, texts, settings):
    """Writes translations into a file that can be gone on with."""
    group = 1 if settings.json else settings.n_best
    made_with = _made_with(name, settings)
    with PartialFile(settings.output, settings.resume, group, made_with) as file:
        try:
            rows = _rows(model, file.remaining(texts), settings)
            for row in _shown_progress(rows, texts, file.done, True):
                for line in _lines(row, settings):
                    file.write(line)
        except KeyboardInterrupt:
            print(f"\n{file.partial} can be gone on with: --resume.", file=sys.stderr)
            raise
    print(f"translations {settings.output}")


def _made_with(name, settings):
    """Returns what translations depend on beside the texts, by name."""
    used = {
        each.name: getattr(settings, each.name)
        for each in dataclasses.fields(settings)
        if each.name not in _WITHOUT_EFFECT
    }
    used |= settings.penalties(presets.config(name))
    flags = {f"--{each.replace('_', '-')}": value for each, value in used.items()}
    return {"model": fingerprints.of_preset(name), **flags}


def _shown_progress(rows, texts, done=0, to_file=False):
    """Yields rows, with a bar on stderr where it is a terminal, not full of them."""
    if not sys.stderr.isatty() or (sys.stdout.isatty() and not to_file):
        yield from rows
        return
    with tqdm(total=texts.count(), initial=done, unit=" texts") as bar:
        for row in rows:
            bar.update()
            yield row


def _rows(model, texts, settings):
    """Yields what was found for each text, in order."""
    find = translator(model, settings, settings.n_best)
    return sorted_batches.in_order(texts, settings.batch_size, len, find)


def translator(model, search: Search, n_best: int = 1):
    """Returns a function of texts, bytes, which translates them.

    It returns a dict a text: the `text` and `translations`, its n best, each a dict of
    `translation`, `score` and `log_probability`; fewer where there are fewer.
    """

    def translated(texts):
        known = [text.decode("utf-8", "replace") for text in texts]
        return rows_of(known, search_for(model, known, search, n_best, False))

    return translated


def search_for(
    model,
    texts: Sequence[str],
    search: Search,
    n_best: int = 1,
    attention: bool = True,
) -> dict:
    """Returns what `Translator.translate` returns of texts.

    Args:
        model: a `zoo.models.Translator`.
        texts: the texts. Nothing comes of nothing, nor of white space.
        search: how to search.
        n_best: how many translations of each.
        attention: whether it is returned as well what the best ones looked at, if the
            model has attention.
    """
    given = [text if text.strip() else "" for text in texts]
    with kernels.portable():
        return model.translate(
            tf.constant(given, tf.string),
            n_best=n_best,
            attention=attention and model.attends,
            **search.arguments(),
        )


def rows_of(
    texts: Sequence[str], found: Mapping[str, tf.Tensor], name: str = "The preset"
) -> list[dict]:
    """Returns what `search_for` found, a dict a text: see `translator`.

    Args:
        texts: the texts.
        found: what was found for them.
        name: the preset's name or folder.

    Raises:
        PresetError: there is no translation, for the model gives NaN.
    """
    names = "translations", "scores", "log_probabilities"
    columns = [found[each].numpy().tolist() for each in names]
    rows = [
        {"text": text, "translations": _hypotheses(*row)}
        for text, *row in zip(texts, *columns, strict=True)
    ]
    if not all(row["translations"] for row in rows):
        raise answers.no_numbers(name)
    return rows


def best_translations(
    model, texts: Iterable[str], search: Search, batch_size: int
) -> list[str]:
    """Returns the best translation of each text, in order."""
    given = [text.encode("utf-8") for text in texts]
    rows = sorted_batches.in_order(given, batch_size, len, translator(model, search))
    return [row["translations"][0]["translation"] for row in rows]


def _hypotheses(texts, scores, logs):
    return [
        {
            "translation": text.decode("utf-8", "replace"),
            "score": score,
            "log_probability": log,
        }
        for text, score, log in zip(texts, scores, logs, strict=True)
        if math.isfinite(score)
    ]


def _lines(row, settings):
    """Returns what is printed of a text: always as many lines."""
    found = row["translations"]
    if settings.json:
        content = {"text": row["text"], **found[0]}
        if settings.n_best > 1:
            content["translations"] = found
        return [json_lines.line(content)]
    texts = [one_line(each["translation"]) for each in found]
    if settings.n_best == 1:
        return texts
    lines = [
        f"{each['score']:.4f}\t{text}" for each, text in zip(found, texts, strict=True)
    ]
    return lines + ["-inf\t"] * (settings.n_best - len(lines))


def one_line(text: str) -> str:
    """Returns a text without line breaks, which a model may have learnt to write."""
    return re.sub(r"[\r\n]+", " ", text)


def _draw(name, model, text, settings):
    """Draws what the best translation of a text looked at."""
    found = search_for(model, [text], settings)
    rows_of([text.decode("utf-8", "replace")], found, name)  # or NaN is drawn
    draw_attention(found, settings.attention_plot)
    print(f"attention   {settings.attention_plot}", file=sys.stderr)


def draw_attention(found: Mapping[str, tf.Tensor], path: str | os.PathLike) -> None:
    """Draws what the best translation of a text looked at, as a PNG.

    Args:
        found: what `Translator.translate` returned of one text.
        path: the picture.

    Raises:
        UserError: the model doesn't attend, there is nothing to draw or too much of
            it, or matplotlib is missing.
    """
    if "attention" not in found:
        raise UserError("This model has no attention to be drawn.")
    weights = found["attention"][0].numpy()
    tokens = [
        [visible(t.decode("utf-8", "replace")) for t in found[name][0].numpy() if t]
        for name in ("tokens", "source_tokens")
    ]
    if not all(map(len, tokens)) or max(map(len, tokens)) > MOST_DRAWN:
        raise UserError(
            f"--attention-plot shows 1 to {MOST_DRAWN} tokens of the text and of its "
            f"translation, found {len(tokens[1])} and {len(tokens[0])}."
        )
    try:
        plots.attention(weights, *tokens, path)
    except ImportError as error:
        raise UserError(str(error)) from error


def score(name: str, settings: Scoring) -> None:
    """Prints how probable translations are, in order.

    Args:
        name: the preset's name or folder.
        settings: what to score; whether to print JSON, a line a pair, with each
            token's log P.

    Raises:
        UserError: a file can't be read, or the files haven't the same number of lines.
        PresetError: there is no such preset, or it is damaged.
    """
    # Not above: what reads datasets takes a second to import.
    from tasks.translation import corpus, measures

    pairs = [[inputs.argument(text, "TEXT") for text in settings.pair]]
    if settings.files:
        read = corpus.read_files(settings.files, settings.encoding)
        pairs = list(zip(read.texts, read.translations, strict=True))
    model = Translator.from_preset(name)
    rows = sorted_batches.in_order(
        pairs,
        settings.batch_size,
        lambda pair: max(map(len, pair)),
        measures.scorer(model),
    )
    for (text, translation), row in zip(pairs, rows, strict=True):
        answers.check_numbers(name, [row["log_probability"]])
        if settings.json:
            content = {"text": text, "translation": translation, **row}
            print(json_lines.line(content), flush=True)
        else:
            shown = outputs.in_a_line(f"{text} → {translation}")
            print(
                f"log P {row['log_probability']:10.3f}  "
                f"perplexity {row['perplexity']:9.3f}  {shown}",
                flush=True,
            )
