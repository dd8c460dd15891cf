"""One-to-many: a few words or nothing in, a text out, and how probable texts are.

python -m tasks.text train
python -m tasks.text generate --model runs/text/synthetic-markov/preset --prompt "ab"
"""

import dataclasses
from pathlib import Path

from simple_parsing import choice, field, flag

from tasks.cli import command_line as cli
from tasks.cli import config
from tasks.data import file_patterns, text_files
from tasks.errors import UserError
from tasks.text import commands as text_commands
from tasks.text import explanation as text_explanation

SUMMARY = "Writes texts, token by token, and says how probable texts are."
LIMITS = """
- It writes what is probable after what it has read, in the manner of the texts that it
  was trained on. What it writes is made up: it knows no facts and means nothing.
- A probability is one of a text in that language and manner. It is no measure of
  whether a text is right, true or good.
- A word that it doesn't know costs what `<UNK>` costs and what its spelling costs, by
  how often its vocabulary has each character; perplexities, and all that is measured
  above, count `<UNK>` alone.
- What it knows of the text before is what its recurrent state holds, and its cache if
  it has one: it loses the thread over a few sentences.
- The terms of the dataset that it was trained on (its page in TFDS' catalogue has
  them) bind its use as well.
- Texts by or about people carry their authors' prejudices, and so does the model.
"""
MONITOR = "-val_nats"


@dataclasses.dataclass
class Config(config.TrainingConfig):
    """Text: dataset, model and training."""

    # a TFDS dataset by name (DATASET or DATASET/CONFIG), or one of the zoo's own
    dataset: str = "synthetic/markov"
    # the column with the texts; default: text, or the only one there is
    text_column: str | None = None
    # files to train on instead of a dataset, each a text: books/*.txt
    files: list[str] | None = field(default=None, nargs="+")
    # what own text files are encoded in: utf-8, utf-16, latin-1, cp1252, …
    encoding: str = "utf-8"
    # the share of the training text, at its end, to choose on; 0: train on all of it,
    # and keep the last epoch; default: the validation split where there is another one
    # to report on, else 0.05
    hold_out: float | None = None
    # what a token is
    level: str = choice("character", "word", default="character")
    # each line is a text with an end, learnt as a whole; else texts are streams
    sentences: bool = flag(False, negative_prefix="--no-")
    # how many tokens the model knows
    vocabulary_size: int = 20_000
    # how often a token must occur in the training texts to be known
    min_count: int = 1
    # tokens in a window of a stream: how far back errors are propagated
    window: int = 64
    # size of a token's vector
    embedding_units: int = 64
    # the recurrent unit
    cell: str = choice("rnn", "gru", "lstm", default="gru")
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

    PATHS = ("files",)
    OWN_FILES = "files"
    OF_DATASETS = (*config.DataConfig.OF_DATASETS, "text_column")

    def __post_init__(self):
        if isinstance(self.files, str):  # as older trainings have it on record
            self.files = [self.files]

    def own_data(self) -> str | None:
        """Returns the files to train on, if there are any."""
        return self.files and file_patterns.listed(self.files)

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        text_files.encoding_name(self.encoding)
        for name in ("embedding_units", "units", "layers", "min_count", "window"):
            config.at_least(self, name, 1)
        config.at_least(self, "vocabulary_size", 5)
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


@dataclasses.dataclass
class Evaluation(config.EvaluationConfig):
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


def train(settings: Config, output: Path) -> None:
    """Trains a language model, measures it and saves it as a preset.

    Args:
        settings: what to train, on what, and how.
        output: where the preset, checkpoints and logs go.

    Raises:
        UserError: the dataset or a file doesn't exist or doesn't fit.
        TrainingError: the loss is no number any more.
    """
    import keras

    from tasks.reporting import cards
    from tasks.text import batches as text_streams
    from tasks.training import fitting as training

    corpus = _read(settings)
    print(corpus.describe())
    # Not before: a dataset that is yet to be prepared draws random numbers too.
    keras.utils.set_random_seed(settings.seed)
    with training.strategy(settings).scope():
        model = _build(settings, corpus)
        size = settings.batch_size, settings.window, settings.buckets
        batches = text_streams.batches(model, corpus.train, *size, seed=settings.seed)
        model.compile(training.optimizer(settings, len(batches) * settings.epochs))
    validation, monitor = None, None
    if corpus.validation:
        validation = text_streams.batches(model, corpus.validation, *size).dataset()
        monitor = MONITOR
    training.begin(
        output, settings, model, train=corpus.train, validation=corpus.validation
    )
    history = training.fit(
        model, batches, validation, settings, output / training.CHECKPOINTS, monitor
    )
    record = {"command": cli.command("text", settings), **corpus.record}
    card = cards.Card(SUMMARY, LIMITS, "prompt")
    preset = training.finish(
        model, history, record, settings, output, monitor, card, _sample(model)
    )
    for texts in corpus.tests:
        _measure(preset, model, texts, settings)


