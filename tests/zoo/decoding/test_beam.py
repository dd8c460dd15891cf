"""Beam search, against listing every sequence there is."""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.decoding.circles import goes_in_circles
from zoo.decoding import (
    Categorical,
    Cycles,
    Hypotheses,
    beam_search,
    generate,
    repeat,
)

SIZE, END, LENGTH, SOURCE = 4, 3, 3, 3
EVERYTHING = SIZE**LENGTH
MASK = np.array([[True, True, True], [True, True, False]])


def tables(seed, sharpness=1.5):
    """Returns logits and attention, of any history, for each of 2 rows."""
    rng = np.random.default_rng(seed)
    histories = SIZE ** (LENGTH + 1)
    logits = sharpness * rng.normal(size=(2, histories, SIZE))
    attention = rng.random((2, histories, SOURCE)) ** 2 * MASK[:, None]
    attention /= attention.sum(-1, keepdims=True)
    return logits.astype(np.float32), attention.astype(np.float32)


def stepper(logits, attention=None):
    """Returns a step whose logits depend on all that came before, and its state.

    A history is its ids, as digits, after the first input: 1. A row of the
    batch knows its number: its table is its own, wherever beams take it.
    """

    def step(ids, state):
        history, row = state
        history = history * SIZE + ids
        at = tf.stack([row, history], 1)
        outputs = (tf.gather_nd(logits, at), [history, row])
        return outputs if attention is None else (*outputs, tf.gather_nd(attention, at))

    return step, (tf.zeros([2], tf.int32), tf.range(2))


def listed(row, logits, attention, alpha, beta, forbidden=()):
    """Returns (score, log P, ids) of every sequence that ends, the best first."""
    found = []
    for length in range(1, LENGTH + 1):
        for ids in itertools.product(range(SIZE), repeat=length):
            ends = ids[-1] == END and END not in ids[:-1]
            if ends and not set(ids) & set(forbidden):
                found.append((*scored(row, ids, logits, attention, alpha, beta), ids))
    return sorted(found, reverse=True)


def scored(row, ids, logits, attention, alpha, beta):
    history, total, coverage = 1, 0.0, np.zeros(SOURCE)
    for token in ids:
        z = logits[row, history].astype(np.float64)
        total += z[token] - np.log(np.exp(z).sum())
        coverage += attention[row, history]
        history = history * SIZE + token
    score = total / ((5 + len(ids)) / 6) ** alpha
    if beta:
        score += beta * np.log(np.minimum(coverage[MASK[row]], 1)).sum()
    return score, total


@functools.lru_cache
def searcher(beams, covering, **how):
    @tf.function(autograph=False)
    def search(logits, attention, alpha, beta):
        step, state = stepper(logits, attention if covering else None)
        return beam_search(
            *(step, tf.ones([2], tf.int32), state, beams, LENGTH, END),
            length_penalty=alpha,
            coverage_penalty=beta if covering else 0.0,
            attention_mask=tf.constant(MASK) if covering else None,
            **how,
        )

    return search


def search(logits, attention, beams, alpha=0.0, beta=0.0, **how):
    run = searcher(beams, beta > 0, **how)
    found = run(logits, attention, tf.constant(alpha), tf.constant(beta))
    return Hypotheses(*map(np.array, found))


def ids_of(hypotheses, row, place):
    length = hypotheses.lengths[row, place]
    ids = hypotheses.sequences[row, place]
    assert not ids[length:].any()
    return tuple(ids[:length].tolist())


PENALTIES = [(0.0, 0.0), (0.8, 0.0), (2.0, 0.0), (-1.0, 0.0), (0.0, 0.3), (1.0, 1.0)]


