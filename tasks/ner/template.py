"""Trains and measures taggers."""

import itertools
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tasks.data import builders as data
from tasks.data import mixture, training_forms, unlabelled
from tasks.errors import UserError
from tasks.ner import (
    augmentation,
    batches,
    conll,
    entity_types,
    measures,
    tagged_texts,
    word_streams,
)
from tasks.ner import corpus as tagged_corpus
from tasks.ner import sentences as tagged_sentences
from tasks.ner.config import SUMMARY, Config, Evaluation
from tasks.reporting import cards, evaluation, examples
from tasks.training import fine_tuning, pretraining
from tasks.training import fitting as training
from zoo import metrics, presets, tags
from zoo.files import replaced_file
from zoo.models import SequenceTagger
from zoo.models.tagger.language_model import TaggerLanguageModel
from zoo.models.tagger.token_features import lowercase
from zoo.models.tagger.token_forms import plain
from zoo.text import TokenizerWithOffsets, Vocabulary, read_vectors
from zoo.text.vocabulary import SPECIAL

# What the cards say of the figures.
FIGURES = {
    "f1": "of whole entities, which are right if start, end and type are",
    "standard_error": "that of F1, or of the accuracy where there is no F1",
    "precision": "the share of the entities found that are right",
    "recall": "the share of the right ones that are found",
    "accuracy": "the share of the tokens whose tag is right",
    "macro_f1": "the mean of the tags' F1",
}
LIMITS = """
- It knows the language, the kind of text and the tags that it was trained on. Text of
  another kind, in another language or in capitals only, has it guess.
- A sentence at a time: what the sentence before tells, it doesn't know.
- A score is as the training data has it: it is no measure of how far a text is from
  anything seen in training.
- The terms of the data that it was trained on bind its use as well.
- Which names it knows, it knows from its data: names rare there it misses more often.
"""
_ONE_CASE = """Text of
  another kind, in another language or in capitals only, has it guess."""
_ANY_CASE = """Text of
  another kind or in another language has it guess. Some sentences were put into small
  letters or capitals: such text it reads too, with less there to tell names by."""


def limits(training: dict) -> str:
    """Returns what a model is not for, by what is recorded of its training."""
    if "--augment-casing" not in " ".join(fine_tuning.commands(training)):
        return LIMITS
    return LIMITS.replace(_ONE_CASE, _ANY_CASE)


CARD = cards.Card(SUMMARY, limits, figures=FIGURES)

# Of the texts to learn the language from one in so many words tells how well it goes.
HELD_OUT = 200


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
    texts, vectors = _texts(settings, corpus), _vectors(settings)
    if corpus.tests and corpus.scheme != tags.PLAIN:
        measures.require_library()  # not after the training
    print(corpus.describe())
    # Not before: a dataset that is yet to be prepared draws random numbers too.
    keras.utils.set_random_seed(settings.seed)
    data_read = {
        "train": corpus.train,
        "validation": corpus.validation,
        "unlabelled": texts,
    }
    strategy = training.strategy(settings, **data_read, vectors=vectors)
    with strategy.scope():
        model = _build(settings, corpus, texts, vectors)
    del vectors  # which may be large
    training_batches = _batches(settings, corpus, model)
    if texts is not None:
        place = len(texts.places) // HELD_OUT
        held_out, stream = np.split(texts.places, [place])
        windows = pretraining.windows(stream, settings.pretrain_window)
    # Not before all mistakes are told.
    training.begin(output, settings, model, **data_read)
    with strategy.scope():
        watched = [metrics.TokenAccuracy(name="accuracy")]
        if corpus.scheme != tags.PLAIN:
            watched.append(metrics.EntityF1(model.tags, corpus.scheme, name="f1"))
        model.compile(
            training.optimizer(settings, len(training_batches) * settings.epochs),
            metrics=watched,
        )
    record = {"command": settings.command("ner"), **corpus.record}
    if texts is not None:
        with strategy.scope():
            language_model = TaggerLanguageModel(model, texts.words, seed=settings.seed)
        record |= _pretrained_on(settings)
        record |= pretraining.pretrain(
            language_model, windows, held_out, settings, output
        )
    validation = mixture.by_data_set(
        corpus.validations,
        lambda part: batches.bucketed(part, model.tags, settings.batch_size),
    )
    monitor = "val_accuracy" if corpus.scheme == tags.PLAIN else "val_f1"
    history = training.fit(
        model,
        training_batches,
        validation,
        settings,
        output / training.CHECKPOINTS,
        monitor,
    )
    model = training.for_one_process(model)  # the chief's: here the others are done
    preset = training.finish(model, history, record, settings, output, monitor, CARD)
    with evaluation.of_trained(preset):
        for test in corpus.tests:
            _measure(preset, model, test, settings.batch_size)


