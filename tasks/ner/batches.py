"""Tagged sentences as a tagger takes them, and the tags that it gives them."""

import os
from collections.abc import Sequence

import tensorflow as tf

from tasks.cli import answers
from tasks.data.bucketing import BucketedBatches
from tasks.ner.sentences import TaggedSentences
from zoo import kernels


def bucketed(
    sentences: TaggedSentences, tags: Sequence[str], batch_size: int, **order
) -> BucketedBatches:
    """Returns sentences as a `SequenceTagger` takes them, tokens and tags' places.

    Args:
        sentences: the sentences.
        tags: the model's tags; others have the place -1, which no metric counts.
        batch_size: sentences in a batch.
        **order: `buckets` and `seed`, as `BucketedBatches` takes them; without a
            seed the batches come from short to long.
    """
    places = {name: place for place, name in enumerate(tags)}
    labels = [[places.get(tag, -1) for tag in row] for row in sentences.tags]
    return BucketedBatches(
        tf.ragged.constant(sentences.tokens, tf.string, ragged_rank=1),
        tf.ragged.constant(labels, tf.int32, ragged_rank=1),
        batch_size,
        **order,
    )


def predict(
    model, sentences: TaggedSentences, batch_size: int, name: str | os.PathLike
) -> list[list[str]]:
    """Returns the tags that a `SequenceTagger` gives to sentences.

    Args:
        model: the tagger.
        sentences: the sentences.
        batch_size: how many to tag at a time.
        name: the model's preset, for the message.

    Raises:
        PresetError: a tag's probability is NaN.
    """
    ordered = bucketed(sentences, model.tags, batch_size)
    tag = tf.function(
        kernels.portable()(model.tag_tokens),
        input_signature=model.tokens_signature,
        autograph=False,
    )
    rows = []
    for tokens, _ in ordered.dataset():
        found = tag(tokens)
        answers.check_numbers(name, found["scores"].numpy().flat)
        rows += found["tags"].numpy().tolist()
    tags = [None] * len(sentences)
    for place, row in zip(ordered.order, rows, strict=True):
        tags[place] = [tag.decode() for tag in row if tag]
    return tags