@pytest.mark.parametrize(("alpha", "beta"), PENALTIES)
@pytest.mark.parametrize("returned", [None, 3])
def test_a_beam_as_wide_as_the_space_finds_the_best(alpha, beta, returned):
    logits, attention = tables(0)
    found = search(logits, attention, EVERYTHING, alpha, beta, returned=returned)
    for row in range(2):
        expected = listed(row, logits, attention, alpha, beta)[:returned]
        assert len({len(ids) for *_, ids in expected}) > 1
        for place, (score, log_probability, ids) in enumerate(expected):
            assert ids_of(found, row, place) == ids
            assert found.ended[row, place]
            assert found.scores[row, place] == pytest.approx(score, rel=1e-4)
            assert found.log_probabilities[row, place] == pytest.approx(
                log_probability, rel=1e-4
            )


def test_what_has_not_ended_comes_last_and_is_flagged():
    logits, attention = tables(1)
    found = search(logits, attention, EVERYTHING, 0.7)
    for row in range(2):
        ended = len(listed(row, logits, attention, 0.7, 0))
        expected = [
            (*scored(row, ids, logits, attention, 0.7, 0), ids)
            for ids in itertools.product(range(END), repeat=LENGTH)
        ]
        # All there are of both, 40 of 64: and then places without any.
        expected = sorted(expected, reverse=True)
        assert ended + len(expected) < EVERYTHING
        assert found.ended[row].tolist() == [True] * ended + [False] * (
            EVERYTHING - ended
        )
        for place, (score, _, ids) in enumerate(expected, ended):
            assert ids_of(found, row, place) == ids
            assert found.scores[row, place] == pytest.approx(score, rel=1e-4)
        rest = slice(ended + len(expected), None)
        assert not found.lengths[row, rest].any()
        assert (found.scores[row, rest] == -np.inf).all()


def test_one_beam_is_greedy():
    for seed in range(3):
        logits, attention = tables(seed)
        found = search(logits, attention, 1)
        step, state = stepper(logits)
        greedy = generate(
            *(step, tf.ones([2], tf.int32), state, LENGTH),
            **{"seed": 0, "sample": Categorical(0), "end_id": END},
            log_probabilities=True,
        )
        width = greedy.sequences.shape[1]
        np.testing.assert_array_equal(found.sequences[:, 0, :width], greedy.sequences)
        np.testing.assert_array_equal(found.lengths[:, 0], greedy.lengths)
        np.testing.assert_array_equal(found.ended[:, 0], greedy.ended)
        logs = tf.reduce_sum(greedy.log_probabilities, 1)
        np.testing.assert_allclose(found.log_probabilities[:, 0], logs, rtol=1e-5)


def beams_in_python(row, logits, beams, alpha):
    """Returns the best sequence of a beam search that never stops early."""
    live, ended = [((), 0.0)], []
    for _ in range(LENGTH):
        continued = [
            (
                (*ids, token),
                scored(row, (*ids, token), logits, np.zeros((2, 256, 3)), 0, 0)[1],
            )
            for ids, _ in live
            for token in range(SIZE)
        ]
        continued.sort(key=lambda pair: -pair[1])
        ended += [pair for pair in continued[:beams] if pair[0][-1] == END]
        live = [pair for pair in continued if pair[0][-1] != END][:beams]
    scores = [(log / ((5 + len(ids)) / 6) ** alpha, ids) for ids, log in ended]
    return max(scores) if scores else None


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.0, 0.6, 3.0])
@pytest.mark.parametrize("beams", [1, 2, 3])
def test_narrow_beams_stop_early_without_a_loss(beams, alpha):
    compared = 0
    for seed in range(8):
        logits, attention = tables(seed, sharpness=2.5)
        found = search(logits, attention, beams, alpha, returned=1)
        for row in range(2):
            expected = beams_in_python(row, logits, beams, alpha)
            assert found.ended[row, 0] == (expected is not None)
            if expected is not None:
                assert ids_of(found, row, 0) == expected[1]
                compared += 1
    assert compared > 2


def test_a_search_stops_when_nothing_can_come_before_what_it_has():
    """Where `<EOS>` is certain, after one step; with α, only where it must."""
    steps = []

    def step(ids, state):
        tf.py_function(lambda: steps.append(1), [], [])
        return tf.tile([[0.0, 0.0, 0.0, 3.0]], [tf.size(ids), 1]), state

    def count(**how):
        steps.clear()
        first = tf.zeros([1], tf.int32)
        beam_search(step, first, (), 2, 50, END, **how)
        return len(steps)

    assert count(returned=1) == 1
    assert count() == 2
    # log P / ((5 + 50) / 6)^2 = log P / 84: what lives at -3.2 may reach -0.04.
    assert 2 < count(returned=1, length_penalty=2.0) < 50
    assert count(returned=1, length_penalty=9.0) == 50


