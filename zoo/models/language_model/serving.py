"""What a language model's SavedModel can do.

```
serving_default(prompt) → text               200 tokens, at temperature 1
generate(prompt, length, temperature, top_k, top_p, seed) → text
score(text) → log_probability, perplexity, tokens, unknown, … see `LanguageModel.score`
start(prompt) → logits, state_1, …
step(tokens, state_1, …) → logits, state_1, …
token_names(), names(ids) → token_names      the tokens, by ids: see `zoo.models.names`
```

Where the model has a cache, `score` uses it, generation doesn't. `start` and `step` are
for step-by-step use: the caller draws the tokens and keeps each user's state.

What is read (`score`, and all prompts) takes time in proportion to its tokens: less
than 4 steps for each, padding included, whatever its neighbours' lengths; and memory
for the answer and for what is read at a time, 4 096 tokens' logits and the states of
256 texts, of 64 with a cache. What is drawn takes a step of all rows for each token
of the longest one, `length` at most. `tests.benchmarks.input_bounds` measures it.

The numbers of `generate` are scalars, or of shape (1,) or (batch,), for TensorFlow
Serving's row format gives each row its own. A row with a seed of its own is what it
would be alone; with one seed for all, equal prompts are gone on with in several ways. A
negative seed is a new one at each call. InvalidArgumentError says what is out of its
range: a `length` below 0 or above 10 000, a `temperature` below 0, a `top_k` below 0, a
`top_p` that isn't in (0, 1]; NaN is out of each.
"""

from typing import Any

import tensorflow as tf

from zoo.decoding import parameters
from zoo.layers.states import state_sizes
from zoo.models.language_model import generation
from zoo.models.names import naming

# What `serving_default` draws, and a loaded `generate(prompt)` where nothing is said.
LENGTH = 200
# The most tokens that a request may ask for.
LONGEST = 10_000


def signatures(model: Any) -> dict:
    """Returns the functions of a SavedModel by their names.

    Args:
        model: a `zoo.models.LanguageModel`.
    """
    text = tf.TensorSpec([None], tf.string, name="text")
    return {
        **_generating(model),
        "score": tf.function(model.score, input_signature=[text], autograph=False),
        **_stepping(model),
        **naming("token", model.vocabulary.tokens),
    }


def _generating(model):
    """Returns what goes on with a prompt."""
    prompt = tf.TensorSpec([None], tf.string, name="prompt")

    @tf.function(
        input_signature=[
            prompt,
            tf.TensorSpec(None, tf.int32, name="length"),
            tf.TensorSpec(None, tf.float32, name="temperature"),
            tf.TensorSpec(None, tf.int32, name="top_k"),
            tf.TensorSpec(None, tf.float32, name="top_p"),
            tf.TensorSpec(None, tf.int64, name="seed"),
        ],
        autograph=False,
    )
    def generate(prompt, length=LENGTH, temperature=1.0, top_k=0, top_p=1.0, seed=-1):
        rows = tf.shape(prompt)[0]
        length = parameters.per_row("length", length, rows, least=0, most=LONGEST)
        filters = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        return {"text": generation.generate(model, prompt, length, seed, **filters)}

    @tf.function(input_signature=[prompt], autograph=False)
    def serving_default(prompt):
        # By the same graph, which is most of a SavedModel.
        return generate(prompt)

    return {"serving_default": serving_default, "generate": generate}


def _stepping(model):
    """Returns the streaming pair, whose state is its caller's."""
    names = [f"state_{n}" for n, _ in enumerate(state_sizes(model.recurrent), start=1)]
    specs = [
        tf.TensorSpec([None, size], model.compute_dtype, name=name)
        for name, size in zip(names, state_sizes(model.recurrent), strict=True)
    ]

    def named(logits, state):
        return {"logits": logits, **dict(zip(names, state, strict=True))}

    prompt = tf.TensorSpec([None], tf.string, name="prompt")

    @tf.function(input_signature=[prompt], autograph=False)
    def start(prompt):
        return named(*model.start(prompt))

    tokens = tf.TensorSpec([None], tf.int32, name="tokens")

    @tf.function(input_signature=[tokens, specs], autograph=False)
    def step(tokens, state):
        size = len(model.vocabulary)
        tokens = parameters.checked(
            tokens,
            (tokens >= 0) & (tokens < size),
            f"`tokens` must be ids from 0 to {size - 1}, found {{}}.",
            tokens,
        )
        return named(*model.step(tokens, state))

    return {"start": start, "step": step}
