"""Texts with one class each: reading, splitting, choosing columns."""

import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tasks.data import builders as data
from tasks.data import dataset_records, label_classes, splits
from tasks.data.corpus import Corpus, Examples
from tasks.data.corpus import joined as joined_corpora
from tasks.errors import UserError
from tasks.sentiment import label_reading, spacing

# What datasets call their columns, the best first.
TEXT_COLUMNS = (
    "text",
    "sentence",
    "review",
    "content",
    "body",
    "comment",
    "comment_text",
)
LABEL_COLUMNS = "label", "sentiment", "rating", "stars", "score", "class", "category"


@dataclasses.dataclass(frozen=True)
class LabelledTexts(Examples):
    """Texts with one class each.

    Attributes:
        texts: bytes objects, (n,).
        labels: int32, (n,): places in `class_names`; or, where a text may have any
            number of them, float32, (n, classes), 0 or 1.
        class_names: the classes.
        source: the data set's full name and the split.
        citation: how its authors want it cited, BibTeX.
    """

    texts: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    source: str
    citation: str = ""

    COLUMNS = "texts", "labels"

    @property
    def multi_label(self) -> bool:
        """Whether a text may have any number of the classes."""
        return self.labels.ndim == 2

    @property
    def counts(self) -> np.ndarray:
        """How many texts each class has, int (classes,)."""
        if self.multi_label:
            return self.labels.sum(axis=0).astype(int)
        return np.bincount(self.labels, minlength=len(self.class_names))


def read(
    builder,
    split: str,
    text_column: str,
    label_column: str | Sequence[str],
    class_names: tuple[str, ...] | None = None,
    renamed: Mapping[str, str] | None = None,
    known_by: str = "the model",
) -> LabelledTexts:
    """Reads texts and their classes.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name or a slice of one.
        text_column: path of a string feature.
        label_column: path of a ClassLabel, a number, a bool or a string; or several
            paths of truth values, where a text may have any number of labels.
        class_names: the classes that a model knows; by default the feature's, or those
            that occur: see `tasks.data.label_classes.classes`.
        renamed: other names for the data set's classes, of those that it has.
        known_by: who knows them, for messages.

    Raises:
        UserError: the labels are hidden, too many, no classes, or not those of
            `class_names`.
    """
    source = f"{builder.info.full_name}/{split}"
    citation = (builder.info.citation or "").strip()
    if not isinstance(label_column, str):
        texts, labels = label_reading.read(builder, split, text_column, label_column)
        found = renamed_classes(label_column, renamed or {}, source)
        placed = label_reading.placed(labels, found, class_names, source, known_by)
        return LabelledTexts(texts, *placed, source, citation)
    texts, values = data.read(builder, split, [text_column, label_column])
    feature = data.columns(builder)[label_column]
    if data.is_class(feature) and label_classes.is_hidden(values, feature):
        read_from = data.split_names(split)
        others = [name for name in builder.info.splits if name not in read_from]
        raise UserError(
            f"The labels of {source} are hidden (-1). Choose another split; there "
            f"are {', '.join(others) or 'none'}."
        )
    found, labels = label_classes.classes(
        values, feature, source, label_column, any_number=class_names is not None
    )
    found = renamed_classes(found, renamed or {}, source)
    class_names = class_names or found
    unknown = sorted(set(found) - set(class_names))
    if unknown:
        raise UserError(
            f"{source} has the classes {label_classes.listed(unknown)}, which "
            f"{known_by} doesn't know. It knows {label_classes.listed(class_names)}."
        )
    place = np.array([class_names.index(name) for name in found], np.int32)
    return LabelledTexts(texts, place[labels], class_names, source, citation)


def class_names(
    builder,
    split: str,
    label_column: str | Sequence[str],
    any_number: bool = False,
) -> tuple[str, ...]:
    """Returns the classes of a split as its data set calls them.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name or a slice of one.
        label_column: path of a ClassLabel, a number, a bool or a string.
        any_number: see `tasks.data.label_classes.classes`.

    Raises:
        UserError: see `tasks.data.label_classes.classes`.
    """
    if not isinstance(label_column, str):
        return tuple(label_column)
    [values] = data.read(builder, split, [label_column])
    feature = data.columns(builder)[label_column]
    source = f"{builder.info.full_name}/{split}"
    chosen = feature, source, label_column, any_number
    return label_classes.classes(values, *chosen)[0]


