"""Trains and measures classifiers of texts."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tasks.cli import answers
from tasks.data import builders as data
from tasks.data import known_tokens, mixture, renaming
from tasks.data import unlabelled as texts_without_labels
from tasks.errors import UserError
from tasks.reporting import cards, evaluation, examples
from tasks.sentiment import batches, commands, label_sets, labelled_files, measures
from tasks.sentiment import corpus as labelled_texts
from tasks.sentiment.config import SUMMARY, THRESHOLD, Config, Evaluation
from tasks.training import fine_tuning, pretraining
from tasks.training import fitting as training
from zoo import presets
from zoo.models import BidirectionalLanguageModel, SequenceClassifier
from zoo.text import Vocabulary, WordTokenizer
from zoo.text.vocabulary import END_ID

# What the cards say of the figures.
FIGURES = {
    "accuracy": "the share of the texts whose class, or all of whose labels, is right",
    "standard_error": "that of the accuracy",
    "cross_entropy": "the mean of -log P of what is right, in nats",
    "macro_f1": "the mean of the classes' F1",
    "micro_f1": "F1 of the decisions on all labels together",
}
LIMITS = """
- It knows the language, the kind of text and the classes that it was trained on, and
  gives one of them to any text, an empty one or one in another language too.
- A probability is as the training data has it: it is no measure of how far a text
  is from anything seen in training.
- The terms of the data that it was trained on bind its use as well.
- Texts by or about people carry their authors' prejudices, and so does the model.
"""
CARD = cards.Card(SUMMARY, LIMITS, figures=FIGURES)
MONITOR = "val_accuracy"
# Where a text may have any number of labels, few of which it has.
MONITOR_OF_SETS = "-val_loss"


def train(settings: Config, output: Path) -> None:
    """Trains a classifier, measures it and saves it as a preset.

    Args:
        settings: what to train, on what, and how.
        output: where the preset, checkpoints and logs go.

    Raises:
        UserError: the dataset or a column doesn't exist or doesn't fit.
        TrainingError: the loss is no number any more.
    """
    known = fine_tuning.arguments(settings)
    settings.check_pretraining(**known)
    corpus, unlabelled = _read(settings)
    corpus = labelled_texts.with_classes(
        corpus, known.get("class_names", ()), known.get("multi_label", False)
    )
    monitor = MONITOR_OF_SETS if corpus.train.multi_label else MONITOR
    # Not before: a dataset that is yet to be prepared draws random numbers too.
    keras.utils.set_random_seed(settings.seed)
    data_read = {
        "train": corpus.train,
        "validation": corpus.validation,
        "unlabelled": unlabelled,
    }
    strategy = training.strategy(settings, **data_read)
    with strategy.scope():
        model = _build(settings, corpus, unlabelled)
    if settings.pretrain_split:
        print(f"pretraining {len(unlabelled):,} texts")
        encode = _encoder(model)
        windows = pretraining.windows(
            pretraining.encoded(encode, unlabelled), settings.pretrain_window
        )
    training.begin(output, settings, model, **data_read)
    training_batches = batches.bucketed(
        model,
        corpus.train,
        settings.batch_size,
        buckets=settings.buckets,
        seed=settings.seed,
    )
    if model.linear is not None and model.linear.unadapted:
        model.adapt_ngrams(training_batches.dataset())
    with strategy.scope():
        model.compile(
            training.optimizer(settings, len(training_batches) * settings.epochs),
            **_objective(corpus.train.multi_label),
        )
    record = {"command": settings.command("sentiment"), **corpus.record}
    if settings.map:
        record["map"] = settings.map
    if settings.pretrain_split:
        with strategy.scope():
            language_model = BidirectionalLanguageModel(
                model.embedding, model.first_recurrent, seed=settings.seed
            )
        held_out = pretraining.encoded(encode, corpus.validation.texts)
        record |= _pretrained_on(settings, corpus.train, unlabelled)
        record |= pretraining.pretrain(
            language_model, windows, held_out, settings, output
        )
    history = training.fit(
        model,
        training_batches,
        mixture.by_data_set(
            corpus.validations,
            lambda part: batches.bucketed(model, part, settings.batch_size),
        ),
        settings,
        output / training.CHECKPOINTS,
        monitor,
    )
    model = training.for_one_process(model)  # the chief's: here the others are done
    preset = training.finish(model, history, record, settings, output, monitor, CARD)
    with evaluation.of_trained(preset):
        for test in corpus.tests:
            _measure(preset, model, test, settings.batch_size)


def _objective(multi_label):
    """Returns the loss and what is watched."""
    if multi_label:
        return {
            "loss": keras.losses.BinaryCrossentropy(from_logits=True),
            "metrics": [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
        }
    return {
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": ["accuracy"],
    }


def _read(settings):
    """Returns the labelled texts, and all texts to learn the language from."""
    if settings.train_file:
        return _read_files(settings)
    corpora, unlabelled, names = [], [], []
    renamed = renaming.parse(settings.map)
    for builder, train_split, share in mixture.load(settings):
        text, label = labelled_texts.columns(
            builder,
            settings.text_column,
            settings.label_column,
            settings.label_columns,
        )
        names += labelled_texts.class_names(builder, train_split, label)
        corpus = labelled_texts.read_corpus(builder, train_split, text, label, renamed)
        train = _augmented(settings, mixture.taken(corpus.train, share))
        unlabelled.append(train.texts)
        corpora.append(dataclasses.replace(corpus, train=train))
    renaming.check(renamed, names, "class")
    if settings.pretrain_split:
        unlabelled += texts_without_labels.read(settings, settings.text_column)
    corpus = labelled_texts.joined(corpora)
    print(corpus.describe())
    return corpus, np.concatenate(unlabelled)


def _read_files(settings):
    """Returns the same of the user's own files."""
    renamed = renaming.parse(settings.map)
    if renamed:
        chosen = settings.text_column, settings.label_column, settings.label_columns
        file = settings.train_file, settings.encoding
        names = labelled_files.class_names(*file, *chosen)
        renaming.check(renamed, names, "class")
    corpus = labelled_files.read_corpus(settings, renamed)
    corpus = dataclasses.replace(corpus, train=_augmented(settings, corpus.train))
    unlabelled = [corpus.train.texts]
    if settings.pretrain_split:
        unlabelled += texts_without_labels.read(settings)
    print(corpus.describe())
    return corpus, np.concatenate(unlabelled)


