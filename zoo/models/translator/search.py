"""Translations of texts, searched for."""

import numbers
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.decoding import Cycles, beam_search
from zoo.decoding.parameters import LARGEST, check, checked, per_row
from zoo.kernels import unobserved
from zoo.models.bucketing import in_buckets
from zoo.models.kept_graphs import KeptGraphs
from zoo.models.text_inputs import Texts
from zoo.models.translator import alignment, joined_sentences
from zoo.models.translator.construction import check_range
from zoo.models.translator.scoring import BUCKET, SHORT
from zoo.text.vocabulary import END_ID, PADDING_ID, START_ID, UNKNOWN_ID
from zoo.typing import Tensor

# How many tokens a translation has at most where nothing is said: so many for each of
# its source, and so many beside, but no more than `LONGEST`. No reference of Multi30k
# or Tatoeba comes near: `python -m tests.benchmarks.translation_lengths`.
FOR_EACH, BESIDE, LONGEST = 2, 50, 1000
# A hypothesis that repeats itself like no real translation ends.
CYCLES = Cycles()
_NO_ATTENTION = (
    "A coverage penalty is about attention, which this model has none of: leave it out."
)


def default_limit(tokens: tf.Tensor) -> tf.Tensor:
    """Returns the most tokens of a translation, `<EOS>` included, int32.

    Args:
        tokens: how many its source has, int32, any shape.
    """
    return tf.minimum(FOR_EACH * tf.minimum(tokens, LONGEST) + BESIDE, LONGEST)


class Search:
    """Searches for a model's translations in graphs that it keeps.

    Penalties and lengths are tensors, so that others need no other graph; they are
    checked beforehand, with errors that name Python's arguments.

    Args:
        model: a `zoo.models.Translator`.
    """

    def __init__(self, model: Any):
        self._model = model
        self._graphs = KeptGraphs()

    def __call__(
        self,
        texts: Texts,
        beam: Any,
        n_best: Any,
        penalties: Any,
        max_length: Any,
        attention: bool,
    ) -> Any:
        """Translates texts; each number is Python's, or one for each row."""
        length_penalty, coverage_penalty = penalties
        beam, n_best = _whole("beam", beam), _whole("n_best", n_best)
        _check(self._model, beam, n_best, length_penalty, coverage_penalty, max_length)
        _check_attention(self._model, attention)
        covering = np.any(np.asarray(coverage_penalty) > 0) and beam > 1

        def found(texts, length_penalty, coverage_penalty, max_length):
            coverage_penalty = coverage_penalty if covering else 0.0
            how = beam, n_best, length_penalty, coverage_penalty, max_length
            return translate(self._model, texts, *how, attention)

        graph = self._graphs.get((beam, n_best, covering, attention), found)
        with unobserved():  # what isn't to be said has log P = -inf
            return graph(
                tf.convert_to_tensor(texts, tf.string),
                tf.cast(length_penalty, tf.float32),
                tf.cast(coverage_penalty, tf.float32),
                tf.cast(-1 if max_length is None else max_length, tf.int32),
            )


def translate(
    model: Any,
    texts: Texts,
    beam: Any,
    n_best: Any,
    length_penalty: Tensor | float = 0.0,
    coverage_penalty: Tensor | float = 0.0,
    max_length: Any = -1,
    attention: bool = False,
) -> Any:
    """Translates texts, in a graph or not: see `zoo.models.Translator.translate`.

    Args:
        model: a `zoo.models.Translator`.
        texts: string (batch,).
        beam: an integer.
        n_best: an integer.
        length_penalty: a number or a tensor, (), (1,) or (batch,).
        coverage_penalty: the same; the number 0 costs nothing.
        max_length: the same, whole; -1 for the default.
        attention: whether what the best translations looked at is returned as well.
    """
    pieces = joined_sentences.pieces(texts, model.sentences)
    words, ids = model.source.tokens_and_ids(pieces.texts)
    lengths = tf.cast(ids.row_lengths(), tf.int32)
    limits = per_row("max_length", max_length, pieces.batch, tf.int32, least=-1)
    limits = tf.gather(limits, pieces.rows)
    limits = tf.where(limits < 0, default_limit(lengths), limits)
    limits = tf.where(lengths == 0, 0, limits)
    penalties = _penalties(model, length_penalty, coverage_penalty, pieces.batch)
    penalties = [tf.gather(each, pieces.rows) for each in penalties]
    covering = not _is_zero(coverage_penalty) and model.attends and beam > 1
    how = beam, n_best, covering, attention

    def search(places):
        rows = [tf.gather(each, places) for each in (words, ids, limits, *penalties)]
        return _search(model, how, *rows)

    found = in_buckets(
        search, tf.maximum(lengths, SHORT), _signature(n_best, attention), steps=BUCKET
    )
    return _of_texts(pieces, words, *found)


