"""Trains and measures taggers."""

import itertools
from pathlib import Path

import keras
import numpy as np

from tasks.cli import command_line as cli
from tasks.data import builders as data
from tasks.data import training_forms
from tasks.errors import UserError
from tasks.ner import batches, conll
from tasks.ner import corpus as tagged_corpus
from tasks.ner import measures as tagging
from tasks.ner import sentences as tagged_sentences
from tasks.ner.config import SUMMARY, Config, Evaluation
from tasks.reporting import cards, evaluation
from tasks.training import fitting as training
from zoo import metrics, presets, tags
from zoo.files import replaced_file
from zoo.models import SequenceTagger
from zoo.models.tagger.token_features import lowercase
from zoo.models.tagger.token_forms import plain
from zoo.text import TokenizerWithOffsets, Vocabulary, read_vectors
from zoo.text.vocabulary import SPECIAL

LIMITS = """
- It knows the language, the kind of text and the tags that it was trained on. Text of
  another kind, in another language or in capitals only, has it guess.
- A sentence at a time: what the sentence before tells, it doesn't know.
- A score is as the training data has it: it is no measure of how far a text is from
  anything seen in training.
- The terms of the dataset that it was trained on (its page in TFDS' catalogue has
  them) bind its use as well.
- Which names it knows, it knows from its data: names rare there it misses more often.
"""
CARD = cards.Card(SUMMARY, LIMITS)


def train(settings: Config, output: Path) -> None:
    """Trains a tagger, measures it and saves it as a preset.

    Args:
        settings: what to train, on what, and how.
        output: where the preset, checkpoints and logs go.

    Raises:
        UserError: the dataset or a column doesn't exist or doesn't fit.
        TrainingError: the loss is no number any more.
    """
    corpus = _read(settings)
    corpus.check()
    if corpus.test is not None and corpus.scheme != tags.PLAIN:
        tagging.require_library()  # not after the training
    print(corpus.describe())
    # Not before: a dataset that is yet to be prepared draws random numbers too.
    keras.utils.set_random_seed(settings.seed)
    with training.strategy(settings).scope():
        model = _build(settings, corpus)
        training.begin(  # not before all mistakes are told
            output, settings, model, train=corpus.train, validation=corpus.validation
        )
        training_batches = batches.bucketed(
            corpus.train,
            model.tags,
            settings.batch_size,
            buckets=settings.buckets,
            seed=settings.seed,
        )
        watched = [metrics.TokenAccuracy(name="accuracy")]
        if corpus.scheme != tags.PLAIN:
            watched.append(metrics.EntityF1(model.tags, corpus.scheme, name="f1"))
        model.compile(
            training.optimizer(settings, len(training_batches) * settings.epochs),
            metrics=watched,
        )
    validation = batches.bucketed(corpus.validation, model.tags, settings.batch_size)
    monitor = "val_accuracy" if corpus.scheme == tags.PLAIN else "val_f1"
    history = training.fit(
        model,
        training_batches,
        validation.dataset(),
        settings,
        output / training.CHECKPOINTS,
        monitor,
    )
    record = {"command": cli.command("ner", settings), **corpus.record}
    preset = training.finish(model, history, record, settings, output, monitor, CARD)
    if corpus.test is not None:
        _measure(preset, model, corpus.test, settings.batch_size)


def _read(settings):
    """Returns the corpus that the settings name."""
    if settings.train_file:
        files = settings.train_file, settings.validation_file, settings.test_file
        columns = settings.tokens_column, settings.tags_column
        parts = [
            name and tagged_sentences.read_file(name, settings.encoding, *columns)
            for name in files
        ]
        record = tagged_corpus.chosen_columns(*columns)
        return tagged_corpus.corpus(*parts, settings.scheme, record)
    builder = data.load_builder(settings.dataset, settings.data_dir)
    columns = tagged_sentences.columns(
        builder, settings.tokens_column, settings.tags_column
    )
    return tagged_corpus.read_corpus(
        builder, settings.train_split, *columns, settings.scheme
    )


