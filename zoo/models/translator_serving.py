"""What a translator's SavedModel can do.

```
serving_default(text) → translation, score, translations, scores, …   the 4 best of 4
greedy(text) → translation, score, …                                  one beam
translate(text, length_penalty, coverage_penalty, max_length) → …     the 4 best of 4
score(text, translation) → log_probability, perplexity, tokens, …
```

What they return, `TranslatingModel.translate` and `score` say. Of `translate` nobody
can check numbers once it is a graph: a negative `coverage_penalty` counts as 0, a
negative `max_length` as none said.
"""

import tensorflow as tf

from zoo.models import translation

# What `serving_default` searches with.
BEAM = 4
LENGTH_PENALTY = 0.6


def signatures(model) -> dict:
    """Returns the functions of a SavedModel by their names.

    Args:
        model: a `zoo.models.Translator`.
    """
    text = tf.TensorSpec([None], tf.string, name="text")

    @tf.function(input_signature=[text], autograph=False)
    def serving_default(text):
        return translation.translate(model, text, BEAM, BEAM, LENGTH_PENALTY)

    @tf.function(input_signature=[text], autograph=False)
    def greedy(text):
        return translation.translate(model, text, 1, 1)

    return {
        "serving_default": serving_default,
        "greedy": greedy,
        "translate": _adjustable(model, text),
        "score": tf.function(
            lambda text, translated: translation.score(model, text, translated),
            input_signature=[text, tf.TensorSpec([None], tf.string, "translation")],
            autograph=False,
        ),
    }


def _adjustable(model, text):
    """Returns a search whose numbers its caller gives."""

    @tf.function(
        input_signature=[
            text,
            tf.TensorSpec([], tf.float32, name="length_penalty"),
            tf.TensorSpec([], tf.float32, name="coverage_penalty"),
            tf.TensorSpec([], tf.int32, name="max_length"),
        ],
        autograph=False,
    )
    def translate(
        text, length_penalty=LENGTH_PENALTY, coverage_penalty=0.0, max_length=-1
    ):
        penalty = tf.maximum(coverage_penalty, 0.0) if model.attends else 0.0
        return translation.translate(
            model, text, BEAM, BEAM, length_penalty, penalty, max_length
        )

    return translate