def _penalties(model, length_penalty, coverage_penalty, batch):
    """Returns both, checked, float32 (batch,)."""
    values = {"length_penalty": length_penalty, "coverage_penalty": coverage_penalty}
    length, coverage = [
        per_row(name, tf.cast(value, tf.float32), batch, least=0, most=LARGEST)
        for name, value in values.items()
    ]
    if not model.attends:
        length = checked(length, coverage == 0, _NO_ATTENTION)
    return length, coverage


def _is_zero(number):
    return isinstance(number, numbers.Real) and number == 0


def _signature(n_best, attention):
    """Returns what `_search` returns, as `in_buckets` wants it."""
    scores = tf.TensorSpec([None, n_best], tf.float32)
    texts = tf.TensorSpec([None, n_best], tf.string)
    return alignment.signature(n_best) if attention else texts, scores, scores


def _search(model, search, words, ids, limits, length_penalty, coverage_penalty):
    """Returns texts, scores and log P of texts of like length."""
    beam, n_best, covering, attention = search
    memory, state = model.encode(ids.to_tensor(PADDING_ID))
    found = beam_search(
        _step(model, beam),
        tf.fill(tf.shape(limits), START_ID),
        state,
        beam,
        limits,
        END_ID,
        memory=memory,
        normalized=model.normalized,
        length_penalty=length_penalty if beam > 1 else 0.0,
        coverage_penalty=coverage_penalty if covering else 0.0,
        attention_mask=memory.mask if covering else None,
        forbid=_forbidden(model),
        cycles=CYCLES,
        returned=n_best,
    )
    write = alignment.written if attention else alignment.texts_of
    texts = write(model, words, memory, state, found)
    return texts, found.scores, found.log_probabilities


def _step(model, beam):
    """Returns a step of the model, as a search takes it."""
    step = model.stepper(beams=beam)

    def take(ids, state, memory):
        logits, state, weights = step(ids, state, memory)
        return (logits, state, weights) if model.attends else (logits, state)

    return take


def _forbidden(model):
    """Returns what no translation has: `<UNK>` too, unless it would be replaced."""
    copies = model.attends and not model.target.knows_all
    return [PADDING_ID, START_ID] + ([] if copies else [UNKNOWN_ID])


def _of_texts(pieces, words, written, scores, logs):
    """Returns what was found of pieces, of texts, in tensors with the batch first."""
    looked = isinstance(written, alignment.Written)
    texts = written.texts if looked else written
    texts, scores, logs = joined_sentences.n_best(pieces, texts, scores, logs)
    found = {
        "translation": texts[:, 0],
        "translations": texts,
        "score": scores[:, 0],
        "scores": scores,
        "log_probabilities": logs,
    }
    if looked:
        found |= alignment.of_texts(pieces, words, written.tokens, written.attention)
    return found


def _check_attention(model, attention):
    if attention and not model.attends:
        raise ValueError("This model has no attention to be returned: leave it out.")


def _whole(name, value):
    """Returns a number of Python's; of NumPy's, for example, graphs aren't made."""
    check(name, value, whole=True, least=1)
    if np.ndim(value):
        raise ValueError(f"`{name}` must be one number, found {value!r}.")
    return int(value)


def _check(model, beam, n_best, length_penalty, coverage_penalty, max_length):
    """Raises an error if a number is none, or out of its range."""
    if n_best > beam:
        raise ValueError(f"`n_best` must be from 1 to `beam`, {beam}, found {n_best}.")
    check_range(length_penalty, coverage_penalty)
    if max_length is not None:
        # Of several, one may be the default.
        least = -1 if np.ndim(max_length) else 0
        check("max_length", max_length, whole=True, least=least)
    if np.any(np.asarray(coverage_penalty) > 0) and not model.attends:
        raise ValueError(_NO_ATTENTION)