def _read(settings):
    """Returns the corpus that the settings name."""
    from tasks.data import builders as data
    from tasks.text import corpus as text_corpus

    share, lines = settings.hold_out, settings.sentences
    if settings.files:
        return text_corpus.corpus_of_files(
            settings.files, share, lines, settings.encoding
        )
    builder = data.load_builder(settings.dataset, settings.data_dir)
    column = _column(builder, settings.text_column)
    return text_corpus.read_corpus(builder, settings.train_split, column, share, lines)


def _column(builder, chosen):
    from tasks.data import builders as data

    return data.choose_column(builder, "text", chosen, data.is_text, usual=("text",))


def _build(settings, corpus):
    """Returns a new model that knows the tokens of the training texts."""
    from tasks.text import batches as text_streams
    from zoo.models import LanguageModel
    from zoo.text import CharacterTokenizer, Vocabulary, WordTokenizer

    if settings.level == "character":
        tokenizer = CharacterTokenizer()
    else:
        tokenizer = WordTokenizer(
            punctuation="keep", markup=False, normalization="plain"
        )
    tokens = text_streams.tokenize(tokenizer, corpus.train)
    vocabulary = Vocabulary.fit(tokens, settings.vocabulary_size, settings.min_count)
    print(f"vocabulary  {len(vocabulary):,} {settings.level}s")
    return LanguageModel(
        vocabulary,
        level=settings.level,
        tokenizer=tokenizer,
        embedding_units=settings.embedding_units,
        cell=settings.cell,
        units=settings.units,
        layers=settings.layers,
        tied=settings.tied,
        embedding_dropout=settings.embedding_dropout,
        dropout=settings.dropout,
        variational=settings.variational,
        recurrent_weight_dropout=settings.recurrent_weight_dropout,
        samples=settings.samples,
        cache=settings.cache,
        cache_sharpness=settings.cache_sharpness,
        cache_threshold=settings.cache_threshold,
        sentences=settings.sentences,
        name="text",
    )


def evaluate(name: str, settings: Evaluation) -> None:
    """Measures a preset on a split or on files; writes the card of the user's own.

    Args:
        name: the preset's name or folder.
        settings: what to measure it on.

    Raises:
        UserError: the dataset, the split, the column or a file doesn't exist or
            doesn't fit.
        PresetError: there is no such preset, or it is damaged.
    """
    from tasks.reporting import evaluation
    from tasks.text import corpus as text_corpus
    from zoo import presets
    from zoo.models import LanguageModel

    preset = presets.find(name)
    model = LanguageModel.from_preset(preset)
    writes = evaluation.writes_card(preset, settings)
    if settings.files:
        texts = text_corpus.read_files(
            settings.files, model.sentences, settings.encoding
        )
        _measure(preset, model, texts, settings, writes)
        return
    builder, splits, [chosen] = evaluation.choose(
        preset, settings, "text_column", files="--files"
    )
    column = _column(builder, chosen)
    for split in splits:
        texts = text_corpus.read(builder, split, column, model.sentences)
        _measure(preset, model, texts, settings, writes)


def _measure(preset, model, texts, settings, writes=True):
    """Measures a model, tells the result and, if asked, writes it into its preset."""
    from tasks.reporting import cards
    from tasks.text import batches as text_streams
    from tasks.text import measures as perplexities

    print(f"measuring on {texts.describe()}")
    batches = text_streams.batches(model, texts, settings.batch_size, settings.window)
    figures = perplexities.measure(model, batches, texts)
    print(perplexities.describe(figures))
    if not writes:
        cards.tell_unwritten(preset)
        return
    cards.add_evaluation(
        preset,
        texts.source,
        texts.citation,
        figures,
        cards.Card(SUMMARY, LIMITS, "prompt"),
        extras=_sample(model),
    )


def _sample(model):
    return {"sample": text_commands.sample(model)}


TEMPLATE = cli.Template(
    name="text",
    summary=SUMMARY,
    examples=[
        "python -m tasks.text train             # synthetic/markov: no download",
        "python -m tasks.text train --dataset tiny_shakespeare --hold-out 0.05 "
        "--cache 4000",
        "python -m tasks.text train --files books/*.txt --level word --tied",
        "python -m tasks.text evaluate --model runs/text/synthetic-markov/preset",
        'python -m tasks.text generate --prompt "This film" --temperature 0.8',
        "python -m tasks.text score --input texts.txt --json",
        'python -m tasks.text rank "The apple and pair salad" '
        '"The apple and pear salad"',
        'python -m tasks.text explain "The cats, which ate the fish, were full"',
    ],
    config=Config,
    evaluation=Evaluation,
    preset="text_reviews",
    train=train,
    evaluate=evaluate,
    commands={
        "generate": cli.Command(
            "write texts that go on with a prompt",
            text_commands.Generation,
            text_commands.generate,
        ),
        "score": cli.Command(
            "say how probable texts are, unknown words by their spelling",
            config.PredictionConfig,
            text_commands.score,
            takes_texts=True,
        ),
        "rank": cli.Command(
            "put texts in order, the most probable first, unknown words by their "
            "spelling",
            config.PredictionConfig,
            text_commands.rank,
            takes_texts=True,
        ),
        "explain": cli.Command(
            "draw a model's gates over a text, and compare words in it",
            text_explanation.Explanation,
            text_explanation.explain,
            takes_texts=True,
        ),
    },
)
