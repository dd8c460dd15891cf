"""Generation, against the same loop in plain Python, one step after another."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.decoding import (
    Bernoulli,
    Categorical,
    Generator,
    StopSequences,
    generate,
    occurring,
    repeat,
    stream,
)

SIZE = 6
TABLE = np.random.default_rng(0).normal(size=(SIZE, SIZE, SIZE)).astype(np.float32)


def step(ids, state):
    """Depends on the last id and on the one before: the state, with a count."""
    before, count = state
    return tf.gather_nd(TABLE, tf.stack([before, ids], 1)), [ids, count + 1]


def start(batch):
    ids = tf.range(batch) % SIZE
    return ids, (tf.zeros_like(ids), tf.constant(0))


def in_python(first, length, sample, seed, ends=lambda ids: False):
    """Returns what each row draws, in lists, and log P of it."""
    rows, logs = [[] for _ in first], [[] for _ in first]
    inputs, (before, _) = first, start(len(first))[1]
    seed = tf.constant([0, seed], tf.int64)
    for number in range(length):
        if all(ends(row) for row in rows):
            break
        outputs, (before, _) = step(inputs, (before, 0))
        here = tf.random.experimental.stateless_fold_in(
            seed, tf.constant(number, tf.int64), alg="philox"
        )
        drawn = sample(outputs, here).numpy()
        for row, ids in enumerate(rows):
            if ends(ids):
                drawn[row] = 0
                continue
            scores = outputs[row].numpy().astype(np.float64)
            logs[row].append(scores[drawn[row]] - np.log(np.exp(scores).sum()))
            ids.append(int(drawn[row]))
        inputs = tf.constant(drawn)
    return rows, logs


def padded(rows, length):
    return [row + [0] * (length - len(row)) for row in rows]


def check(generated, rows, logs=None):
    width = max(map(len, rows))
    assert generated.sequences.numpy().tolist() == padded(rows, width)
    assert generated.lengths.numpy().tolist() == [len(row) for row in rows]
    if logs is not None:
        found = generated.log_probabilities
        assert found.dtype == tf.float32
        np.testing.assert_allclose(found, padded(logs, width), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_sequences_are_those_of_the_loop_in_python(jit_compile):
    sample = Categorical(temperature=0.9, top_k=5, top_p=0.95)
    first, state = start(3)
    how = {"chunk": 4, "log_probabilities": True, "jit_compile": jit_compile}
    generated = generate(step, first, state, 11, seed=5, sample=sample, **how)
    check(generated, *in_python(first, 11, sample, 5))
    assert not generated.ended.numpy().any()


def test_the_state_returned_has_seen_all_but_the_last_draw():
    first, state = start(3)
    generator = Generator(step, Categorical(0), chunk=4)
    whole = generator(first, state, 9, seed=1).sequences
    head = generator(first, state, 5, seed=1)
    ids, count = head.state
    assert count == 5
    np.testing.assert_array_equal(ids, whole[:, 3])
    rest = generator(head.sequences[:, -1], head.state, 4, seed=1).sequences
    np.testing.assert_array_equal(tf.concat([head.sequences, rest], 1), whole)


def test_rows_end_at_their_end_and_all_stop_at_the_last():
    first, state = start(6)
    how = {"end_id": 3, "log_probabilities": True, "chunk": 5}
    generated = generate(step, first, state, 1_000_000, seed=2, **how)
    rows, logs = in_python(first, 200, Categorical(), 2, lambda ids: ids[-1:] == [3])
    assert len({len(row) for row in rows}) > 2
    check(generated, rows, logs)
    assert generated.ended.numpy().all()
    assert generated.state[1] == generated.sequences.shape[1]


def test_rows_cut_off_by_the_length_have_not_ended():
    first, state = start(6)
    generated = generate(step, first, state, 4, seed=2, end_id=3)
    for ids, length, ended in zip(*map(np.array, generated[:3]), strict=True):
        assert ended == (3 in ids)
        assert length == (ids.tolist().index(3) + 1 if ended else 4)
    assert set(generated.ended.numpy()) == {True, False}


@pytest.mark.parametrize("jit_compile", [False, True])
def test_stop_sequences_end_rows(jit_compile):
    sequences = [[1, 2], [4, 0, 4], [5, 3]]
    stop = StopSequences(sequences)

    def ends(ids):
        return any(ids[-len(each) :] == each for each in sequences)

    first, state = start(6)
    how = {"stop": stop, "chunk": 3, "jit_compile": jit_compile}
    generated = generate(step, first, state, 30, seed=8, **how)
    rows, _ = in_python(first, 30, Categorical(), 8, ends)
    assert len({tuple(row[-2:]) for row in rows if ends(row)}) > 1
    check(generated, rows)


def test_the_prompt_is_no_part_of_a_stop_sequence():
    first, state = start(1)
    generated = generate(
        lambda ids, state: (tf.one_hot([0], 2) * 9, state),
        *(first, state, 5),
        seed=1,
        sample=Categorical(0),
        stop=StopSequences([[0, 0]]),
    )
    assert generated.sequences.numpy().tolist() == [[0, 0]]


def test_padding_is_what_is_asked_for():
    first, state = start(6)
    generated = generate(step, first, state, 30, seed=2, end_id=3, padding=5)
    for ids, length in zip(*map(np.array, generated[:2]), strict=True):
        assert (ids[length:] == 5).all()


def test_what_occurred_is_penalized_whether_drawn_or_prompted():
    def flat(ids, state):
        return tf.ones([2, 40]) * [[9.0], [-9.0]], state

    seen = occurring(tf.constant([[0, 1, 2], [3, 4, 5]]), 40)
    generator = Generator(flat, repetition_penalty=9.0, log_probabilities=True)
    generated = generator(tf.constant([0, 0]), (), 37, seed=3, seen=seen)
    for prompt, ids in zip(([0, 1, 2], [3, 4, 5]), generated.sequences, strict=True):
        assert sorted([*prompt, *ids.numpy()]) == list(range(40))
    expected = np.full((2, 37), -np.log(40))
    np.testing.assert_allclose(generated.log_probabilities, expected, rtol=1e-5)


def test_a_row_is_drawn_the_same_whatever_the_others_are():
    first, state = start(5)
    generator = Generator(step, end_id=3)
    whole = generator(first, state, 20, seed=4)
    for batch in (1, 2):
        first, state = start(batch)
        fewer = generator(first, state, 20, seed=4)
        np.testing.assert_array_equal(fewer.lengths, whole.lengths[:batch])
        width = fewer.sequences.shape[1]
        np.testing.assert_array_equal(fewer.sequences, whole.sequences[:batch, :width])


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 3])
def test_a_batch_may_be_known_in_one_place_and_not_in_another(rows):
    """TensorFlow knows the shapes of a graph in part, and which part is its affair."""
    spec = tf.TensorSpec([None], tf.int32)

    @tf.function(input_signature=[spec, spec, tf.TensorSpec([], tf.int32)])
    def draw(ids, length, known):
        first, state = tf.ensure_shape(ids, [rows]), (tf.zeros_like(ids), known)
        both = {"seed": 4, "chunk": 3, "end_id": 3, "log_probabilities": True}
        return generate(step, first, state, length, **both).sequences

    first, (before, count) = start(rows)
    expected = generate(step, first, (before, count), 7, seed=4, end_id=3).sequences
    found = draw(first, tf.fill([rows], 7), count)
    np.testing.assert_array_equal(found, expected)


def test_the_same_seed_draws_the_same_and_another_others():
    generator = Generator(step)
    first, state = repeat(start(1), 8)

    def draw(seed):
        return generator(first, state, 20, seed=seed).sequences.numpy().tolist()

    one = draw(1)
    assert one == draw(1) == draw(tf.constant(1)) == draw([0, 1])
    others = [draw(2), draw([1, 1]), draw(2**40)]
    assert len({str(each) for each in [one, *others]}) == 4
    assert len({str(row) for row in one}) == 8


def test_a_seed_may_be_any_kind_of_whole_number():
    generator = Generator(step)

    def draw(seed):
        return generator(*start(3), 5, seed=seed).sequences.numpy().tolist()

    expected = draw(2**24 + 1)
    kinds = (float, np.int32, np.uint64, np.float64, tf.constant, np.array)
    assert all(draw(kind(2**24 + 1)) == expected for kind in kinds)
    assert draw([0, 2**24 + 1]) == draw((0, tf.constant(2**24 + 1))) == expected
    assert draw(2**24) != expected


@pytest.mark.parametrize("chunk", [1, 4, 64])
def test_a_stream_gives_the_same_in_chunks(chunk):
    first, state = start(4)
    how = {"seed": 6, "end_id": 3, "chunk": chunk}
    generated = generate(step, first, state, 50, **how)
    pieces = list(stream(step, first, state, 50, **how))
    assert {piece.shape[1] for piece in pieces[:-1]} <= {chunk}
    np.testing.assert_array_equal(tf.concat(pieces, 1), generated.sequences)


def test_a_stream_is_drawn_no_further_than_it_is_read():
    first, state = start(2)
    read = stream(step, first, state, 2**31 - 1, seed=1, chunk=3)
    assert next(read).shape == next(read).shape == [2, 3]


def test_a_stream_gives_log_probabilities_where_they_are_wanted():
    generator = Generator(step, log_probabilities=True, end_id=2, chunk=3)
    whole = generator(*start(4), 11, seed=1)
    pairs = zip(*generator.stream(*start(4), 11, seed=1), strict=True)
    drawn, logs = (np.concatenate(pieces, axis=1) for pieces in pairs)
    assert drawn.tolist() == whole.sequences.numpy().tolist()
    assert logs.tolist() == whole.log_probabilities.numpy().tolist()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_length_of_0_and_a_batch_of_0_give_nothing(jit_compile):
    generator = Generator(step, log_probabilities=True, jit_compile=jit_compile)
    generated = generator(*start(3), 0, seed=1)
    assert generated.sequences.shape == generated.log_probabilities.shape == [3, 0]
    assert generated.lengths.numpy().tolist() == [0, 0, 0]
    assert generated.state[1] == 0
    assert generator(*start(0), 7, seed=1).sequences.shape == [0, 0]
    assert not list(generator.stream(*start(3), 0, seed=1))


def test_frames_are_drawn_and_fed_back_until_an_output_says_stop():
    """As music is: 5 notes, and a Bernoulli output that says "stop now"."""
    weights = np.random.default_rng(4).normal(size=(6, 6)).astype(np.float32)

    quiet = np.array([0, 0, 0, 0, 0, 4], np.float32)

    def play(frames, total):
        assert frames.dtype == tf.float32
        total += tf.reduce_sum(frames, 1)
        return frames @ weights - quiet, total

    first = np.random.default_rng(5).integers(0, 2, (8, 6)).astype(np.float32)
    first[:, 5] = 0
    generated = generate(
        *(play, first, tf.zeros([8]), 12),
        seed=3,
        sample=Bernoulli(),
        stop=lambda window: window[:, -1, 5] > 0.5,
        log_probabilities=True,
        chunk=5,
    )
    frames, lengths, ended = map(np.array, generated[:3])
    assert frames.shape[0] == 8
    assert frames.shape[2] == 6
    stops = frames[:, :, 5]
    assert (ended == stops.any(1)).all()
    assert set(ended) == {True, False}
    np.testing.assert_array_equal(lengths[ended], stops.argmax(1)[ended] + 1)
    for row, length in enumerate(lengths):
        assert not frames[row, length:].any()
        fed = np.concatenate([first[row : row + 1], frames[row, : length - 1]])
        ones = 1 / (1 + np.exp(-(fed @ weights - quiet)))
        drawn = frames[row, :length]
        expected = np.log(np.where(drawn == 1, ones, 1 - ones)).sum(-1)
        found = generated.log_probabilities[row, :length]
        np.testing.assert_allclose(found, expected, rtol=1e-4)
    alive = ~ended
    np.testing.assert_allclose(
        generated.state.numpy()[alive],
        first[alive].sum(-1) + frames[alive, :-1].sum((1, 2)),
    )


def test_a_saved_model_takes_any_batch_and_numbers_as_tensors(tmp_path):
    module = tf.Module()
    module.table = tf.Variable(TABLE[0])

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.int64),
            *[tf.TensorSpec([], dtype) for dtype in ("int32", "int32", "float32")],
            *[tf.TensorSpec([], dtype) for dtype in ("int32", "float32")],
        ]
    )
    def draw(ids, length, seed, temperature, top_k, top_p):
        sample = Categorical(temperature, top_k, top_p, forbid=[0])
        found = generate(
            lambda ids, _: (tf.gather(module.table, ids), ()),
            *(ids, (), length),
            **{"seed": seed, "sample": sample, "end_id": 3, "chunk": 4},
        )
        return {"ids": found.sequences, "lengths": found.lengths}

    module.draw = draw
    tf.saved_model.save(module, tmp_path / "model", signatures={"draw": draw})
    loaded = tf.saved_model.load(tmp_path / "model").signatures["draw"]
    for batch, length, numbers in ((3, 9, (0.8, 4, 0.9)), (1, 2, (0.0, 0, 1.0))):
        ids = tf.range(batch, dtype=tf.int64)
        names = ("temperature", "top_k", "top_p")
        found = loaded(
            ids=ids,
            length=tf.constant(length),
            seed=tf.constant(3),
            **dict(zip(names, map(tf.constant, numbers), strict=True)),
        )
        expected = generate(
            lambda ids, _: (tf.gather(TABLE[0], ids), ()),
            *(ids, (), length),
            **{"seed": 3, "sample": Categorical(*numbers, forbid=[0]), "end_id": 3},
        )
        assert found["ids"].dtype == tf.int64
        np.testing.assert_array_equal(found["ids"], expected.sequences)
    none = loaded(
        ids=tf.zeros([0], tf.int64),
        length=tf.constant(5),
        seed=tf.constant(1),
        temperature=tf.constant(1.0),
        top_k=tf.constant(0),
        top_p=tf.constant(1.0),
    )
    assert none["ids"].shape == [0, 0]


def test_what_cannot_be_is_refused():
    first, state = start(2)
    with pytest.raises(ValueError, match="`chunk` must be 1 or more, found 0"):
        Generator(step, chunk=0)
    with pytest.raises(ValueError, match="`length` must be 0 or more, found -1"):
        generate(step, first, state, -1, seed=1)
    with pytest.raises(ValueError, match="`length` must be 0 or more, found -1"):
        stream(step, first, state, -1, seed=1)
    with pytest.raises(ValueError, match="`seed` must be a whole number"):
        generate(step, first, state, 5, seed=1.5)
    with pytest.raises(TypeError, match="`seed` must be numbers, found None"):
        stream(step, first, state, 5, seed=None)
    with pytest.raises(ValueError, match="go together"):
        generate(step, first, state, 5, seed=1, repetition_penalty=1.2)
    with pytest.raises(ValueError, match="go together"):
        generate(step, first, state, 5, seed=1, seen=tf.zeros([2, SIZE], tf.bool))
