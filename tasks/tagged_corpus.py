"""What a tagger is trained, chosen and measured on, its tags in one scheme."""

import dataclasses

from tasks import data, splits
from tasks.errors import UserError
from tasks.tagged_sentences import TaggedSentences, read
from zoo import tags as schemes


@dataclasses.dataclass(frozen=True)
class Corpus:
    """What a tagger is trained, chosen and measured on, its tags in one scheme.

    Attributes:
        train: to train on.
        validation: to choose on; never a part of `test`.
        test: to report on, or None where there is nothing left for it.
        scheme: the scheme of all tags, one of `zoo.tags.SCHEMES`.
        found_scheme: the scheme that they were found in.
        stray: how many tags to train and to choose on were not as their scheme says,
            an `I-X` that continues nothing, say, and are `O` now. (They have no
            probability, and to the measure they are `O` as well.)
        record: what a preset remembers of its data.
    """

    train: TaggedSentences
    validation: TaggedSentences
    test: TaggedSentences | None
    scheme: str
    found_scheme: str
    stray: int
    record: dict

    def describe(self) -> str:
        """Returns what was chosen, a line each."""
        scheme = self.scheme
        if self.found_scheme != self.scheme:
            scheme += f", converted from {self.found_scheme}"
        if self.stray:
            scheme += f"; {self.stray:,} stray tags count as O"
        lines = [
            *self._described_dataset(),
            f"scheme      {scheme}",
            f"tags        {', '.join(self.train.inventory)}",
            *splits.describe(self.train, self.validation, self.test),
        ]
        unseen = set(self.train.inventory).difference(*self.train.tags)
        if unseen:
            lines.append(f"never seen  {', '.join(sorted(unseen))}: not in train")
        return "\n".join(lines)

    def _described_dataset(self):
        if "dataset" not in self.record:  # but files
            return []
        return [
            f"dataset     {self.record['dataset']}",
            f"columns     {self.record['tokens_column']}, {self.record['tags_column']}",
        ]


def read_corpus(builder, train_split: str, tokens: str, tags: str, scheme) -> Corpus:
    """Reads a dataset's train, validation and test.

    Which splits these are, see `tasks.splits.choose`.

    Args:
        builder: a prepared TFDS builder.
        train_split: the split to train on or a slice of it.
        tokens: the column with the tokens.
        tags: the column with the tags.
        scheme: the scheme to convert the tags to; None to keep theirs.

    Raises:
        UserError: a split doesn't exist or doesn't fit, or tags can't be converted.
    """
    train = read(builder, train_split, tokens, tags)
    chosen_on, test = splits.choose(builder, train_split)
    record = {
        "dataset": data.name(builder),
        "tokens_column": tokens,
        "tags_column": tags,
        "test_split": test,
    }
    return corpus(
        train,
        chosen_on and read(builder, chosen_on, tokens, tags),
        test and read(builder, test, tokens, tags),
        scheme,
        record,
    )


def corpus(train, validation, test, scheme: str | None, record: dict) -> Corpus:
    """Returns what was read, its tags in one scheme.

    Args:
        train: `TaggedSentences`.
        validation: the same, or None to cut a tenth from train.
        test: the same, or None.
        scheme: the scheme to convert to; None to keep theirs.
        record: what a preset is to remember of its data; of a dataset its name as
            `dataset`, `tokens_column` and `tags_column`.

    Raises:
        UserError: tags follow no scheme, or can't be converted.
    """
    if validation is None:
        train, validation = splits.hold_out(train)
    try:
        found = schemes.detect(train.tags)
        scheme = scheme or found
        train, stray = _mended(train, found)
        validation, more = _mended(validation, found)
        train, validation, test = (
            part and _in_scheme(part, found, scheme)
            for part in (train, validation, test)
        )
    except ValueError as error:
        raise UserError(f"The tags of {train.source} can't be used: {error}") from error
    # A tag that only validation has is a tag that the model must be able to miss.
    inventory = dict.fromkeys([*train.inventory, *validation.inventory])
    train = train.with_tags(train.tags, inventory)
    record = {
        **record,
        "train": train.source,
        "chosen_on": validation.source,
        "scheme": scheme,
    }
    return Corpus(train, validation, test, scheme, found, stray + more, record)


def converted(sentences: TaggedSentences, scheme: str) -> TaggedSentences:
    """Returns sentences with tags as a model has them.

    Args:
        sentences: the sentences, in any scheme.
        scheme: the model's.

    Raises:
        UserError: their tags follow no scheme, or can't be converted.
    """
    try:
        return _in_scheme(sentences, schemes.detect(sentences.tags), scheme)
    except ValueError as error:
        raise UserError(f"{sentences.source} doesn't fit the model: {error}") from error


def _mended(sentences, scheme):
    """Returns sentences without stray tags, and how many there were."""
    if scheme == schemes.PLAIN:
        return sentences, 0
    rows = [
        schemes.from_spans(schemes.spans(row, scheme), len(row), scheme)
        for row in sentences.tags
    ]
    stray = sum(
        tag != other
        for row, others in zip(sentences.tags, rows, strict=True)
        for tag, other in zip(row, others, strict=True)
    )
    return sentences.with_tags(rows, sentences.inventory), stray


def _in_scheme(sentences, source, target):
    """Returns sentences in another scheme."""
    if source == target == schemes.PLAIN:
        return sentences
    return sentences.with_tags(
        [schemes.convert(row, source, target) for row in sentences.tags],
        schemes.tag_names(sentences.inventory, source, target),
    )
