"""A language model's SavedModel, in plain TensorFlow, against the Python model."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import plain_tensorflow
from tests.zoo.models.language_models import make
from zoo import presets
from zoo.models import LanguageModel

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lean")]

PROMPTS = {
    "prompts": ["ab c", "", "é👍🏽"],
    "one prompt": ["cab"],
    "no prompt": [],
    "invalid UTF-8": [b"a\xffb"],
}
NUMBERS = {
    "as it is": (9, 1.0, 0, 1.0, 3),
    "filtered": (9, 0.8, 4, 0.9, 4),
    "greedy": (9, 0.0, 0, 1.0, 0),
    "no length": (0, 1.0, 0, 1.0, 0),
    "for each row": ([9, 0, 4], [1.0, 0.5, 2.0], [0, 3, 1], [1.0, 0.5, 1.0], [7, 8, 9]),
    "one for all": ([9], [0.5], [0], [0.9], [7]),
}
WRONG = {
    "length": [(-1, "0 to 10000"), (10_001, "10001"), ([1, 2], "each of 3 rows")],
    "temperature": [(-1.0, "0 or more"), (float("nan"), "nan"), ([[1.0]], "shape")],
    "top_k": [(-1, "0 or more"), ([1, -1, 1], "1 -1 1")],
    "top_p": [(0.0, "above 0"), (1.5, "at most 1"), (float("nan"), "nan")],
    "seed": [([1, 2], "each of 3 rows")],
}


@pytest.fixture(scope="module", params=[0, 5], ids=["plain", "cache"])
def served(request):
    arguments = {"cell": "lstm", "layers": 2, "sentences": True, "tied": True}
    model = make(**arguments, dropout=0.1, cache=request.param, cache_threshold=0.5)
    model.softmax.bias.assign(model.softmax.bias + 1.0 * tf.one_hot(3, 10))
    return model


def numbers(name):
    length, temperature, top_k, top_p, seed = NUMBERS[name]
    return {
        "length": (length, "int32"),
        "temperature": (temperature, "float32"),
        "top_k": (top_k, "int32"),
        "top_p": (top_p, "float32"),
        "seed": (seed, "int64"),
    }


def states(count, rows):
    draws = np.random.default_rng(0).normal(size=(count, rows, 4))
    return {
        f"state_{number}": (draw.tolist(), "float32", (rows, 4))
        for number, draw in enumerate(draws, start=1)
    }


@pytest.fixture(scope="module")
def folder(served, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_model")
    served.export(folder / "model")
    return folder


@pytest.fixture(scope="module", params=["python", "session"])
def answers(request, folder):
    calls = {"names": ("model", "token_names", {})}
    for name, texts in PROMPTS.items():
        prompt = texts, "string"
        for signature in ("serving_default", "start"):
            calls[signature, name] = "model", signature, {"prompt": prompt}
        calls["score", name] = "model", "score", {"text": prompt}
        inputs = {"prompt": prompt, **numbers("filtered")}
        calls["generate", name] = "model", "generate", inputs
    for name in NUMBERS:
        inputs = {"prompt": (PROMPTS["prompts"], "string"), **numbers(name)}
        calls["numbers", name] = "model", "generate", inputs
    for name, values in WRONG.items():
        for place, (value, _) in enumerate(values):
            inputs = numbers("as it is")
            inputs[name] = (value, inputs[name][1])
            inputs["prompt"] = (PROMPTS["prompts"], "string")
            calls["wrong", name, place] = "model", "generate", inputs
    for number in range(2):
        for kind, seed in (("for all", -1), ("for each", 15 * [-1] + [5])):
            inputs = {**numbers("as it is"), "seed": (seed, "int64")}
            inputs["length"] = (40, "int32")
            inputs["prompt"] = (16 * ["a"], "string")
            calls["new", kind, number] = "model", "generate", inputs
    for rows in (0, 3):
        inputs = {"tokens": (list(range(4, 4 + rows)), "int32", (rows,))}
        calls["step", rows] = "model", "step", inputs | states(4, rows)
    return plain_tensorflow.ask(folder, calls, request.param)


def check(found, expected):
    """Compares what came back with the Python model's tensors by name."""
    assert isinstance(found, dict), found
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == value.shape
        if value.dtype == tf.string:
            assert found[name].tolist() == value.numpy().tolist()
        else:
            np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5)


