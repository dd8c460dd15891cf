"""What a music model's SavedModel can do.

```
serving_default(primer) → roll, lengths     128 more frames, at temperature 1, seed 0
generate(primer, steps, temperature, seed) → roll, lengths
score(roll, lengths) → nats_per_frame, published_nats_per_frame
```

`score` takes time in proportion to the pieces' frames, whatever their neighbours'
lengths: less than 4 steps for each, padding included. What is drawn takes one for each
of `steps`. `tests.benchmarks.input_bounds` measures it.

They are the model's methods. A model that depends on a vector takes it last, as
`vector`. Of `generate` nobody can check numbers once it is a graph: a negative
`temperature` counts as 0. A primer of more than `steps` steps raises
InvalidArgumentError, as do lengths beyond the roll.
"""

import tensorflow as tf

from zoo.models import music_generation

# How many frames `serving_default` draws after the primer, at most, and how many a
# loaded `generate(primer)` has in all where nothing is said.
STEPS = 128


def signatures(model) -> dict:
    """Returns the functions of a SavedModel by their names.

    Args:
        model: a `zoo.models.MusicModel`.
    """
    frames = [None, None, model.keys]
    primer = tf.TensorSpec(frames, tf.float32, name="primer")
    numbers = [
        tf.TensorSpec([], tf.int32, name="steps"),
        tf.TensorSpec([], tf.float32, name="temperature"),
        tf.TensorSpec([], tf.int64, name="seed"),
    ]
    roll = tf.TensorSpec(frames, tf.float32, name="roll")
    lengths = tf.TensorSpec([None], tf.int32, name="lengths")
    vector = []
    if model.conditioning is not None:
        size = [None, model.conditioning]
        vector = [tf.TensorSpec(size, tf.float32, name="vector")]

    def draw(*arguments):
        roll, lengths = music_generation.generate(model, *arguments)
        return {"roll": roll, "lengths": lengths}

    @tf.function(input_signature=[primer, *vector], autograph=False)
    def serving_default(primer, vector=None):
        steps = tf.shape(primer)[1] + STEPS
        return draw(primer, steps, tf.constant(1.0), tf.constant(0, tf.int64), vector)

    @tf.function(input_signature=[primer, *numbers, *vector], autograph=False)
    def generate(primer, steps=STEPS, temperature=1.0, seed=0, vector=None):
        return draw(primer, steps, temperature, seed, vector)

    @tf.function(input_signature=[roll, lengths, *vector], autograph=False)
    def score(roll, lengths, vector=None):
        return model.score(roll, lengths, vector)

    return {"serving_default": serving_default, "generate": generate, "score": score}
