"""Trains and measures language models."""

from pathlib import Path

import keras
import numpy as np

from tasks.cli import answers, extras
from tasks.data import builders as data
from tasks.data import mixture
from tasks.data.corpus import joined
from tasks.errors import UserError
from tasks.reporting import cards, evaluation, examples
from tasks.text import batches as text_streams
from tasks.text import commands, measures
from tasks.text import corpus as text_corpus
from tasks.text.config import SUMMARY, Config, Evaluation
from tasks.training import fine_tuning
from tasks.training import fitting as training
from zoo import kernels, presets
from zoo.models import LanguageModel

# What the cards say of the figures.
FIGURES = {
    "nats": "the mean of -log P of a token",
    "perplexity": "its exponential",
    "bits_per_character": "-log2 P of all texts, divided by their characters",
    "unknown": "the share of the tokens that the model doesn't know",
}
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
- The terms of the data that it was trained on bind its use as well.
- Texts by or about people carry their authors' prejudices, and so does the model.
"""
_UNKNOWN_WORDS = """\
- A word that it doesn't know costs what `<UNK>` costs and what its spelling costs, by
  how often its vocabulary has each character; perplexities, and all that is measured
  above, count `<UNK>` alone.
"""
_SUBWORDS = """\
- No word is unknown to it: what is rare where it learned is read and written in small
  pieces, down to single bytes, and costs what they cost together.
"""


def limits(training: dict) -> str:
    """Returns what a model is not for, by what is recorded of its training."""
    if "--level subword" not in " ".join(fine_tuning.commands(training)):
        return LIMITS
    return LIMITS.replace(_UNKNOWN_WORDS, _SUBWORDS)


CARD = cards.Card(SUMMARY, limits, "prompt", figures=FIGURES)
MONITOR = "-val_nats"


def train(settings: Config, output: Path) -> None:
    """Trains a language model, measures it and saves it as a preset.

    Args:
        settings: what to train, on what, and how.
        output: where the preset, checkpoints and logs go.

    Raises:
        UserError: the dataset or a file doesn't exist or doesn't fit.
        TrainingError: the loss is no number any more.
    """
    if settings.from_preset is None and settings.level == "subword":
        extras.require("tokenizers", "text", "Learning subwords")
    corpus = _read(settings)
    print(corpus.describe())
    # Not before: a dataset that is yet to be prepared draws random numbers too.
    keras.utils.set_random_seed(settings.seed)
    data_read = {"train": corpus.train, "validation": corpus.validation}
    strategy = training.strategy(settings, **data_read)
    with strategy.scope():
        model = _build(settings, corpus)
    size = settings.batch_size, settings.window, settings.buckets
    train = corpus.train.packed(settings.pack)
    batches = text_streams.batches(model, train, *size, seed=settings.seed)
    with strategy.scope():
        model.compile(training.optimizer(settings, len(batches) * settings.epochs))
    validation, monitor = None, None
    if corpus.validation:
        validation = text_streams.batches(model, corpus.validation, *size)
        monitor = MONITOR
    record = {"command": settings.command("text"), **corpus.record}
    training.begin(output, settings, model, **data_read)
    history = training.fit(
        model, batches, validation, settings, output / training.CHECKPOINTS, monitor
    )
    model = training.for_one_process(model)  # the chief's: here the others are done
    preset = training.finish(
        model, history, record, settings, output, monitor, CARD, _sample(model)
    )
    with evaluation.of_trained(preset):
        for texts in corpus.tests:
            _measure(preset, model, texts, settings)


def _read(settings):
    """Returns the corpus that the settings name."""
    known = fine_tuning.arguments(settings)
    share, lines = settings.hold_out, known.get("sentences", settings.sentences)
    if lines and settings.pack:
        raise UserError(
            f"--pack is of streams, and {settings.from_preset} reads line by line: "
            "leave it out."
        )
    if settings.files:
        return text_corpus.corpus_of_files(
            settings.files, share, lines, settings.encoding
        )
    columns = mixture.for_each(settings.text_column or [None], len(settings.dataset))
    corpora = []
    components = zip(mixture.load(settings), columns, strict=True)
    for (builder, train_split, taken), chosen in components:
        column = _column(builder, chosen)
        corpus = text_corpus.read_corpus(builder, train_split, column, share, lines)
        corpora.append(mixture.with_share(corpus, taken))
    return joined(corpora)


def _column(builder, chosen):
    return data.choose_column(builder, "text", chosen, data.is_text, usual=("text",))


def _build(settings, corpus):
    """Returns a preset's model, or a new one that knows the training texts' tokens."""
    if settings.from_preset is not None:
        return fine_tuning.model(LanguageModel, settings)
    tokenizer, vocabulary = text_streams.vocabulary(
        corpus.train,
        settings.level,
        settings.vocabulary_size,
        settings.min_count,
        settings.split_punctuation,
    )
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
    preset = presets.find(name)
    model = LanguageModel.from_preset(preset)
    writes = evaluation.writes_card(preset, settings)
    if settings.files:
        texts = text_corpus.read_files(
            settings.files, model.sentences, settings.encoding
        )
        _measure(preset, model, texts, settings, writes)
        return
    for builder, splits, [chosen] in evaluation.choose(
        preset, settings, "text_column", files="--files"
    ):
        column = _column(builder, chosen)
        for split in splits:
            texts = text_corpus.read(builder, split, column, model.sentences)
            _measure(preset, model, texts, settings, writes)


def _measure(preset, model, texts, settings, writes=True):
    """Measures a model, tells the result and, if asked, writes it into its preset."""
    print(f"measuring on {texts.describe()}")
    drawn, dynamic = None, getattr(settings, "dynamic", False)
    if dynamic:
        source, figures = _dynamically(model, texts, settings)
    else:
        rows, window = settings.batch_size, settings.window
        batches = text_streams.batches(model, texts, rows, window)
        source, figures = texts.source, measures.measure(model, batches, texts)
    answers.check_numbers(preset, [figures["nats"]])
    if not dynamic:
        drawn = examples.drawn(_answers(model, texts))
    print(measures.describe(figures))
    if not writes:
        cards.tell_unwritten(preset)
        return
    cards.add_evaluation(
        preset,
        source,
        texts.citation,
        figures,
        CARD,
        extras=_sample(model),
        drawn=drawn,
    )


def _answers(model, texts):
    """Yields what the short ones of texts cost, each from its beginning."""
    short = [text for text in texts.texts if examples.is_short(text)]
    bits = []
    with kernels.portable():  # as the command does
        for batch in data.in_batches(np.array(short, object)):
            bits += model.score(batch)["bits_per_character"].numpy().tolist()
    # None is wrong: of many, those that cost most are where it fails.
    are_many = len(short) > examples.SHOWN
    for text, each in zip(short, bits, strict=True):
        shown = f"{text} → {each:.2f} bits a character"
        yield examples.Answer(text, shown, each if are_many else 0.0, truth="")


def _dynamically(model, texts, settings):
    """Returns what was measured, and the figures of a model that learns from it."""
    window = settings.dynamic_window
    batches = text_streams.in_order(model, texts, window)
    with commands.learning(model, settings) as reader:
        figures = measures.measure(model, batches, texts, reader)
    how = f"η {settings.dynamic_rate:g}, λ {settings.dynamic_decay:g}, {window} tokens"
    return f"{texts.source}, dynamic evaluation ({how})", figures


def _sample(model):
    return {"sample": commands.sample(model)}
