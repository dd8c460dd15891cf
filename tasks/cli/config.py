"""What every template's `train` can be told. Knows nothing of TensorFlow."""

import dataclasses
import math
import os
import shlex
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from simple_parsing import choice, field, flag

from tasks.errors import UserError
from tasks.training.folders import CHECKPOINTS, PRESET

# So many times a dataset's training split is taken at most.
MOST_TIMES = 100


# What `--cell` takes, the names in `zoo.layers.BY_CELL`; of these, the units without a
# matrix in the recurrence, which train in parallel over time.
ELEMENTWISE_CELLS = ("mingru", "minlstm", "sru", "rglru")
CELLS = ("rnn", "gru", "lstm", *ELEMENTWISE_CELLS)


def cell_field(default: str):
    """Returns a config's field for the recurrent unit, this one by default."""
    return choice(*CELLS, default=default)


def names_field(*names: str):
    """Returns a config's field for one name or more, these by default."""
    # simple_parsing would take a flag with nargs="+" for one that must be given.
    return field(default_factory=lambda: list(names), nargs="+", required=False)


@dataclasses.dataclass
class DataConfig:
    """The data set and its columns."""

    # TFDS datasets by name (DATASET or DATASET/CONFIG), or the zoo's own; of several
    # the training splits are put together, and each test split is reported apart
    dataset: list[str] = names_field("synthetic/reviews")
    # folder of prepared data; default: $TFDS_DATA_DIR, then TFDS' own
    data_dir: str | None = None
    # the split to train on, or a slice of one: train[:10%%]; one for all datasets, or
    # one for each
    train_split: list[str] = names_field("train")
    # how much of each dataset's training split to take, a number for each: 0.3 of it,
    # the same part every time; above 1 it is repeated, 2 is twice; default: all
    shares: list[float] | None = field(default=None, nargs="+")

    # The fields that are paths: a record keeps their names, not their folders.
    PATHS: ClassVar[tuple[str, ...]] = ()
    # The field of the user's own files, and those that say nothing beside it.
    OWN_FILES: ClassVar[str | None] = None
    OF_DATASETS: ClassVar[tuple[str, ...]] = ("dataset", "train_split", "shares")

    def __post_init__(self):
        for name in ("dataset", "train_split"):
            value = getattr(self, name)
            if isinstance(value, str):  # as older trainings have it on record
                setattr(self, name, [value])

    def own_data(self) -> str | None:
        """Returns the user's own file, or files, that stand in for the dataset."""
        return None

    def command(self, name: str) -> str:
        """Returns the command that trains with this, without folders of this machine.

        Args:
            name: the template's name.
        """
        parts = [f"python -m tasks.{name} train"]
        if self.own_data() is None:
            parts.append(f"--dataset {shlex.join(self.dataset)}")
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            told = each.name not in ("dataset", "data_dir", "finish")
            if not told or value == _default(each):
                continue
            flag = each.name.replace("_", "-")
            if isinstance(value, bool):
                parts.append(f"--{flag}" if value else f"--no-{flag}")
                continue
            values = map(str, value if isinstance(value, list) else [value])
            if each.name in self.PATHS:
                values = map(_named, values)
            parts.append(f"--{flag} {shlex.join(values)}")
        return " ".join(parts)

    def check_datasets(self) -> None:
        """Raises a UserError where datasets and what is said of each don't fit."""
        twice = next((n for n in self.dataset if self.dataset.count(n) > 1), None)
        if twice:
            raise UserError(
                f"--dataset names {twice!r} twice. Name it once; --shares 2 takes it "
                "twice."
            )
        count = len(self.dataset)
        if len(self.train_split) not in (1, count):
            raise UserError(
                f"--train-split takes one split, or one for each of the {count} "
                f"datasets, found {len(self.train_split)}."
            )
        if self.shares is None:
            return
        if len(self.shares) != count:
            numbers = "a number" if count == 1 else f"{count} numbers"
            raise UserError(
                f"--shares takes {numbers}, one for each dataset, found "
                f"{len(self.shares)}."
            )
        for share in self.shares:
            if not 0 < share <= MOST_TIMES:
                raise UserError(
                    f"--shares must be above 0 and at most {MOST_TIMES}, found {share}."
                )


