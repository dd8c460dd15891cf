"""Texts to pieces of words and back, without loss."""

from collections.abc import Iterable
from itertools import pairwise

import keras
import tensorflow as tf

from zoo.text.subword_learning import BYTES, SPACE, learn
from zoo.text.tokenizers import valid_utf8, without_invalid_utf8
from zoo.text.vocabulary import (
    END_ID,
    PADDING_ID,
    SPECIAL,
    START_ID,
    UNKNOWN_ID,
    Vocabulary,
    flat,
)

_FIRST_BYTE = len(SPECIAL)
_FIRST_PIECE = _FIRST_BYTE + len(BYTES)
# Each merge goes over all of a word: a longer one is merged in parts of so many
# characters, or the time would grow with the square of its length.
LONGEST_MERGED = 100
_RAW_BYTES = [bytes([byte]) for byte in range(256)]


@keras.saving.register_keras_serializable(package="zoo")
class Subwords(Vocabulary):
    """A vocabulary of pieces of words, by byte-pair encoding with byte fallback.

    A word and the space before it, which is written `▁`, are the characters that they
    are spelled with. Then, again and again, of two neighbours that together are a
    piece those are merged whose piece comes first in the vocabulary, from left to
    right: so `▁th` `e` becomes `▁the`. A character that is no piece is 1 to 4 tokens
    for its bytes in UTF-8, `<0x00>` to `<0xFF>`. No text is unknown, and of UTF-8
    `decode` gives back what `encode` took, to the byte. Of a word longer than 100
    characters, which is none, each 100 are merged by themselves.

    Ids 0 to 3 are those of `Vocabulary`, then come the bytes, the characters, and what
    has been merged, in the order of the merges. Sources: Sennrich et al. 2016; Kudo &
    Richardson 2018 for the marks and bytes; Provilkov et al. 2020 for the dropout.

    Args:
        tokens: the bytes' tokens, then the pieces, `▁` among them.
        name: of the vocabulary's file.

    Raises:
        ValueError: tokens are missing, empty or repeated.
    """

    def __init__(self, tokens: Iterable[str], name: str = "vocabulary"):
        tokens = list(tokens)
        if tuple(tokens[: len(BYTES)]) != BYTES or SPACE not in tokens:
            raise ValueError(
                f"Subwords must begin with the 256 tokens {BYTES[0]} … {BYTES[-1]} and "
                f"have {SPACE!r}, found {tokens[:3]} …. Learn them with Subwords.fit."
            )
        super().__init__(tokens, name)

    @classmethod
    def fit(
        cls,
        stream: Iterable,
        max_size: int = 8000,
        min_count: int = 2,
        name: str = "vocabulary",
        progress: bool = False,
        split_punctuation: bool = False,
    ) -> "Subwords":
        """Learns pieces from texts; of two languages' texts, pieces for both.

        Args:
            stream: the texts: string tensors, arrays or sequences of strings, or the
                strings.
                An iterator is put into a list, for it is gone through twice.
            max_size: how many ids there may be, special tokens and bytes included.
            min_count: how often a character must occur to be a piece, and a pair of
                pieces to be merged. With 1, training meets no bytes at all.
            name: of the vocabulary's file.
            progress: whether bars show how far it is.
            split_punctuation: whether no piece reaches from letters to digits or to
                other characters: then a name or a number is the same pieces before a
                full stop as elsewhere.

        Returns:
            The same subwords for the same texts.

        Raises:
            ImportError: `tokenizers` is not installed.
            TypeError: the stream is a string: a text, or a file's name.
            ValueError: there is no text, or `max_size` is too small for its characters.
        """
        if isinstance(stream, str | bytes):
            raise TypeError(
                "Subwords are learned from several texts, found the string "
                f"{stream[:40]!r}, whose characters would be taken for them. Put a "
                "text into a list, fit([text]); of a file give the lines."
            )
        if iter(stream) is stream:
            stream = list(stream)
        pieces = learn(_Texts(stream), max_size, min_count, progress, split_punctuation)
        return cls([*BYTES, *pieces], name)

    @property
    def first_piece(self) -> int:
        """The id of the first token that is neither special nor a byte."""
        return _FIRST_PIECE

    @property
    def space_id(self) -> int:
        """The id of the space, `▁`, that is no part of a longer piece."""
        return self.tokens.index(SPACE)

    def get_config(self) -> dict:
        """Returns the constructor's arguments, fit for JSON."""
        return {"tokens": self.ordinary_tokens, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "Subwords":
        """Makes subwords from what `get_config` returned."""
        return cls(**config)

    def encode(
        self, texts: tf.Tensor, dropout: float = 0.0, seed: tf.Tensor | None = None
    ) -> tf.RaggedTensor:
        """Returns the ids of texts' pieces, without `<SOS>` and `<EOS>`.

        Bytes that are not UTF-8 become U+FFFD. Each word takes the time of its own
        length times its own merges, 100 at most in each 100 characters.

        Args:
            texts: string, (batch,).
            dropout: p in [0, 1): each possible merge is left out with probability p
                whenever one is to be chosen, so that a model learns how words may be
                put together. For training only.
            seed: of the dropout, int32 or int64 (2,).

        Returns:
            int32, ragged (batch, tokens); no tokens for an empty text.

        Raises:
            ValueError: `dropout` is out of its range, or lacks a seed.
        """
        if not 0 <= dropout < 1 or (dropout and seed is None):
            raise ValueError(
                f"dropout must be in [0, 1), and above 0 with a seed; found {dropout} "
                f"with seed={seed}."
            )
        words, rows = _words(valid_utf8(texts))
        distinct, places = words, tf.range(tf.size(words))
        if not dropout:
            distinct, places = tf.unique(words)
        symbols, parts, owners = self._spelled(distinct, whole=not dropout)
        merged = _merge(symbols, parts, self._id_table.lookup, dropout, seed)
        ids = tf.RaggedTensor.from_value_rowids(
            tf.cast(self._id_table.lookup(merged.values), tf.int32),
            tf.repeat(owners, merged.row_lengths()),
            tf.size(distinct, tf.int64),
            validate=False,
        )
        ids = tf.gather(ids, places)
        return tf.RaggedTensor.from_value_rowids(
            ids.values,
            tf.repeat(rows, ids.row_lengths()),
            tf.size(texts, tf.int64),
            validate=False,
        )

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the pieces themselves, string, of which `ids` are `encode`'s.

        Args:
            texts: string, (batch,).

        Returns:
            string, ragged (batch, tokens).
        """
        return self.lookup(self.encode(texts))

    def parts(self, pieces: Iterable[str]) -> list[list[str]]:
        """Returns the tokens that pieces of other subwords are, merged as by `encode`.

        Args:
            pieces: each of characters, with `▁` for a space, or a token of a byte.
        """
        ids = {token: place for place, token in enumerate(self.tokens)}
        return [self._parts(piece, ids) for piece in pieces]

    @staticmethod
    def _parts(piece, ids):
        if piece in ids:
            return [piece]
        symbols = []
        for character in piece:
            spelled = [BYTES[byte] for byte in character.encode()]
            symbols += [character] if character in ids else spelled
        while True:
            pairs = [ids.get("".join(pair), 0) for pair in pairwise(symbols)]
            possible = [place for place in pairs if place >= _FIRST_PIECE]
            if not possible:
                return symbols
            place = pairs.index(min(possible))
            symbols[place : place + 2] = ["".join(symbols[place : place + 2])]

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the texts of ids, whether `encode` or a model has made them.

        Args:
            ids: int32, (batch, tokens), dense or ragged; `<PAD>`, `<SOS>` and `<EOS>`
                are nothing.

        Returns:
            string (batch,), UTF-8. Bytes that make no character, as a model may put
            them together, are nothing.
        """
        return without_invalid_utf8(self._joined(ids))

    def ends_amid_character(self, ids: tf.Tensor) -> tf.Tensor:
        """Says whether more bytes behind ids could make a character of their last ones.

        Args:
            ids: as `decode` takes them.

        Returns:
            bool (batch,). True also behind bytes that nothing makes a character of, and
            behind U+FFFD.
        """
        return tf.strings.regex_full_match(
            valid_utf8(self._joined(ids)), "(?s).*\ufffd"
        )

    def _joined(self, ids):
        """Returns texts, string (batch,), whose bytes may be no UTF-8."""
        parts = tf.ragged.map_flat_values(self._texts_of, ids)
        texts = tf.strings.reduce_join(parts, axis=1)
        return tf.strings.regex_replace(texts, r"\A ", "")

    def _texts_of(self, ids):
        pieces = tf.strings.regex_replace(self.lookup(ids), SPACE, " ")
        byte = tf.clip_by_value(ids - _FIRST_BYTE, 0, len(BYTES) - 1)
        is_byte = (ids >= _FIRST_BYTE) & (ids < _FIRST_PIECE)
        texts = tf.where(is_byte, tf.gather(_RAW_BYTES, byte), pieces)
        nothing = (ids == PADDING_ID) | (ids == START_ID) | (ids == END_ID)
        return tf.where(nothing, "", texts)

    def _spelled(self, words, whole):
        """Returns what is merged, and within what.

        With `whole` a word that is a piece is that piece: merging would end there.

        Args:
            words: string (words,), without spaces.
            whole: see above.

        Returns:
            Spaces, characters and bytes, string (symbols,); which part each one is of,
            int64 (symbols,), ascending; and which word each part is of, int64 (parts,).
        """
        first = tf.fill(tf.shape(words), SPACE)
        if whole:
            pieces = tf.strings.join([SPACE, self._lines(words)])
            known = self._id_table.lookup(pieces) != UNKNOWN_ID
            first = tf.where(known, pieces, first)
            words = tf.where(known, "", words)
        characters = tf.strings.unicode_split(tf.strings.join([" ", words]), "UTF-8")
        begins = _begins(characters)
        owners, characters = characters.value_rowids(), characters.values
        is_first = characters == " "  # for there is none in a word
        symbols = tf.where(is_first, tf.gather(first, owners), self._lines(characters))
        known = self._id_table.lookup(symbols) != UNKNOWN_ID
        known &= characters != SPACE
        values = tf.io.decode_raw(characters, tf.uint8, fixed_length=4)
        spelled = tf.gather(BYTES, tf.cast(values, tf.int32))
        symbols = tf.where(known[:, None], symbols[:, None], spelled)
        counts = tf.where(known, 1, tf.strings.length(characters))
        symbols = tf.boolean_mask(symbols, tf.sequence_mask(counts, 4))
        parts = tf.cumsum(tf.cast(begins, tf.int64)) - 1
        return symbols, tf.repeat(parts, counts), tf.boolean_mask(owners, begins)


class _Texts:
    """The strings of a stream, as often as one goes through them."""

    def __init__(self, stream):
        self._stream = stream

    def __iter__(self):
        for item in self._stream:
            for text in flat([item] if isinstance(item, str | bytes) else item):
                yield text.decode("utf-8", "replace")


def _words(texts):
    """Returns what is between single spaces, and in which texts.

    Of an empty text that is nothing, of `" "` two empty words.
    """
    words = tf.strings.split(texts, sep=" ")
    words, rows = words.values, words.value_rowids()
    places = tf.where((words != "") | (tf.gather(texts, rows) != ""))[:, 0]
    return tf.gather(words, places), tf.gather(rows, places)


def _begins(characters):
    """Says which characters of words, with the space before each, begin a part."""
    places = tf.range(tf.size(characters.values, tf.int64))
    places -= tf.repeat(characters.row_starts(), characters.row_lengths())
    return (places == 0) | ((places > 1) & ((places - 1) % LONGEST_MERGED == 0))


def _merge(symbols, parts, lookup, dropout, seed):
    """Merges neighbours in each part until no two of them are a piece together.

    Args:
        symbols: string, (symbols,).
        parts: which part each symbol is of, int64 (symbols,), ascending from 0.
        lookup: gives ids, int64, of pieces; special tokens' or bytes' ids of others.
        dropout: the probability that a merge is left out.
        seed: of the dropout.

    Returns:
        The symbols that are left, string, ragged (parts, symbols).
    """

    def step(number, symbols, parts, finished):
        symbols, stays, is_finished = _merged_once(
            symbols, parts, lookup, dropout, seed, number
        )

        def which(chosen):
            chosen = tf.where(stays & chosen)[:, 0]
            return tf.gather(symbols, chosen), tf.gather(parts, chosen)

        done = zip(finished, which(is_finished), strict=True)
        finished = tuple(array.write(number, each) for array, each in done)
        return number + 1, *which(~is_finished), finished

    finished = tuple(
        tf.TensorArray(
            dtype, 0, dynamic_size=True, infer_shape=False, element_shape=[None]
        )
        for dtype in (tf.string, tf.int64)
    )
    *_, finished = tf.while_loop(
        # Once always: of no step there would be nothing to put together.
        lambda number, symbols, *_: (number == 0) | (tf.size(symbols) > 0),
        step,
        (0, symbols, parts, finished),
        shape_invariants=(
            tf.TensorShape([]),
            *2 * [tf.TensorShape([None])],
            tuple(array.flow.shape for array in finished),
        ),
    )
    return _in_order(*(array.concat() for array in finished))


def _merged_once(symbols, parts, lookup, dropout, seed, number):
    """Merges those pairs of each part that are to be merged first.

    Returns:
        The symbols, of which a merged pair's right one is the pair; which of them are
        still there; and which are of a part that nothing was to be merged in.
    """
    # Place n is that of the pair of the symbols n-1 and n.
    pairs = tf.strings.join([tf.concat([symbols[:1], symbols[:-1]], 0), symbols])
    ids = lookup(pairs)
    begins = tf.concat([parts[:1] >= 0, parts[1:] != parts[:-1]], 0)
    possible = ~begins & (ids >= _FIRST_PIECE)
    if dropout:
        seed = tf.random.experimental.stateless_fold_in(seed, number)
        draws = tf.random.stateless_uniform(tf.shape(ids), seed)
        possible &= draws >= dropout
    ids = tf.where(possible, ids, tf.int64.max)
    places = tf.cumsum(tf.cast(begins, tf.int64)) - 1
    first = tf.gather(tf.math.segment_min(ids, places), places)
    right = _every_other(possible & (ids == first))
    symbols = tf.where(right, pairs, symbols)
    return symbols, ~tf.roll(right, -1, axis=0), first == tf.int64.max


def _in_order(symbols, parts):
    """Returns symbols as ragged (parts, symbols), of parts in any order."""
    begins = tf.where(tf.concat([parts[:1] >= 0, parts[1:] != parts[:-1]], 0))[:, 0]
    ragged = tf.RaggedTensor.from_row_starts(symbols, begins, validate=False)
    order = tf.cast(tf.gather(parts, begins), tf.int32)
    return tf.gather(ragged, tf.math.invert_permutation(order))


def _every_other(chosen):
    """Keeps the first, third, … of each run of True: pairs that share no symbol.

    Args:
        chosen: bool, (n,), the first one False.
    """
    before = tf.where(~chosen)[:, 0]
    runs = tf.cumsum(tf.cast(~chosen, tf.int32)) - 1
    places = tf.range(tf.size(chosen, tf.int64)) - tf.gather(before, runs)
    return places % 2 == 1
