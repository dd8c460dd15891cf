"""What a classifier's commands can be told. Needs no TensorFlow."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from simple_parsing import choice, field, flag

from tasks.cli import config
from tasks.data import renaming, text_files
from tasks.errors import UserError

SUMMARY = "Reads a text and says which class it is of: its sentiment, say."
# Where a text may have several labels, one is given from this probability on.
THRESHOLD = 0.5


@dataclasses.dataclass
class Config(config.PretrainingConfig):
    """Sentiment: dataset, model and training."""

    # the column with the texts; default: the only one there is
    text_column: str | None = None
    # the column with the class or the rating; default: the only one there is
    label_column: str | None = None
    # the columns of several labels, of which a text may have any number, or none: each
    # true or false
    label_columns: list[str] | None = field(default=None, nargs="+")
    # a file to train on instead of a dataset: CSV or TSV, whose first line names the
    # columns, or JSON lines
    train_file: str | None = None
    # a file to choose the best epoch on; default: a tenth of --train-file
    validation_file: str | None = None
    # a file to report on
    test_file: str | None = None
    # what own files are encoded in: utf-8, utf-16, latin-1, cp1252, …
    encoding: str = "utf-8"
    # other names for classes, OLD=NEW each: neg=negative pos=positive
    map: list[str] | None = field(default=None, nargs="+")
    # the share of the training texts in which marks and contractions stand apart, "do
    # n't", that are joined as people write them, "don't"
    augment_spacing: float = 0.0
    # how many words the model knows
    vocabulary_size: int = 20_000
    # how often a word must occur in the training texts to be known
    min_count: int = 2
    # longer texts are cut, keeping their first and their last words
    max_length: int = 400
    # size of a word's vector
    embedding_units: int = 128
    # the recurrent unit; those after lstm have no matrix in the recurrence
    cell: str = config.cell_field("lstm")
    # units of a recurrent layer, in each direction
    units: int = 128
    # stacked recurrent layers
    layers: int = 1
    # read in both directions
    bidirectional: bool = flag(True, negative_prefix="--no-")
    # how the steps become one vector
    pooling: str = choice("last", "max", "mean", "attention", "max+mean", default="max")
    # the share of the words dropped in training, each as a whole
    word_dropout: float = 0.0
    # the share of the words' values dropped in training
    embedding_dropout: float = 0.3
    # the share dropped between the layers and before the decision
    dropout: float = 0.5
    # a linear model over the words' n-grams, up to this length, has a say, each as far
    # as it tells classes apart (naive Bayes' log-count ratios); 0: none
    ngrams: int = 0
    # the weights that its n-grams are hashed to
    ngram_buckets: int = 2**19

    PATHS = (
        *config.TrainingConfig.PATHS,
        *("train_file", "validation_file", "test_file"),
    )
    OWN_FILES = "train_file"
    OF_MODEL = (
        *("vocabulary_size", "min_count", "max_length", "embedding_units", "cell"),
        *("units", "layers", "bidirectional", "pooling", "word_dropout"),
        *("embedding_dropout", "dropout", "ngrams", "ngram_buckets"),
    )

    def own_data(self) -> str | None:
        """Returns the file to train on, if there is one."""
        return self.train_file

    def unread(self) -> Iterator[tuple[str, str]]:
        """Yields the fields that nothing reads, as the others are, and what would."""
        yield from super().unread()
        if not self.ngrams:
            yield "ngram_buckets", "--ngrams"

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        self._check_files()
        self.check_pretraining(self.pooling, self.layers)
        for name in ("max_length", "embedding_units", "units", "layers", "min_count"):
            config.at_least(self, name, 1)
        config.at_least(self, "vocabulary_size", 5)
        config.at_least(self, "ngrams", 0)
        config.at_least(self, "ngram_buckets", 1)
        config.below(self, "word_dropout", 1)
        config.below(self, "augment_spacing", 1)
        renaming.parse(self.map)
        config.below(self, "embedding_dropout", 1)
        config.below(self, "dropout", 1)

    def check_pretraining(
        self, pooling: str = "", layers: int = 1, **others: Any
    ) -> None:
        """Raises a UserError where a model has nothing to be pre-trained.

        Args:
            pooling: a `zoo.models.SequenceClassifier`'s argument.
            layers: likewise.
            **others: its other arguments.
        """
        if not self.pretrain_split or (pooling, layers) != ("last", 1):
            return
        instead = "Choose another --pooling, or --layers 2."
        if self.from_preset is not None:
            instead = f"{self.from_preset} is such a model: leave out --pretrain-split."
        raise UserError(
            "--pooling last leaves nothing to pre-train: its only layer gives the last "
            f"step alone. {instead}"
        )

    def _check_files(self):
        if self.label_column is not None and self.label_columns:
            raise UserError(
                "A text has one class, --label-column, or any number of labels, "
                "--label-columns, not both."
            )
        text_files.encoding_name(self.encoding)
        for name in ("validation_file", "test_file"):
            if getattr(self, name) and not self.train_file:
                given = "--" + name.replace("_", "-")
                raise UserError(f"{given} goes with --train-file.")
        if self.train_file and self.pretrain_split and not self.pretrain_dataset:
            raise UserError(
                "--pretrain-split is of a dataset: with --train-file give "
                "--pretrain-dataset as well."
            )


@dataclasses.dataclass
class Evaluation(config.EvaluationConfig):
    """What to measure a preset on."""

    # the column with the texts; default: as in training, or the only one there is
    text_column: str | None = None
    # the column with the class or the rating; default: likewise
    label_column: str | None = None
    # the columns of several labels; default: likewise
    label_columns: list[str] | None = field(default=None, nargs="+")
    # a file to measure on, instead of a dataset: CSV, TSV or JSON lines
    file: str | None = None
    # what it is encoded in: utf-8, utf-16, latin-1, cp1252, …
    encoding: str = "utf-8"
    # other names for classes, OLD=NEW each; default: as in training
    map: list[str] | None = field(default=None, nargs="+")

    OWN_FILES = "file"

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        text_files.encoding_name(self.encoding)


@dataclasses.dataclass
class Prediction(config.TablePredictionConfig):
    """What texts are, and what to print of the results."""
