"""Texts as a language model trains on them: windows in a row, or whole sentences."""

import functools
import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tasks.data import builders as data
from tasks.data import known_tokens
from tasks.data.bucketing import BucketedBatches
from tasks.data.epochs import drawn_anew
from tasks.data.sharding import WHOLE, Shard
from tasks.errors import UserError
from tasks.text.corpus import Texts
from zoo.models import LanguageModel
from zoo.text import (
    CharacterTokenizer,
    Subwords,
    Vocabulary,
    WordTokenizer,
    normalize,
)
from zoo.text.tokenizers import valid_utf8, without_markup
from zoo.text.vocabulary import PADDING_ID, START_ID

# Longer texts are turned into tokens in pieces of about so many characters, so many
# pieces at a time.
_PIECE, _PIECES = 2**15, 64


class Stream(NamedTuple):
    """The tokens of texts.

    Attributes:
        ids: int32 (tokens,), the texts end to end.
        lengths: int64 (texts,), how many tokens each has.
        unmeasured: how many tokens, the first ones, are only the context of others.
    """

    ids: np.ndarray
    lengths: np.ndarray
    unmeasured: int = 0


class StreamedWindows:
    """Batches of windows, each row a text that goes on from batch to batch.

    ```
    batch 1: (<SOS> y<1> …, begins) → y<1> y<2> …,   batch 2: (y<w> …, goes on) → …
    ```

    Every token is a target once in an epoch; windows are padded with 0 where a text
    ends, and its row goes on with another one. With a seed, to train, the texts come
    in another order each epoch, and are cut where a row is full. A single text is cut
    in two at random, the second part first: so that windows and rows fall elsewhere.
    The plan is a function of (seed, epoch) alone: a training that was interrupted goes
    on with the very batches it would have had.

    Without a seed, to measure, no text is cut: one after the other it is in a row.

    Args:
        stream: the tokens.
        batch_size: rows in a batch; fewer if there aren't so many windows (to train)
            or texts (to measure).
        window: steps in a window.
        seed: of the order, or None.

    Raises:
        UserError: there is a seed, but not enough for one window.
    """

    def __init__(
        self, stream: Stream, batch_size: int, window: int, seed: int | None = None
    ):
        if seed is not None and len(stream.ids) < window:
            raise UserError(
                f"There are only {len(stream.ids):,} tokens to train on, less than one "
                f"window of {window:,}. Choose a smaller --window, or another text."
            )
        self._stream = stream
        self._ids = tf.constant(stream.ids)  # in no graph, which 2 GB are too much for
        self._window = window
        self._seed = seed
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        counts = -(-stream.lengths // window)
        if seed is None:
            self._rows = _packed(counts, batch_size)
            self._length = max(counts[texts].sum() for texts in self._rows)
            self._width = len(self._rows)
        else:
            # A single text, cut in two, may fill one window more.
            count = int(counts.sum()) + (len(counts) == 1)
            self._width = min(batch_size, count)
            self._length = -(-count // self._width)

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return int(self._length)

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch, from 0, whose windows the next iteration has."""
        self._epoch.assign(epoch)

    def dataset(self, shard: Shard = WHOLE) -> tf.data.Dataset:
        """Returns an epoch as ((ids, begins), targets).

        ids and targets are int32 (batch, window), begins bool (batch,).

        Args:
            shard: which rows of each batch to read.
        """
        return drawn_anew(functools.partial(self._epoch_batches, shard), len(self))

    def _epoch_batches(self, shard, _):
        plan = tf.numpy_function(self._plan, [self._epoch], tf.int64, stateful=False)
        plan.set_shape([len(self), self._width, 3])
        begin, end = shard.bounds(self._width)
        plan = plan[:, begin:end]
        return tf.data.Dataset.from_tensor_slices(plan).map(
            self._batch, num_parallel_calls=2, deterministic=True
        )

    def _plan(self, epoch):
        """Returns windows' starts, sizes and `begins`, int64 (batches, rows, 3)."""
        plan = np.zeros([self._width, len(self), 3], np.int64)
        if self._seed is None:
            for row, texts in zip(plan, self._rows, strict=True):
                windows = self._windows(*self._pieces(texts))
                row[: len(windows)] = windows
        else:
            windows = self._windows(*self._shuffled(int(epoch)))
            plan.reshape(-1, 3)[: len(windows)] = windows
            plan[:, 0, 2] = 1
        return plan.swapaxes(0, 1)

    def _pieces(self, texts):
        """Returns where texts start, and their lengths."""
        starts = np.cumsum(self._stream.lengths) - self._stream.lengths
        return starts[texts], self._stream.lengths[texts]

    def _shuffled(self, epoch):
        """Returns where an epoch's texts start, in its order, and their lengths."""
        rng = np.random.default_rng([self._seed, epoch])
        if len(self._stream.lengths) > 1:
            return self._pieces(rng.permutation(len(self._stream.lengths)))
        total = len(self._stream.ids)
        cut = rng.integers(total)
        pieces = np.array([[cut, total - cut], [0, cut]])
        return pieces[pieces[:, 1] > 0].T

    def _windows(self, starts, lengths):
        """Returns texts' windows, one text after the other, int64 (windows, 3)."""
        counts = -(-lengths // self._window)
        texts = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(texts)) - (np.cumsum(counts) - counts)[texts]
        offsets = number * self._window
        sizes = np.minimum(self._window, lengths[texts] - offsets)
        return np.stack([starts[texts] + offsets, sizes, number == 0], axis=1)

    def _batch(self, plan):
        starts, sizes, begins = (column[:, None] for column in tf.unstack(plan, axis=1))
        steps = tf.range(self._window, dtype=tf.int64)
        places, valid = starts + steps, steps < sizes
        measured = valid & (places >= self._stream.unmeasured)
        begin = tf.cast(begins, tf.bool)
        before = tf.where(valid, self._tokens(places - 1), PADDING_ID)
        ids = tf.where(begin & (steps == 0), START_ID, before)
        targets = tf.where(measured, self._tokens(places), PADDING_ID)
        return (ids, begin[:, 0]), targets

    def _tokens(self, places):
        last = len(self._stream.ids) - 1
        return tf.gather(self._ids, tf.clip_by_value(places, 0, last))


def _packed(counts, rows):
    """Returns which texts are in which row, so that all rows are about as long."""
    loads = [(0, row, []) for row in range(min(rows, len(counts)))]
    for text in np.argsort(-counts, kind="stable"):
        load, row, texts = loads[0]
        texts.append(text)
        heapq.heapreplace(loads, (load + counts[text], row, texts))
    return [sorted(texts) for _, _, texts in sorted(loads, key=lambda load: load[1])]


class SentenceBatches(BucketedBatches):
    """Whole texts from `<SOS>` to `<EOS>`, in buckets of about the same length.

    Args:
        sequences: y, int32, ragged (n, tokens), with `<EOS>`.
        batch_size: texts in a batch.
        buckets: see `BucketedBatches`.
        seed: see `BucketedBatches`.
    """

    def __init__(self, sequences, batch_size, buckets=8, seed=None):
        nothing = tf.zeros(sequences.nrows())
        super().__init__(sequences, nothing, batch_size, buckets, seed)

    def dataset(self, shard: Shard = WHOLE) -> tf.data.Dataset:
        """Returns an epoch as (x, y), each int32 (batch, steps).

        Args:
            shard: which rows of each batch to read.
        """
        return super().dataset(shard).map(lambda y, _: (LanguageModel.inputs(y), y))


def encode(model, texts: Sequence[str]) -> tf.RaggedTensor:
    """Returns the ids of texts' tokens, int32, ragged (texts, tokens)."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def ids(batch):
        return model.encode(batch)

    return tf.concat([ids(batch) for batch in _batches(texts)], axis=0)


def tokenize(tokenizer, texts: Texts) -> Iterator[tf.RaggedTensor]:
    """Yields the tokens of texts, in pieces."""
    tokenizer = tf.function(
        tokenizer,
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    pieces = [piece for text in texts.texts for piece in _cut(text)]
    yield from map(tokenizer, _batches(pieces))


def vocabulary(
    texts: Texts, level: str, size: int, min_count: int, split_punctuation: bool = False
):
    """Learns the tokens of texts.

    Args:
        texts: to learn from.
        level: "character", "word" or "subword".
        size: how many tokens there may be.
        min_count: how often a token must occur, or the two that a subword is made of.
        split_punctuation: see `zoo.text.Subwords.fit`.

    Returns:
        What a `zoo.models.LanguageModel` takes as `tokenizer`, and its vocabulary.

    Raises:
        UserError: `size` is too small for the characters that subwords are made of, or
            no token occurs `min_count` times.
    """
    if level == "subword":
        pieces = [piece for text in texts.texts for piece in _cut(text)]
        batches = map(without_markup, map(valid_utf8, _batches(pieces)))
        plain = list(map(normalize, batches))
        try:
            pieces = Subwords.fit(
                plain, size, min_count, split_punctuation=split_punctuation
            )
            return None, pieces
        except ValueError as error:
            raise UserError(f"--vocabulary-size {size} won't do: {error}") from error
    tokenizer = CharacterTokenizer()
    if level == "word":
        tokenizer = WordTokenizer(
            punctuation="keep", markup=False, normalization="plain"
        )
    found = Vocabulary.fit(tokenize(tokenizer, texts), size, min_count)
    if min_count > 1:  # else there is only white space, which is told later
        known_tokens.check(found, level, min_count)
    return tokenizer, found


def stream(model, texts: Texts) -> Stream:
    """Returns the tokens of texts, with their context, for a model of streams.

    Raises:
        UserError: the texts have none.
    """
    pieces = [_cut(text) for text in (texts.context, *texts.texts)]
    ids = encode(model, [piece for text in pieces for piece in text])
    counts = np.array([len(text) for text in pieces])
    firsts = np.cumsum(counts) - counts
    context, first, *others = np.add.reduceat(ids.row_lengths().numpy(), firsts)
    lengths = np.array([context + first, *others])
    if lengths.sum() == context:
        raise UserError(f"{texts.source} holds no {model.level}s, only white space.")
    return Stream(ids.flat_values.numpy(), lengths[lengths > 0], int(context))


def batches(
    model,
    texts: Texts,
    batch_size: int,
    window: int,
    buckets: int = 8,
    seed: int | None = None,
) -> StreamedWindows | SentenceBatches:
    """Returns texts as a model trains on them, or is measured.

    Args:
        model: a `zoo.models.LanguageModel`.
        texts: the texts.
        batch_size: rows in a batch.
        window: steps in a window of a stream.
        buckets: how many padded lengths sentences may have.
        seed: of the order, to train; None to measure.

    Raises:
        UserError: there is too little to train on.
    """
    if model.sentences:
        ids = encode(model, texts.texts)
        return SentenceBatches(ids, batch_size, buckets, seed)
    return StreamedWindows(stream(model, texts), batch_size, window, seed)


def in_order(model, texts: Texts, window: int) -> StreamedWindows:
    """Returns texts one after the other, in windows, to measure or to learn from.

    Args:
        model: a `zoo.models.LanguageModel`, of streams or of sentences.
        texts: the texts.
        window: steps in a window; a text's last one may be shorter.
    """
    if not model.sentences:
        return StreamedWindows(stream(model, texts), 1, window)
    ids = encode(model, texts.texts)
    lengths = ids.row_lengths().numpy()
    return StreamedWindows(Stream(ids.flat_values.numpy(), lengths), 1, window)


def _batches(texts):
    """Yields texts as string tensors, with few characters together."""
    encoded = np.array([text.encode("utf-8", "replace") for text in texts], object)
    return data.in_batches(encoded, _PIECES)


def _cut(text):
    """Returns a text in pieces; never within a word, if there is white space."""
    pieces = []
    while len(text) > _PIECE:
        place = max(text.rfind(" ", 0, _PIECE), text.rfind("\n", 0, _PIECE)) + 1
        pieces.append(text[: place or _PIECE])
        text = text[place or _PIECE :]
    return [*pieces, text]
