"""Many-to-one: a text in, its sentiment or any other class out.

python -m tasks.sentiment predict "What a wonderful film."
python -m tasks.sentiment train --dataset synthetic/reviews
"""

import dataclasses
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from simple_parsing import choice, flag

from tasks.cli import command_line as cli
from tasks.cli import config
from tasks.errors import UserError

SUMMARY = "Reads a text and says which class it is of: its sentiment, say."
LIMITS = """
- It knows the language, the kind of text and the classes that it was trained on, and
  gives one of them to any text, an empty one or one in another language too.
- A probability is as the training data has it: it is no measure of how far a text
  is from anything seen in training.
- The terms of the dataset that it was trained on (its page in TFDS' catalogue has
  them) bind its use as well.
- Texts by or about people carry their authors' prejudices, and so does the model.
"""
MONITOR = "val_accuracy"


@dataclasses.dataclass
class Config(config.PretrainingConfig):
    """Sentiment: dataset, model and training."""

    # the column with the texts; default: the only one there is
    text_column: str | None = None
    # the column with the class or the rating; default: the only one there is
    label_column: str | None = None
    # how many words the model knows
    vocabulary_size: int = 20_000
    # how often a word must occur in the training texts to be known
    min_count: int = 2
    # longer texts are cut, keeping their first and their last words
    max_length: int = 400
    # size of a word's vector
    embedding_units: int = 128
    # the recurrent unit
    cell: str = choice("rnn", "gru", "lstm", default="lstm")
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
    # a linear model over the words' n-grams, up to this length, has a say; 0: none
    ngrams: int = 0
    # the weights that its n-grams are hashed to
    ngram_buckets: int = 2**19

    def check(self) -> None:
        """Raises a UserError where a number is out of its range."""
        super().check()
        if self.pretrain_split and self.pooling == "last" and self.layers == 1:
            raise UserError(
                "--pooling last leaves nothing to pre-train: its only layer gives the "
                "last step alone. Choose another --pooling, or --layers 2."
            )
        for name in ("max_length", "embedding_units", "units", "layers", "min_count"):
            config.at_least(self, name, 1)
        config.at_least(self, "vocabulary_size", 5)
        config.at_least(self, "ngrams", 0)
        config.at_least(self, "ngram_buckets", 1)
        config.below(self, "word_dropout", 1)
        config.below(self, "embedding_dropout", 1)
        config.below(self, "dropout", 1)


@dataclasses.dataclass
class Evaluation(config.EvaluationConfig):
    """What to measure a preset on."""

    # the column with the texts; default: as in training, or the only one there is
    text_column: str | None = None
    # the column with the class or the rating; default: likewise
    label_column: str | None = None


