"""What a translator's `train` and `evaluate` can be told. Needs no TensorFlow."""

import dataclasses
from collections.abc import Collection, Iterator

from simple_parsing import choice, field, flag

from tasks.cli import config, inputs, outputs
from tasks.data import text_files
from tasks.errors import UserError

SUMMARY = "Translates texts, and says how probable translations are."
DATES = "synthetic/dates"
# The flags of the shares of pairs that are trained on in another form.
OTHER_FORMS = "renamed", "unpunctuated", "lowercase"
_COLUMNS = "source", "target", "source_column", "target_column"
NO_ATTENTION = "--coverage-penalty is about attention, which this model has none of."


@dataclasses.dataclass
class Search:
    """How translations are searched for."""

    # how many hypotheses a text has at each step; 1: greedy, without penalties
    beam: int = 4
    # how much longer translations are preferred: 0 not at all, 1 by their length;
    # default: the preset's
    length_penalty: float | None = None
    # how much it costs to leave words of the text unattended to; default: the preset's
    coverage_penalty: float | None = None
    # the most tokens in a translation; default: 2 for each of its text's and 50 more,
    # 1 000 at most
    max_length: int | None = None

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        config.at_least(self, "beam", 1)
        for name in ("length_penalty", "coverage_penalty"):
            if getattr(self, name) is not None:
                config.at_least(self, name, 0)
        if self.max_length is not None:
            config.at_least(self, "max_length", 1)

    def check_model(self, model) -> None:
        """Raises a UserError where a model can't be searched like this."""
        if self.coverage_penalty and not model.attends:
            raise UserError(NO_ATTENTION)

    def penalties(self, own: dict) -> dict[str, float]:
        """Returns the penalties that are searched with, by their names.

        Args:
            own: the config of the preset that searches.
        """
        from zoo.models.translator.construction import PENALTIES

        given = {name: getattr(self, name) for name in PENALTIES}
        return {  # older presets have none of their own
            name: own.get(name, PENALTIES[name]) if value is None else value
            for name, value in given.items()
        }

    def arguments(self) -> dict:
        """Returns the arguments of `zoo.models.Translator.translate`."""
        names = [each.name for each in dataclasses.fields(Search)]
        return {name: getattr(self, name) for name in names}