def _augmented(settings, train):
    """Returns what to train on, in forms that the settings ask for too."""
    if not settings.augment_spacing:
        return train
    return labelled_texts.spaced_as_written(
        train, settings.augment_spacing, settings.seed
    )


def _encoder(model):
    """Returns what encodes texts to learn the language from, end to end."""

    @tf.function(input_signature=model.text_signature, autograph=False)
    def encode(batch):
        rows = model.vocabulary.ids(model.tokenizer(batch))
        ends = tf.fill([rows.nrows(), 1], END_ID)  # each text with its `<EOS>`
        return tf.concat([rows, ends], axis=1).flat_values

    return encode


def _pretrained_on(settings, train, texts):
    """Returns what a preset remembers of the texts that it learnt the language from."""
    named = settings.pretrain_split
    if settings.pretrain_dataset:
        datasets = settings.pretrain_dataset
        splits = mixture.for_each(settings.pretrain_split, len(datasets))
        named = map(" ".join, zip(datasets, splits, strict=True))
    sources = " and ".join([train.source, *named])
    return {"pretrained_on": f"{sources}, {len(texts):,} texts without labels"}


def _build(settings, corpus, texts):
    """Returns a preset's model, or a new one that knows the words of `texts`."""
    classes = corpus.train.class_names
    if settings.from_preset is not None:
        model = fine_tuning.model(SequenceClassifier, settings)
        chosen = classes, corpus.train.multi_label
        if (model.class_names, model.multi_label) == chosen:
            return model
        names = ", ".join(map(str, model.class_names))
        print(f"            its classes are {names}:")
        print("            what decides on them begins anew")
        return model.with_classes(*chosen)
    tokenizer = WordTokenizer(punctuation="keep", markup=False, normalization="plain")
    words = map(tokenizer, data.in_batches(texts))
    vocabulary = Vocabulary.fit(words, settings.vocabulary_size, settings.min_count)
    print(f"vocabulary  {len(vocabulary):,} words")
    known_tokens.check(vocabulary, "word", settings.min_count)
    return SequenceClassifier(
        vocabulary,
        classes,
        tokenizer=tokenizer,
        embedding_units=settings.embedding_units,
        cell=settings.cell,
        units=settings.units,
        layers=settings.layers,
        bidirectional=settings.bidirectional,
        pooling=settings.pooling,
        word_dropout=settings.word_dropout,
        embedding_dropout=settings.embedding_dropout,
        dropout=settings.dropout,
        ngrams=settings.ngrams,
        ngram_buckets=settings.ngram_buckets,
        naive_bayes=settings.ngrams > 0,
        multi_label=corpus.train.multi_label,
        max_length=settings.max_length,
        name="sentiment",
    )


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
    model = SequenceClassifier.from_preset(preset)
    trained = presets.read_metrics(preset).get("training", {})
    writes = evaluation.writes_card(preset, settings)
    renamed = renaming.parse(settings.map or trained.get("map"))
    if settings.label_columns and not model.multi_label:
        raise UserError(
            f"--label-columns is of models that give several labels, but {name} gives "
            "one class: name its column by --label-column."
        )
    if settings.label_column is not None and model.multi_label:
        raise UserError(
            f"--label-column is of models that give one class, but {name} gives "
            "several labels: name their columns by --label-columns."
        )
    if settings.file:
        *chosen, labels = evaluation.columns_of_files(
            preset, settings, "text_column", "label_column", "label_columns"
        )
        file = settings.file, settings.encoding, *chosen, _label_columns(model, labels)
        if settings.map:
            names = labelled_files.class_names(*file, any_number=True)
            renaming.check(renamed, names, "class")
        examples = labelled_files.read(*file, model.class_names, renamed)
        _measure(preset, model, examples, settings.batch_size, writes)
        return
    for builder, [split], chosen in evaluation.choose(
        preset,
        settings,
        *("text_column", "label_column", "label_columns"),
        files="--file",
    ):
        *chosen, labels = chosen
        labels = _label_columns(model, labels)
        columns = labelled_texts.columns(builder, *chosen, labels)
        if settings.map:
            names = labelled_texts.class_names(builder, split, columns[1], True)
            renaming.check(renamed, names, "class")
        test = labelled_texts.read(builder, split, *columns, model.class_names, renamed)
        _measure(preset, model, test, settings.batch_size, writes)


