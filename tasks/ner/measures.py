"""What is reported of a tagger. Entities need the extra `ner`."""

import collections
import importlib.metadata
import operator
from collections.abc import Callable, Sequence

import numpy as np

from tasks.cli import extras
from zoo import tags

_RESAMPLES, _SEED = 1_000, 0


def measure(
    true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: str
) -> dict:
    """Measures predicted tags against the truth.

    Entities are those of seqeval's strict mode, in IOB2, to which other schemes are
    converted: one is right if its start, end and type are. Plain tags are counted
    one by one. A share of nothing is 0.

    Standard errors are those over samples of sentences (bootstrap; Efron & Tibshirani
    1993, as Berg-Kirkpatrick et al. 2012 use it), for what a sentence holds goes
    right or wrong together. They are drawn with the same seed every time.

    Args:
        true: the tags of each sentence.
        predicted: the same number of tags for each.
        scheme: one of `zoo.tags.SCHEMES`.

    Returns:
        `sentences`, `tokens`, `accuracy`, the share of tokens whose tag is right, and
        `scheme`, how it was counted. Of entities `f1`, `precision` and `recall` over
        all types, the `standard_error` of `f1`, and under `types` each type's
        `precision`, `recall`, `f1` and true `entities`. Of plain tags `macro_f1`, the
        mean of the tags' F1, the `standard_error` of `accuracy`, and under `tags`
        each tag's `precision`, `recall`, `f1` and true `tokens`.

    Raises:
        UserError: seqeval, which entities need, is not installed.
        ValueError: the sentences differ in number or length, the scheme is unknown,
            or a tag isn't one of it.
    """
    _check_pairs(true, predicted)
    if scheme == "plain":
        return _measure_plain(true, predicted)
    true, predicted = (
        [tags.convert(sentence, scheme, "iob2") for sentence in sentences]
        for sentences in (true, predicted)
    )
    return _measure_entities(true, predicted)


def mistakes(true: Sequence[str], predicted: Sequence[str], scheme: str) -> int:
    """Counts what is wrong in a sentence.

    Args:
        true: (n,), its tags.
        predicted: (n,).
        scheme: one of `zoo.tags.SCHEMES`.

    Returns:
        The entities that are missed and those that are none; of plain tags, the wrong
        ones.
    """
    if scheme == "plain":
        return sum(map(operator.ne, true, predicted))
    converted = (tags.convert(names, scheme, "iob2") for names in (true, predicted))
    hits, found, actual = _entity_counts(*converted)
    return found + actual - 2 * hits


def require_library() -> None:
    """Raises a UserError where seqeval, which entities need, is not installed."""
    extras.require("seqeval", "ner", "Measuring entities")


def describe(figures: dict) -> str:
    """Returns what `measure` found, a line each."""
    error = f" ± {figures['standard_error']:.4f}"
    if "types" in figures:
        lines = [
            f"F1          {figures['f1']:.4f}{error}  ({figures['scheme']})",
            f"precision   {figures['precision']:.4f}",
            f"recall      {figures['recall']:.4f}",
            f"accuracy    {figures['accuracy']:.4f}",
        ]
        rows, count = figures["types"], "entities"
    else:
        lines = [
            f"accuracy    {figures['accuracy']:.4f}{error}",
            f"macro F1    {figures['macro_f1']:.4f}",
        ]
        rows, count = figures["tags"], "tokens"
    width = max(map(len, rows), default=0)
    for name, row in rows.items():
        lines.append(
            f"  {name:{width}}  precision {row['precision']:.4f}  "
            f"recall {row['recall']:.4f}  F1 {row['f1']:.4f}  ({row[count]:,})"
        )
    return "\n".join(lines)


def _measure_entities(true, predicted):
    """Measures IOB2."""
    counts = np.array(
        [_entity_counts(*pair) for pair in zip(true, predicted, strict=True)], np.int64
    ).reshape(-1, 3)
    overall, types = _seqeval_figures(true, predicted, any_entities=counts.any())
    correct = _correct(true, predicted)
    return {
        "sentences": len(true),
        "tokens": int(correct[:, 1].sum()),
        "f1": overall["f1"],
        "standard_error": _standard_error(counts, _f1),
        "precision": overall["precision"],
        "recall": overall["recall"],
        "accuracy": float(_share(correct.sum(axis=0))),
        "scheme": f"strict IOB2, seqeval {importlib.metadata.version('seqeval')}",
        "types": types,
    }


