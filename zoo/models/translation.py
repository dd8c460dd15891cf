"""Translations of texts, searched for, and how probable they are."""

import tensorflow as tf

from zoo.decoding import beam_search, repeat
from zoo.decoding.states import as_before
from zoo.text.vocabulary import END_ID, PADDING_ID, START_ID, UNKNOWN_ID

# How long a translation may be where nothing is said: this, or twice its source.
LENGTH = 200
# Of a translation that is known, so many steps are taken at a time: logits, and with
# "additive" attention T_y · T_x vectors, are only made for these.
_WINDOW = 32


class Search:
    """Searches for a model's translations in graphs that it keeps.

    Penalties and lengths are tensors, so that others need no other graph; they are
    checked beforehand, which a tensor can't be.

    Args:
        model: a `zoo.models.Translator`.
    """

    def __init__(self, model):
        self._model = model
        self._graphs = {}

    def __call__(self, texts, beam, n_best, penalties, max_length):
        """Translates texts; all numbers are Python's."""
        length_penalty, coverage_penalty = penalties
        _check(self._model, beam, n_best, coverage_penalty, max_length)
        covering = coverage_penalty > 0 and beam > 1
        key = beam, n_best, covering
        if key not in self._graphs:

            def graph(texts, length_penalty, coverage_penalty, max_length):
                return translate(
                    *(self._model, texts, beam, n_best, length_penalty),
                    coverage_penalty if covering else 0.0,
                    max_length,
                )

            self._graphs[key] = tf.function(
                graph, autograph=False, reduce_retracing=True
            )
        return self._graphs[key](
            tf.convert_to_tensor(texts, tf.string),
            tf.constant(length_penalty, tf.float32),
            tf.constant(coverage_penalty, tf.float32),
            tf.constant(-1 if max_length is None else max_length, tf.int32),
        )


def translate(
    model, texts, beam, n_best, length_penalty=0.0, coverage_penalty=0.0, max_length=-1
):
    """Translates texts, in a graph or not: see `TranslatingModel.translate`.

    Args:
        model: a `zoo.models.Translator`.
        texts: string (batch,).
        beam: an integer.
        n_best: an integer.
        length_penalty: a number or a scalar tensor.
        coverage_penalty: the same; the number 0 costs nothing.
        max_length: int, or int32 scalar; negative for the default.
    """
    words = model.source.tokens(texts).to_tensor("")
    ids = model.source.encode(texts).to_tensor(PADDING_ID)
    memory, state = model.encode(ids)
    empty = ~tf.reduce_any(ids != PADDING_ID, axis=1)
    default = tf.maximum(LENGTH, 2 * tf.shape(ids)[1])
    found = beam_search(
        _searched(model, repeat(memory, beam)),
        tf.fill([tf.shape(ids)[0]], START_ID),
        state,
        beam,
        tf.where(max_length < 0, default, max_length),
        END_ID,
        length_penalty=length_penalty if beam > 1 else 0.0,
        coverage_penalty=coverage_penalty if beam > 1 else 0.0,
        attention_mask=memory.mask if model.attends else None,
        forbid=_forbidden(model),
        returned=n_best,
    )
    found = _without(empty, found)
    return {**_texts(model, words, memory, state, found), **_scores(found)}


def _searched(model, memory):
    """Returns a step of the model, as a search takes it."""
    step = model.stepper()

    def take(ids, state):
        logits, state, weights = step(ids, state, memory)
        return (logits, state, weights) if model.attends else (logits, state)

    return take


def _forbidden(model):
    """Returns what no translation has: `<UNK>` too, unless it would be replaced."""
    copies = model.attends and not model.target.knows_all
    return [PADDING_ID, START_ID] + ([] if copies else [UNKNOWN_ID])


def _without(empty, found):
    """Returns hypotheses of which those of empty texts are empty, and certain."""
    first = tf.range(tf.shape(found.scores)[1]) == 0
    nothing = tf.where(first, 0.0, float("-inf"))
    column = empty[:, None]
    return found._replace(
        sequences=tf.where(column[..., None], PADDING_ID, found.sequences),
        log_probabilities=tf.where(column, nothing, found.log_probabilities),
        scores=tf.where(column, nothing, found.scores),
        lengths=tf.where(column, 0, found.lengths),
        ended=found.ended & ~column,
    )


def _scores(found):
    return {
        "score": found.scores[:, 0],
        "scores": found.scores,
        "log_probabilities": found.log_probabilities,
    }


