"""Sentences with a tag for each token, and where they are read from."""

import collections
import dataclasses
from pathlib import Path

from tasks.data import builders as data
from tasks.data import text_files
from tasks.data.corpus import Examples
from tasks.errors import UserError
from tasks.ner import conll

# What datasets call their columns, the best first.
_TOKENS_COLUMNS, _TAGS_COLUMNS = ("tokens",), ("ner", "tags", "upos")
_ACCEPTED = (
    "Tags are a list of classes, strings, whole numbers or bools, one for each token"
)
# What a token without a character is taken for: the empty string is padding.
_NO_CHARACTER = "\N{REPLACEMENT CHARACTER}"


@dataclasses.dataclass(frozen=True)
class TaggedSentences(Examples):
    """Sentences with a tag for each token, none of them without tokens.

    Attributes:
        tokens: each sentence's tokens.
        tags: each sentence's tags.
        source: the data set's full name and the split, or the file.
        inventory: the tags that the data set has, in the order of its feature; or
            those that occur, the most frequent first.
        citation: how its authors want it cited, BibTeX.
        columns: of a file, which it was read from, for people.
    """

    tokens: list[list[str]]
    tags: list[list[str]]
    source: str
    inventory: tuple[str, ...]
    citation: str = ""
    columns: str = ""

    COLUMNS = "tokens", "tags"

    def with_tags(self, tags: list[list[str]], inventory) -> "TaggedSentences":
        """Returns the sentences with other tags."""
        return dataclasses.replace(self, tags=tags, inventory=tuple(inventory))


def read(builder, split: str, tokens: str, tags: str) -> TaggedSentences:
    """Reads a split; sentences without tokens are left out.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name or a slice of one.
        tokens: path of a sequence of strings.
        tags: path of a sequence of class labels, strings or whole numbers.

    Raises:
        UserError: there is no such split, its tags are hidden, a sentence has more
            tags than tokens or fewer, or none has tokens.
    """
    source = f"{builder.info.full_name}/{split}"
    names = getattr(data.columns(builder)[tags].feature, "names", None)
    rows = []
    for number, (words, labels) in enumerate(
        data.read_sequences(builder, split, [tokens, tags])
    ):
        if len(words) != len(labels):
            raise UserError(
                f"Example {number} of {source} has {len(words)} {tokens!r}, but "
                f"{len(labels)} {tags!r}."
            )
        if names and len(labels) and min(labels) < 0:
            raise UserError(
                f"The tags of {source} are hidden (-1). Choose another split; there "
                f"are {', '.join(builder.info.splits)}."
            )
        labels = [names[label] for label in labels] if names else _text(labels)
        rows.append((_text(words), labels))
    citation = (builder.info.citation or "").strip()
    return _sentences(rows, source, names, citation)


def read_file(
    path: str,
    encoding: str = text_files.UTF_8,
    tokens_column: str | None = None,
    tags_column: str | None = None,
) -> TaggedSentences:
    """Reads a file in CoNLL's columns: see `tasks.ner.conll.read`.

    The source is the file's name, without its folder: it gets into presets.

    Args:
        path: the file.
        encoding: what it is encoded in.
        tokens_column: the tokens' column, its number or its name, if it is chosen.
        tags_column: the tags' column, likewise.

    Raises:
        UserError: the file can't be read, is malformed, or holds no sentence.
    """
    sentences, columns = conll.read_with_columns(
        path, tokens_column, tags_column, encoding
    )
    read = _sentences(sentences, Path(path).name, None, "")
    return dataclasses.replace(read, columns=str(columns))


def _text(values):
    return [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in values
    ]


def _sentences(rows, source, names, citation):
    rows = [(list(tokens), list(tags)) for tokens, tags in rows if len(tokens)]
    if not rows:
        raise UserError(f"{source} holds no sentence with tokens.")
    tokens, tags = zip(*rows, strict=True)
    tokens = [[token or _NO_CHARACTER for token in row] for row in tokens]
    if names is None:
        counts = collections.Counter(tag for row in tags for tag in row)
        names = [name for name, _ in counts.most_common()]
    return TaggedSentences(tokens, list(tags), source, tuple(names), citation)


def columns(builder, tokens: str | None, tags: str | None) -> tuple[str, str]:
    """Returns the columns of a dataset's tokens and tags.

    Args:
        builder: a TFDS builder.
        tokens: the user's choice, if there is one.
        tags: the user's choice, if there is one.

    Raises:
        UserError: see `tasks.data.builders.choose_column`.
    """

    def are_texts(feature):
        return data.is_sequence(feature, data.is_text)

    def are_classes(feature):
        return data.is_sequence(feature, data.is_class)

    def are_numbers(feature):
        return data.is_sequence(feature, data.is_integer)

    def are_bools(feature):
        return data.is_sequence(feature, data.is_bool)

    tokens = data.choose_column(
        builder, "tokens", tokens, are_texts, usual=_TOKENS_COLUMNS
    )
    tags = data.choose_column(
        builder,
        "tags",
        tags,
        *(are_classes, are_texts, are_numbers, are_bools),
        usual=_TAGS_COLUMNS,
        without=tokens,
        accepted=_ACCEPTED,
    )
    return tokens, tags