def _measure_plain(true, predicted):
    correct = _correct(true, predicted)
    tag_figures = _tag_figures(true, predicted)
    scores = [row["f1"] for row in tag_figures.values()]
    return {
        "sentences": len(true),
        "tokens": int(correct[:, 1].sum()),
        "accuracy": float(_share(correct.sum(axis=0))),
        "standard_error": _standard_error(correct, _share),
        "macro_f1": float(np.mean(scores)) if scores else 0.0,
        "scheme": "plain",
        "tags": tag_figures,
    }


def _seqeval_figures(true, predicted, any_entities):
    """Returns the figures of all types together and of each."""
    require_library()
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    if not any_entities:  # which seqeval fails at
        return {"precision": 0.0, "recall": 0.0, "f1": 0.0}, {}
    report = classification_report(
        true, predicted, mode="strict", scheme=IOB2, output_dict=True, zero_division=0
    )
    rows = {
        name: {
            "precision": float(row["precision"]),
            "recall": float(row["recall"]),
            "f1": float(row["f1-score"]),
            "entities": int(row["support"]),
        }
        for name, row in report.items()
    }
    overall, _, _ = (rows.pop(f"{kind} avg") for kind in ("micro", "macro", "weighted"))
    return overall, rows


def _entity_counts(true, predicted):
    """Returns a sentence's hits, predicted and actual entities, as seqeval has them."""
    actual, found = (set(tags.spans(names, "iob2")) for names in (true, predicted))
    return len(actual & found), len(found), len(actual)


def _tag_figures(true, predicted):
    """Returns the figures of each tag that occurs or is predicted."""
    pairs = collections.Counter(
        pair
        for sentences in zip(true, predicted, strict=True)
        for pair in zip(*sentences, strict=True)
    )
    actual, found = collections.Counter(), collections.Counter()
    for (tag, guess), count in pairs.items():
        actual[tag] += count
        found[guess] += count
    return {
        tag: {
            "precision": pairs[tag, tag] / found[tag] if found[tag] else 0.0,
            "recall": pairs[tag, tag] / actual[tag] if actual[tag] else 0.0,
            "f1": 2 * pairs[tag, tag] / (found[tag] + actual[tag]),
            "tokens": actual[tag],
        }
        for tag in sorted(actual | found)
    }


def _correct(true, predicted):
    """Returns each sentence's right tags and tokens, int (sentences, 2)."""
    counts = [
        (sum(map(operator.eq, actual, guesses)), len(actual))
        for actual, guesses in zip(true, predicted, strict=True)
    ]
    return np.array(counts, np.int64).reshape(-1, 2)


def _f1(counts):
    """Returns the F1 of hits, predicted and actual entities, (..., 3)."""
    hits, found, actual = np.moveaxis(counts, -1, 0)
    return 2 * hits / np.maximum(found + actual, 1)


def _share(counts):
    """Returns the share of right tags among tokens, (..., 2)."""
    right, tokens = np.moveaxis(counts, -1, 0)
    return right / np.maximum(tokens, 1)


def _standard_error(counts: np.ndarray, figure: Callable) -> float:
    """Returns how far a figure varies over samples of sentences.

    Args:
        counts: (sentences, k), what each sentence adds to the counts that the figure
            is made of.
        figure: from counts, (..., k), to figures, (...).
    """
    if not len(counts):
        return 0.0
    # Sentences with the same counts are alike, and there are few kinds of them.
    kinds, sizes = np.unique(counts, axis=0, return_counts=True)
    random = np.random.default_rng(_SEED)
    samples = random.multinomial(len(counts), sizes / len(counts), size=_RESAMPLES)
    return float(figure(samples @ kinds).std(ddof=1))


def _check_pairs(true, predicted):
    if len(true) != len(predicted):
        raise ValueError(
            f"There are {len(true)} sentences, but tags predicted for {len(predicted)}."
        )
    for place, (actual, guesses) in enumerate(zip(true, predicted, strict=True)):
        if len(actual) != len(guesses):
            raise ValueError(
                f"Sentence {place} has {len(actual)} tags, but {len(guesses)} "
                "predicted ones."
            )
