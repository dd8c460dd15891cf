"""What may follow a text, drawn token by token from a language model."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.decoding import (
    Categorical,
    Generator,
    StopSequences,
    occurring,
    parameters,
    seeds,
)
from zoo.decoding.parameters import LARGEST, one_or_per_row, per_row
from zoo.kernels import unobserved
from zoo.layers.states import state_sizes
from zoo.models.bucketing import in_buckets
from zoo.models.kept_graphs import KeptGraphs
from zoo.models.language_model.stepper import Stepper
from zoo.models.text_inputs import Texts
from zoo.text.vocabulary import END_ID, PADDING_ID, START_ID, UNKNOWN_ID
from zoo.typing import Tensor

# From so many tokens on, to read them one after the other takes longer than a graph.
# Measured on models of 4 and of 500 units: from 100 to 150 on.
_MANY = 128


class TextGenerator:
    """Generates a language model's texts in graphs that it keeps.

    A filter that is left out is left out of the graph, where it would sort all tokens
    at each step. The numbers are tensors, so that another temperature needs no other
    graph.

    Args:
        model: a `zoo.models.LanguageModel`.
    """

    def __init__(self, model: Any):
        self._model = model
        self._graphs = KeptGraphs()

    def __call__(
        self,
        prompts: Texts,
        length: Tensor | int,
        seed: Any,
        stop: Sequence[str] = (),
        jit_compile: bool = False,
        **filters: Any,
    ) -> Any:
        """Generates texts: see `generate`; all numbers are known."""
        _check(length, **filters)
        seed = seeds.given(seed)
        stop = _possible(self._model, stop, length)
        graph = self._graphs.get(
            (tuple(filters), stop, jit_compile),
            functools.partial(
                generate, self._model, stop=stop, jit_compile=jit_compile
            ),
        )
        numbers = _known(filters)
        prompts = tf.convert_to_tensor(prompts, tf.string)
        with unobserved():  # what isn't to be drawn has the logit -inf
            return graph(prompts, parameters.known(length, tf.int32), seed, **numbers)


def generate(
    model: Any, prompts: Texts, length: Tensor | int, seed: Any, **how: Any
) -> tf.Tensor:
    """Returns what follows prompts, in a graph or not.

    Args:
        model: a `zoo.models.LanguageModel`.
        prompts: string (batch,).
        length: the most tokens to draw, int32, as all numbers () or (1,) for all rows,
            or (batch,).
        seed: int64. Of one for each row, a row's text is what it would be alone.
        **how: of `_prepare`.

    Returns:
        string (batch,).

    Raises:
        tf.errors.InvalidArgumentError: a number is out of its range, or there are too
            few or too many.
    """
    rows = tf.shape(prompts)[0]
    length = per_row("length", length, rows, tf.int32, least=0)
    seed = _pairs(seed, rows)
    generator, beginning = _prepare(model, prompts, **how)
    found = generator(**beginning, length=length, seed=seed).sequences
    return model.language.decode_after(_begins(prompts, beginning), found)


def stream(
    model: Any,
    prompts: Texts,
    length: Tensor | int,
    seed: Any,
    piece: int = 16,
    stop: Sequence[str] = (),
    jit_compile: bool = False,
    **filters: Any,
) -> Iterator[tf.Tensor]:
    """Yields what follows prompts, `piece` tokens at a time, not in a graph.

    One after another the pieces are what `generate` returns.

    Raises:
        FloatingPointError: a probability of what is drawn is NaN; as pieces are taken.
    """
    _check(length, **filters)
    parameters.check("piece", piece, whole=True, least=1)
    stop = _possible(model, stop, length)
    seed = seeds.given(seed)
    rows = tf.shape(prompts)[0]
    length = per_row("length", length, rows, tf.int32)
    seed = _pairs(seed, rows)
    how: dict[str, Any] = {"jit_compile": jit_compile, "chunk": int(piece)}
    how |= {"log_probabilities": True, **_known(filters)}
    generator, beginning = _prepare(model, prompts, stop=stop, **how)
    pieces = generator.stream(**beginning, length=length, seed=seed)
    pieces = _with_numbers(_unobserved(pieces))
    if model.level == "subword":
        return _as_texts_of_subwords(model, pieces, _begins(prompts, beginning))
    return _as_texts(model, pieces)


def _known(filters):
    """Returns filters' numbers as tensors: a whole one may stand for a float."""
    return {
        name: parameters.known(value, tf.int32 if name == "top_k" else tf.float32)
        for name, value in filters.items()
    }