def _batches(settings, corpus, model):
    """Returns what to train on, changed in each epoch if the settings say so."""
    order = {"buckets": settings.buckets, "seed": settings.seed}
    given = corpus.train, model.tags, settings.batch_size
    changes = augmentation.Augmentation(
        settings.augment_casing, settings.augment_names, settings.augment_endings
    )
    if not changes:
        return batches.bucketed(*given, **order)
    if corpus.scheme == tags.PLAIN:
        raise UserError(
            "--augment-casing, --augment-names and --augment-endings are for entities, "
            "and these tags are plain. Leave them out."
        )
    return augmentation.AugmentedBatches(
        *given, scheme=corpus.scheme, augmentation=changes, **order
    )


def _read(settings):
    """Returns the corpus that the settings name."""
    types = entity_types.parse(settings.types, settings.map)
    scheme, usual = settings.scheme, fine_tuning.arguments(settings).get("scheme")
    if settings.train_file:
        files = settings.train_file, settings.validation_file, settings.test_file
        columns = settings.tokens_column, settings.tags_column
        parts = [
            name and tagged_sentences.read_file(name, settings.encoding, *columns)
            for name in files
        ]
        record = tagged_corpus.chosen_columns(*columns)
        corpus = tagged_corpus.corpus(*parts, scheme, record, usual)
        return tagged_corpus.with_types(corpus, types)
    corpora = []
    for builder, train_split, share in mixture.load(settings):
        columns = tagged_sentences.columns(
            builder, settings.tokens_column, settings.tags_column
        )
        split = builder, train_split
        corpus = tagged_corpus.read_corpus(*split, *columns, scheme, usual)
        scheme = corpus.scheme  # that of all
        corpora.append(mixture.with_share(corpus, share))
    return tagged_corpus.with_types(tagged_corpus.joined(corpora), types)


def _tokenizer(corpus):
    """Returns what splits texts as the training sentences are split."""
    # English corpora split "Ann's", others have it in one piece.
    splits = any("'s" in row or "’s" in row for row in corpus.train.tokens)
    return TokenizerWithOffsets(splits, normalization="plain")


