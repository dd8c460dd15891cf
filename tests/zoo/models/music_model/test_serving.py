"""A music model's SavedModel, in plain TensorFlow, against the Python model."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import plain_tensorflow
from tests.zoo.models.music_models import make

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lean")]

ARGUMENTS = {
    "halting": {"layers": 2, "ending": "halt", "dropout": 0.1},
    "conditioned": {"cell": "gru", "conditioning": 2, "ending": "length"},
}
ROWS = {"pieces": 3, "no rows": 0}
NUMBERS = 9, 0.8, 4
WRONG = {
    "another width": {"primer": np.zeros([1, 2, 4], "float32")},
    "no width": {"primer": np.zeros([1, 2, 0], "float32")},
    "no batch": {"primer": np.zeros([2, 5], "float32")},
    "a number": {"primer": np.zeros([], "float32")},
    "numbers": {"primer": np.zeros([1], "float32")},
    "too deep": {"primer": np.zeros([1, 1, 1, 5], "float32")},
    "NaN": {"primer": np.full([1, 2, 5], np.nan, "float32")},
    "negative": {"primer": np.full([1, 2, 5], -1, "float32")},
}


@pytest.fixture(scope="module")
def served():
    return {name: make(**arguments) for name, arguments in ARGUMENTS.items()}


def inputs(model, rows):
    """Returns a roll, its lengths, and the vectors by name if the model takes any."""
    random = np.random.default_rng(0)
    roll = (random.random((rows, 4, 5)) < 0.4).astype("float32")
    lengths = np.array([4, 2, 0], "int32")[:rows]
    if model.conditioning is None:
        return roll, lengths, {}
    return roll, lengths, {"vector": random.normal(size=(rows, 2)).astype("float32")}


def as_call(tensors):
    return {
        name: (value.ravel().tolist(), value.dtype.name, value.shape)
        for name, value in tensors.items()
    }


@pytest.fixture(scope="module")
def folder(served, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_model")
    for name, model in served.items():
        model.export(folder / name)
    return folder


@pytest.fixture(scope="module", params=["python", "session"])
def answers(request, served, folder):
    calls = {}
    numbers = dict(zip(("steps", "temperature", "seed"), NUMBERS, strict=True))
    types = {"steps": "int32", "temperature": "float32", "seed": "int64"}
    numbers = {name: (value, types[name], ()) for name, value in numbers.items()}
    for name, model in served.items():
        for rows in ROWS.values():
            roll, lengths, vector = inputs(model, rows)
            beginning = as_call({"primer": roll[:, :2], **vector})
            calls[name, rows, "serving_default"] = name, "serving_default", beginning
            calls[name, rows, "generate"] = name, "generate", beginning | numbers
            pieces = as_call({"roll": roll, "lengths": lengths, **vector})
            calls[name, rows, "score"] = name, "score", pieces
    nothing = as_call({"primer": np.zeros([2, 0, 5], "float32")})
    calls["no primer"] = "halting", "generate", nothing | numbers
    for shape in ((2, 0), (0,)):
        nothing = as_call({"primer": np.zeros(shape, "float32")})
        calls["nothing", shape] = "halting", "generate", nothing | numbers
    for name, primer in WRONG.items():
        calls["wrong", name] = "halting", "generate", as_call(primer) | numbers
    nothing = {"roll": np.zeros([2, 0, 5], "float32"), "lengths": np.zeros(2, "int32")}
    calls["no steps"] = "halting", "score", as_call(nothing)
    long = as_call({"primer": np.zeros([1, 10, 5], "float32")})
    calls["long primer"] = "halting", "generate", long | numbers
    return plain_tensorflow.ask(folder, calls, request.param)


def check(found, expected):
    assert isinstance(found, dict), found
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.numpy().dtype
        assert found[name].shape == value.shape
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5)


def drawn(model, primer, steps, temperature, seed, vector=None):
    arguments = {"temperature": temperature, "seed": seed, "vector": vector}
    roll, lengths = model.generate(primer, steps, **arguments)
    return {"roll": roll, "lengths": lengths}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS.keys())
@pytest.mark.parametrize("name", ARGUMENTS)
def test_plain_tensorflow_answers_as_the_model_does(name, rows, served, answers):
    model, found = served[name], answers[0]
    roll, lengths, vector = inputs(model, rows)
    check(found[name, rows, "score"], model.score(roll, lengths, **vector))
    expected = drawn(model, roll[:, :2], *NUMBERS, **vector)
    assert expected["roll"].shape == (rows, 9, 5)
    check(found[name, rows, "generate"], expected)
    default = found[name, rows, "serving_default"]
    assert default["roll"].shape == (rows, 2 + 128, 5)
    np.testing.assert_array_equal(default["roll"][:, :2], roll[:, :2])


def test_plain_tensorflow_begins_with_nothing_and_names_a_long_primer(served, answers):
    found, signatures = answers
    model = served["halting"]
    check(found["no primer"], drawn(model, np.zeros([2, 0, 5]), *NUMBERS))
    check(found["no steps"], model.score(np.zeros([2, 0, 5]), np.zeros(2)))
    for shape in ((2, 0), (0,)):
        pieces = drawn(model, np.zeros([2 if len(shape) == 2 else 1, 0, 5]), *NUMBERS)
        check(found["nothing", shape], pieces)
    assert "The primer has 10 steps, pieces are to have [9]" in found["long primer"]
    names = ["generate", "score", "serving_default"]
    assert signatures == dict.fromkeys(ARGUMENTS, names)


def test_a_primer_that_is_none_is_told(answers):
    for name in WRONG:
        found = answers[0]["wrong", name]
        assert isinstance(found, str), (name, found)
        assert "`primer` must " in found, name


def test_a_loaded_model_takes_python_numbers_and_defaults(served, folder):
    model, loaded = served["conditioned"], tf.saved_model.load(folder / "conditioned")
    roll, _, vector = inputs(model, 3)
    found = loaded.generate(roll[:, :2], 9, 0.8, 4, vector["vector"])
    check(dict(found), drawn(model, roll[:, :2], *NUMBERS, **vector))
    found = loaded.generate(roll[:, :2], **vector)
    assert found["roll"].shape == (3, 128, 5)
    again = loaded.generate(roll[:, :2], **vector)
    assert np.any(found["roll"] != again["roll"])