def test_forbidden_ids_are_in_no_hypothesis_and_log_p_is_still_the_models():
    logits, attention = tables(2)
    found = search(logits, attention, EVERYTHING, forbid=(1,))
    for row in range(2):
        expected = listed(row, logits, attention, 0, 0, forbidden=[1])
        for place, (score, _, ids) in enumerate(expected):
            assert ids_of(found, row, place) == ids
            assert found.scores[row, place] == pytest.approx(score, rel=1e-4)
    assert not (found.sequences == 1).any()


def test_log_p_of_a_step_that_gives_it_is_taken_as_it_is():
    logits, attention = tables(4)
    logs = tf.nn.log_softmax(logits).numpy()
    expected = search(logits, attention, 4)
    found = search(logs, attention, 4, normalized=True)
    np.testing.assert_array_equal(found.sequences, expected.sequences)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5)
    less = search(logs - 1, attention, 4, normalized=True)
    assert (less.log_probabilities[:, 0] < found.log_probabilities[:, 0] - 0.9).all()


def test_a_row_is_searched_the_same_whatever_the_others_are():
    logits, attention = tables(3)
    whole = search(logits, attention, 3, 0.6)
    step, state = stepper(logits)
    for row in range(2):
        alone = beam_search(
            step,
            tf.ones([1], tf.int32),
            [each[row : row + 1] for each in state],
            3,
            LENGTH,
            END,
            length_penalty=0.6,
        )
        for one, all_rows in zip(alone, whole, strict=True):
            np.testing.assert_allclose(one[0], all_rows[row], rtol=1e-6)


def test_padding_of_the_source_needs_no_coverage():
    logits, attention = tables(4)
    found = search(logits, attention, 4, beta=1.0)
    assert np.isfinite(found.scores[:, 0]).all()
    short = attention[..., :2]
    step, state = stepper(logits[1:], short[1:])
    alone = beam_search(
        *(step, tf.ones([1], tf.int32), [state[0][:1], state[1][:1]], 4, LENGTH, END),
        coverage_penalty=1.0,
        attention_mask=tf.ones([1, 2], tf.bool),
    )
    np.testing.assert_allclose(found.scores[1:], alone.scores, rtol=1e-5)


ROWS, LONGEST = 7, 80
LENGTHS = [80, 3, 0, 41, 80, 1, 33]


