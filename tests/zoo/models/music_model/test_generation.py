"""Pieces drawn from a music model, against how probable it says they are."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo.layers.frames import every_frame
from tests.zoo.models.music_models import costs, make, pieces
from zoo.layers import BY_CELL, LSTM
from zoo.models.music_model import generation

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lean")]

ROWS = 6000


def check_frequencies(counts, chances):
    """Checks counts of draws against their probabilities, by χ²."""
    expected = counts.sum() * np.array(chances)
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum() + 1e-9)
    statistic = np.sum((counts - expected) ** 2 / np.maximum(expected, 1))
    freedom = len(counts) - 1
    # Beyond four standard deviations of χ².
    assert statistic < freedom + 4 * np.sqrt(2 * freedom)


@pytest.mark.parametrize(("ending", "output"), [("eos", "nade"), ("halt", "bernoulli")])
def test_pieces_come_as_often_as_they_are_probable(ending, output):
    model = make(1, ending=ending, output=output)
    roll, lengths = model.generate(np.zeros([ROWS, 0, 1]), 3, seed=4)
    assert roll.shape == (ROWS, 3, 1)
    after = np.arange(3) >= lengths.numpy()[:, None]
    assert not roll.numpy()[after].any()
    names, chances = [], []
    for length in range(1 if ending == "halt" else 0, 3):
        for piece in pieces(1, length):
            frames, end = costs(model, piece)
            names.append((length, *piece[:, 0]))
            chances.append(np.exp(-frames.sum() - end))
    drawn = [
        (length, *row[:length, 0])
        for row, length in zip(roll.numpy(), lengths.numpy(), strict=True)
        if length < 3
    ]
    counts = np.array([drawn.count(name) for name in names] + [ROWS - len(drawn)])
    check_frequencies(counts, [*chances, 1 - sum(chances)])
    assert 100 < counts[-1] < ROWS - 100


def test_a_length_is_drawn_first_and_kept():
    model = make(1, ending="length")
    roll, lengths = model.generate(np.ones([ROWS, 1, 1]), 5, seed=4)
    # The primer is one frame long: no piece is.
    chances = np.exp(model.ending.log_probability(tf.range(2, 500)))
    chances /= chances.sum()
    counts = np.bincount(lengths, minlength=6)[2:]
    check_frequencies(counts, [*chances[:3], chances[3:].sum()])
    three = roll.numpy()[lengths.numpy() == 3, 1:3, 0] @ [2, 1]
    logs = [-costs(model, np.array([[1.0], *p]))[0][1:].sum() for p in pieces(1, 2)]
    check_frequencies(np.bincount(three.astype(int), minlength=4), np.exp(logs))


@pytest.mark.parametrize(
    "arguments",
    [
        {"cell": "gru", "layers": 2, "embedding_units": 3, "ending": "length"},
        {"cell": "lstm", "conditioning": 2, "output": "bernoulli"},
        {"cell": "without a kernel", "layers": 2},
    ],
)
def test_step_by_step_is_the_whole(arguments, monkeypatch):
    peephole = functools.partial(LSTM, peephole=True)
    monkeypatch.setitem(BY_CELL, "without a kernel", peephole)
    model = make(**arguments)
    given = {"vector": np.ones([1, 2])} if model.conditioning else {}
    assert model.generate(steps=2, **given)[0].shape[::2] == (1, 5)
    roll = (np.random.default_rng(1).random((3, 6, 5)) < 0.5).astype("float32")
    total = tf.constant([9, 6, 7])
    vector = tf.ones([3, 2]) if model.conditioning else None
    whole = model({"roll": roll, "lengths": total, "vector": vector})
    walk = generation.Walk(model, total, vector)
    inputs, state = walk.read(tf.constant(roll[:, :4]))
    (hidden, *_), state = walk(inputs, state)
    np.testing.assert_allclose(hidden, whole[:, 4], atol=1e-5)
    (hidden, *_), _ = walk(tf.pad(roll[:, 4], [[0, 0], [0, 1]]), state)
    np.testing.assert_allclose(hidden, whole[:, 5], atol=1e-5)


def test_generation_keeps_the_primer_and_hangs_on_seed_temperature_and_vector():
    model = make(8, cell="gru", conditioning=2)
    primer = np.random.default_rng(0).integers(0, 2, (3, 2, 8))
    vector = np.ones([3, 2])
    roll, lengths = model.generate(127 * primer, 7, seed=1, vector=vector)
    np.testing.assert_array_equal(roll[:, :2], primer)
    assert lengths.numpy().tolist() == [7, 7, 7]
    again, _ = model.generate(primer, 7, seed=1, vector=vector)
    np.testing.assert_array_equal(again, roll)
    for other in ({"seed": 2}, {"vector": -vector}, {"temperature": 0.0}):
        arguments = {"seed": 1, "vector": vector} | other
        assert np.any(model.generate(primer, 7, **arguments)[0] != roll)
    greedy = [
        model.generate(primer, 7, seed=seed, vector=vector, temperature=0)[0]
        for seed in range(2)
    ]
    np.testing.assert_array_equal(*greedy)
    one, _ = model.generate(primer[:1], 7, seed=1, vector=vector[:1])
    np.testing.assert_array_equal(one[0], roll[0])


@pytest.mark.parametrize("ending", [None, "eos", "halt", "length"])
def test_a_piece_with_numbers_of_its_own_is_what_it_would_be_alone(ending):
    model = make(ending=ending)
    primer = np.random.default_rng(0).integers(0, 2, (3, 2, 5))
    steps, temperature, seeds = [9, 2, 5], [1.0, 0.5, 2.0], [3, 4, 3]
    roll, lengths = model.generate(primer, steps, temperature=temperature, seed=seeds)
    assert roll.shape == (3, 9, 5)
    for row, most in enumerate(steps):
        numbers = {"temperature": temperature[row], "seed": seeds[row]}
        alone, [length] = model.generate(primer[row : row + 1], most, **numbers)
        assert lengths[row] == length
        np.testing.assert_array_equal(roll[row, :most], alone[0])
        assert not roll.numpy()[row, most:].any()


def test_pieces_differ_from_call_to_call_unless_a_seed_is_given():
    model = make()
    for draw in (
        lambda: model.generate(steps=40)[0],
        lambda: model.harmonize(np.ones([1, 40, 5])),
    ):
        assert np.any(draw() != draw())


def test_a_model_begins_with_nothing_and_draws_no_steps_and_no_rows():
    model = make()
    roll, lengths = model.generate(steps=4)
    assert (roll.shape, lengths.numpy().tolist()) == ((1, 4, 5), [4])
    assert model.generate(steps=0)[0].shape == (1, 0, 5)
    assert model.generate(np.ones([2, 3, 5]), 3)[0].numpy().all()
    assert model.generate(np.zeros([0, 0, 5]), 3)[0].shape == (0, 3, 5)


@pytest.mark.parametrize("output", ["nade", "bernoulli"])
def test_melodies_are_harmonized_by_what_is_probable_below_them(output):
    model = make(4, output=output)
    melody = np.array([[0, 0, 0, 0], [1, 0, 1, 0]], "float32")
    roll = np.repeat(melody[None], ROWS, axis=0)
    found = model.harmonize(roll, seed=3).numpy()
    # The first frame is silent as the melody is; in the second, the third key sounds.
    assert not found[:, 0].any()
    assert found[:, 1, 2].all()
    assert not found[:, 1, 3].any()
    chances = []
    for below in every_frame(2):
        piece = np.stack([melody[0], [*below, 1, 0]])
        chances.append(np.exp(-costs(model, piece)[0][1]))
    counts = np.bincount((found[:, 1, :2] @ [2, 1]).astype(int), minlength=4)
    check_frequencies(counts, np.array(chances) / np.sum(chances))


@pytest.mark.parametrize("output", ["nade", "bernoulli"])
def test_only_what_is_free_is_drawn_and_the_rest_stays(output):
    model = make(4, output=output)
    roll = np.repeat(np.array([[[1, 0, 1, 0]]], "float32"), ROWS, axis=0)
    free = np.zeros_like(roll)
    free[..., [1, 3]] = 1
    found = model.harmonize(roll, seed=3, free=free).numpy()[:, 0]
    np.testing.assert_array_equal(found[:, [0, 2]], np.ones([ROWS, 2]))
    assert 0 < found[:, 1].mean() < 1
    assert 0 < found[:, 3].mean() < 1
    with pytest.raises(ValueError, match=r"`free` .* Found \(1, 4\)"):
        model.harmonize(roll, free=np.ones([1, 4]))


def test_no_melodies_have_harmonies_of_their_length():
    assert make().harmonize(np.ones([0, 4, 5])).shape == (0, 4, 5)
    assert make().harmonize(np.ones([2, 0, 5])).shape == (2, 0, 5)


def test_a_roll_may_be_of_bools():
    model, roll = make(), np.eye(5)[None]
    drawn = [model.harmonize(each, seed=3).numpy() for each in (roll, roll > 0)]
    np.testing.assert_array_equal(*drawn)
    nats = [model.score(each)["nats_per_frame"] for each in (roll, roll > 0)]
    np.testing.assert_array_equal(*nats)


def test_harmonies_end_with_their_melody():
    model = make(ending="length")
    roll = model.harmonize(np.ones([2, 4, 5]), [4, 2]).numpy()
    assert roll[:, :, 4].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert not roll[1, 2:].any()


def test_numbers_without_a_fraction_are_whole_numbers():
    model = make()
    expected, _ = model.generate(steps=6, seed=2)
    for steps, seed in [(6.0, 2.0), (np.float32(6), np.int8(2)), ([6.0], 2)]:
        np.testing.assert_array_equal(
            model.generate(None, steps, seed=seed)[0], expected
        )
    melody = np.ones([1, 3, 5])
    harmonies = [model.harmonize(melody, seed=seed) for seed in (2, 2.0)]
    np.testing.assert_array_equal(*harmonies)


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (1.5, ValueError, "whole number"),
        ("x", TypeError, "numbers"),
        (2**64, ValueError, ""),
    ],
)
def test_a_seed_that_is_none_is_named(seed, error, message):
    model = make()
    for draw in (
        model.generate,
        lambda **how: model.harmonize(np.ones([1, 2, 5]), **how),
    ):
        with pytest.raises(error, match=f"`seed` must be .*{message}"):
            draw(seed=seed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -0.1}, "temperature` must be 0 or more"),
        ({"temperature": float("nan")}, "temperature` must be 0 or more"),
        ({"primer": np.full([1, 4, 5], np.nan)}, "primer` must be 0 or more"),
        ({"primer": -np.ones([1, 4, 5])}, "primer` must be 0 or more, found -1"),
        ({"primer": np.ones([2, 4, 5]), "steps": [4, 3]}, "primer has 4 steps"),
        ({"steps": -1}, "must be 0 or more, found -1"),
        ({"primer": np.ones([1, 4, 5]), "steps": 3}, "primer has 4 steps.* have 3"),
        ({"primer": np.ones([1, 4, 6])}, r"\(batch, steps, 5\), found \(1, 4, 6\)"),
    ],
)
def test_a_number_out_of_its_range_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        make().generate(**arguments)


def test_a_model_that_draws_upwards_does_not_harmonize():
    with pytest.raises(ValueError, match="order='high_to_low'"):
        make(order="low_to_high").harmonize(np.ones([1, 2, 5]))
