"""Texts to learn a language from: reading them, and what to choose and report on."""

import dataclasses
from collections.abc import Sequence

from tasks.data import builders as data
from tasks.data import dataset_records, file_patterns, text_files
from tasks.data.corpus import Corpus, Examples, chosen_on
from tasks.errors import UserError

# The share of the training text, at its end, that is held out unless told otherwise.
HELD_OUT = 0.05
# How many characters before a text are read for its sake: more than states remember,
# and than a cache of characters should reach back.
CONTEXT = 10_000
# In which order the splits of one text, cut into them, follow each other.
_ORDER = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Texts(Examples):
    """Texts that each begin anew, documents or sentences.

    Attributes:
        texts: none of them empty.
        source: the data set's full name and the split, or the files.
        citation: how its authors want it cited, BibTeX.
        context: what comes right before the first text. A model may read it, but is
            not measured on it.
    """

    texts: tuple[str, ...]
    source: str
    citation: str = ""
    context: str = ""

    COLUMNS = ("texts",)

    def packed(self, characters: int) -> "Texts":
        """Returns the texts, short ones put together, each in a line of its own.

        Args:
            characters: texts are put behind the one before while that has fewer.
        """
        together = []
        for text in self.texts:
            if together and len(together[-1]) < characters:
                together[-1] += "\n" + text
            else:
                together.append(text)
        return dataclasses.replace(self, texts=tuple(together))

    def take(self, places: Sequence[int], source: str) -> "Texts":
        """Returns the texts at some places, as another source."""
        texts = tuple(self.texts[place] for place in places)
        return dataclasses.replace(self, texts=texts, source=source, context="")

    @property
    def characters(self) -> int:
        """How many characters (code points) the texts have in all."""
        return sum(map(len, self.texts))

    def describe(self) -> str:
        """Returns where the texts are from and how much it is, in a line."""
        count = f"{len(self):,} texts, " if len(self) > 1 else ""
        return f"{self.source}, {count}{self.characters:,} characters"


def read(builder, split: str, column: str, lines: bool = False) -> Texts:
    """Reads the texts of a split.

    Where every split of a dataset is a single text, as in `tiny_shakespeare`, they are
    taken for the parts of one: several are joined, and have what comes before as their
    context.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name, a slice of one, or several, `validation+test`.
        column: the path of a string feature.
        lines: whether each line is a text of its own.

    Raises:
        UserError: there is no such split, or it has no text.
    """
    texts = _decoded(builder, split, column)
    context = ""
    if lines:
        texts = _lines(texts)
    elif _is_one_text(builder):
        texts = ["".join(texts)]
        known = [name for name in _ORDER if name in builder.info.splits]
        first = split.split("+")[0].strip()
        before = known[: known.index(first)] if first in known else []
        if before:
            context = "".join(_decoded(builder, "+".join(before), column))[-CONTEXT:]
    source = f"{builder.info.full_name}/{split}"
    texts = tuple(filter(None, texts))
    if not texts:
        raise UserError(f"{source} holds no text: all its rows are empty.")
    return Texts(texts, source, (builder.info.citation or "").strip(), context)


def _decoded(builder, split, column):
    [values] = data.read(builder, split, [column])
    return [value.decode("utf-8", "replace") for value in values]


def _lines(texts):
    return [line for text in texts for line in text_files.lines(text)]


def _is_one_text(builder):
    splits = builder.info.splits
    return len(splits) > 1 and all(s.num_examples == 1 for s in splits.values())


def read_files(
    patterns: str | Sequence[str], lines: bool = False, encoding: str = text_files.UTF_8
) -> Texts:
    """Reads files, each a text.

    Args:
        patterns: their names, or patterns of them: see
            `tasks.data.file_patterns.expand`.
        lines: whether each line is a text of its own.
        encoding: what they are encoded in.

    Raises:
        UserError: there is no such file, one can't be read or isn't in its encoding,
            or there is nothing in them.
    """
    paths = file_patterns.expand(patterns, "--files")
    texts = [text_files.read(path, encoding) for path in paths]
    if lines:
        texts = _lines(texts)
    texts = tuple(filter(None, texts))
    if not texts:
        listed = file_patterns.listed(patterns)
        raise UserError(f"There is no text in --files {listed}: all are empty.")
    return Texts(texts, file_patterns.names(paths))