def chains(seed):
    """Returns logits by row, step and id before; the rows end early and late."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(ROWS, LONGEST, SIZE, SIZE)) * 1.5
    attention = rng.random((ROWS, LONGEST, SIZE, SOURCE)) * 0.2
    logits[..., END] -= np.array([9, 0, 3, 9, 1, 2, 5])[:, None, None]
    return logits.astype(np.float32), attention.astype(np.float32)


def chain_step(logits, attention, sizes=None):
    """Returns a step for rows, (rows,), that are its memory."""

    def step(ids, steps, rows):
        if sizes is not None:
            tf.py_function(lambda n: sizes.append(int(n)), [tf.size(ids)], [])
        beams = tf.size(ids) // tf.maximum(tf.size(rows), 1)
        at = tf.stack([tf.repeat(rows, beams), steps, ids], 1)
        return tf.gather_nd(logits, at), steps + 1, tf.gather_nd(attention, at)

    return step


def search_chains(logits, attention, rows, leaving, beams=3, **how):
    """Searches for some of the rows; they stay to the end, or leave when done."""
    step, rows = chain_step(logits, attention), tf.constant(rows, tf.int32)
    if not leaving:
        memory, inner = repeat(rows, beams), step

        def step(ids, steps):
            return inner(ids, steps, memory)

    length = np.array(how.pop("length", LENGTHS), np.int32)
    found = beam_search(
        *(step, tf.ones(tf.size(rows), tf.int32), tf.zeros_like(rows), beams),
        *(tf.gather(length, rows), END),
        memory=rows if leaving else None,
        attention_mask=tf.gather(tf.sequence_mask([3, 1, 0, 2, 3, 3, 2]), rows),
        **how,
    )
    return Hypotheses(*map(np.array, found))


@pytest.mark.slow
@pytest.mark.parametrize(("alpha", "beta"), [(-0.5, 0.0), (0.8, 0.3)])
@pytest.mark.parametrize(("beams", "returned"), [(1, 1), (4, 2)])
def test_rows_that_leave_find_what_each_finds_alone(alpha, beta, beams, returned):
    logits, attention = chains(0)
    how = {"length_penalty": alpha, "coverage_penalty": beta}
    how |= {"beams": beams, "returned": returned}
    whole = search_chains(logits, attention, range(ROWS), True, **how)
    assert len(set(whole.lengths[:, 0].tolist())) >= 3
    assert whole.sequences.shape == (ROWS, returned, whole.lengths.max())
    for row in range(ROWS):
        alone = search_chains(logits, attention, [row], False, **how)
        assert alone.sequences.shape == (1, returned, LENGTHS[row])
        for place in range(returned):
            assert ids_of(whole, row, place) == ids_of(alone, 0, place)
        np.testing.assert_array_equal(whole.ended[row], alone.ended[0])
        np.testing.assert_allclose(whole.scores[row], alone.scores[0], rtol=1e-5)


@pytest.mark.slow
def test_each_row_has_penalties_and_a_length_of_its_own():
    logits, attention = chains(1)
    alphas = np.linspace(-1, 2, ROWS).astype(np.float32)
    betas = np.linspace(0, 1, ROWS).astype(np.float32)
    for leaving in (True, False):
        how = {"length_penalty": alphas, "coverage_penalty": betas}
        whole = search_chains(logits, attention, range(ROWS), leaving, **how)
        for row in (0, 1, 3):
            how = {"length_penalty": float(alphas[row])}
            alone = search_chains(
                *(logits, attention, [row], leaving),
                coverage_penalty=tf.constant(betas[row]),
                **how,
            )
            for place in range(3):
                assert ids_of(whole, row, place) == ids_of(alone, 0, place)
            np.testing.assert_allclose(whole.scores[row], alone.scores[0], rtol=1e-5)
    assert (whole.lengths.max(axis=1) <= LENGTHS).all()


@pytest.mark.slow
def test_a_row_that_is_done_is_not_computed_for_long():
    logits, attention = chains(0)
    lengths = np.array([80, 2, 2, 2, 10, 2, 10], np.int32)
    sizes = []
    step = chain_step(logits, attention, sizes)
    beam_search(
        *(step, tf.ones(ROWS, tf.int32), tf.zeros(ROWS, tf.int32), 2, lengths, END),
        memory=tf.range(ROWS),
    )
    assert sizes[0] == 2 * ROWS
    assert sizes[-1] == 2
    # Half of the rows at most wait for others, with all their hypotheses.
    assert sum(sizes) <= 2 * 2 * lengths.sum()


def test_no_rows_are_searched_for_nothing():
    logits, attention = chains(0)
    for leaving in (True, False):
        found = search_chains(logits, attention, [], leaving)
        assert found.sequences.shape == (0, 3, 0)


@pytest.mark.slow
def test_a_hypothesis_that_goes_in_circles_may_only_end():
    cycles = Cycles(period=3, copies=3, tokens=7)
    logits = np.full([ROWS, LONGEST, SIZE, SIZE], -30.0, np.float32)
    logits[..., END] = -20.0
    for row, follows in enumerate(([1, 1, 1], [1, 0, 2], [1, 2, 0])):
        logits[row, :, range(3), follows] = 0.0  # 1 1, 0 1 0 1, 2 0 1 2 0 1
    attention = np.zeros([*logits.shape[:3], SOURCE], np.float32)
    for leaving, beams in itertools.product((True, False), (1, 3)):
        how = {"beams": beams, "returned": 1, "cycles": cycles}
        found = search_chains(
            *(logits, attention, [0, 1, 2], leaving), length=3 * [80], **how
        )
        assert found.ended.all()
        for row in range(3):
            *ids, _ = ids_of(found, row, 0)
            circling = [goes_in_circles(ids[:n], cycles) for n in range(len(ids))]
            assert not any(circling)
        if beams == 1:
            assert ids_of(found, 0, 0) == (*7 * (1,), END)
            assert ids_of(found, 1, 0) == (*3 * (0, 1), 0, END)
            assert ids_of(found, 2, 0) == (*3 * (2, 0, 1), END)
            # (Of several beams one that ends comes before what goes on for ever.)
            without = search_chains(
                *(logits, attention, [0, 1, 2], leaving),
                **{"length": 3 * [80], "beams": beams, "returned": 1},
            )
            assert (without.lengths > 40).all()


@pytest.mark.slow
def test_a_search_runs_under_xla():
    logits, attention = tables(5)
    step, state = stepper(logits, attention)

    def run(first):
        return beam_search(
            *(step, first, state, 3, LENGTH, END),
            length_penalty=0.6,
            coverage_penalty=0.2,
            attention_mask=tf.constant(MASK),
            forbid=[1],
        )

    first = tf.ones([2], tf.int32)
    compiled = tf.function(run, jit_compile=True, autograph=False)(first)
    for one, other in zip(compiled, run(first), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.slow
def test_a_saved_model_takes_any_batch_and_numbers_as_tensors(tmp_path):
    logits, _ = tables(6)
    module = tf.Module()
    module.logits = tf.Variable(logits[0, :SIZE])

    def run(ids, length, alpha):
        memory = repeat(tf.cast(ids, tf.float32)[:, None], 2)
        return beam_search(
            lambda ids, count: (tf.gather(module.logits, ids) + memory, count + 1),
            *(ids, tf.constant(0), 2, length, END),
            length_penalty=alpha,
        )

    specs = [
        tf.TensorSpec(s, d)
        for s, d in (([None], "int64"), ([], "int32"), ([], "float32"))
    ]
    module.run = tf.function(run, input_signature=specs)
    tf.saved_model.save(module, tmp_path / "model")
    loaded = tf.saved_model.load(tmp_path / "model")
    for batch, length in ((3, 5), (1, 1), (2, 0), (0, 4)):
        arguments = (
            tf.range(batch, dtype=tf.int64),
            tf.constant(length),
            tf.constant(0.7),
        )
        found = loaded.run(*arguments)
        for one, other in zip(found, run(*arguments), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)
        assert found[0].shape == [batch, 2, length]
        assert found[0].dtype == tf.int64


def test_without_a_coverage_penalty_attention_is_not_looked_at():
    logits, attention = tables(4)
    step, state = stepper(logits, np.full_like(attention, np.nan))
    found = beam_search(
        *(step, tf.ones([2], tf.int32), state, 4, LENGTH, END), attention_mask=MASK
    )
    expected = search(logits, attention, 4)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"beams": 0}, "`beams` must be at least 1, found 0"),
        ({"length": -1}, "`length` must be 0 or more, found -1"),
        ({"returned": 3}, "from 1 to `beams`, 2, found 3"),
        ({"coverage_penalty": -0.1}, "must be 0 or more, found -0.1"),
        ({"coverage_penalty": np.nan}, "must be 0 or more, found nan"),
        ({"length_penalty": np.nan}, "must be a number, found nan"),
        ({"coverage_penalty": 0.1}, "needs an `attention_mask`"),
        (
            {"coverage_penalty": 0.1, "attention_mask": MASK},
            r"returns \(logits, state, attention\)",
        ),
    ],
)
def test_what_cannot_be_is_refused(how, message):
    step, state = stepper(tables(0)[0])
    how = {"beams": 2, "length": 3, "end_id": END, **how}
    with pytest.raises(ValueError, match=message):
        beam_search(step, tf.ones([2], tf.int32), state, **how)
