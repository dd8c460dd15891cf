"""What a model is trained, chosen and reported on, whatever its examples are."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from tasks.data import dataset_records

# What is told where nothing is chosen on, and where nothing is reported.
UNCHOSEN = "none: the last epoch is kept"
UNREPORTED = "none: no split to report on is left"


class Examples:
    """Examples that are read into memory; a dataclass of them has these fields too.

    Attributes:
        source: the data set's full name and the split, or the files.
        citation: how its authors want it cited, BibTeX.
    """

    COLUMNS: ClassVar[tuple[str, ...]]
    """The fields with a value an example: arrays, lists or tuples."""

    def __len__(self) -> int:
        return len(getattr(self, self.COLUMNS[0]))

    def take(self, places: Sequence[int] | slice, source: str) -> Self:
        """Returns the examples at some places, as another source."""
        columns = {name: _at(getattr(self, name), places) for name in self.COLUMNS}
        return dataclasses.replace(self, **columns, source=source)

    def describe(self) -> str:
        """Returns where the examples are from and how many they are, in a line."""
        return f"{self.source}, {len(self):,}"


def _at(values, places):
    if isinstance(values, np.ndarray) or isinstance(places, slice):
        return values[places]
    return type(values)(values[place] for place in places)


@dataclasses.dataclass(frozen=True)
class Corpus:
    """What a model is trained, chosen and reported on.

    Attributes:
        train: to train on, `Examples`.
        validations: to choose on, each by itself, one for each dataset; never a part
            of `tests`. None where the last epoch is kept.
        tests: to report on, each by itself; maybe none.
        record: what a preset remembers of its data.
    """

    train: Any
    validations: tuple
    tests: tuple
    record: dict

    @property
    def validation(self):
        """What is chosen on, all of it; None where there is nothing."""
        return joined_examples(self.validations) if self.validations else None

    def describe(self) -> str:
        """Returns what was chosen, a line each."""
        chosen_on = [each.describe() for each in self.validations] or [UNCHOSEN]
        reported = [each.describe() for each in self.tests] or [UNREPORTED]
        return "\n".join(
            [
                *self.about(),
                f"train       {self.train.describe()}",
                *(f"validation  {each}" for each in chosen_on),
                *(f"test        {each}" for each in reported),
                *self.notes(),
            ]
        )

    def about(self) -> Iterator[str]:
        """Yields what is to be told of the data before their parts, a line each."""
        yield from ()

    def notes(self) -> Iterator[str]:
        """Yields what is to be told behind them: what may not be meant to be."""
        yield from ()


def joined(corpora: Sequence[Corpus]) -> Corpus:
    """Returns the corpora of several datasets as one; one at least.

    Each validation and each test stays by itself. What a kind of corpus has beside
    what all have, is the first one's.
    """
    if len(corpora) == 1:
        return corpora[0]
    train = joined_examples([each.train for each in corpora])
    validations = tuple(part for each in corpora for part in each.validations)
    tests = tuple(part for each in corpora for part in each.tests)
    parts = [part for each in corpora for part in dataset_records.apart(each.record)]
    record = dataset_records.together(parts) | {
        "train": train.source,
        "chosen_on": chosen_on(validations),
    }
    return dataclasses.replace(
        corpora[0], train=train, validations=validations, tests=tests, record=record
    )


def chosen_on(validations: Sequence[Examples]) -> str:
    """Returns what a preset remembers of what its best epoch was chosen on."""
    return " + ".join(each.source for each in validations) or UNCHOSEN


def joined_examples(parts: Sequence[Examples]) -> Examples:
    """Returns examples of several datasets, of one kind, as if they were one's.

    Args:
        parts: the examples; one at least.
    """
    if len(parts) == 1:
        return parts[0]
    citations = dict.fromkeys(part.citation for part in parts if part.citation)
    columns = parts[0].COLUMNS
    return dataclasses.replace(
        parts[0],
        source=" + ".join(part.source for part in parts),
        citation="\n".join(citations),
        **{name: _end_to_end([getattr(p, name) for p in parts]) for name in columns},
    )


def _end_to_end(values):
    if isinstance(values[0], np.ndarray):
        return np.concatenate(values)
    return type(values[0])(each for part in values for each in part)
