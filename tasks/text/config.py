"""What a language model's commands can be told. Needs no TensorFlow."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from simple_parsing import choice, field, flag

from tasks.cli import config, inputs
from tasks.data import file_patterns, text_files
from tasks.errors import UserError

SUMMARY = "Writes texts, token by token, and says how probable texts are."


@dataclasses.dataclass
class Config(config.TrainingConfig):
    """Text: dataset, model and training."""

    # TFDS datasets by name (DATASET or DATASET/CONFIG), or the zoo's own; of several
    # the training splits are put together, and each test split is reported apart
    dataset: list[str] = config.names_field("synthetic/markov")
    # the column with the texts, one for all datasets or one for each; default: text, or
    # the only one there is
    text_column: list[str] | None = field(default=None, nargs="+")
    # files to train on instead of a dataset, each a text: books/*.txt
    files: list[str] | None = field(default=None, nargs="+")
    # what own text files are encoded in: utf-8, utf-16, latin-1, cp1252, …
    encoding: str = "utf-8"
    # the share of the training text, at its end, to choose on; 0: train on all of it,
    # and keep the last epoch; default: the validation split where there is another one
    # to report on, else 0.05
    hold_out: float | None = None
    # what a token is
    level: str = choice("character", "word", "subword", default="character")
    # each line is a text with an end, learnt as a whole; else texts are streams
    sentences: bool = flag(False, negative_prefix="--no-")
    # how many tokens the model knows
    vocabulary_size: int = 20_000
    # short texts to train on are put together, until they have so many characters;
    # 0: each is by itself
    pack: int = 0
    # how often a token must occur in the training texts to be known
    min_count: int = 1
    # no subword has letters and digits or punctuation marks together: a word is cut
    # alike wherever it stands
    split_punctuation: bool = flag(False, negative_prefix="--no-")
    # tokens in a window of a stream: how far back errors are propagated
    window: int = 64
    # size of a token's vector
    embedding_units: int = 64
    # the recurrent unit; those after lstm have no matrix in the recurrence
    cell: str = config.cell_field("gru")
    # units of a recurrent layer
    units: int = 256
    # stacked recurrent layers
    layers: int = 1
    # the weights of the softmax are those of the embedding
    tied: bool = flag(False, negative_prefix="--no-")
    # the share of the tokens' values dropped in training
    embedding_dropout: float = 0.0
    # the share dropped between the layers and before the softmax
    dropout: float = 0.0
    # drop the same units at all steps of a window
    variational: bool = flag(False, negative_prefix="--no-")
    # the share of the recurrent layers' weights dropped in training, others at each
    # window, the same at all its steps
    recurrent_weight_dropout: float = 0.0
    # train the softmax with a sample of so many tokens; default: with all
    samples: int | None = None
    # measure and score texts, but neither train nor write, by what came after similar
    # places of theirs too, so many tokens back; 0: not at all
    cache: int = 0
    # the higher, the fewer places count beside the most similar one
    cache_sharpness: float = 16.0
    # how similar that one must be to be believed by half: a cosine, in [-1, 1]
    cache_threshold: float = 0.9

    PATHS = (*config.TrainingConfig.PATHS, "files")
    OWN_FILES = "files"
    OF_DATASETS = (*config.DataConfig.OF_DATASETS, "text_column")
    OF_MODEL = (
        *("level", "sentences", "vocabulary_size", "min_count", "split_punctuation"),
        *("embedding_units", "cell", "units", "layers", "tied", "embedding_dropout"),
        *("dropout", "variational", "recurrent_weight_dropout", "samples", "cache"),
        *("cache_sharpness", "cache_threshold"),
    )

    def __post_init__(self):
        super().__post_init__()
        for name in ("files", "text_column"):
            if isinstance(getattr(self, name), str):  # as older trainings have it
                setattr(self, name, [getattr(self, name)])

    def own_data(self) -> str | None:
        """Returns the files to train on, if there are any."""
        return self.files and file_patterns.listed(self.files)

    def unread(self) -> Iterator[tuple[str, str]]:
        """Yields the fields that nothing reads, as the others are, and what would."""
        yield from super().unread()
        if not self.cache:
            yield "cache_sharpness", "--cache"
            yield "cache_threshold", "--cache"
        if self.level != "subword":
            yield "split_punctuation", "--level subword"
        if self.sentences:
            yield "window", "--no-sentences"

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        text_files.encoding_name(self.encoding)
        count = len(self.dataset)
        if self.text_column and len(self.text_column) not in (1, count):
            raise UserError(
                f"--text-column takes one column, or one for each of the {count} "
                f"datasets, found {len(self.text_column)}."
            )
        for name in ("embedding_units", "units", "layers", "min_count", "window"):
            config.at_least(self, name, 1)
        config.at_least(self, "vocabulary_size", 5)
        config.at_least(self, "pack", 0)
        if self.pack and self.sentences:
            raise UserError("--pack is of streams: leave it out with --sentences.")
        if self.samples is not None:
            config.at_least(self, "samples", 1)
        if self.hold_out is not None:
            config.below(self, "hold_out", 1)
        config.at_least(self, "cache", 0)
        config.at_least(self, "cache_sharpness", 0, exclusive=True)
        if not -1 <= self.cache_threshold <= 1:
            raise UserError(
                "--cache-threshold must be in [-1, 1], it is a cosine, found "
                f"{self.cache_threshold}."
            )
        config.below(self, "embedding_dropout", 1)
        config.below(self, "dropout", 1)
        config.below(self, "recurrent_weight_dropout", 1)
        if self.recurrent_weight_dropout and self.cell in config.ELEMENTWISE_CELLS:
            raise UserError(
                "--recurrent-weight-dropout drops the weights of the recurrence, and "
                f"--cell {self.cell} has none. Leave it out, or take --dropout."
            )


@dataclasses.dataclass
class Dynamic:
    """Whether a model learns from what it measures, and how fast."""

    # go on learning from what was read: what recurs in a text becomes more probable
    # (dynamic evaluation, Krause et al. 2018); one text at a time, so slower
    dynamic: bool = field(default=False, action="store_true")
    # the step size
    dynamic_rate: float = 5e-4
    # how much of what was learned each step forgets
    dynamic_decay: float = 2e-3
    # tokens that are read between two steps
    dynamic_window: int = 20

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        if not self.dynamic:
            names = "dynamic_rate", "dynamic_decay", "dynamic_window"
            _check_default(self, names, "goes with --dynamic.")
        config.at_least(self, "dynamic_rate", 0, exclusive=True)
        config.below(self, "dynamic_decay", 1)
        config.at_least(self, "dynamic_window", 1)


@dataclasses.dataclass
class Evaluation(Dynamic, config.EvaluationConfig):
    """What to measure a preset on."""

    # the column with the texts; default: as in training, or the only one there is
    text_column: str | None = None
    # files to measure on instead of a dataset, each a text
    files: list[str] | None = field(default=None, nargs="+")
    # what own text files are encoded in: utf-8, utf-16, latin-1, cp1252, …
    encoding: str = "utf-8"
    # tokens in a window: changes the time and the memory, not the result
    window: int = 64

    OWN_FILES = "files"
    OF_DATASETS = (*config.EvaluationConfig.OF_DATASETS, "text_column")

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        text_files.encoding_name(self.encoding)
        config.at_least(self, "window", 1)
        if self.dynamic:
            reason = (
                "does nothing with --dynamic, which reads a text at a time, "
                "--dynamic-window tokens between two steps: leave it out."
            )
            _check_default(self, ("batch_size", "window"), reason)


def _check_default(settings, names, reason):
    """Raises a UserError where a field that does nothing has another value."""
    for name in names:
        if getattr(settings, name) != getattr(type(settings), name):
            raise UserError(f"--{name.replace('_', '-')} {reason}")


@dataclasses.dataclass
class Scoring(Dynamic, config.TablePredictionConfig):
    """How to score texts."""


@dataclasses.dataclass
class Generation:
    """What to write, and how daringly."""

    # what the text begins with; default: nothing
    prompt: str = ""
    # the most tokens (characters, words or subwords) to draw
    length: int = 500
    # below 1 the probable becomes more so, above 1 less; 0: always the most probable
    temperature: float = 1.0
    # draw among so many of the most probable tokens; 0: among all
    top_k: int = 0
    # draw among the most probable tokens that have this probability together
    top_p: float = 1.0
    # makes what has occurred less likely: 1.2, say; 1: doesn't
    repetition_penalty: float = 1.0
    # end a text after this has been drawn
    stop: str | None = None
    # how many texts
    count: int = 1
    # of the draws: the same seed gives the same texts; default: another each time
    seed: int | None = None

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        for name in ("length", "temperature", "top_k"):
            config.at_least(self, name, 0)
        config.check_seed(self)
        config.at_least(self, "repetition_penalty", 0, exclusive=True)
        config.at_least(self, "count", 1)
        if not 0 < self.top_p <= 1:
            raise UserError(f"--top-p must be in (0, 1], found {self.top_p}.")
        config.at_least(self, "top_p", 0, exclusive=True)
        if self.stop == "":
            raise UserError("--stop must not be empty: leave it out.")
        inputs.argument(self.prompt, "--prompt")
        inputs.argument(self.stop or "", "--stop")


@dataclasses.dataclass
class Explanation:
    """What to compare, and where to draw."""

    # words that are compared where the text has one of them, or else at its end
    alternatives: list[str] = dataclasses.field(default_factory=lambda: ["was", "were"])
    # folder for the picture and the page
    output: Path = Path("explanation")

    def check(self) -> None:
        """Raises a UserError where there is nothing to compare."""
        if not all(self.alternatives):
            raise UserError("--alternatives must not be empty.")
        for word in self.alternatives:
            inputs.argument(word, "--alternatives")
