"""What a translator's SavedModel can do.

```
serving_default(text) → translation, score, translations, scores, …   the 4 best of 4
greedy(text) → translation, score, …                                  one beam
translate(text, length_penalty, coverage_penalty, max_length) → …     the 4 best of 4
score(text, translation) → log_probability, perplexity, tokens, …
alignment(text, translation) → attention, source_tokens, tokens     if it has attention
```

What they return, `zoo.models.Translator.translate`, `score` and `align` say. Attention
is a number for each pair of tokens: only `alignment` returns it. Where there are fewer
than n translations, the others' `scores` and `log_probabilities` are `NOTHING`, not −∞,
which JSON has no way to write.

Time is in proportion to what is read: a sentence's translation takes at most 2 steps
for each of its tokens and 50 more, and 1 000 in all (`max_length` says otherwise),
whatever its neighbours are; a row that is done takes none. Memory is for 16 384 tokens
of texts at a time, or the longest one alone, times the beams.
`tests.benchmarks.input_bounds` measures it.

The numbers of `translate` are scalars, or of shape (1,) or (batch,), for TensorFlow
Serving's row format gives each row its own. InvalidArgumentError says what is out of
its range: a penalty below 0, or a `coverage_penalty` above 0 of a model without
attention; a `max_length` below -1, which is the default, or above 10 000; NaN is out of
each.
"""

from typing import Any

import tensorflow as tf

from zoo.decoding.parameters import per_row
from zoo.models.translator import alignment, scoring, search

# How many hypotheses `serving_default` searches with; its penalties are the model's.
BEAM = 4
# The score of a translation that there isn't: the lowest number of float32.
NOTHING = tf.float32.min
# The most tokens that a request may ask for.
LONGEST = 10_000


def signatures(model: Any) -> dict:
    """Returns the functions of a SavedModel by their names.

    Args:
        model: a `zoo.models.Translator`.
    """
    text = tf.TensorSpec([None], tf.string, name="text")

    @tf.function(input_signature=[text], autograph=False)
    def serving_default(text):
        return _finite(search.translate(model, text, BEAM, BEAM, **penalties(model)))

    @tf.function(input_signature=[text], autograph=False)
    def greedy(text):
        return _finite(search.translate(model, text, 1, 1))

    return {
        "serving_default": serving_default,
        "greedy": greedy,
        "translate": _adjustable(model, text),
        **_of_pairs(model, text),
    }


def penalties(model: Any) -> dict[str, float]:
    """Returns the penalties that a model searches with by default, by their names."""
    return {name: model.config[name] for name in ("length_penalty", "coverage_penalty")}


def _of_pairs(model, text):
    """Returns what is told of texts whose translations are known."""
    pair = [text, tf.TensorSpec([None], tf.string, "translation")]

    @tf.function(input_signature=pair, autograph=False)
    def score(text, translated):
        return scoring.score(model, text, translated)

    @tf.function(input_signature=pair, autograph=False)
    def align(text, translated):
        return alignment.of_pairs(model, text, translated)

    return {"score": score, "alignment": align} if model.attends else {"score": score}


def _adjustable(model, text):
    """Returns a search whose numbers its caller gives."""
    default = penalties(model)

    @tf.function(
        input_signature=[
            text,
            tf.TensorSpec(None, tf.float32, name="length_penalty"),
            tf.TensorSpec(None, tf.float32, name="coverage_penalty"),
            tf.TensorSpec(None, tf.int32, name="max_length"),
        ],
        autograph=False,
    )
    def translate(
        text,
        length_penalty=default["length_penalty"],
        coverage_penalty=default["coverage_penalty"],
        max_length=-1,
    ):
        max_length = per_row(
            "max_length", max_length, tf.size(text), least=-1, most=LONGEST
        )
        found = search.translate(
            model, text, BEAM, BEAM, length_penalty, coverage_penalty, max_length
        )
        return _finite(found)

    return translate


def _finite(found):
    """Returns answers that JSON can hold."""
    return {
        name: tf.maximum(value, NOTHING) if value.dtype.is_floating else value
        for name, value in found.items()
    }