def _texts(settings, corpus):
    """Returns the words of the texts to learn the language from; None for none."""
    if not settings.pretrain_split:
        return None

    tokenizer = _tokenizer(corpus)
    texts = np.concatenate(unlabelled.read(settings))
    split = tf.function(
        lambda batch: tokenizer(batch)[0],
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    return word_streams.read(texts, split)


def _pretrained_on(settings):
    """Returns what a preset remembers of the texts that it learnt the language from."""
    names = settings.pretrain_dataset
    splits = mixture.for_each(settings.pretrain_split, len(names))
    told = (f"{name} {split}" for name, split in zip(names, splits, strict=True))
    return {"pretrained_on": ", ".join(told)}


def _vocabularies(settings, corpus, texts):
    """Returns the words, those in lower case and the characters that are known."""
    tokens = np.array(list(itertools.chain(*corpus.train.tokens)), object)
    tokens = training_forms.plain(tokens, plain)
    size, least = settings.vocabulary_size, settings.min_count
    characters = Vocabulary.fit(map(list, tokens), None, least)
    if texts is not None:
        return *word_streams.vocabularies(texts, tokens, size, least), characters
    words = Vocabulary.fit([tokens], size, least)
    lowered = map(lowercase, data.in_batches(tokens))
    return words, Vocabulary.fit(lowered, size, least), characters


def _vectors(settings):
    """Returns the words that have vectors, and these; None for none."""
    if not settings.vectors:
        return None
    try:
        return read_vectors(settings.vectors)
    except (ValueError, OSError) as error:
        raise UserError(f"--vectors: {error}") from error


def _build(settings, corpus, texts=None, word_vectors=None):
    """Returns a preset's model, or a new one that knows the training's words."""
    if settings.from_preset is not None:
        model = fine_tuning.model(SequenceTagger, settings)
        inventory = corpus.train.inventory
        if set(inventory) <= set(model.tags) and corpus.scheme == model.scheme:
            return model
        print(f"            its tags are {', '.join(model.tags)}, {model.scheme}:")
        print("            what decides on them begins anew")
        return model.with_tags(inventory, corpus.scheme)
    words, lowercase_words, characters = _vocabularies(settings, corpus, texts)
    vectors = None
    if word_vectors is not None:
        names, vectors = word_vectors
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
        tokenizer=_tokenizer(corpus),
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
    if settings.conll:
        evaluation.check_alone(preset, settings, "--conll")
    model = SequenceTagger.from_preset(preset)
    if model.scheme != tags.PLAIN:
        measures.require_library()
    writes = evaluation.writes_card(preset, settings)
    trained = presets.read_metrics(preset).get("training", {})
    types = entity_types.parse(trained.get("types"), trained.get("map"))
    for sentences in _to_measure(preset, settings):
        sentences = tagged_corpus.converted(sentences, model.scheme, types)
        unknown = sorted(set().union(*sentences.tags).difference(model.tags))
        if unknown:
            listed = ", ".join(unknown)
            print(f"note: the model knows no {listed}, and so misses all of them.")
        _measure(preset, model, sentences, settings.batch_size, settings.conll, writes)


def _to_measure(preset, settings):
    """Yields the sentences that the settings name, those of each dataset apart."""
    if settings.file:
        sentences = tagged_sentences.read_file(
            settings.file,
            settings.encoding,
            *evaluation.columns_of_files(
                preset, settings, "tokens_column", "tags_column"
            ),
        )
        print(f"file        {sentences.source}, columns {sentences.columns}")
        yield sentences
        return
    for builder, [split], chosen in evaluation.choose(
        preset, settings, "tokens_column", "tags_column", files="--file"
    ):
        columns = tagged_sentences.columns(builder, *chosen)
        yield tagged_sentences.read(builder, split, *columns)


def _measure(preset, model, sentences, batch_size, conll_path=None, writes=True):
    """Measures a model, tells the result and, if asked, writes it into its preset."""
    print(f"measuring on {sentences.source}, {len(sentences):,} sentences")
    predicted = batches.predict(model, sentences, batch_size, preset)
    figures = measures.measure(sentences.tags, predicted, model.scheme)
    print(measures.describe(figures))
    if conll_path:
        with replaced_file(conll_path) as path, path.open("w", encoding="utf-8") as out:
            conll.write(out, sentences.tokens, sentences.tags, predicted)
        print(f"columns     {conll_path}")
    if not writes:
        cards.tell_unwritten(preset)
        return
    drawn = examples.drawn(_answers(sentences, predicted, model.scheme))
    cards.add_evaluation(
        preset, sentences.source, sentences.citation, figures, CARD, drawn=drawn
    )


def _answers(sentences, predicted, scheme):
    """Yields what a model answers to each sentence, for its card."""
    for tokens, actual, found in zip(
        sentences.tokens, sentences.tags, predicted, strict=True
    ):
        shown, truth = (
            tagged_texts.shown(tokens, tags, scheme) for tags in (found, actual)
        )
        error = measures.mistakes(actual, found, scheme)
        yield examples.Answer(" ".join(tokens), shown, error, truth)
