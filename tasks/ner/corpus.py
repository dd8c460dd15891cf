"""What a tagger is trained, chosen and measured on, its tags in one scheme."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence

from tasks.data import builders as data
from tasks.data import dataset_records, label_classes, splits
from tasks.data.corpus import Corpus
from tasks.data.corpus import joined as joined_corpora
from tasks.errors import UserError
from tasks.ner.entity_types import EntityTypes
from tasks.ner.sentences import TaggedSentences, read
from zoo import tag_spellings
from zoo import tags as schemes

# The fields of `TaggedSentences` that have a value a sentence.
# So many tags in another spelling are shown.
_SHOWN = 4
# A sentence with more tokens is none, in all likelihood.
_LONG = 2_000


@dataclasses.dataclass(frozen=True)
class TaggedCorpus(Corpus):
    """What a tagger is trained, chosen and reported on, `TaggedSentences`.

    Attributes:
        scheme: the scheme of all tags, one of `zoo.tags.SCHEMES`.
        found_scheme: the scheme that they were found in.
        stray: how many tags to train and to choose on were not as their scheme says,
            an `I-X` that continues nothing, say, and are `O` now. (They have no
            probability, and to the measure they are `O` as well.)
        respelled: the tags that were found in another spelling, with what they are
            taken for.
    """

    scheme: str
    found_scheme: str
    stray: int
    respelled: dict[str, str] = dataclasses.field(default_factory=dict)

    def check(self) -> None:
        """Raises a UserError where there is nothing to learn."""
        there = {tag for row in self.train.tags for tag in row}
        if len(there) < 2:
            raise UserError(
                f"All tokens of {self.train.source} have the tag {there.pop()!r}: "
                "there is nothing to tell apart. Train on more of it, or choose "
                "another --tags-column."
            )

    def about(self) -> Iterator[str]:
        """Yields each dataset with its columns, or the files', and the tags."""
        yield from self._described_dataset()
        scheme = self.scheme
        if self.found_scheme != self.scheme:
            scheme += f", converted from {self.found_scheme}"
        if self.stray:
            scheme += f"; {self.stray:,} stray tags count as O"
        yield f"scheme      {scheme}"
        yield f"tags        {', '.join(self.train.inventory)}"

    def notes(self) -> Iterator[str]:
        """Yields what tags are taken for, which never occur, and what may be wrong."""
        if self.respelled:
            shown = [f"{a} is {b}" for a, b in sorted(self.respelled.items())]
            more = ", …" if len(shown) > _SHOWN else ""
            yield f"spelling    {', '.join(shown[:_SHOWN])}{more}"
        unseen = set(self.train.inventory).difference(*self.train.tags)
        if unseen:
            yield f"never seen  {', '.join(sorted(unseen))}: not in train"
        yield from (f"note        {each}" for each in self._doubts())

    def _doubts(self):
        """Yields what may not be meant to be."""
        names = self.train.inventory
        types = schemes.labels(names, self.scheme) or names
        for group in label_classes.alike(tuple(types)):
            yield f"{', '.join(map(repr, group))} are apart: are they meant to be?"
        if self.scheme == schemes.PLAIN and schemes.OUTSIDE in names:
            yield "O is a tag as any other, for none is B-X or I-X, as entities' are"
        longest = max(map(len, self.train.tokens))
        if longest > _LONG:
            yield (
                f"the longest sentence has {longest:,} tokens: are blank lines between "
                "sentences missing?"
            )

    def _described_dataset(self):
        if "dataset" not in self.record:  # but files
            parts = {"train": (self.train,), "validation": self.validations}
            parts["test"] = self.tests
            found = {part.columns: n for n, some in parts.items() for part in some}
            if len(found) == 1:
                return [f"columns     {self.train.columns}"]
            return [f"columns     {c} ({name})" for c, name in found.items()]
        return [
            line
            for each in dataset_records.apart(self.record)
            for line in (
                f"dataset     {each['dataset']}",
                f"columns     {each['tokens_column']}, {each['tags_column']}",
            )
        ]