def hold_out(texts: Texts, share: float, whole: bool = False) -> tuple[Texts, Texts]:
    """Cuts the end of texts off.

    Args:
        texts: what to cut.
        share: how much goes, in (0, 1), of the characters.
        whole: whether no text may be cut apart; then it is the share of the texts.

    Returns:
        What is left to train on, and what is held out.

    Raises:
        UserError: nothing would be left.
    """
    if whole:
        kept = len(texts) - max(1, round(share * len(texts)))
        left, out = texts.texts[:kept], texts.texts[kept:]
    else:
        place, kept = 0, texts.characters - max(1, round(share * texts.characters))
        while len(texts.texts[place]) <= kept:
            kept -= len(texts.texts[place])
            place += 1
        cut = texts.texts[place]
        left = (*texts.texts[:place], *filter(None, [cut[:kept]]))
        out = (cut[kept:], *texts.texts[place + 1 :])
    if not left:
        raise UserError(
            f"{texts.source} is too short to hold a part of it out for validation: "
            f"{texts.describe()}."
        )
    note = f"the last {100 * share:g}%"
    return (
        dataclasses.replace(texts, texts=left, source=f"{texts.source} (less {note})"),
        dataclasses.replace(texts, texts=out, source=f"{texts.source} ({note})"),
    )


def read_corpus(
    builder,
    train_split: str,
    column: str,
    share: float | None = None,
    lines: bool = False,
) -> Corpus:
    """Reads what to train, choose and report on.

    A dataset's validation split is to choose on if there is a test split too and
    `share` is None; else the end of the training text is, or nothing where `share` is
    0. What is left of the two is to report on: of one text, cut into splits, both
    together and the last by itself.

    Args:
        builder: a prepared TFDS builder.
        train_split: the split to train on or a slice of it.
        column: the path of a string feature.
        share: how much of the training text to hold out, in [0, 1).
        lines: whether each line is a text of its own.

    Raises:
        UserError: a split doesn't exist, has no text, or too little.
    """
    train = read(builder, train_split, column, lines)
    trained_on = data.split_names(train_split)
    others = [
        name
        for name in _ORDER[1:]
        if name in builder.info.splits and name not in trained_on
    ]
    if share is None and len(others) == 2:
        validations = (read(builder, others.pop(0), column, lines),)
    else:
        train, *validations = _held_out(train, share, lines)
    reported = others[-1:]
    if len(others) == 2 and _is_one_text(builder) and not lines:
        reported = ["+".join(others), *reported]
    # What has no target costs nothing: with it, `val_loss` would be too low.
    validations = tuple(dataclasses.replace(each, context="") for each in validations)
    record = {
        "dataset": data.name(builder),
        "text_column": column,
        "train": train.source,
        "chosen_on": chosen_on(validations),
        "test_splits": reported,
    }
    tests = tuple(read(builder, split, column, lines) for split in reported)
    return Corpus(train, validations, tests, dataset_records.together([record]))


def corpus_of_files(
    patterns: str | Sequence[str],
    share: float | None,
    lines: bool,
    encoding: str = text_files.UTF_8,
) -> Corpus:
    """Reads files to train and to choose on; there is nothing to report on.

    Args:
        patterns: see `read_files`.
        share: how much of their text to hold out, in [0, 1).
        lines: whether each line is a text of its own.
        encoding: what the files are encoded in.

    Raises:
        UserError: as `read_files` and `hold_out`.
    """
    texts = read_files(patterns, lines, encoding)
    train, *validations = _held_out(texts, share, lines)
    record = {
        "train": train.source,
        "chosen_on": chosen_on(validations),
        "test_splits": [],
    }
    return Corpus(train, tuple(validations), (), record)


def _held_out(texts, share, lines):
    """Returns texts less what is held out, and that if it is anything."""
    if share == 0:
        return (texts,)
    return hold_out(texts, share or HELD_OUT, whole=lines)
