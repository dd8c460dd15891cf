"""What a music model computes, against the equations frame by frame."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.zoo.models.music_models import costs, make, pieces
from zoo.models import MusicModel

DRAWS = np.random.default_rng(0)
ROLL = (DRAWS.random((4, 6, 5)) < 0.4).astype("float32")
LENGTHS = np.array([6, 3, 1, 4], "int32")
VECTOR = DRAWS.normal(size=(4, 2)).astype("float32")
CASES = {
    "plain": {},
    "deep, NADE upwards, <EOS>": {
        "cell": "lstm",
        "layers": 2,
        "order": "low_to_high",
        "embedding_units": 3,
        "ending": "eos",
    },
    "each key by itself, on a state, halting": {
        "cell": "gru",
        "output": "bernoulli",
        "conditioning": 2,
        "conditioned_by": "state",
        "ending": "halt",
    },
    "on an input, its length known": {
        "conditioning": 2,
        "conditioned_by": "input",
        "ending": "length",
        "checkpoint_every": 2,
    },
    "on both": {"cell": "lstm", "layers": 2, "conditioning": 2, "ending": "halt"},
}


def vectors(model):
    return None if model.conditioning is None else VECTOR


def in_numpy(model):
    """Returns each piece's frames' costs and its ending's, without its padding."""
    return [
        costs(model, ROLL[row, :length], VECTOR[row] if model.conditioning else None)
        for row, length in enumerate(LENGTHS)
    ]


def data(model, rows=slice(None)):
    # Louder than 1, and noise beyond the end: neither changes anything.
    found = {"roll": 90 * ROLL[rows], "lengths": LENGTHS[rows]}
    if model.conditioning:
        found["vector"] = VECTOR[rows]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("arguments", CASES.values(), ids=CASES.keys())
def test_scores_and_published_metric_are_the_equations(arguments):
    model = make(**arguments)
    expected = in_numpy(model)
    found = model.score(ROLL, LENGTHS, vectors(model))
    np.testing.assert_allclose(
        found["nats_per_frame"],
        [(frames.sum() + end) / len(frames) for frames, end in expected],
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        found["published_nats_per_frame"],
        [frames[1:].sum() / max(len(frames) - 1, 1) for frames, _ in expected],
        rtol=1e-5,
    )
    model.compile(run_eagerly=True)
    batches = tf.data.Dataset.from_tensors(data(model, slice(0, 3)))
    batches = batches.concatenate(
        tf.data.Dataset.from_tensors(data(model, slice(3, 4)))
    )
    results = model.evaluate(batches, verbose=0, return_dict=True)
    nats = sum(frames[1:].sum() for frames, _ in expected)
    np.testing.assert_allclose(results["nats"], nats / np.sum(LENGTHS - 1), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_loss_is_that_of_whole_pieces_and_moves_every_weight():
    model = make(**CASES["on both"], embedding_units=3)
    model.compile()
    x = data(model)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x=x, y_pred=model(x, training=True))
    expected = sum(frames.sum() + end for frames, end in in_numpy(model))
    np.testing.assert_allclose(loss, expected / LENGTHS.sum(), rtol=1e-5)
    gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert np.any(tf.convert_to_tensor(gradient)), weight.path


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_training_makes_pieces_more_probable():
    keras.utils.set_random_seed(1)
    model = make(ending="halt", dropout=0.1)
    model.compile("adam")
    before = model.evaluate(data(model), verbose=0, return_dict=True)
    history = model.fit(data(model), epochs=20, batch_size=2, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] < before["loss"] + 1
    after = model.evaluate(data(model), verbose=0, return_dict=True)
    assert after["loss"] < before["loss"]
    assert after["nats"] < before["nats"]


def test_dropout_is_for_training_alone():
    model = make(input_dropout=0.5, dropout=0.5, layers=2)
    x = data(model)
    assert not np.allclose(model(x, training=True), model(x))
    assert np.allclose(model(x), model(x))


