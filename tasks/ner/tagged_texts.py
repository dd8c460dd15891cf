"""What a tagger says of texts, sentence by sentence, and ways to show it."""

import io
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TextIO

import tensorflow as tf

from tasks.data import json_lines
from tasks.ner import conll, entities
from zoo import tags as schemes

# A line of CoNLL's columns: the last one is a tag of entities, or the first a number.
_COLUMNS = re.compile(
    rb"(?:\S.*[ \t](?:O|[BIESLU]-\S+)|\d+(?:[-.]\d+)?\t[^\t]+\t.*)[ \t]*"
)
# So many lines tell.
_ALIKE = 5


class TaggedText(NamedTuple):
    """A text, its tokens and what a tagger says of them.

    Attributes:
        text: the text.
        tokens: (n,), its tokens.
        starts: (n,), where in `text` each begins, in code points.
        ends: (n,), where each ends, exclusive.
        tags: (n,), their tags.
        scores: (n,), the tags' probabilities.
    """

    text: str
    tokens: list[str]
    starts: list[int]
    ends: list[int]
    tags: list[str]
    scores: list[float]

    def as_json(self, scheme: str) -> str:
        """Returns JSON: the text and what `found` returns."""
        return json_lines.line({"text": self.text, **self.found(scheme)})

    def found(self, scheme: str) -> dict[str, list[dict]]:
        """Returns the text's `entities`, or its `tags` where they are plain.

        Either is a list of dicts with `start`, `end`, `label`, `text` and `score`.
        """
        if scheme != schemes.PLAIN:
            return {"entities": entities.entities(*self, scheme)}
        names = "text", "start", "end", "label", "score"
        columns = self.tokens, self.starts, self.ends, self.tags, self.scores
        rows = zip(*columns, strict=True)
        return {"tags": [dict(zip(names, row, strict=True)) for row in rows]}

    def as_conll(self) -> str:
        """Returns a line a token, the token and its tag, with an empty one behind."""
        file = io.StringIO()
        conll.write(file, [self.tokens], None, [self.tags])
        return file.getvalue().removesuffix("\n")

    def shown(self, scheme: str, labels: Sequence[str], stream: TextIO) -> str:
        """Returns the text for people: see `entities.colored` and `tagged`."""
        if scheme == schemes.PLAIN:
            return entities.tagged(self.tokens, self.tags)
        found = entities.entities(*self, scheme)
        return entities.colored(self.text, found, stream, labels)


def tag(model, texts: Iterator[bytes], batch_size: int) -> Iterator[TaggedText]:
    """Yields what a `SequenceTagger` says of texts, in order.

    Args:
        model: the tagger.
        texts: the texts.
        batch_size: how many to tag at a time.
    """
    function = tf.function(
        model.tag, input_signature=model.text_signature, autograph=False
    )
    for batch in _batched(texts, batch_size):
        yield from rows(batch, function(batch))


def rows(
    texts: Sequence[bytes], tagged: Mapping[str, tf.Tensor]
) -> Iterator[TaggedText]:
    """Yields for each text what a tagger says of it.

    Args:
        texts: the texts.
        tagged: what `SequenceTagger.tag` returned of them.
    """
    results = {key: value.numpy() for key, value in tagged.items()}
    for place, text in enumerate(texts):
        row = [
            results[key][place, : results["lengths"][place]].tolist()
            for key in ("tokens", "starts", "ends", "tags", "scores")
        ]
        tokens, starts, ends, tags, scores = row
        yield TaggedText(
            _text(text),
            [*map(_text, tokens)],
            starts,
            ends,
            [*map(_text, tags)],
            scores,
        )


def noting_columns(texts: Iterator[bytes]) -> Iterator[bytes]:
    """Yields texts, and notes on stderr if they look like columns, a token a line."""
    alike = 0
    for text in texts:
        if alike is not None and text.strip() and not text.startswith(b"#"):
            alike = alike + 1 if _COLUMNS.fullmatch(text) else None
            if alike == _ALIKE:
                alike = None
                print(
                    "note: these lines look like a token and its tag each, not like "
                    "texts. --tokens-column reads them: 0 is the first column.",
                    file=sys.stderr,
                )
        yield text


def tag_split(model, lines: Iterator[bytes], batch_size: int) -> Iterator[TaggedText]:
    """Yields what a `SequenceTagger` says of lines that are split into tokens.

    Args:
        model: the tagger.
        lines: tokens between tabs, or, in a line without any, between spaces.
        batch_size: how many to tag at a time.
    """
    return _tag_tokens(model, map(_split, lines), batch_size)


def tag_tokens(
    model, sentences: Iterable[Sequence[str]], batch_size: int
) -> Iterator[TaggedText]:
    """Yields what a `SequenceTagger` says of sentences, given as their tokens.

    Args:
        model: the tagger.
        sentences: the tokens of each.
        batch_size: how many to tag at a time.
    """
    encoded = ([token.encode("utf-8") for token in row] for row in sentences)
    return _tag_tokens(model, encoded, batch_size)


def shown(tokens: Sequence[str], tags: Sequence[str], scheme: str) -> str:
    """Returns a sentence of tokens with its entities or tags, for people.

    Args:
        tokens: (n,).
        tags: (n,), their tags.
        scheme: of the tags.
    """
    starts, ends = _offsets(tokens)
    certain = [1.0] * len(tokens)
    text = TaggedText(" ".join(tokens), tokens, starts, ends, tags, certain)
    return text.shown(scheme, (), io.StringIO())


def _tag_tokens(model, sentences, batch_size):
    function = tf.function(
        model.tag_tokens, input_signature=model.tokens_signature, autograph=False
    )
    for batch in _batched(sentences, batch_size):
        tokens = tf.ragged.constant(batch, tf.string, ragged_rank=1).to_tensor("")
        results = {key: value.numpy() for key, value in function(tokens).items()}
        for place, row in enumerate(batch):
            words = [*map(_text, row)]
            yield TaggedText(
                " ".join(words),
                words,
                *_offsets(words),
                [*map(_text, results["tags"][place, : len(row)])],
                results["scores"][place, : len(row)].tolist(),
            )


def _offsets(words):
    """Returns where words begin and end in a text that has a space between two."""
    ends = [end - 1 for end in itertools.accumulate(len(w) + 1 for w in words)]
    return [end - len(word) for word, end in zip(words, ends, strict=True)], ends


def _batched(items, size):
    while batch := list(itertools.islice(items, size)):
        yield batch


def _split(line):
    separator = b"\t" if b"\t" in line else b" "
    return [token for token in line.split(separator) if token]


def _text(value):
    return value.decode("utf-8", "replace")
