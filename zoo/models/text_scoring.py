"""How probable a language model finds texts."""

import math

import tensorflow as tf

from zoo.text.vocabulary import PADDING_ID

# Logits of a long text are made and used this many steps at a time.
_WINDOW = 256


def score(model, texts: tf.Tensor) -> dict[str, tf.Tensor]:
    """Scores texts: see `zoo.models.LanguageModel.score`."""
    ids = model.encode(texts)
    lengths = tf.cast(ids.row_lengths(), tf.int32)
    ids = ids.to_tensor(PADDING_ID)
    logs = log_probabilities(model, ids)
    total = tf.reduce_sum(tf.cast(logs, tf.float64), axis=1)
    tokens = tf.where(ids != PADDING_ID, model.vocabulary.lookup(ids), "")
    characters = tf.strings.length(texts, unit="UTF8_CHAR")
    bits = -total / math.log(2)
    return {
        "log_probability": tf.cast(total, tf.float32),
        "perplexity": tf.cast(
            tf.exp(tf.math.divide_no_nan(-total, tf.cast(lengths, tf.float64))),
            tf.float32,
        ),
        "bits_per_character": tf.cast(
            tf.math.divide_no_nan(bits, tf.cast(characters, tf.float64)), tf.float32
        ),
        "tokens": tokens,
        "log_probabilities": logs,
        "lengths": lengths,
    }


def log_probabilities(model, targets: tf.Tensor) -> tf.Tensor:
    """Returns log P(y<t> | y<1..t-1>) of each token.

    Args:
        model: a `zoo.models.LanguageModel`.
        targets: y, int32 (batch, steps), 0 at padding, which is on the right.

    Returns:
        float32 (batch, steps), in nats, 0 at padding.
    """
    rows, steps = tf.unstack(tf.shape(targets))
    # One step at least: Keras' loops can't do without.
    window = tf.clip_by_value(steps, 1, _WINDOW)
    windows = tf.maximum((steps + window - 1) // window, 1)
    missing = windows * window - steps
    inputs = tf.pad(model.inputs(targets), [[0, 0], [0, missing]])
    padded = tf.pad(targets, [[0, 0], [0, missing]])

    def go_on(number, state, pieces):
        place = slice(number * window, (number + 1) * window)
        logits, state = model.predict_tokens(inputs[:, place], state)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(padded[:, place], logits)
        return number + 1, state, pieces.write(number, tf.transpose(nats))

    pieces = tf.TensorArray(
        tf.float32, windows, infer_shape=False, element_shape=[None, None]
    )
    state = model.initial_state(rows)
    *_, pieces = tf.while_loop(
        lambda number, *_: number < windows, go_on, (0, state, pieces)
    )
    nats = tf.transpose(pieces.concat())[:, :steps]
    nats = tf.reshape(nats, [rows, steps])
    return tf.where(targets != PADDING_ID, -nats, 0.0)
