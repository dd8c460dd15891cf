"""What SavedModels take and return: batches, however they are run."""

import base64
import json

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import plain_tensorflow, rest_server, test_export, test_warm_up
from tests.zoo.cells.units import draw_weights
from tests.zoo.models import language_models, music_models, translators
from zoo import export
from zoo.models import SequenceTagger

pytestmark = pytest.mark.slow

TEXTS = {
    "classifier": {"serving_default": ["text"]},
    "language_model": {"score": ["text"], "start": ["prompt"]},
    "tagger": {"serving_default": ["text"], "tag_tokens": ["tokens"]},
    "translator": {"serving_default": ["text"], "score": ["text", "translation"]},
}
SHAPES = {"scalar": (), "column": (2, 1), "deeper": (1, 1, 1), "no rows": (0,)}
STATES = {
    "an unknown token": ([10], (1, 4), "`tokens` must be ids from 0 to 9, found [10]"),
    "a negative token": ([-1], (1, 4), "`tokens` must be ids from 0 to 9, found [-1]"),
    "another size": ([4], (1, 5), "`state_1` must be float32 numbers of shape"),
    "another batch": ([4], (2, 4), "`state_1` has 2 rows, `tokens` 1: give pairs"),
    "no batch": ([4], (4,), "found the shape [4]"),
}


