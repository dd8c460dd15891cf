"""What every template's `train` can be told. Knows nothing of TensorFlow."""

import dataclasses
import math
from typing import ClassVar

from simple_parsing import choice, field, flag

from tasks.errors import UserError


@dataclasses.dataclass
class DataConfig:
    """The data set and its columns."""

    # a TFDS dataset by name (DATASET or DATASET/CONFIG), or one of the zoo's own
    dataset: str = "synthetic/reviews"
    # folder of prepared data; default: $TFDS_DATA_DIR, then TFDS' own
    data_dir: str | None = None
    # the split to train on, or a slice of one: train[:10%%]
    train_split: str = "train"

    # The fields that are paths: a record keeps their names, not their folders.
    PATHS: ClassVar[tuple[str, ...]] = ()
    # The field of the user's own files, and those that say nothing beside it.
    OWN_FILES: ClassVar[str | None] = None
    OF_DATASETS: ClassVar[tuple[str, ...]] = ("dataset", "train_split")

    def own_data(self) -> str | None:
        """Returns the user's own file, or files, that stand in for the dataset."""
        return None


@dataclasses.dataclass
class EvaluationConfig:
    """What to measure a preset on."""

    # a dataset by name; default: the one that the preset was trained on
    dataset: str | None = None
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
class TrainingConfig(DataConfig):
    """How long, how fast and how carefully to train."""

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

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
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

    # split whose texts, with train's, teach the words' use first; default: none
    pretrain_split: str | None = None
    # passes over those texts
    pretrain_epochs: int = 2
    # the step size of Adam at its highest
    pretrain_learning_rate: float = 3e-3
    # windows of text in a batch
    pretrain_batch_size: int = 128
    # words in a window
    pretrain_window: int = 100

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        for name in ("epochs", "learning_rate", "batch_size"):
            at_least(self, f"pretrain_{name}", 0, exclusive=True)
        at_least(self, "pretrain_window", 2)


def at_least(config, name: str, bound: float, exclusive: bool = False) -> None:
    """Raises a UserError where a field of a config is below its bound."""
    value = getattr(config, name)
    if not math.isfinite(value) or value < bound or (exclusive and value == bound):
        flag_name = "--" + name.replace("_", "-")
        relation = "above" if exclusive else "at least"
        raise UserError(f"{flag_name} must be {relation} {bound}, found {value}.")


def check_seed(config) -> None:
    """Raises a UserError where the seed of draws is given and out of its range."""
    if config.seed is not None:
        at_least(config, "seed", 0)
        below(config, "seed", 2**63)


def below(config, name: str, bound: float) -> None:
    """Raises a UserError where a field of a config is not in [0, bound)."""
    value = getattr(config, name)
    if not 0 <= value < bound:
        flag_name = "--" + name.replace("_", "-")
        raise UserError(f"{flag_name} must be in [0, {bound}), found {value}.")
