"""Texts with one class each: reading, splitting, choosing columns."""

import dataclasses

import numpy as np

from tasks.data import builders as data
from tasks.data import label_classes, splits
from tasks.errors import UserError

# What datasets call their columns, the best first.
_TEXT_COLUMNS = "text", "sentence", "review", "content", "body", "comment"
_LABEL_COLUMNS = "label", "sentiment", "rating", "stars", "score", "class", "category"


@dataclasses.dataclass(frozen=True)
class LabelledTexts:
    """Texts with one class each.

    Attributes:
        texts: bytes objects, (n,).
        labels: int32, (n,): places in `class_names`.
        class_names: the classes.
        source: the data set's full name and the split.
        citation: how its authors want it cited, BibTeX.
    """

    texts: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    source: str
    citation: str = ""

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, places: np.ndarray, source: str) -> "LabelledTexts":
        """Returns the examples at these places."""
        return dataclasses.replace(
            self, texts=self.texts[places], labels=self.labels[places], source=source
        )


def read(
    builder,
    split: str,
    text_column: str,
    label_column: str,
    class_names: tuple[str, ...] | None = None,
    known_by: str = "the model",
) -> LabelledTexts:
    """Reads texts and their classes.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name or a slice of one.
        text_column: path of a string feature.
        label_column: path of a ClassLabel, a number, a bool or a string.
        class_names: the classes that a model knows; by default the feature's, or those
            that occur: see `tasks.data.label_classes.classes`.
        known_by: who knows them, for messages.

    Raises:
        UserError: the labels are hidden, too many, no classes, or not those of
            `class_names`.
    """
    texts, values = data.read(builder, split, [text_column, label_column])
    source = f"{builder.info.full_name}/{split}"
    feature = data.columns(builder)[label_column]
    if data.is_class(feature) and label_classes.is_hidden(values, feature):
        others = [name for name in builder.info.splits if name not in split]
        raise UserError(
            f"The labels of {source} are hidden (-1). Choose another split; there "
            f"are {', '.join(others) or 'none'}."
        )
    found, labels = label_classes.classes(values, feature, source, label_column)
    class_names = class_names or found
    unknown = sorted(set(found) - set(class_names))
    if unknown:
        raise UserError(
            f"{source} has the classes {', '.join(unknown)}, which {known_by} doesn't "
            f"know. It knows {', '.join(class_names)}."
        )
    place = np.array([class_names.index(name) for name in found], np.int32)
    citation = (builder.info.citation or "").strip()
    return LabelledTexts(texts, place[labels], class_names, source, citation)


def has_labels(builder, split: str, label_column: str) -> bool:
    """Says whether a split has examples, the first one's label not hidden."""
    try:
        [values] = data.read(builder, f"{split}[:1]", [label_column])
    except UserError:  # an empty split
        return False
    return not label_classes.is_hidden(values, data.columns(builder)[label_column])


@dataclasses.dataclass(frozen=True)
class Corpus:
    """What a classifier is trained, chosen and measured on.

    Attributes:
        train: to train on.
        validation: to choose on; never a part of `test`.
        test: to report on, or None where the dataset has no labels left for it.
        name: the dataset's name, as `tasks.data.builders.load_builder` takes it.
        test_split: the split that `test` is, or None.
        text_column: the column with the texts.
        label_column: the column with the classes.
    """

    train: LabelledTexts
    validation: LabelledTexts
    test: LabelledTexts | None
    name: str
    test_split: str | None
    text_column: str
    label_column: str

    def describe(self) -> str:
        """Returns what was chosen, a line each."""
        lines = [
            f"dataset     {self.name}",
            f"text        {self.text_column}",
            f"label       {self.label_column}: {', '.join(self.train.class_names)}",
            *splits.describe(self.train, self.validation, self.test),
        ]
        for group in label_classes.alike(self.train.class_names):
            listed = ", ".join(map(repr, group))
            lines.append(
                f"note        {listed} are classes apart: are they meant to be?"
            )
        return "\n".join(lines)

    def record(self) -> dict:
        """Returns what a preset remembers of its training's data."""
        return {
            "dataset": self.name,
            "text_column": self.text_column,
            "label_column": self.label_column,
            "train": self.train.source,
            "chosen_on": self.validation.source,
            "test_split": self.test_split,
        }


def columns(builder, text_column: str | None, label_column: str | None):
    """Returns the columns of a dataset's texts and classes.

    Args:
        builder: a TFDS builder.
        text_column: the user's choice, if there is one.
        label_column: the user's choice, if there is one.

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
        usual=_TEXT_COLUMNS,
        # Of two strings the one that isn't the label is the text.
        without=label_column if len(strings) > 1 else None,
    )
    label = data.choose_column(
        builder,
        "label",
        label_column,
        *(data.is_class, data.is_integer, data.is_bool, data.is_text, data.is_float),
        usual=_LABEL_COLUMNS,
        without=text,
        accepted=label_classes.ACCEPTED,
    )
    return text, label


def read_corpus(builder, train_split: str, text: str, label: str) -> Corpus:
    """Reads a dataset's train, validation and test.

    A dataset without a validation split, or whose test labels are hidden, so that
    its validation split has to be the test, has a validation set cut from train.

    Args:
        builder: a prepared TFDS builder.
        train_split: the split to train on or a slice of it.
        text: the column with the texts.
        label: the column with the classes.

    Raises:
        UserError: a split doesn't exist, or its labels don't fit.
    """
    train = read(builder, train_split, text, label)
    names = train.class_names
    there = np.unique(train.labels)
    if len(there) < 2:
        raise UserError(
            f"{train.source} has one class only, {names[there[0]]!r}: there is nothing "
            "to tell apart. Train on more of it, or choose another --label-column."
        )
    known = names, train.source
    chosen_on, test_split = splits.choose(
        builder, train_split, lambda split: has_labels(builder, split, label)
    )
    if chosen_on:
        validation = read(builder, chosen_on, text, label, *known)
    else:
        train, validation = splits.hold_out(train)
    test = test_split and read(builder, test_split, text, label, *known)
    name = data.name(builder)
    return Corpus(train, validation, test, name, test_split, text, label)