def renamed_classes(
    found: Sequence[str], renamed: Mapping[str, str], source: str
) -> tuple[str, ...]:
    """Returns classes by their other names.

    Args:
        found: the classes.
        renamed: other names, of those that have one.
        source: what they are of, for messages.

    Raises:
        UserError: two of them would be one.
    """
    names = tuple(renamed.get(name, name) for name in found)
    counts = collections.Counter(names)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice:
        raise UserError(
            f"--map makes {counts[twice]} classes of {source} one, {twice!r}: "
            f"{', '.join(n for n in found if renamed.get(n, n) == twice)}."
        )
    return names


def check_classes(train: LabelledTexts) -> None:
    """Raises a UserError where texts to train on are all of one class."""
    if train.multi_label:
        if (train.labels == train.labels[0]).all():
            raise UserError(
                f"All texts of {train.source} have the same labels: there is nothing "
                "to tell apart. Train on more of it, or choose other --label-columns."
            )
        return
    there = np.unique(train.labels)
    if len(there) < 2:
        raise UserError(
            f"{train.source} has one class only, {train.class_names[there[0]]!r}: "
            "there is nothing to tell apart. Train on more of it, or choose another "
            "--label-column."
        )


def has_labels(builder, split: str, label_column: str | Sequence[str]) -> bool:
    """Says whether a split has examples, the first one's label not hidden."""
    several = not isinstance(label_column, str)
    paths = list(label_column) if several else [label_column]
    try:
        values = data.read(builder, f"{split}[:1]", paths)[0]
    except UserError:  # an empty split
        return False
    if several:
        return True
    return not label_classes.is_hidden(values, data.columns(builder)[label_column])


class LabelledCorpus(Corpus):
    """What a classifier is trained, chosen and reported on, `LabelledTexts`."""

    def about(self) -> Iterator[str]:
        """Yields each dataset, its columns and the classes."""
        for each in dataset_records.apart(self.record) or [self.record]:
            if "dataset" in each:  # and no file
                yield f"dataset     {each['dataset']}"
            yield f"text        {each['text_column']}"
            classes = ", ".join(self.train.class_names)
            if self.train.multi_label:
                yield f"labels      any of {classes}"
            else:
                yield f"label       {each['label_column']}: {classes}"

    def notes(self) -> Iterator[str]:
        """Yields which classes are too rare, and which may be one."""
        counts = sum(part.counts for part in (self.train, *self.validations))
        for name, count in zip(self.train.class_names, counts, strict=True):
            if count == 1:
                yield (
                    f"note        {name!r} has one example: what is learnt of it can't "
                    "be checked"
                )
        for group in label_classes.alike(self.train.class_names):
            listed = ", ".join(map(repr, group))
            yield f"note        {listed} are classes apart: are they meant to be?"


def columns(
    builder,
    text_column: str | None,
    label_column: str | None,
    label_columns: Sequence[str] | None = None,
):
    """Returns the columns of a dataset's texts and classes.

    Args:
        builder: a TFDS builder.
        text_column: the user's choice, if there is one.
        label_column: the user's choice, if there is one.
        label_columns: of several labels, all of which are the user's choice: then they
            are what is returned.

    Raises:
        UserError: see `tasks.data.builders.choose_column`.
    """
    features = data.columns(builder)
    strings = [path for path, feature in features.items() if data.is_text(feature)]
    text = data.choose_column(
        builder,
        "text",
        text_column,
        data.is_text,
        usual=TEXT_COLUMNS,
        # Of two strings the one that isn't the label is the text.
        without=label_column if len(strings) > 1 else None,
    )
    if label_columns:
        return text, label_reading.chosen(builder, label_columns)
    label = data.choose_column(
        builder,
        "label",
        label_column,
        *(data.is_class, data.is_integer, data.is_bool, data.is_text, data.is_float),
        usual=LABEL_COLUMNS,
        without=text,
        accepted=label_classes.ACCEPTED,
    )
    return text, label