def _label_columns(model, chosen):
    """Returns the columns of a model's labels: those chosen, or called like them."""
    return chosen or (model.class_names if model.multi_label else None)


def _measure(preset, model, test, batch_size, writes=True):
    """Measures a model, tells the result and, if asked, writes it into its preset."""
    ordered = batches.bucketed(model, test, batch_size)
    print(f"measuring on {test.source}, {len(test):,} texts")
    logits = model.predict(ordered.dataset(), verbose=0)
    answers.check_numbers(preset, logits.flat)
    logits = logits[np.argsort(ordered.order)]  # as the texts are ordered
    of_sets = test.multi_label
    kind = label_sets if of_sets else measures
    figures = kind.measure(logits, test.labels, test.class_names)
    print(measures.describe(figures))
    if not writes:
        cards.tell_unwritten(preset)
        return
    answered = _sets(test, logits) if of_sets else _answers(test, logits)
    drawn = examples.drawn(answered)
    cards.add_evaluation(preset, test.source, test.citation, figures, CARD, drawn=drawn)


def _sets(test, logits):
    """Yields what a model answers to each text that may have several labels."""
    found = label_sets.probabilities(logits)
    for text, labels, row in zip(test.texts, test.labels, found, strict=True):
        text = text.decode("utf-8", "replace")
        shown = label_sets.shown(text, row, test.class_names)
        truth = label_sets.names_of(labels, test.class_names)
        # Half away from the truth a label turns over.
        error = float(np.abs(row - labels).max()) - THRESHOLD
        yield examples.Answer(text, shown, error, ", ".join(truth) or "no label")


def _answers(test, logits):
    """Yields what a model answers to each text, for its card."""
    probabilities = measures.probabilities(logits)
    for text, label, row in zip(test.texts, test.labels, probabilities, strict=True):
        text = text.decode("utf-8", "replace")
        shown = commands.shown(text, row, test.class_names)
        error = float(row.max() - row[label])
        yield examples.Answer(text, shown, error, test.class_names[label])