def _build(settings, corpus):
    """Returns a new model that knows the words of the training sentences."""
    tokens = np.array(list(itertools.chain(*corpus.train.tokens)), object)
    tokens = training_forms.plain(tokens, plain)
    limits = settings.vocabulary_size, settings.min_count
    words = Vocabulary.fit([tokens], *limits)
    lowercase_words = Vocabulary.fit(map(lowercase, data.in_batches(tokens)), *limits)
    characters = Vocabulary.fit(tokens, None, settings.min_count)
    vectors = None
    if settings.vectors:
        try:
            names, vectors = read_vectors(settings.vectors)
        except (ValueError, OSError) as error:
            raise UserError(f"--vectors: {error}") from error
        # Some files have a vector for `<UNK>`, which every vocabulary holds.
        known = dict.fromkeys([*words.tokens, *names])
        words = Vocabulary(list(known)[len(SPECIAL) : settings.vocabulary_size])
    print(
        f"vocabulary  {len(words):,} words, {len(lowercase_words):,} in lower case, "
        f"{len(characters):,} characters"
    )
    if len(words) == len(SPECIAL):
        print(f"note        no word occurs {settings.min_count} times, --min-count")
    model = SequenceTagger(
        words,
        lowercase_words,
        characters,
        corpus.train.inventory,
        corpus.scheme,
        # English corpora split "Ann's", others have it in one piece.
        tokenizer=TokenizerWithOffsets("'s" in tokens, normalization="plain"),
        word_units=settings.word_units if vectors is None else vectors.shape[1],
        lowercase_units=settings.lowercase_units,
        character_features=settings.character_features,
        character_embedding_units=settings.character_embedding_units,
        character_units=settings.character_units,
        cell=settings.cell,
        units=settings.units,
        layers=settings.layers,
        bidirectional=settings.bidirectional,
        crf=settings.crf,
        word_dropout=settings.word_dropout,
        dropout=settings.dropout,
        casing=training_forms.casing(list(map(" ".join, corpus.train.tokens))),
        name="ner",
    )
    if vectors is not None:
        found = model.set_word_vectors(names, vectors)
        print(f"vectors     {found:,} words of {settings.vectors}")
    return model


def evaluate(name: str, settings: Evaluation) -> None:
    """Measures a preset on a split, and writes the metrics and the card of the user's.

    Args:
        name: the preset's name or folder.
        settings: what to measure it on.

    Raises:
        UserError: the dataset, the split or a column doesn't exist or doesn't fit.
        PresetError: there is no such preset, or it is damaged.
    """
    preset = presets.find(name)
    model = SequenceTagger.from_preset(preset)
    if model.scheme != tags.PLAIN:
        tagging.require_library()
    if settings.file:
        sentences = tagged_sentences.read_file(
            settings.file,
            settings.encoding,
            *evaluation.columns_of_files(
                preset, settings, "tokens_column", "tags_column"
            ),
        )
        print(f"file        {sentences.source}, columns {sentences.columns}")
    else:
        builder, [split], chosen = evaluation.choose(
            preset, settings, "tokens_column", "tags_column", files="--file"
        )
        columns = tagged_sentences.columns(builder, *chosen)
        sentences = tagged_sentences.read(builder, split, *columns)
    sentences = tagged_corpus.converted(sentences, model.scheme)
    unknown = sorted(set().union(*sentences.tags).difference(model.tags))
    if unknown:
        listed = ", ".join(unknown)
        print(f"note: the model knows no {listed}, and so misses all of them.")
    writes = evaluation.writes_card(preset, settings)
    _measure(preset, model, sentences, settings.batch_size, settings.conll, writes)


def _measure(preset, model, sentences, batch_size, conll_path=None, writes=True):
    """Measures a model, tells the result and, if asked, writes it into its preset."""
    print(f"measuring on {sentences.source}, {len(sentences):,} sentences")
    predicted = batches.predict(model, sentences, batch_size)
    figures = tagging.measure(sentences.tags, predicted, model.scheme)
    print(tagging.describe(figures))
    if conll_path:
        with replaced_file(conll_path) as path, path.open("w", encoding="utf-8") as out:
            conll.write(out, sentences.tokens, sentences.tags, predicted)
        print(f"columns     {conll_path}")
    if not writes:
        cards.tell_unwritten(preset)
        return
    cards.add_evaluation(preset, sentences.source, sentences.citation, figures, CARD)