@dataclasses.dataclass
class Config(config.TrainingConfig):
    """Translation: dataset, model and training."""

    # TFDS datasets by name (DATASET or DATASET/CONFIG), or the zoo's own; of several
    # the training splits are put together, and each test split is reported apart
    dataset: list[str] = config.names_field(DATES)
    # the language to translate from; default: the dataset's first
    source: str | None = None
    # the language to translate into; default: the dataset's second
    target: str | None = None
    # a column with texts to translate from, where the dataset names no languages
    source_column: str | None = None
    # the column with their translations
    target_column: str | None = None
    # two files to train on instead of a dataset: texts, and line by line translations
    files: list[str] | None = field(default=None, nargs=2)
    # two files to choose the best epoch on; default: a tenth of --files
    validation_files: list[str] | None = field(default=None, nargs=2)
    # two files to report on
    test_files: list[str] | None = field(default=None, nargs=2)
    # what own text files are encoded in: utf-8, utf-16, latin-1, cp1252, …
    encoding: str = "utf-8"
    # pairs with more tokens on a side are left out of training
    max_tokens: int = 200
    # what a token is; default: a subword, and of synthetic/dates a character
    level: str | None = choice("subword", "word", "character", default=None)
    # how many tokens the model knows of a language
    vocabulary_size: int = 4000
    # how often a token must occur to be known, and a subword to be made
    min_count: int = 2
    # no subword has letters and digits or punctuation marks together: a name is cut
    # alike wherever it stands
    split_punctuation: bool = flag(False, negative_prefix="--no-")
    # beside --from-preset: learn the vocabulary anew, of the texts to train on now; a
    # new subword begins as the mean of those that it was before
    new_vocabulary: bool = flag(False, negative_prefix="--no-")
    # one vocabulary and one embedding for both languages
    shared: bool = flag(False, negative_prefix="--no-")
    # size of a token's vector
    embedding_units: int = 256
    # the recurrent unit; those after lstm have no matrix in the recurrence
    cell: str = config.cell_field("gru")
    # units of a recurrent layer; in the encoder half of them in each direction
    units: int = 256
    # stacked recurrent layers of the encoder
    encoder_layers: int = 1
    # stacked recurrent layers of the decoder
    decoder_layers: int = 1
    # how the decoder finds what to look at in the text
    attention: str = choice(
        "none", "additive", "dot", "general", "concat", default="general"
    )
    # how many heads attention has
    heads: int = 1
    # attend before a step of the decoder (Bahdanau) or after it (Luong)
    order: str = choice("before", "after", default="after")
    # what was attended to is an input of the next step: better, but trains slower
    input_feeding: bool = flag(False, negative_prefix="--no-")
    # without attention: where the text's one vector goes
    context: str = choice("state", "input", "both", default="both")
    # what the decoder's first state is made of
    bridge: str = choice("copy", "dense", "zero", default="dense")
    # copy from the text what no text to train on had, names above all; beside
    # --from-preset: of a preset, too, that didn't
    copying: bool = flag(False, negative_prefix="--no-")
    # the weights of the softmax are those of the target's embedding
    tied: bool = flag(True, negative_prefix="--no-")
    # the share of the tokens' values dropped in training
    embedding_dropout: float = 0.0
    # the share dropped between the layers and before the softmax
    dropout: float = 0.2
    # how much of a label's probability all tokens share in training
    label_smoothing: float = 0.0
    # how often training feeds what the model would say instead of what is right
    scheduled_sampling: float = 0.0
    # how a text of several sentences is translated; default: split into them, but not
    # where tokens are characters
    sentences: str | None = choice("split", "whole", default=None)
    # the share of the pairs that is trained on with other names and numbers, half of
    # them made up and the same on both sides, so that what can't be known is copied
    renamed: float = 0.0
    # the share that is trained on without the mark at the text's end
    unpunctuated: float = 0.0
    # the share that is trained on with the text in lower case, of half of them but for
    # the first letter
    lowercase: float = 0.0
    # how many pairs are added, as a share of all, each two or three of them joined
    joined: float = 0.0
    # how many pairs are added, as a share of all, that name another weekday, month, day
    # or number: of German and English
    redated: float = 0.0
    # what the best epoch is chosen by: BLEU of greedy translations, or the loss
    choose_by: str = choice("bleu", "nats", default="bleu")

    PATHS = (*config.TrainingConfig.PATHS, "files", "validation_files", "test_files")
    OWN_FILES = "files"
    OF_DATASETS = (*config.DataConfig.OF_DATASETS, *_COLUMNS)
    OF_VOCABULARY = "vocabulary_size", "min_count", "split_punctuation"
    OF_MODEL = (
        *("level", *OF_VOCABULARY, "shared", "embedding_units", "cell"),
        *("units", "encoder_layers", "decoder_layers", "attention", "heads", "order"),
        *("input_feeding", "context", "bridge", "tied", "embedding_dropout", "dropout"),
        *("label_smoothing", "scheduled_sampling", "sentences"),
    )

    def own_data(self) -> str | None:
        """Returns the files to train on, if there are any."""
        return self.files and " ".join(self.files)

    def check_model(self, given: Collection[str] = ()) -> None:
        """Raises a UserError where a preset is trained further, but as another model.

        Args:
            given: the names of fields that were asked for, though as the default is.
        """
        super().check_model(given)
        if self.from_preset is None or self.copying or "copying" not in given:
            return
        from zoo import presets

        if presets.config(self.from_preset).get("copying"):
            raise UserError(
                f"--no-copying: {self.from_preset} copies, and a preset that copies "
                "goes on copying. Leave the flag out, or train a new model."
            )

    def unread(self) -> Iterator[tuple[str, str]]:
        """Yields the fields that nothing reads, as the others are, and what would."""
        yield from super().unread()
        if self.attention == "none":
            for name in ("heads", "order", "input_feeding"):
                yield name, "attention"
        else:
            yield "context", "--attention none"
        if self.from_preset is None and self.token_level() != "subword":
            yield "split_punctuation", "--level subword"

    def check(self) -> None:
        """Raises a UserError where flags are out of range or don't go together."""
        super().check()
        text_files.encoding_name(self.encoding)
        for name in ("embedding_units", "units", "heads", "min_count", "max_tokens"):
            config.at_least(self, name, 1)
        config.at_least(self, "vocabulary_size", 5)
        for name in (*("embedding_dropout", "dropout"), *OTHER_FORMS):
            config.below(self, name, 1)
        config.at_least(self, "joined", 0)
        config.at_least(self, "redated", 0)
        for name in ("validation_files", "test_files"):
            if getattr(self, name) and not self.files:
                raise UserError(f"--{name.replace('_', '-')} goes with --files.")
        if self.new_vocabulary and self.from_preset is None:
            raise UserError(
                "--new-vocabulary goes with --from-preset: a new model's is learned "
                "in any case."
            )
        self._check_model()

    def of_model(self) -> tuple[str, ...]:
        """Returns the fields that a preset which is trained further has its own of."""
        own = self.OF_VOCABULARY if self.new_vocabulary else ()
        return tuple(name for name in self.OF_MODEL if name not in own)

    def _check_model(self):
        from zoo.models.translator import construction

        try:
            construction.check(**self.model(), vocabularies=())
        except ValueError as error:
            raise UserError(str(error)) from error

    def model(self) -> dict:
        """Returns the arguments of `zoo.models.Translator`, but for vocabularies."""
        names = (
            *("embedding_units", "cell", "units"),
            *("encoder_layers", "decoder_layers", "heads", "order", "input_feeding"),
            *("context", "bridge", "shared", "tied", "embedding_dropout", "dropout"),
            *("label_smoothing", "scheduled_sampling", "copying"),
        )
        return {
            "level": self.token_level(),
            "attention": None if self.attention == "none" else self.attention,
            "sentences": "split" if self.splits() else None,
            "copying_cues": self.copying,
            **{name: getattr(self, name) for name in names},
        }

    def splits(self) -> bool:
        """Returns whether a text's sentences are translated one by one."""
        if self.sentences is not None:
            return self.sentences == "split"
        return self.token_level() != "character"

    def token_level(self) -> str:
        """Returns what a token is: "subword", "word" or "character"."""
        if self.level is not None:
            return self.level
        # Subwords would learn numbers by heart, and not how they are written.
        names = {name.split(":")[0] for name in self.dataset}
        dates = not self.files and names == {DATES}
        return "character" if dates else "subword"


