"""What a tagger's commands can be told. Needs no TensorFlow."""

import dataclasses
from collections.abc import Iterator

from simple_parsing import choice, field, flag

from tasks.cli import config, outputs
from tasks.data import text_files
from tasks.errors import UserError
from tasks.ner import entity_types

SUMMARY = "Finds names in sentences, or tags their words in any other way."


@dataclasses.dataclass
class Config(config.PretrainingConfig):
    """Tagging: dataset, model and training."""

    # TFDS datasets by name (DATASET or DATASET/CONFIG), or the zoo's own; of several
    # the training splits are put together, and each test split is reported apart
    dataset: list[str] = config.names_field("synthetic/entities")
    # the column with the tokens; of a dataset its name, default: tokens, or the only
    # one there is; of files its number, counted from 0, or the name that the first line
    # gives it, default: the first, or the one behind the tokens' numbers
    tokens_column: str | None = None
    # the column with the tags; of a dataset its name, default: the first of ner, tags
    # and upos; of files likewise, default: the last, or in CoNLL-U upos
    tags_column: str | None = None
    # a CoNLL file to train on, instead of a dataset: a token and its tag a line
    train_file: str | None = None
    # a CoNLL file to choose the best epoch on; default: a tenth of --train-file
    validation_file: str | None = None
    # a CoNLL file to report on
    test_file: str | None = None
    # what own text files are encoded in: utf-8, utf-16, latin-1, cp1252, …
    encoding: str = "utf-8"
    # the types of entities to learn, by what --map calls them; other types' tokens are
    # O; default: all
    types: list[str] | None = field(default=None, nargs="+")
    # other names for types, OLD=NEW each: person=PER corporation=ORG
    map: list[str] | None = field(default=None, nargs="+")
    # how tags tell entities, converted where needed; default: as they are found
    scheme: str | None = choice("iob1", "iob2", "iobes", default=None)
    # pretrained word vectors, a text file in the format of GloVe or word2vec
    vectors: str | None = None
    # how many words the model knows as they are written, and as many in lower case
    vocabulary_size: int = 50_000
    # how often a word must occur in the training sentences to be known
    min_count: int = 2
    # size of a word's vector; with --vectors, theirs
    word_units: int = 100
    # size of the vector of a word in lower case
    lowercase_units: int = 50
    # what reads a word's characters
    character_features: str = choice("rnn", "cnn", "none", default="rnn")
    # size of a character's vector
    character_embedding_units: int = 25
    # size of what is read of a word's characters, in each direction
    character_units: int = 25
    # the recurrent unit; those after lstm have no matrix in the recurrence
    cell: str = config.cell_field("lstm")
    # units of a recurrent layer, in each direction
    units: int = 128
    # stacked recurrent layers
    layers: int = 1
    # read in both directions
    bidirectional: bool = flag(True, negative_prefix="--no-")
    # let tags depend on their neighbours by a conditional random field
    crf: bool = flag(True, negative_prefix="--no-")
    # the share of the words taken for unknown in training
    word_dropout: float = 0.1
    # the share dropped before, between and after the recurrent layers
    dropout: float = 0.5
    # the share of the sentences written all in lower case, all in upper case or with a
    # capital at each word, others in each epoch
    augment_casing: float = 0.0
    # the share of the entities whose name is another of the same type, half of them of
    # made-up words, others in each epoch
    augment_names: float = 0.0
    # the share of the sentences that lose their final punctuation, likewise
    augment_endings: float = 0.0
    # sequences in a batch
    batch_size: int = 32
    # the step size of Adam at its highest
    learning_rate: float = 2e-3

    PATHS = (
        *config.TrainingConfig.PATHS,
        *("train_file", "validation_file", "test_file", "vectors"),
    )
    OWN_FILES = "train_file"
    OF_MODEL = (
        *("vectors", "vocabulary_size", "min_count", "word_units", "lowercase_units"),
        *("character_features", "character_embedding_units", "character_units", "cell"),
        *("units", "layers", "bidirectional", "crf", "word_dropout", "dropout"),
        *("pretrain_split", "pretrain_dataset"),
    )

    def own_data(self) -> str | None:
        """Returns the file to train on, if there is one."""
        return self.train_file

    def unread(self) -> Iterator[tuple[str, str]]:
        """Yields the fields that nothing reads, as the others are, and what would."""
        yield from super().unread()
        if self.character_features == "none":
            for name in ("character_embedding_units", "character_units"):
                yield name, "--character-features rnn or cnn"

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        text_files.encoding_name(self.encoding)
        for name in ("min_count", "word_units", "lowercase_units", "units", "layers"):
            config.at_least(self, name, 1)
        for name in ("character_embedding_units", "character_units"):
            config.at_least(self, name, 1)
        config.at_least(self, "vocabulary_size", 5)
        config.below(self, "word_dropout", 1)
        for name in ("casing", "names", "endings"):
            config.below(self, f"augment_{name}", 1)
        entity_types.parse(self.types, self.map)
        if self.pretrain_split and not self.pretrain_dataset:
            raise UserError("--pretrain-split goes with --pretrain-dataset: texts.")
        config.below(self, "dropout", 1)
        for name in ("validation_file", "test_file"):
            if getattr(self, name) and not self.train_file:
                given = "--" + name.replace("_", "-")
                raise UserError(f"{given} goes with --train-file.")


@dataclasses.dataclass
class Evaluation(config.EvaluationConfig):
    """What to measure a preset on."""

    # the column with the tokens, its name or, of a file, its number, counted from 0;
    # default: as in training, or as there
    tokens_column: str | None = None
    # the column with the tags, likewise
    tags_column: str | None = None
    # a CoNLL file to measure on, instead of a dataset
    file: str | None = None
    # what own text files are encoded in: utf-8, utf-16, latin-1, cp1252, …
    encoding: str = "utf-8"
    # write token, true and predicted tag to this file, in the columns of conlleval; of
    # one dataset
    conll: str | None = None

    OWN_FILES = "file"

    def check(self) -> None:
        """Raises a UserError where flags exclude each other."""
        super().check()
        text_files.encoding_name(self.encoding)
        if self.conll:
            outputs.check_file(self.conll, "--conll", [self.file])


@dataclasses.dataclass
class Prediction(config.TablePredictionConfig):
    """What texts are, and what to print of the results."""

    # a text is split already: tokens between tabs, or else between spaces
    tokens: bool = field(default=False, action="store_true")
    # texts are in columns, a token a line, as in CoNLL files, and this is the tokens':
    # its number, counted from 0, or its name
    tokens_column: str | None = None
    # print CoNLL's columns, token and tag
    conll: bool = field(default=False, action="store_true")

    def check(self) -> None:
        """Raises a UserError where flags exclude each other."""
        super().check()
        if self.json and self.conll:
            raise UserError("Results are JSON or CoNLL's columns, not both.")
        if self.tokens and self.tokens_column is not None:
            raise UserError(
                "Tokens are side by side in a line, --tokens, or one below the other, "
                "--tokens-column, not both."
            )
        if self.text_column is not None and self.conll:
            raise UserError("--conll is of tokens; a table, --text-column, has texts.")
        if self.text_column is not None and (
            self.tokens or self.tokens_column is not None
        ):
            raise UserError(
                "Texts are in a table, --text-column, or split into tokens, --tokens "
                "or --tokens-column, not both."
            )