def train(settings: Config, output: Path) -> None:
    """Trains a classifier, measures it and saves it as a preset.

    Args:
        settings: what to train, on what, and how.
        output: where the preset, checkpoints and logs go.

    Raises:
        UserError: the dataset or a column doesn't exist or doesn't fit.
        TrainingError: the loss is no number any more.
    """
    import keras

    from tasks.reporting import cards
    from tasks.sentiment import corpus as labelled_texts
    from tasks.sentiment import pretraining
    from tasks.training import fitting as training

    corpus, unlabelled = _read(settings)
    # Not before: a dataset that is yet to be prepared draws random numbers too.
    keras.utils.set_random_seed(settings.seed)
    with training.strategy(settings).scope():
        model = _build(settings, corpus, unlabelled)
        data = {"train": corpus.train, "validation": corpus.validation}
        if settings.pretrain_split:
            windows = pretraining.windows(model, unlabelled, settings.pretrain_window)
        training.begin(output, settings, model, **data, unlabelled=unlabelled)
        batches = labelled_texts.batches(
            model,
            corpus.train,
            settings.batch_size,
            buckets=settings.buckets,
            seed=settings.seed,
        )
        model.compile(
            training.optimizer(settings, len(batches) * settings.epochs),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        record = {"command": cli.command("sentiment", settings), **corpus.record()}
        if settings.pretrain_split:
            record |= pretraining.pretrain(
                model, windows, corpus.validation.texts, settings, output
            )
    history = training.fit(
        model,
        batches,
        labelled_texts.batches(model, corpus.validation, settings.batch_size).dataset(),
        settings,
        output / training.CHECKPOINTS,
        MONITOR,
    )
    preset = training.finish(
        model, history, record, settings, output, MONITOR, cards.Card(SUMMARY, LIMITS)
    )
    if corpus.test is not None:
        _measure(preset, model, corpus.test, settings.batch_size)


def _read(settings):
    """Returns the labelled texts, and all texts to learn the language from."""
    import numpy as np

    from tasks.data import builders as data
    from tasks.sentiment import corpus as labelled_texts

    builder = data.load_builder(settings.dataset, settings.data_dir)
    text, label = labelled_texts.columns(
        builder, settings.text_column, settings.label_column
    )
    corpus = labelled_texts.read_corpus(builder, settings.train_split, text, label)
    print(corpus.describe())
    texts = corpus.train.texts
    if settings.pretrain_split:
        texts = np.concatenate(
            [texts, *data.read(builder, settings.pretrain_split, [text])]
        )
    return corpus, texts


def _build(settings, corpus, texts):
    """Returns a new model that knows the words of `texts`."""
    from tasks.data import builders as data
    from zoo.models import SequenceClassifier
    from zoo.text import Vocabulary, WordTokenizer
    from zoo.text.vocabulary import SPECIAL

    tokenizer = WordTokenizer(punctuation="keep", markup=False, normalization="plain")
    words = map(tokenizer, data.in_batches(texts))
    vocabulary = Vocabulary.fit(words, settings.vocabulary_size, settings.min_count)
    print(f"vocabulary  {len(vocabulary):,} words")
    if len(vocabulary) == len(SPECIAL):
        raise UserError(
            f"No word occurs {settings.min_count} times in the training texts, so that "
            "the model would know none. Lower --min-count, or train on more."
        )
    return SequenceClassifier(
        vocabulary,
        corpus.train.class_names,
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
    from tasks.reporting import evaluation
    from tasks.sentiment import corpus as labelled_texts
    from zoo import presets
    from zoo.models import SequenceClassifier

    preset = presets.find(name)
    model = SequenceClassifier.from_preset(preset)
    builder, [split], chosen = evaluation.choose(
        preset, settings, "text_column", "label_column"
    )
    columns = labelled_texts.columns(builder, *chosen)
    examples = labelled_texts.read(
        builder, split, *columns, class_names=model.class_names
    )
    writes = evaluation.writes_card(preset, settings)
    _measure(preset, model, examples, settings.batch_size, writes)


def predict(
    name: str, texts: Iterator[bytes], settings: config.PredictionConfig
) -> None:
    """Prints each text's class and its probability, in order.

    Args:
        name: the preset's name or folder.
        texts: the texts.
        settings: how many are classified at a time, and whether to print JSON, a
            line a text, with every class.

    Raises:
        PresetError: there is no such preset, or it is damaged.
    """
    import tensorflow as tf

    from tasks.cli import input_notes
    from zoo.models import SequenceClassifier

    model = SequenceClassifier.from_preset(name)
    texts = input_notes.noted(texts)
    classify = tf.function(model.classify, input_signature=model.text_signature)
    while batch := list(itertools.islice(texts, settings.batch_size)):
        result = classify(tf.constant(batch))
        for text, row in zip(batch, result["probabilities"].numpy(), strict=True):
            print(_line(text, row, model.class_names, settings.json), flush=True)


def _line(text, probabilities, class_names, as_json):
    text = text.decode("utf-8", "replace")
    best = probabilities.argmax()
    if not as_json:
        shown = text if len(text) <= 100 else text[:99] + "…"
        return f"{class_names[best]}  {probabilities[best]:.3f}  {shown}"
    content = {
        "text": text,
        "label": class_names[best],
        "probability": float(probabilities[best]),
        "probabilities": dict(zip(class_names, probabilities.tolist(), strict=True)),
    }
    return json.dumps(content, ensure_ascii=False)


def _measure(preset, model, examples, batch_size, writes=True):
    """Measures a model, tells the result and, if asked, writes it into its preset."""
    from tasks.reporting import cards
    from tasks.sentiment import corpus as labelled_texts
    from tasks.sentiment import measures as classification

    batches = labelled_texts.batches(model, examples, batch_size)
    print(f"measuring on {examples.source}, {len(examples):,} texts")
    logits = model.predict(batches.dataset(), verbose=0)
    figures = classification.measure(
        logits, examples.labels[batches.order], examples.class_names
    )
    print(classification.describe(figures))
    if not writes:
        cards.tell_unwritten(preset)
        return
    card = cards.Card(SUMMARY, LIMITS)
    cards.add_evaluation(preset, examples.source, examples.citation, figures, card)


TEMPLATE = cli.Template(
    name="sentiment",
    summary=SUMMARY,
    examples=[
        'python -m tasks.sentiment predict "What a wonderful film."',
        "python -m tasks.sentiment predict --input reviews.txt --json",
        "python -m tasks.sentiment train        # synthetic/reviews: no download",
        "python -m tasks.sentiment train --dataset imdb_reviews --epochs 5",
        "python -m tasks.sentiment train --dataset glue/sst2 --cell gru",
        "python -m tasks.sentiment evaluate --model sentiment_imdb",
    ],
    config=Config,
    evaluation=Evaluation,
    preset="sentiment_imdb",
    train=train,
    evaluate=evaluate,
    predict=predict,
)