def stepped(logits, state):
    named = {f"state_{number}": each for number, each in enumerate(state, start=1)}
    return {"logits": logits, **named}


@pytest.mark.parametrize("name", PROMPTS)
def test_plain_tensorflow_answers_as_the_model_does(name, served, answers):
    found, _ = answers
    texts = tf.constant(PROMPTS[name], tf.string)
    check(found["score", name], served.score(texts))
    check(found["start", name], stepped(*served.start(texts)))
    assert found["serving_default", name]["text"].shape == texts.shape
    _, temperature, top_k, top_p, seed = NUMBERS["filtered"]
    filters = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    expected = served.generate(texts, 9, seed=seed, **filters)
    check(found["generate", name], {"text": expected})


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_do_what_they_do_in_python(name, served, answers):
    length, temperature, top_k, top_p, seed = NUMBERS[name]
    filters = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    expected = served.generate(PROMPTS["prompts"], length, seed=seed, **filters)
    check(answers[0]["numbers", name], {"text": expected})


def test_what_is_out_of_its_range_is_told(answers):
    for name, values in WRONG.items():
        for place, (_, message) in enumerate(values):
            found = answers[0]["wrong", name, place]
            assert isinstance(found, str), (name, found)
            assert f"`{name}` must be" in found
            assert message in found


def test_a_negative_seed_is_a_new_one_at_each_call(answers):
    # Some rows end at once, in both calls, for these are sentences: 15 of them don't.
    found = answers[0]
    first, second = (found["new", "for all", n]["text"].tolist() for n in range(2))
    assert first != second
    assert len(set(first)) > 1
    first, second = (found["new", "for each", n]["text"].tolist() for n in range(2))
    assert first[:15] != second[:15]
    assert first[15] == second[15]
    assert len(set(first[:15])) > 1


@pytest.mark.parametrize("rows", [0, 3])
def test_a_step_is_the_models(rows, served, answers):
    state = [tf.constant(*each) for each in states(4, rows).values()]
    expected = served.step(tf.range(4, 4 + rows), state)
    check(answers[0]["step", rows], stepped(*expected))


def test_plain_tensorflow_knows_the_tokens(served, answers):
    found, signatures = answers
    tokens = [token.encode() for token in served.vocabulary.tokens]
    assert found["names"]["token_names"].tolist() == tokens
    names = ["generate", "names", "score", "serving_default", "start", "step"]
    assert signatures == {"model": [*names, "token_names"]}


def test_the_streaming_pair_goes_the_way_of_generate(served):
    prompts = tf.constant(PROMPTS["prompts"])
    text = served.generate(prompts, 6, temperature=0).numpy()
    logits, state = served.start(prompts)
    for number in range(6):
        impossible = tf.one_hot([0, 1, 2], 10, on_value=-1e9)
        ids = tf.argmax(logits + tf.reduce_sum(impossible, 0), -1, tf.int32)
        for row, drawn in enumerate(ids.numpy()):
            characters = text[row].decode()
            if number < len(characters):
                assert served.vocabulary.tokens[drawn] == characters[number]
            elif number == len(characters):
                assert drawn == 3
        logits, state = served.step(ids, state)


def test_preset_gives_the_same_model_back_with_defaults_in_its_graph(tmp_path, served):
    served.save_to_preset(tmp_path / "preset")
    copy = presets.load(tmp_path / "preset")
    assert isinstance(copy, LanguageModel)
    assert copy.get_config() == served.get_config()
    prompts = tf.constant(PROMPTS["prompts"])
    expected = served.generate(prompts, seed=1).numpy().tolist()
    assert copy.generate(prompts, seed=1).numpy().tolist() == expected
    loaded = tf.saved_model.load(tmp_path / "preset" / "saved_model")
    assert loaded.generate(prompts, seed=1)["text"].numpy().tolist() == expected
    shorter = served.generate(prompts, 4, temperature=0.5, seed=1).numpy().tolist()
    found = loaded.generate(prompts, length=4, temperature=0.5, seed=1)["text"]
    assert found.numpy().tolist() == shorter
    _, state = served.start(prompts)
    found = loaded.step(tf.constant([4, 5, 6]), state)["logits"]
    expected, _ = served.step(tf.constant([4, 5, 6]), state)
    np.testing.assert_allclose(found, expected, atol=1e-5)
