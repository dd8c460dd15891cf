"""What a music model's SavedModel can do.

```
serving_default(primer) → roll, lengths     128 more frames, at temperature 1
generate(primer, steps, temperature, seed) → roll, lengths
score(roll, lengths) → nats_per_frame, published_nats_per_frame
```

`score` takes time in proportion to the pieces' frames, whatever their neighbours'
lengths: less than 4 steps for each, padding included. What is drawn takes one for each
of `steps`. `tests.benchmarks.input_bounds` measures it.

They are the model's methods. A model that depends on a vector takes it last, as
`vector`. A primer of shape (batch, 0) is nothing: in JSON, which knows no shape of
nothing, the row `[]`; and one of shape (0,) a single piece's.

The numbers of `generate` are scalars, or of shape (1,) or (batch,), for TensorFlow
Serving's row format gives each row its own. A piece with a seed of its own is what it
would be alone; with one seed for all, equal primers are gone on with in several ways. A
negative seed is a new one at each call. InvalidArgumentError says what is out of its
range: `steps` below the primer's or above 10 000, a `temperature` below 0 or NaN, what
is no note (NaN, or below 0), `lengths` beyond the roll, a `vector` too many or too few.
"""

from typing import Any

import tensorflow as tf

from zoo.decoding import parameters
from zoo.models.music_model import generation

# How many frames `serving_default` draws after the primer, at most, and how many a
# loaded `generate(primer)` has in all where nothing is said.
STEPS = 128
# The most frames that a request may ask for.
LONGEST = 10_000


def signatures(model: Any) -> dict:
    """Returns the functions of a SavedModel by their names.

    Args:
        model: a `zoo.models.MusicModel`.
    """
    primer = tf.TensorSpec(None, tf.float32, name="primer")
    numbers = [
        tf.TensorSpec(None, tf.int32, name="steps"),
        tf.TensorSpec(None, tf.float32, name="temperature"),
        tf.TensorSpec(None, tf.int64, name="seed"),
    ]
    roll = tf.TensorSpec(None, tf.float32, name="roll")
    lengths = tf.TensorSpec(None, tf.int32, name="lengths")
    vector = []
    if model.conditioning is not None:
        size = [None, model.conditioning]
        vector = [tf.TensorSpec(size, tf.float32, name="vector")]

    pieces = tf.TensorSpec([None, None, model.keys], tf.float32)

    # One graph for both, which is most of each.
    @tf.function(input_signature=[pieces, *numbers, *vector], autograph=False)
    def draw(*arguments):
        roll, lengths = generation.generate(model, *arguments)
        return {"roll": roll, "lengths": lengths}

    @tf.function(input_signature=[primer, *vector], autograph=False)
    def serving_default(primer, vector=None):
        primer = _notes("primer", _frames(model, "primer", primer))
        steps = tf.shape(primer)[1] + STEPS
        numbers = tf.constant(1.0), tf.constant(-1, tf.int64)
        return draw(primer, steps, *numbers, *([] if vector is None else [vector]))

    @tf.function(input_signature=[primer, *numbers, *vector], autograph=False)
    def generate(primer, steps=STEPS, temperature=1.0, seed=-1, vector=None):
        primer = _notes("primer", _frames(model, "primer", primer))
        steps = parameters.one_or_per_row(
            "steps", steps, tf.shape(primer)[0], most=LONGEST
        )
        numbers = temperature, seed
        return draw(primer, steps, *numbers, *([] if vector is None else [vector]))

    @tf.function(input_signature=[roll, lengths, *vector], autograph=False)
    def score(roll, lengths, vector=None):
        roll = _notes("roll", _frames(model, "roll", roll))
        return model.score(roll, lengths, vector)

    return {"serving_default": serving_default, "generate": generate, "score": score}


def _frames(model, name, roll):
    """Returns pieces as (batch, n, keys), where nothing may have fewer axes."""
    shape, rank, keys = tf.shape(roll), tf.rank(roll), model.keys
    # A scalar has no last axis: as if it were of one.
    last = tf.concat([[1], shape], axis=0)[-1]
    roll = parameters.checked(
        roll,
        tf.where(rank == 3, last == keys, (rank < 3) & (last == 0)),
        f"`{name}` must be (batch, n, {keys}), or (batch, 0) for nothing: found the "
        "shape {}.",
        shape,
    )
    axes = tf.concat([shape, [1, 0, 0]], axis=0)
    rows = tf.where(rank > 1, axes[0], 1)
    steps = tf.where(rank == 3, axes[1], 0)
    return tf.reshape(roll, [rows, steps, keys])


def _notes(name, roll):
    """Returns pieces of which every entry is a note or none."""
    is_note = roll >= 0  # NaN is not
    return parameters.checked(
        roll,
        is_note,
        f"`{name}` must hold 0 where there is no note, and more where there is one: "
        "found {}.",
        tf.boolean_mask(roll, ~is_note)[:1],
    )
