"""Several datasets at once: what each gives to train on."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tasks.data import builders as data
from tasks.data import splits
from tasks.errors import UserError


class Component(NamedTuple):
    """A dataset to train on, alone or with others.

    Attributes:
        builder: a prepared TFDS builder.
        train_split: the split to train on or a slice of it.
        share: how much of it is taken: see `taken`.
    """

    builder: Any
    train_split: str
    share: float


def load(settings) -> list[Component]:
    """Returns the datasets that a training is told to use, one at least.

    Args:
        settings: a `tasks.cli.config.DataConfig`.

    Raises:
        UserError: see `tasks.data.builders.load_builder`; or two of them are the same.
    """
    count = len(settings.dataset)
    train_splits = for_each(settings.train_split, count)
    builders = (data.load_builder(name, settings.data_dir) for name in settings.dataset)
    shares = settings.shares or [1.0] * count
    found = [Component(*of) for of in zip(builders, train_splits, shares, strict=True)]
    _check_different([component.builder for component in found], settings.dataset)
    return found


def _check_different(builders, names):
    """Raises a UserError where two names are of one dataset: one with its version."""
    first: dict[str, str] = {}
    for builder, given in zip(builders, names, strict=True):
        name = data.name(builder)
        if name in first:
            raise UserError(
                f"--dataset names {first[name]!r} and {given!r}, which are both "
                f"{name}. Name it once; --shares 2 takes it twice."
            )
        first[name] = given


def for_each(values: Sequence, count: int) -> list:
    """Returns a flag's values, one for each of `count` datasets: the only one for all.

    Args:
        values: one, or `count` of them.
        count: how many datasets there are.
    """
    return list(values) * count if len(values) == 1 else list(values)


def with_share(corpus, share: float):
    """Returns a `tasks.data.corpus.Corpus` that trains on a share of its examples.

    Args:
        corpus: what would be trained on whole.
        share: see `taken`.

    Raises:
        UserError: nothing would be left.
    """
    return dataclasses.replace(corpus, train=taken(corpus.train, share))


def taken(examples, share: float):
    """Returns a part of examples, or all of them several times.

    Which part, depends on their number and the share alone: a smaller share's examples
    are among a larger one's.

    Args:
        examples: anything with a length, a `source` and `take(places, source)`.
        share: above 0; 0.3 is 30 % of them, 2 is each twice, 1.5 all and half again.

    Raises:
        UserError: nothing would be left.
    """
    if share == 1:
        return examples
    count = len(examples)
    order = np.random.default_rng(splits.HELD_OUT_SEED).permutation(count)
    times, rest = divmod(share, 1)
    whole = np.tile(np.arange(count), int(times))
    places = np.sort(np.concatenate([whole, order[: round(rest * count)]]))
    if not len(places):
        raise UserError(
            f"--shares {share:g} of {examples.source}, {count:,} examples, is none."
        )
    note = f"{share:g} times" if share > 1 else f"{share:.4g} of it"
    return examples.take(places, f"{examples.source} ({note})")


def by_data_set(parts: Sequence, batches: Callable):
    """Returns what `tasks.training.fitting.fit` validates on.

    Args:
        parts: examples, with a `source`, of one dataset or of several.
        batches: (examples) → their batches.

    Returns:
        The batches; of several parts a dict of them by the data set's name, and its
        version where there are two of one name.
    """
    if len(parts) == 1:
        return batches(parts[0])
    names = [_data_set(part.source) for part in parts]
    names = [
        _data_set(part.source, versions=names.count(name) > 1)
        for part, name in zip(parts, names, strict=True)
    ]
    return {name: batches(part) for name, part in zip(names, parts, strict=True)}


def _data_set(source, versions=False):
    """Returns the name of the data set that a source is of, its version left out."""
    return re.sub(r"/(\d+\.\d+\.\d+)/.*", r":\1" if versions else "", source)