@pytest.mark.slow
@pytest.mark.parametrize("output", ["nade", "bernoulli"])
@pytest.mark.parametrize("ending", ["eos", "halt", "length"])
@pytest.mark.usefixtures("lean")
def test_all_pieces_have_probability_1(ending, output):
    model = make(2, ending=ending, output=output)
    if ending != "length":
        # Few pieces go beyond four frames.
        model.ending.dense.bias.assign([4.0])
    sums, longest = [], 4
    for length in range(longest + 1):
        every = pieces(2, length)
        lengths = np.full(len(every), length)
        nats = model.score(every, lengths)["nats_per_frame"].numpy() * length
        sums.append(np.exp(-nats.astype("float64")).sum())
    if ending == "length":
        lengths = tf.range(1, longest + 1)
        chances = np.exp(model.ending.log_probability(lengths))
        np.testing.assert_allclose(sums[1:], chances, rtol=1e-5)
        chances = np.exp(model.ending.log_probability(tf.range(1, 1000)))
        np.testing.assert_allclose(chances.sum(), 1, rtol=1e-9)
        return
    # A score is per frame: of no frame there is none.
    empty = 0.0
    if ending == "eos":
        empty = np.exp(-costs(model, np.zeros([0, 2]))[1])
    np.testing.assert_allclose(sum(sums[1:]) + empty, 1, atol=1e-4)


def test_lengths_are_distributed_as_those_of_training():
    model = make(ending="length")
    lengths = np.random.default_rng(0).negative_binomial(3, 0.1, 5000) + 1
    model.adapt(lengths)
    chances = np.exp(model.ending.log_probability(tf.range(1, 2000)))
    mean = chances @ np.arange(1, 2000)
    np.testing.assert_allclose(mean, lengths.mean(), rtol=1e-5)
    variance = chances @ (np.arange(1, 2000) - mean) ** 2
    np.testing.assert_allclose(variance, lengths.var(), rtol=1e-4)
    model.adapt([7, 7, 7])
    assert np.isfinite(model.ending.log_probability(tf.constant([1, 7, 500]))).all()
    for wrong in ([], [3, 0]):
        with pytest.raises(ValueError, match="at least one frame each"):
            model.adapt(wrong)


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_preset_gives_the_same_model_back(tmp_path):
    model = make(**CASES["deep, NADE upwards, <EOS>"], input_dropout=0.2)
    model.save_to_preset(tmp_path / "preset")
    copy = zoo.from_preset(tmp_path / "preset")
    assert copy.get_config() == model.get_config()
    found, expected = copy.score(ROLL, LENGTHS), model.score(ROLL, LENGTHS)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "gruu"}, "cell must be one of"),
        ({"output": "rbm"}, "output must be one of nade, bernoulli, found 'rbm'"),
        ({"ending": "stop"}, "ending must be one of eos, halt, length"),
        ({"conditioned_by": "all"}, "conditioned_by must be one of"),
        ({"layers": 0}, "layers must be at least 1"),
        ({"keys": 0}, "keys must be at least 1"),
    ],
)
def test_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        MusicModel(**arguments)


def test_pieces_that_do_not_fit_the_model_are_refused():
    model = make()
    with pytest.raises(ValueError, match=r"A roll is \(batch, steps, 5\), found"):
        model.score(ROLL[..., :4])
    with pytest.raises(ValueError, match="conditioning=None, found a vector"):
        model.score(ROLL, LENGTHS, VECTOR)
    with pytest.raises(ValueError, match="conditioning=2, found no vector"):
        make(conditioning=2).score(ROLL)
    with pytest.raises(ValueError, match=r"A vector is \(batch, 2\).*\(4, 3\)"):
        make(conditioning=2).score(ROLL, LENGTHS, np.ones([4, 3]))


@pytest.mark.parametrize("beyond", [1, -2])
def test_lengths_that_the_roll_has_not_are_refused(beyond):
    model, data = make(), {"roll": ROLL, "lengths": LENGTHS + beyond}
    model.compile("sgd")
    for refuse in (
        lambda: model.score(**data),
        lambda: model.harmonize(**data),
        lambda: model.evaluate(data, verbose=0),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match="between 0 and the 6"):
            refuse()


@pytest.mark.parametrize("by", ["input", "state"])
def test_a_piece_without_a_vector_of_its_own_is_refused(by):
    model = make(conditioning=2, conditioned_by=by)
    message = "one for each piece: found 1 for 4 pieces"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        model.score(ROLL, LENGTHS, VECTOR[:1])
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        model.generate(ROLL, 8, vector=VECTOR[:1])