@dataclasses.dataclass
class EvaluationConfig:
    """What to measure a preset on."""

    # datasets by name, each measured apart; default: those that the preset was trained
    # on
    dataset: list[str] | None = field(default=None, nargs="+")
    # a split or a slice of one; default: the one held back for testing
    split: str | None = None
    # folder of prepared data; default: $TFDS_DATA_DIR, then TFDS' own
    data_dir: str | None = None
    # sequences in a batch
    batch_size: int = 64
    # write the metrics and the model card of a preset that comes with the zoo, too;
    # one of your own has them written in any case
    write_card: bool = field(default=False, action="store_true")

    # As a DataConfig has them.
    OWN_FILES: ClassVar[str | None] = None
    OF_DATASETS: ClassVar[tuple[str, ...]] = ("dataset", "split")

    def __post_init__(self):
        if isinstance(self.dataset, str):
            self.dataset = [self.dataset]

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        at_least(self, "batch_size", 1)


@dataclasses.dataclass
class PredictionConfig:
    """What to print of the results."""

    # print JSON, a line a text
    json: bool = field(default=False, action="store_true")
    # how many texts to take at a time
    batch_size: int = 64

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        at_least(self, "batch_size", 1)


@dataclasses.dataclass
class TablePredictionConfig(PredictionConfig):
    """Where texts stand in a table, and where the results go."""

    # --input is a table, CSV, TSV or JSON lines, and this is its column of texts: the
    # results are added to it as columns
    text_column: str | None = None
    # write the results to this file; default: print them
    output: str | None = None


@dataclasses.dataclass
class TrainingConfig(DataConfig):
    """From where, how long, how fast and how carefully to train."""

    # train a preset further, a name, a folder or a URL, instead of a new model: what
    # the model is, its vocabularies and its sizes, is the preset's then
    from_preset: str | None = None
    # the most passes over the training data
    epochs: int = 10
    # sequences in a batch
    batch_size: int = 64
    # the step size of Adam at its highest
    learning_rate: float = 1e-3
    # how the step size changes: not at all, or up, then down a cosine to zero
    schedule: str = choice("constant", "cosine", default="cosine")
    # gradients are scaled down to this norm, all of them together
    clip_norm: float | None = 1.0
    # gradients are cut to [-N, N] element by element (then give --clip-norm 0)
    clip_value: float | None = None
    # each step shrinks the weights, biases and gains excepted, by this times the step
    # size (decoupled weight decay, AdamW); 0: not at all
    weight_decay: float = 0.0
    # measure and keep a moving average of the weights; the share of it that stays at
    # each step, in [0, 1): 0.998 averages over about 500. 0: the last weights
    ema_momentum: float = 0.0
    # stop after this many epochs without a better validation result
    patience: int = 3
    # how many padded lengths the batches may have
    buckets: int = 8
    # of the weights, the order and dropout: the same seed gives the same model
    seed: int = 1
    # spread each batch over the GPUs that are there (tf.distribute)
    mirrored: bool = flag(False, negative_prefix="--no-")
    # with --resume: train no further, but make the preset of the best epoch so far
    finish: bool = field(default=False, action="store_true")

    PATHS = ("from_preset",)
    # The fields that say what a new model is, and nothing of a preset.
    OF_MODEL: ClassVar[tuple[str, ...]] = ()

    def check_model(self, given: Collection[str] = ()) -> None:
        """Raises a UserError where a preset is trained further, but as another model.

        Args:
            given: the names of fields that were asked for, though as the default is.
        """
        if self.from_preset is None:
            return
        for each in dataclasses.fields(self):
            asked = each.name in given or getattr(self, each.name) != _default(each)
            if each.name in self.of_model() and asked:
                flag_name = "--" + each.name.replace("_", "-")
                raise UserError(
                    f"{flag_name} is of a new model, and --from-preset trains one that "
                    "there is, as it was built. Leave one of them out."
                )

    def of_model(self) -> Collection[str]:
        """Returns the fields that a preset which is trained further has its own of."""
        return self.OF_MODEL

    def unread(self) -> Iterator[tuple[str, str]]:
        """Yields the fields that nothing reads, as the others are, and what would."""
        yield from ()

    def check_read(self) -> None:
        """Raises a UserError where a new training is asked for what nothing reads."""
        defaults = {each.name: _default(each) for each in dataclasses.fields(self)}
        for name, reader in self.unread():
            if getattr(self, name) != defaults[name]:
                flag_name = "--" + name.replace("_", "-")
                raise UserError(
                    f"{flag_name} goes with {reader}, and changes nothing without it: "
                    "leave it out."
                )

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        self.check_datasets()
        self.check_model()
        for name in ("epochs", "batch_size", "learning_rate", "patience", "buckets"):
            at_least(self, name, 0, exclusive=True)
        for name in ("clip_norm", "clip_value"):
            if getattr(self, name) is not None:
                at_least(self, name, 0)
        at_least(self, "weight_decay", 0)
        below(self, "ema_momentum", 1)
        if not 0 <= self.seed < 2**32:
            raise UserError(f"--seed must be in [0, 2^32), found {self.seed}.")
        if self.clip_norm and self.clip_value:
            raise UserError(
                "Gradients are clipped by their norm or by value, not both: "
                "give --clip-norm 0 with --clip-value."
            )