def _unobserved(pieces):
    """Yields pieces, in each of which what isn't to be drawn has the logit -inf."""
    while True:
        with unobserved():
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece


def _with_numbers(pieces):
    """Yields what is drawn; of NaN that is padding, as if nothing more were said."""
    for drawn, logs in pieces:
        if tf.reduce_any(tf.math.is_nan(logs)):
            raise FloatingPointError("The model gives NaN for probabilities.")
        yield drawn


def _begins(prompts, beginning):
    """Says which prompts have no tokens, or a space at their end, bool (batch,)."""
    is_empty = beginning["first_inputs"] == START_ID
    return is_empty | tf.strings.regex_full_match(prompts, r"(?s).*[\s\p{Z}]")


def _as_texts_of_subwords(model, pieces, begins):
    """Yields the text of each piece; what only the next one makes a character waits."""
    rows = tf.size(begins)
    ids, told = tf.zeros([rows, 0], tf.int32), tf.zeros([rows], tf.int32)
    for piece in pieces:
        ids = tf.concat([ids, piece], axis=1)
        text = model.language.decode_after(begins, ids)
        yield tf.strings.substr(text, told, tf.strings.length(text) - told)
        told = tf.strings.length(text)
        is_over = (piece[:, -1] == PADDING_ID) | (piece[:, -1] == END_ID)
        waits = model.vocabulary.ends_amid_character(ids) & ~is_over
        if not tf.reduce_any(waits):  # go on without what is told
            # A space at the beginning is not told, but the next one is.
            spaced = model.language.decode_after(tf.zeros_like(begins), ids)
            begins &= spaced == ""
            ids, told = ids[:, :0], tf.zeros([rows], tf.int32)


def _as_texts(model, pieces):
    last = None
    for piece in pieces:
        if last is None:
            last = tf.fill(tf.shape(piece[:, :1]), PADDING_ID)
        # Whether there is a space before a word, the token before it tells.
        begin = tf.strings.length(model.decode(last))
        text = model.decode(tf.concat([last, piece], axis=1))
        yield tf.strings.substr(text, begin, tf.strings.length(text) - begin)
        last = piece[:, -1:]


def _pairs(seed, rows):
    """Returns a seed, or one for each row, as a `Generator` takes it."""
    seed = seeds.new_where_negative(tf.convert_to_tensor(seed, tf.int64))
    if seed.shape.rank == 0:  # the same, with nothing to decide at each step
        return seeds.as_pairs(seed)
    return seeds.as_pairs(one_or_per_row("seed", seed, rows))


def _prepare(
    model,
    prompts,
    *,
    temperature=1.0,
    top_k=None,
    top_p=None,
    repetition_penalty=None,
    stop: Sequence[str] = (),
    jit_compile: bool = False,
    chunk: int = 128,
    log_probabilities: bool = False,
):
    """Reads prompts, and returns a `Generator` and what it starts from.

    Args:
        model: a `zoo.models.LanguageModel`.
        prompts: string (batch,).
        temperature: of `zoo.decoding.Categorical`; as all numbers, one or one for each
            row.
        top_k: see there.
        top_p: see there.
        repetition_penalty: see `zoo.decoding.filters`; for the prompt's tokens too.
        stop: texts that end the row in which they have been drawn.
        jit_compile: of `zoo.decoding.Generator`.
        chunk: see there.
        log_probabilities: see there.
    """
    step = Stepper(model, compiled=jit_compile)
    ids = prompt_ids(model, prompts)
    last, state = _reading(ids)(model, step, ids)
    rows = ids.nrows(tf.int32)
    temperature = per_row(
        "temperature", temperature, rows, tf.float32, least=0, most=LARGEST
    )
    if top_k is not None:
        top_k = per_row("top_k", top_k, rows, tf.int32, least=0)
    if top_p is not None:
        top_p = per_row("top_p", top_p, rows, tf.float32, above=0, most=1)
    if repetition_penalty is not None:
        repetition_penalty = per_row(
            "repetition_penalty", repetition_penalty, rows, tf.float32, above=0
        )
    never = {*model.softmax.never, UNKNOWN_ID}
    generator = Generator(
        step,
        Categorical(temperature, top_k, top_p, forbid=sorted(never)),
        end_id=END_ID if model.sentences else None,
        stop=StopSequences(_sequences(model, stop)) if stop else None,
        repetition_penalty=repetition_penalty,
        log_probabilities=log_probabilities,
        chunk=chunk,
        jit_compile=jit_compile,
    )
    seen = None
    if repetition_penalty is not None:
        seen = occurring(ids, len(model.vocabulary))
    return generator, {"first_inputs": last, "state": state, "seen": seen}