def read_corpus(
    builder,
    train_split: str,
    tokens: str,
    tags: str,
    scheme: str | None,
    usual: str | None = None,
) -> TaggedCorpus:
    """Reads a dataset's train, validation and test.

    Which splits these are, see `tasks.data.splits.choose`.

    Args:
        builder: a prepared TFDS builder.
        train_split: the split to train on or a slice of it.
        tokens: the column with the tokens.
        tags: the column with the tags.
        scheme: the scheme to convert the tags to; None to keep theirs.
        usual: see `corpus`.

    Raises:
        UserError: a split doesn't exist or doesn't fit, or tags can't be converted.
    """
    train = read(builder, train_split, tokens, tags)
    chosen_on, reported = splits.choose(builder, train_split)
    record = {
        "dataset": data.name(builder),
        "tokens_column": tokens,
        "tags_column": tags,
        "test_splits": reported,
    }
    return corpus(
        train,
        chosen_on and read(builder, chosen_on, tokens, tags),
        read(builder, reported[0], tokens, tags) if reported else None,
        scheme,
        dataset_records.together([record]),
        usual,
    )


def corpus(
    train,
    validation,
    test,
    scheme: str | None,
    record: dict,
    usual: str | None = None,
) -> TaggedCorpus:
    """Returns what was read, its tags in one scheme.

    Args:
        train: `TaggedSentences`.
        validation: the same, or None to cut a tenth from train.
        test: the same, or None.
        scheme: the scheme to convert to; None to keep theirs.
        record: what a preset is to remember of its data; of a dataset its name as
            `dataset`, `tokens_column` and `tags_column`.
        usual: without a `scheme`, the one to convert to where tags are of its kind,
            entities' or plain: that of a model which is to learn them.

    Raises:
        UserError: tags follow no scheme, or can't be converted.
    """
    parts = [part for part in (train, validation, test) if part]
    spellings = _spellings(parts)
    train, validation, test = (
        part and _respelled(part, spellings) for part in (train, validation, test)
    )
    if validation is None:
        _check_sentences(train)
        train, validation = splits.hold_out(train)
    with _tags_told(train):
        found = schemes.detect(train.tags)
        if usual and (usual == schemes.PLAIN) == (found == schemes.PLAIN):
            scheme = scheme or usual
        scheme = scheme or found
        train, stray = _mended(train, found)
        train = _in_scheme(train, found, scheme)
    with _tags_told(validation):
        source = _scheme_beside(validation, found, train)
        validation, more = _mended(validation, source)
        validation = _in_scheme(validation, source, scheme)
    if test:
        with _tags_told(test):
            test = _in_scheme(test, _scheme_beside(test, found, train), scheme)
    # A tag that only validation has is a tag that the model must be able to miss.
    inventory = dict.fromkeys([*train.inventory, *validation.inventory])
    train = train.with_tags(train.tags, inventory)
    record = {
        **record,
        "train": train.source,
        "chosen_on": validation.source,
        "scheme": scheme,
    }
    tests = (test,) if test else ()
    stray += more
    return TaggedCorpus(
        train, (validation,), tests, record, scheme, found, stray, spellings
    )


def joined(corpora: Sequence[TaggedCorpus]) -> TaggedCorpus:
    """Returns the corpora of several datasets, in one scheme, as one.

    Each validation and each test stays by itself.
    """
    if len(corpora) == 1:
        return corpora[0]
    corpus = joined_corpora(corpora)
    inventory = dict.fromkeys(tag for each in corpora for tag in each.train.inventory)
    return dataclasses.replace(
        corpus,
        train=corpus.train.with_tags(corpus.train.tags, inventory),
        found_scheme=", ".join(sorted({each.found_scheme for each in corpora})),
        stray=sum(each.stray for each in corpora),
        respelled={a: b for each in corpora for a, b in each.respelled.items()},
    )


def chosen_columns(tokens: str | None, tags: str | None) -> dict:
    """Returns what a preset is to remember of the columns that a user chose in files.

    Args:
        tokens: the column of the tokens, its number or its name, or None.
        tags: the column of the tags, likewise.
    """
    chosen = {"tokens_column": tokens, "tags_column": tags}
    return {name: column for name, column in chosen.items() if column is not None}