@dataclasses.dataclass
class Evaluation(Search, config.EvaluationConfig):
    """What to measure a preset on, and how to translate."""

    # the language to translate from; default: as in training, or the dataset's first
    source: str | None = None
    # the language to translate into; default: likewise
    target: str | None = None
    # a column with texts to translate from, where the dataset names no languages
    source_column: str | None = None
    # the column with their translations
    target_column: str | None = None
    # two files to measure on instead of a dataset: texts, and their translations
    files: list[str] | None = field(default=None, nargs=2)
    # what own text files are encoded in: utf-8, utf-16, latin-1, cp1252, …
    encoding: str = "utf-8"
    # write the translations to this file, a line each; of one dataset
    translations: str | None = None

    OWN_FILES = "files"
    OF_DATASETS = (*config.EvaluationConfig.OF_DATASETS, *_COLUMNS)

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        Search.check(self)
        config.EvaluationConfig.check(self)
        text_files.encoding_name(self.encoding)
        if self.translations:
            read = self.files or ()
            outputs.check_file(self.translations, "--translations", read)


@dataclasses.dataclass
class Translation(Search, config.TablePredictionConfig):
    """How to translate, and what to print."""

    # how many translations of each text, a line each: score, tab, translation
    n_best: int = 1
    # draw what the translation of a text looked at, as a PNG
    attention_plot: str | None = None
    # write to this file, FILE.partial until it is whole
    output: str | None = None
    # go on with an interrupted --output, with the same texts and flags
    resume: bool = field(default=False, action="store_true")

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        Search.check(self)
        config.PredictionConfig.check(self)
        if not 1 <= self.n_best <= self.beam:
            raise UserError(
                f"--n-best must be from 1 to --beam, which is {self.beam}, found "
                f"{self.n_best}."
            )
        if self.resume and not self.output:
            raise UserError("--resume goes with --output.")
        if self.resume and self.text_column is not None:
            raise UserError(
                "--resume goes on with a text a line: a table, --text-column, is "
                "written anew."
            )
        if self.attention_plot and (self.output or self.text_column is not None):
            raise UserError("--attention-plot is of one text, --output of many.")


@dataclasses.dataclass
class Scoring(config.PredictionConfig):
    """What to score, and what to print."""

    # a text and its translation
    pair: list[str] = field(
        default_factory=list, positional=True, nargs="*", metavar="TEXT TRANSLATION"
    )
    # two files: the texts, and line by line their translations
    files: list[str] | None = field(default=None, nargs=2)
    # what the files are encoded in: utf-8, utf-16, latin-1, cp1252, …
    encoding: str = "utf-8"

    def check(self) -> None:
        """Raises a UserError where there is nothing to score, or too much."""
        super().check()
        if bool(self.pair) == bool(self.files):
            raise UserError("Give a TEXT and its TRANSLATION, or two --files of them.")
        if len(self.pair) not in (0, 2):
            raise UserError(
                f"Give a TEXT and its TRANSLATION, found {len(self.pair)} texts. Many "
                "are scored by --files."
            )
        for text in self.pair:
            inputs.argument(text, "TEXT")
        for path in self.files or ():
            inputs.check_not_output(path)
        text_files.encoding_name(self.encoding)