def make():
    tagger = SequenceTagger(["a", "b"], ["a"], ["a", "b"], ["O", "B-X", "I-X"], units=2)
    draw_weights(tagger)
    return {
        "classifier": test_export.make("words"),
        "language_model": language_models.make(cell="gru"),
        "music_model": music_models.make(),
        "tagger": tagger,
        "translator": translators.make(),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_models")
    for name, model in make().items():
        model.export(folder / name)
    return folder


@pytest.fixture(scope="module", params=["python", "session"])
def answers(request, folder):
    calls = {}
    for model, signatures in TEXTS.items():
        for signature, names in signatures.items():
            for kind, shape in SHAPES.items():
                value = np.full(shape, "a").ravel().tolist(), "string", shape
                inputs = dict.fromkeys(names, value)
                calls[model, signature, kind] = model, signature, inputs
    for kind, (tokens, shape, _) in STATES.items():
        state = np.zeros(shape).ravel().tolist(), "float32", shape
        inputs = {"tokens": (tokens, "int32"), "state_1": state}
        calls[kind] = "language_model", "step", inputs
    pair = {"text": (["a"], "string"), "translation": (["a", "b"], "string")}
    calls["unpaired"] = "translator", "score", pair
    return plain_tensorflow.ask(folder, calls, request.param)[0]


@pytest.mark.parametrize("model", TEXTS)
def test_a_text_that_is_no_batch_is_told_by_a_sentence(model, answers):
    for signature in TEXTS[model]:
        for kind, shape in SHAPES.items():
            found = answers[model, signature, kind]
            if shape == ((2, 1) if signature == "tag_tokens" else (0,)):
                assert isinstance(found, dict), found
                assert {len(each) for each in found.values()} == {shape[0]}
            else:
                assert isinstance(found, str), (signature, kind)
                assert "must be strings of shape (batch," in found
                assert f"found the shape [{' '.join(map(str, shape))}]" in found


def test_a_step_tells_wrong_tokens_and_states(answers):
    for kind, (_, _, message) in STATES.items():
        assert isinstance(answers[kind], str), kind
        assert message in answers[kind]


def test_texts_and_translations_go_in_pairs(answers):
    assert "`translation` has 2 rows, `text` 1: give pairs" in answers["unpaired"]


def test_a_server_that_makes_batches_can_begin_with_the_first_requests(folder):
    calls = {}
    for path in saved_models(folder):
        for signature, inputs in test_warm_up.requests(path).items():
            # Such a server takes no input without an axis, and none of other rows.
            assert {each.shape[:1] for each in inputs.values()} == {(1,)}, signature
            calls[path.name, signature] = path.name, signature, _typed(inputs)
    answers, signatures = plain_tensorflow.ask(folder, calls, "session")
    for (model, signature), found in answers.items():
        assert isinstance(found, dict), (model, signature, found)
        assert {len(each) for each in found.values()} == {1}, (model, signature)
    assert len(signatures) == 5
    for model, names in signatures.items():
        unasked = [name for name in names if (model, name) not in calls]
        assert all(name.endswith("_names") for name in unasked)  # they take nothing


def _typed(inputs):
    """Returns arrays as `plain_tensorflow.ask` takes them."""
    return {
        name: (
            each.ravel().tolist(),
            "string" if each.dtype == object else each.dtype.name,
            each.shape,
        )
        for name, each in inputs.items()
    }


def test_signatures_declare_a_batch(folder):
    for name, signatures in TEXTS.items():
        with tf.compat.v1.Session(graph=tf.Graph()) as session:
            load = tf.compat.v1.saved_model.loader.load
            declared = load(session, ["serve"], str(folder / name)).signature_def
        for signature, names in signatures.items():
            for each in names:
                shape = declared[signature].inputs[each].tensor_shape
                rank = 2 if signature == "tag_tokens" else 1
                assert [size.size for size in shape.dim] == rank * [-1]


def saved_models(folder):
    """Returns the models' folders; files of the programs that asked lie beside them."""
    return [path.parent for path in sorted(folder.glob("*/saved_model.pb"))]


def test_every_output_has_the_batch_in_front(folder):
    for path in saved_models(folder):
        for signature, sides in export.read_signatures(path).items():
            first = [info["shape"][0] for info in sides["outputs"].values()]
            if sides["inputs"]:
                assert set(first) == {None}, (path, signature)
            else:  # no batch comes in: all names, which `names` tells by batches
                assert list(sides["outputs"]) == [signature]
                assert signature.endswith("_names")


@pytest.fixture(scope="module")
def ask(folder):
    with rest_server.serving({path.name: path for path in saved_models(folder)}) as ask:
        yield ask


NAMES = {"classifier": "class", "tagger": "tag", "language_model": "token"}


@pytest.mark.parametrize("model", NAMES)
def test_names_are_told_by_rest_by_columns_and_by_rows(model, ask, folder):
    own = f"{NAMES[model]}_names"
    names = tf.saved_model.load(str(folder / model)).signatures[own]()[own]
    names = [name.decode() for name in names.numpy().tolist()]
    asked = {"signature_name": "names"}
    assert ask(model, asked | {"inputs": []}) == {"outputs": names}
    assert ask(model, asked | {"inputs": {"ids": [1, 0]}}) == {"outputs": names[1::-1]}
    assert ask(model, asked | {"instances": [1, 1]}) == {"predictions": 2 * names[1:2]}
    answer = ask(model, asked | {"instances": [{"ids": len(names)}]})
    assert f"`ids` must be from 0 to {len(names) - 1}" in answer["error"]
    answer = ask(model, {"signature_name": own, "inputs": {}})
    assert "Failed to get input map" in answer["error"]


def test_strings_and_bytes_are_asked_by_rest(ask):
    texts = ["good", "b\u00e4d", "\0"]
    encoded = [{"b64": base64.b64encode(text.encode()).decode()} for text in texts]
    rows = ask("classifier", {"instances": texts})["predictions"]
    assert ask("classifier", {"instances": encoded})["predictions"] == rows
    named = [{"text": text} for text in encoded]
    assert ask("classifier", {"instances": named})["predictions"] == rows
    columns = ask("classifier", {"inputs": {"text": encoded}})["outputs"]
    assert columns["label"] == [row["label"] for row in rows]
    assert columns["probabilities"] == [row["probabilities"] for row in rows]
    answer = ask("classifier", {"instances": [{"b64": "//8="}]})  # no UTF-8
    assert answer["predictions"][0].keys() == rows[0].keys()


def test_what_rest_cannot_take_is_told(ask):
    for model, request, sentence in (
        ("classifier", {"inputs": "good"}, "`text` must be strings of shape (batch,)"),
        ("classifier", {"instances": [3]}, "3 is not of expected type: string"),
        ("tagger", {"instances": [["a"], ["b"]]}, "must be strings of shape (batch,)"),
        ("nobody", {"instances": ["good"]}, "Malformed request"),
    ):
        assert sentence in ask(model, request)["error"]


def test_translations_that_there_are_not_have_a_score_that_json_can_hold(ask):
    for signature in ("serving_default", "translate"):
        row = {"text": ""}
        if signature == "translate":
            row |= {"length_penalty": 0.6, "coverage_penalty": 0.0, "max_length": -1}
        request = {"signature_name": signature, "instances": [row]}
        (answer,) = ask("translator", request)["predictions"]
        lowest = float(np.finfo("float32").min)
        assert answer["scores"] == [0.0, lowest, lowest, lowest]
        assert answer["log_probabilities"] == answer["scores"]
        assert answer["translations"] == ["", "", "", ""]


def test_all_functions_of_all_models_answer_rows(ask, folder):
    """Each function gets two rows, and answers with two."""
    given = {
        "string": "a b",
        "int32": 1,
        "int64": 1,
        "float32": 0.5,
    }
    special = {
        ("music_model", "primer"): [],
        ("music_model", "roll"): [[0.0] * 5],
        ("music_model", "steps"): 3,
        ("tagger", "tokens"): ["a", "b"],
        ("translator", "coverage_penalty"): 0.0,
    }
    for path in saved_models(folder):
        model = path.name
        for signature, sides in export.read_signatures(path).items():
            row = {}
            for name, info in sides["inputs"].items():
                value = special.get((model, name), given[info["dtype"]])
                if name.startswith("state_"):
                    value = [0.0] * info["shape"][1]
                row[name] = value
            if row:
                request = {"signature_name": signature, "instances": [row, row]}
                answer = ask(model, request)
                assert len(answer["predictions"]) == 2, (model, signature, answer)
                json.dumps(answer, allow_nan=False)