def with_types(corpus: TaggedCorpus, types: EntityTypes) -> TaggedCorpus:
    """Returns a corpus with the types of entities that are to be learnt.

    Args:
        corpus: the corpus.
        types: which they are, and what they are called.

    Raises:
        UserError: a type is none of the corpus', or its tags are plain.
    """
    if not types:
        return corpus
    scheme = corpus.scheme
    if scheme == schemes.PLAIN:
        raise UserError(
            "--types and --map are for entities, and the tags of "
            f"{corpus.train.source} are plain. Leave them out."
        )
    parts = corpus.train, *corpus.validations, *corpus.tests
    types.check(n for each in parts for n in schemes.labels(each.inventory, scheme))
    return dataclasses.replace(
        corpus,
        train=_typed(corpus.train, types, corpus.scheme),
        validations=tuple(
            _typed(each, types, corpus.scheme) for each in corpus.validations
        ),
        tests=tuple(_typed(each, types, corpus.scheme) for each in corpus.tests),
        record=corpus.record | types.record(),
    )


def _typed(sentences, types, scheme):
    return sentences.with_tags(
        types.applied(sentences.tags, scheme),
        types.inventory(sentences.inventory, scheme),
    )


def converted(
    sentences: TaggedSentences, scheme: str, types: EntityTypes | None = None
) -> TaggedSentences:
    """Returns sentences with tags as a model has them.

    Args:
        sentences: the sentences, in any scheme.
        scheme: the model's.
        types: which types it knows, if not all, and what it calls them.

    Raises:
        UserError: their tags follow no scheme, or can't be converted.
    """
    with _told(f"{sentences.source} doesn't fit the model"):
        if scheme != schemes.PLAIN:
            spellings = tag_spellings.respelled(sentences.inventory)
            sentences = _respelled(sentences, spellings)
        sentences = _in_scheme(sentences, schemes.detect(sentences.tags), scheme)
    if types and scheme != schemes.PLAIN:
        return _typed(sentences, types, scheme)
    return sentences


@contextlib.contextmanager
def _told(what):
    """Raises a UserError that begins with `what` where a ValueError is raised."""
    try:
        yield
    except ValueError as error:
        raise UserError(f"{what}: {error}") from error


def _tags_told(sentences):
    return _told(f"The tags of {sentences.source} can't be used")


def _check_sentences(sentences):
    """Raises a UserError where a file has one sentence, for want of blank lines."""
    if len(sentences) == 1 and sentences.columns:
        raise UserError(
            f"{sentences.source} has one sentence, of {len(sentences.tokens[0]):,} "
            "tokens. Two are needed at least, one to train on, one to choose the best "
            "epoch on; blank lines separate sentences."
        )


def _spellings(parts):
    """Returns the tags in other spellings, of all parts together, with what is meant.

    Together, for a part may have too few tags to tell.
    """
    names = [name for part in parts for name in part.inventory]
    with _tags_told(parts[0]):
        return tag_spellings.respelled(names)


def _respelled(sentences, spellings):
    """Returns sentences with tags in the zoo's spelling."""
    if not spellings:
        return sentences
    rows = [[spellings.get(tag, tag) for tag in row] for row in sentences.tags]
    names = dict.fromkeys(spellings.get(name, name) for name in sentences.inventory)
    return sentences.with_tags(rows, names)


def _scheme_beside(sentences, scheme, train):
    """Returns the scheme of sentences that go with others, which have one.

    IOB1 and IOB2 can't be told apart by few tags: then it is that of the others.

    Raises:
        ValueError: the ones have tags of entities, the others plain ones; or it is
            unclear what they have.
    """
    own = schemes.detect(sentences.tags)
    if {tag for row in sentences.tags for tag in row} == {schemes.OUTSIDE}:
        return scheme
    if (own == schemes.PLAIN) != (scheme == schemes.PLAIN):
        raise ValueError(
            f"those of {train.source} are {_kind(scheme)}, these are {_kind(own)}."
        )
    return own if "iobes" in (own, scheme) else scheme


def _kind(scheme):
    return "plain" if scheme == schemes.PLAIN else "those of entities"


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
