"""Texts and their translations: reading them, choosing languages and columns."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tasks.data import builders as data
from tasks.data import dataset_records, file_patterns, splits, text_files
from tasks.data.corpus import Corpus, Examples
from tasks.errors import UserError, did_you_mean

# What is shown of a line that has no partner.
_SHOWN = 40


@dataclasses.dataclass(frozen=True)
class Pairs(Examples):
    """Texts with a translation each.

    Attributes:
        texts: strings, (n,).
        translations: strings, (n,).
        source: the data set's full name and the split, or the files.
        citation: how its authors want it cited, BibTeX.
    """

    texts: np.ndarray
    translations: np.ndarray
    source: str
    citation: str = ""

    COLUMNS = "texts", "translations"

    def spread(self, count: int) -> "Pairs":
        """Returns so many pairs at most, evenly spread over all, in their order.

        Pairs may come sorted, or be of several datasets, one behind the other.
        """
        places = np.linspace(0, len(self) - 1, min(count, len(self)))
        return self.take(places.astype(int), self.source)


class ParallelCorpus(Corpus):
    """What a translator is trained, chosen and reported on, `Pairs`."""

    def about(self) -> Iterator[str]:
        """Yields each dataset and its columns; files have none."""
        for each in dataset_records.apart(self.record):
            yield f"dataset     {each['dataset']}"
            yield f"columns     {each['source_column']} → {each['target_column']}"


def columns(
    builder,
    languages: Sequence[str | None] = (None, None),
    chosen: Sequence[str | None] = (None, None),
) -> tuple[str, str]:
    """Returns the columns to translate from and into.

    Args:
        builder: a TFDS builder.
        languages: the user's choice of the source's and the target's language.
        chosen: the user's choice of two columns instead, which hold any texts.

    Returns:
        What was chosen, of two languages the one that is left for the other; by
        default the pair that the dataset's `supervised_keys` name, or its two
        languages.

    Raises:
        UserError: a language or a column isn't there, both are the same, or which two
            are meant isn't clear.
    """
    features = data.columns(builder)
    texts = {path: path for path in features if data.is_text(features[path])}
    known = data.languages(builder)
    name = builder.info.full_name
    if any(chosen):
        if any(languages):
            raise UserError(
                "Give languages, by --source and --target, or columns, by "
                "--source-column and --target-column, not both."
            )
        return _both(name, "column", chosen, texts)
    if known and any(languages):
        return _both(name, "language", languages, known)
    keys = builder.info.supervised_keys or ()
    if not any(languages) and len(keys) == 2 and all(key in texts for key in keys):
        return tuple(keys)
    if len(known) == 2:
        return tuple(known.values())
    if known:
        raise UserError(
            f"{name} has {len(known)} languages: {', '.join(known)}. Choose two with "
            "--source and --target."
        )
    raise UserError(
        f"{name} doesn't say which columns are translations of each other. Choose two "
        "with --source-column and --target-column; columns with texts: "
        f"{', '.join(texts) or 'none'}."
    )


def _both(name, kind, chosen, known):
    """Returns the columns of two languages, or columns, one of which may be None."""
    flags = [f"--{side}" for side in ("source", "target")]
    if kind == "column":
        flags = [f"{flag}-column" for flag in flags]
    for choice in filter(None, chosen):
        if choice not in known:
            raise UserError(f"{did_you_mean(kind, choice, known)} Looked in {name}.")
    if chosen[0] == chosen[1]:
        raise UserError(
            f"{' and '.join(flags)} are both {chosen[0]}: give two {kind}s."
        )
    if None in chosen:
        others = [other for other in known if other not in chosen]
        if len(others) != 1:
            raise UserError(
                f"Give {flags[chosen.index(None)]} too: {name} has the {kind}s "
                f"{', '.join(known)}."
            )
        chosen = [choice or others[0] for choice in chosen]
    return known[chosen[0]], known[chosen[1]]


def read(builder, split: str, columns: Sequence[str]) -> Pairs:
    """Reads the pairs of a split.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name or a slice of one.
        columns: of the texts and of their translations.

    Raises:
        UserError: there is no such split.
    """
    texts, translations = (
        np.array([value.decode("utf-8", "replace") for value in values], object)
        for values in data.read(builder, split, list(columns))
    )
    source = f"{builder.info.full_name}/{split}"
    return Pairs(texts, translations, source, (builder.info.citation or "").strip())


def read_files(paths: Sequence[str], encoding: str = text_files.UTF_8) -> Pairs:
    """Reads two files whose lines are translations of each other.

    Args:
        paths: the file of the texts, and that of their translations.
        encoding: what both are encoded in.

    Raises:
        UserError: a file can't be read or isn't in its encoding, they are empty, or
            haven't the same number of lines.
    """
    sides = [list(text_files.read_lines(Path(path), encoding)) for path in paths]
    if len(sides[0]) != len(sides[1]):
        raise UserError(_unequal(paths, sides))
    if not sides[0]:
        raise UserError(
            f"{paths[0]} and {paths[1]} are empty: a text a line is expected."
        )
    texts, translations = (np.array(lines, object) for lines in sides)
    return Pairs(texts, translations, file_patterns.names([*map(Path, paths)]))


def _unequal(paths, sides):
    """Says where two files get out of step."""
    counts = [len(lines) for lines in sides]
    place, longer = min(counts), counts.index(max(counts))
    extra = sides[longer][place]
    shown = extra if len(extra) <= _SHOWN else extra[: _SHOWN - 1] + "…"
    message = (
        f"{paths[0]} has {counts[0]:,} lines and {paths[1]} has {counts[1]:,}; they "
        f"must belong together line by line. Line {place + 1:,} of {paths[longer]}, "
        f"{shown!r}, has no partner."
    )
    alone = [
        number
        for number, pair in enumerate(zip(*sides, strict=False), start=1)
        if bool(pair[0].strip()) != bool(pair[1].strip())
    ]
    if alone:
        message += f" Line {alone[0]:,} is the first that is empty in only one of them."
    return message


def read_corpus(builder, train_split: str, columns: Sequence[str]) -> ParallelCorpus:
    """Reads a dataset's train, validation and test.

    Which splits these are, see `tasks.data.splits.choose`.

    Args:
        builder: a prepared TFDS builder.
        train_split: the split to train on or a slice of it.
        columns: of the texts and of their translations.

    Raises:
        UserError: a split doesn't exist.
    """
    chosen_on, reported = splits.choose(builder, train_split)
    record = {
        "dataset": data.name(builder),
        "source_column": columns[0],
        "target_column": columns[1],
        "test_splits": reported,
    }
    return _corpus(
        read(builder, train_split, columns),
        chosen_on and read(builder, chosen_on, columns),
        [read(builder, split, columns) for split in reported],
        dataset_records.together([record]),
    )


def corpus_of_files(
    train: Sequence[str],
    validation: Sequence[str] | None,
    test: Sequence[str] | None,
    encoding: str = text_files.UTF_8,
) -> ParallelCorpus:
    """Reads files to train, choose and report on, each two as `read_files` has them.

    Args:
        train: to train on.
        validation: to choose on; by default a tenth of `train` is.
        test: to report on, if any.
        encoding: what all are encoded in.

    Raises:
        UserError: as `read_files`.
    """
    files = train, validation, test
    train, validation, test = (paths and read_files(paths, encoding) for paths in files)
    return _corpus(train, validation, [test] if test else [], record={})


def _corpus(train, validation, tests, record):
    if validation is None:
        train, validation = splits.hold_out(train)
    record = {**record, "train": train.source, "chosen_on": validation.source}
    return ParallelCorpus(train, (validation,), tuple(tests), record)
