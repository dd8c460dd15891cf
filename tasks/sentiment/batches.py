"""Labelled texts as a classifier takes them."""

import tensorflow as tf

from tasks.data import builders as data
from tasks.data.bucketing import BucketedBatches
from tasks.sentiment.corpus import LabelledTexts


def bucketed(
    model, examples: LabelledTexts, batch_size: int, **order
) -> BucketedBatches:
    """Returns examples as a model takes them, ids and labels.

    Args:
        model: has `encode`, from texts to ids, and its `text_signature`.
        examples: the texts.
        batch_size: texts in a batch.
        **order: `buckets` and `seed`, as `BucketedBatches` takes them; without a
            seed the batches come from short to long.
    """
    encode = tf.function(
        model.encode, input_signature=model.text_signature, autograph=False
    )
    ids = [
        tf.RaggedTensor.from_tensor(encode(texts), padding=0)
        for texts in data.in_batches(examples.texts)
    ]
    labels = tf.constant(examples.labels)
    return BucketedBatches(tf.concat(ids, axis=0), labels, batch_size, **order)