def read_corpus(
    builder,
    train_split: str,
    text: str,
    label: str | Sequence[str],
    renamed: Mapping[str, str] | None = None,
) -> LabelledCorpus:
    """Reads a dataset's train, validation and test.

    A dataset without a validation split, or whose test labels are hidden, so that
    its validation split has to be the test, has a validation set cut from train.

    Args:
        builder: a prepared TFDS builder.
        train_split: the split to train on or a slice of it.
        text: the column with the texts.
        label: the column with the classes.
        renamed: other names for classes.

    Raises:
        UserError: a split doesn't exist, or its labels don't fit.
    """
    train = read(builder, train_split, text, label, renamed=renamed)
    names = train.class_names
    check_classes(train)
    known = names, renamed, train.source
    chosen_on, reported = splits.choose(
        builder, train_split, lambda split: has_labels(builder, split, label)
    )
    if chosen_on:
        validation = read(builder, chosen_on, text, label, *known)
    else:
        train, validation = splits.hold_out(train)
    tests = tuple(read(builder, split, text, label, *known) for split in reported)
    record = {
        "dataset": data.name(builder),
        "text_column": text,
        **label_record(label),
        "train": train.source,
        "chosen_on": validation.source,
        "test_splits": reported,
    }
    record = dataset_records.together([record])
    return LabelledCorpus(train, (validation,), tests, record)


def with_classes(
    corpus: LabelledCorpus, class_names: Sequence[str], multi_label: bool
) -> LabelledCorpus:
    """Returns a corpus whose labels are places in a model's classes.

    Args:
        corpus: the corpus. Where the model lacks one of its classes, or decides on them
            otherwise, it stays as it is.
        class_names: the model's classes.
        multi_label: whether the model gives any number of them.
    """
    found = corpus.train.class_names
    if multi_label != corpus.train.multi_label or not set(found) <= set(class_names):
        return corpus
    places = np.array([class_names.index(name) for name in found], np.int32)

    def placed(part):
        if not part.multi_label:
            labels = places[part.labels]
        else:
            labels = np.zeros((len(part), len(class_names)), part.labels.dtype)
            labels[:, places] = part.labels
        return dataclasses.replace(part, labels=labels, class_names=tuple(class_names))

    return dataclasses.replace(
        corpus,
        train=placed(corpus.train),
        validations=tuple(map(placed, corpus.validations)),
        tests=tuple(map(placed, corpus.tests)),
    )


def label_record(label: str | Sequence[str]) -> dict:
    """Returns what a preset remembers of the column, or the columns, of labels."""
    if isinstance(label, str):
        return {"label_column": label}
    return {"label_columns": list(label)}


def joined(corpora: Sequence[LabelledCorpus]) -> LabelledCorpus:
    """Returns the corpora of several datasets as one: see `tasks.data.corpus.joined`.

    Raises:
        UserError: they have other classes.
    """
    first = corpora[0].train
    for corpus in corpora[1:]:
        if corpus.train.class_names != first.class_names:
            raise UserError(_other_classes(first, corpus.train))
    return joined_corpora(corpora)


def spaced_as_written(texts: LabelledTexts, share: float, seed: int) -> LabelledTexts:
    """Returns texts, some of those whose marks stand apart as people write them.

    Args:
        texts: the texts.
        share: how many of them.
        seed: of the choice.
    """
    draws = np.random.default_rng(seed).random(len(texts))
    rows = [text.decode("utf-8", "replace") for text in texts.texts]
    changed = [
        spacing.joined(row).encode() if draw < share and spacing.is_apart(row) else text
        for row, text, draw in zip(rows, texts.texts, draws, strict=True)
    ]
    return dataclasses.replace(texts, texts=np.array(changed, object))


def _other_classes(first, other):
    return (
        f"{first.source} has the classes {', '.join(first.class_names)}, but "
        f"{other.source} has {', '.join(other.class_names)}: only datasets with the "
        "same classes are trained on together. --map OTHER=NAME … renames classes."
    )