@dataclasses.dataclass
class PretrainingConfig(TrainingConfig):
    """How a model learns its language before its task."""

    # split whose texts, with train's, teach the words' use first, one for all datasets
    # or one for each of --pretrain-dataset; default: none
    pretrain_split: list[str] | None = field(default=None, nargs="+")
    # datasets that have these splits; default: those to train on that have them
    pretrain_dataset: list[str] | None = field(default=None, nargs="+")
    # the column of each with the texts; default: the only one there is
    pretrain_column: list[str] | None = field(default=None, nargs="+")
    # passes over those texts
    pretrain_epochs: int = 2
    # the step size of Adam at its highest
    pretrain_learning_rate: float = 3e-3
    # windows of text in a batch
    pretrain_batch_size: int = 128
    # words in a window
    pretrain_window: int = 100

    def __post_init__(self):
        super().__post_init__()
        if isinstance(self.pretrain_split, str):  # as older trainings have it on record
            self.pretrain_split = [self.pretrain_split]

    def unread(self) -> Iterator[tuple[str, str]]:
        """Yields the fields that nothing reads, as the others are, and what would."""
        if not self.pretrain_split:
            for name in ("column", "epochs", "learning_rate", "batch_size", "window"):
                yield f"pretrain_{name}", "--pretrain-split"

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        for name in ("epochs", "learning_rate", "batch_size"):
            at_least(self, f"pretrain_{name}", 0, exclusive=True)
        at_least(self, "pretrain_window", 2)
        count = len(self.pretrain_dataset or [])
        if count and not self.pretrain_split:
            raise UserError("--pretrain-dataset goes with --pretrain-split.")
        for name in ("pretrain_split", "pretrain_column"):
            given = len(getattr(self, name) or [])
            if given not in (0, 1, count):
                raise UserError(
                    f"--{name.replace('_', '-')} takes one name, or one for each "
                    f"--pretrain-dataset, {count}, found {given}."
                )


def _named(path):
    """Returns what a path is called wherever it lies; of a preset its training's name.

    A URL is the same everywhere, but for what follows a "?": who may read it, perhaps.
    """
    if "://" in path:
        return urlsplit(path)._replace(query="").geturl()
    path = Path(os.path.abspath(path))  # of "..", too, it is a name
    trained = path.name == PRESET and (path.parent / CHECKPOINTS).is_dir()
    return path.parent.name if trained else path.name


def _default(field):
    """Returns the default of a config's field."""
    if field.default is dataclasses.MISSING:
        return field.default_factory()
    return field.default


# The largest and the smallest float32: of what is less TensorFlow makes 0.
_LARGEST, _SMALLEST = (2 - 2**-23) * 2.0**127, 2.0**-126


def at_least(
    config, name: str, bound: float, exclusive: bool = False, limit: int = 2**31
) -> None:
    """Raises a UserError where a field of a config is below its bound.

    Or a whole number not below its limit, or another beyond what float32 holds:
    TensorFlow's numbers have 32 bits.
    """
    value = getattr(config, name)
    # (A whole number may be too large to be a float.)
    whole = isinstance(value, int)
    is_nothing = exclusive and bound == 0 and not whole and abs(value) < _SMALLEST
    finite = whole or (math.isfinite(value) and value <= _LARGEST)
    if not finite or value < bound or (exclusive and value == bound) or is_nothing:
        flag_name = "--" + name.replace("_", "-")
        relation = "above" if exclusive else "at least"
        also = " and finite" if value == math.inf else ""
        if _LARGEST < value < math.inf:
            also = f" and at most {_LARGEST:.7g}"
        if is_nothing and value > 0:
            also = f", {_SMALLEST:.7g} at least"
        raise UserError(f"{flag_name} must be {relation} {bound}{also}, found {value}.")
    if whole:
        below(config, name, limit)


def check_seed(config) -> None:
    """Raises a UserError where the seed of draws is given and out of its range."""
    if config.seed is not None:
        at_least(config, "seed", 0, limit=2**63)


def below(config, name: str, bound: float) -> None:
    """Raises a UserError where a field of a config is not in [0, bound)."""
    value = getattr(config, name)
    if not 0 <= value < bound:
        flag_name = "--" + name.replace("_", "-")
        raise UserError(f"{flag_name} must be in [0, {bound}), found {value}.")