def _texts(model, words, memory, state, found):
    """Returns hypotheses as texts, and what the best ones looked at."""
    rows, n = tf.unstack(tf.shape(found.lengths))
    # One step at least: Keras' loops can't do without.
    steps = tf.reduce_max(tf.concat([tf.reshape(found.lengths, [-1]), [1]], 0))
    sequences = tf.pad(found.sequences, [[0, 0], [0, 0], [0, 1]])[..., :steps]
    ids = tf.reshape(sequences, [rows * n, steps])
    if not model.attends:
        texts = tf.reshape(model.target.decode(ids), [rows, n])
        return {"translation": texts[:, 0], "translations": texts}

    _, weights = teacher_forced(model, repeat(memory, n), repeat(state, n), ids)
    # The source of none but empty texts has a step that is no word.
    missing = tf.shape(weights)[2] - tf.shape(words)[1]
    words = tf.pad(words, [[0, 0], [0, missing]])
    most = tf.argmax(weights, axis=2, output_type=tf.int32)
    instead = tf.gather(repeat(words, n), most, batch_dims=1)
    texts = tf.reshape(model.target.decode(ids, instead), [rows, n])
    best = tf.reshape(weights, [rows, n, steps, tf.shape(words)[1]])[:, 0]
    instead = tf.reshape(instead, [rows, n, steps])[:, 0]
    tokens = model.target.written(sequences[:, 0], instead).to_tensor("")
    length = tf.shape(tokens)[1]
    is_token = (tokens != "")[..., None]
    return {
        "translation": texts[:, 0],
        "translations": texts,
        "attention": tf.where(is_token, best[:, :length], 0.0),
        "source_tokens": words,
        "tokens": tokens,
    }


def teacher_forced(model, memory, state, targets):
    """Runs a model over translations that are known.

    Args:
        model: a `zoo.models.Translator`.
        memory: of `model.encode`.
        state: of `model.encode`.
        targets: y, int32 (batch, steps), 0 at the padding on the right.

    Returns:
        log P(y<t> | y<1..t-1>, x), float32 (batch, steps), in nats, and α, float32
        (batch, steps, source), of no source without attention; 0 at padding.
    """
    rows, steps = tf.unstack(tf.shape(targets))
    window = tf.clip_by_value(steps, 1, _WINDOW)
    windows = tf.maximum((steps + window - 1) // window, 1)
    missing = [[0, 0], [0, windows * window - steps]]
    inputs = tf.pad(model.inputs(targets), missing)
    padded = tf.pad(targets, missing)

    def go_on(number, state, arrays):
        place = slice(number * window, (number + 1) * window)
        hidden, weights, new = model.run(inputs[:, place], state, memory)
        logs = -tf.nn.sparse_softmax_cross_entropy_with_logits(
            padded[:, place], model.logits(hidden)
        )
        if weights is None:
            weights = tf.zeros([rows, window, 0])
        found = tf.transpose(logs), tf.transpose(weights, [1, 0, 2])
        arrays = [a.write(number, f) for a, f in zip(arrays, found, strict=True)]
        return number + 1, as_before(new, state), arrays

    arrays = [
        tf.TensorArray(
            tf.float32, windows, infer_shape=False, element_shape=rank * [None]
        )
        for rank in (2, 3)
    ]
    *_, arrays = tf.while_loop(
        lambda number, *_: number < windows, go_on, (0, list(state), arrays)
    )
    logs = tf.transpose(arrays[0].concat())[:, :steps]
    weights = tf.transpose(arrays[1].concat(), [1, 0, 2])[:, :steps]
    return tf.where(targets != PADDING_ID, logs, 0.0), weights


def score(model, texts, translations) -> dict[str, tf.Tensor]:
    """Scores translations: see `TranslatingModel.score`."""
    ids = model.target.encode(translations)
    ids = tf.concat([ids, tf.fill([ids.nrows(), 1], END_ID)], axis=1)
    lengths = tf.cast(ids.row_lengths(), tf.int32)
    ids = ids.to_tensor(PADDING_ID)
    memory, state = model.encode(model.source.encode(texts).to_tensor(PADDING_ID))
    logs, _ = teacher_forced(model, memory, state, ids)
    total = tf.reduce_sum(tf.cast(logs, tf.float64), axis=1)
    mean = tf.math.divide_no_nan(-total, tf.cast(lengths, tf.float64))
    return {
        "log_probability": tf.cast(total, tf.float32),
        "perplexity": tf.cast(tf.exp(mean), tf.float32),
        "tokens": tf.where(ids != PADDING_ID, model.target.vocabulary.lookup(ids), ""),
        "log_probabilities": logs,
        "lengths": lengths,
    }


def _check(model, beam, n_best, coverage_penalty, max_length):
    """Raises a ValueError if a number is out of its range."""
    if beam < 1:
        raise ValueError(f"`beam` must be at least 1, found {beam}.")
    if not 1 <= n_best <= beam:
        raise ValueError(f"`n_best` must be from 1 to `beam`, {beam}, found {n_best}.")
    if not coverage_penalty >= 0:
        raise ValueError(
            f"`coverage_penalty` must be 0 or more, found {coverage_penalty}."
        )
    if coverage_penalty and not model.attends:
        raise ValueError(
            "A coverage penalty is about attention, which this model has none of: "
            "leave it out."
        )
    if max_length is not None and max_length < 0:
        raise ValueError(f"`max_length` must be 0 or more, found {max_length}.")