def _reading(ids):
    """Returns what reads prompts: a graph, outside of one, where it pays to make it."""
    longest = tf.reduce_max(ids.row_lengths(), axis=0)
    if not tf.executing_eagerly() or longest < _MANY:
        return read
    return lambda model, step, ids: tf.function(
        functools.partial(read, model, step), autograph=False
    )(ids)


def prompt_ids(model: Any, prompts: Texts) -> tf.RaggedTensor:
    """Returns `<SOS>` and the tokens of prompts, int32 ragged (batch, 1 or more)."""
    ids = model.language.encode(tf.convert_to_tensor(prompts))
    return tf.concat([tf.fill([ids.nrows(), 1], START_ID), ids], axis=1)


def read(model: Any, step: Any, ids: tf.RaggedTensor) -> Any:
    """Reads all tokens but the last ones.

    Args:
        model: a `zoo.models.LanguageModel`.
        step: a `Stepper` of it.
        ids: x, int32, ragged (batch, 1 or more).

    Returns:
        The last tokens, int32 (batch,), and the state before them.
    """

    def read_some(places):
        some = tf.gather(ids, places)
        before = tf.cast(some.row_lengths(), tf.int32) - 1
        padded = some.to_tensor(PADDING_ID)
        last = tf.gather(padded, before, batch_dims=1)
        padded = padded[:, :-1]
        rows, steps = tf.unstack(tf.shape(padded))
        state = model.recurrent.get_initial_state(rows)
        return last, step.read(padded, tf.sequence_mask(before, steps), state)

    states = [
        tf.TensorSpec([None, size], model.compute_dtype)
        for size in state_sizes(model.recurrent)
    ]
    signature = tf.TensorSpec([None], tf.int32), states
    # Nothing is kept of each token.
    return in_buckets(read_some, ids.row_lengths(), signature, steps=None)


def _possible(model, stop, length):
    """Returns the stops that `length` draws can hold, each once: no other costs time.

    Args:
        model: a `zoo.models.LanguageModel`.
        stop: texts.
        length: the most draws, Python's, or one number for each row.
    """
    most = max(np.max(length, initial=0), 1)
    return tuple(text for text in dict.fromkeys(stop) if len(_ids(model, text)) <= most)


def _sequences(model, stop):
    """Returns the ids of texts to stop at; of subwords also without a space before."""
    found = [_ids(model, text) for text in stop]
    if model.level != "subword":
        return found
    tokens = model.vocabulary.tokens
    for first, *others in filter(None, list(found)):
        glued = tokens[first].removeprefix(tokens[model.vocabulary.space_id])
        with tf.init_scope():
            first = model.vocabulary.ids(tf.constant([glued])).numpy().tolist()
        if glued and first != [UNKNOWN_ID]:
            found.append([*first, *others])
        elif not glued and others:
            found.append(others)
    return found


def _ids(model, text):
    """Returns the ids of a text, which are constants of a graph, as a list."""
    with tf.init_scope():
        return model.language.encode(tf.constant([text])).to_list()[0]


def _check(length, temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0):
    """Raises a ValueError if a number is out of its range."""
    parameters.check("length", length, whole=True, least=0)
    parameters.check("temperature", temperature, least=0, most=LARGEST)
    parameters.check("top_k", top_k, whole=True, least=0)
    parameters.check("top_p", top_p, above=0, most=1)
    parameters.check("repetition_penalty", repetition_penalty, above=0, most=LARGEST)


def several(stop: str | Sequence[str]) -> tuple[str, ...]:
    """Returns texts to stop at, of one or several.

    Raises:
        TypeError: one is no text.
    """
    is_one = isinstance(stop, str | bytes) or not np.iterable(stop)
    found: Any = (stop,) if is_one else tuple(stop)
    for text in found:
        if not isinstance(text, str | bytes):
            raise TypeError(
                f"`stop` must be one string or a list of strings, found {text!r}."
            )
    return found


def filters_on(
    temperature: Tensor | float = 1.0,
    top_k: Tensor | int | None = 0,
    top_p: Tensor | float | None = 1.0,
    repetition_penalty: Tensor | float = 1.0,
) -> dict:
    """Returns the numbers of those filters that filter anything, by their names."""
    filters = {
        "top_k": (top_k, 0),
        "top_p": (top_p, 1),
        "repetition_penalty": (repetition_penalty, 1),
    }
    found = {
        name: value
        for name, (value, off) in filters.items()
        if np.any(np.asarray(value) != off)  # of no number too, which is told later
    }
    return {"temperature": temperature, **found}
