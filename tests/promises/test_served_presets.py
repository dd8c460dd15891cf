"""The shipped SavedModels where they are served: in sessions, by commands, packed."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.warm_interpreter import WarmInterpreter
from tests.zoo import plain_tensorflow, rest_server, test_warm_up
from zoo import export

ROOT = Path(__file__).parents[2] / "pretrained"
PRESETS = sorted(path.name for path in ROOT.iterdir() if path.is_dir())
TEXTS = ["A wonderful film, and not a minute too long.", "Ein Hund läuft.", ""]

pytestmark = pytest.mark.slow


def calls_of(preset):
    """Returns signatures of a preset whose answers don't hang on chance, and inputs."""
    template = preset.split("_")[0]
    if template == "music":
        roll = np.zeros((2, 8, 88), "float32")
        roll[:, ::2, 39:47:4] = 1
        numbers = {
            "steps": (12, "int32"),
            "temperature": ([0.9, 1.0], "float32"),
            "seed": ([1, 2], "int64"),
        }
        return {
            "score": {"roll": (roll, "float32"), "lengths": ([8, 5], "int32")},
            "generate": {"primer": (roll, "float32"), **numbers},
        }
    if template == "text":
        numbers = {
            "length": (8, "int32"),
            "temperature": (0.8, "float32"),
            "top_k": (0, "int32"),
            "top_p": (0.9, "float32"),
            "seed": (3, "int64"),
        }
        return {
            "score": {"text": (TEXTS, "string")},
            "generate": {"prompt": (TEXTS, "string"), **numbers},
        }
    calls = {"serving_default": {"text": (TEXTS, "string")}}
    if template == "translation":
        pair = {"text": (TEXTS, "string"), "translation": (TEXTS, "string")}
        calls |= {"greedy": {"text": (TEXTS, "string")}, "score": pair}
    return calls


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What all presets answer in Python, loaded in one process."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "pretrained").symlink_to(ROOT)
    calls = {
        (preset, signature): (f"pretrained/{preset}/saved_model", signature, inputs)
        for preset in PRESETS
        for signature, inputs in calls_of(preset).items()
    }
    return plain_tensorflow.ask(folder, calls)[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_answer_has_the_batch_in_front(preset, answers):
    rows = 2 if preset.startswith("music") else len(TEXTS)
    for signature in calls_of(preset):
        found = answers[preset, signature]
        assert isinstance(found, dict), found
        assert {len(value) for value in found.values()} == {rows}


@pytest.fixture(scope="module")
def ask():
    paths = {preset: ROOT / preset / "saved_model" for preset in PRESETS}
    with rest_server.serving(paths) as ask:
        yield ask


def assert_told(plain, expected):
    """Checks what came by JSON."""
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(plain, expected, rtol=1e-4, atol=1e-5)
    elif expected.dtype.kind == "O":
        texts = [text.decode() for text in expected.ravel()]
        assert np.array(plain, object).ravel().tolist() == texts
    else:
        assert plain == expected.tolist()


@pytest.mark.parametrize("preset", PRESETS)
def test_a_session_answers_by_columns_and_by_rows_as_python_does(preset, ask, answers):
    """By REST, with all the digits that there are."""
    for signature, inputs in calls_of(preset).items():
        expected = answers[preset, signature]
        columns = {
            name: np.asarray(value, object if dtype == "string" else dtype)
            for name, (value, dtype) in inputs.items()
        }
        request = {"inputs": {name: each.tolist() for name, each in columns.items()}}
        found = ask(preset, {"signature_name": signature, **request})["outputs"]
        if len(expected) == 1:
            found = dict.fromkeys(expected, found)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_told(found[name], value)
        # A number for all rows is now one for each; one seed for all, several.
        rows = max(len(each) for each in columns.values() if each.ndim)
        lists = {
            name: each.tolist() if each.ndim else rows * [each.item()]
            for name, each in columns.items()
        }
        instances = [
            {name: each[row] for name, each in lists.items()} for row in range(rows)
        ]
        request = {"signature_name": signature, "instances": instances}
        predictions = ask(preset, request)["predictions"]
        assert len(predictions) == rows
        if (preset.split("_")[0], signature) == ("text", "generate"):
            continue
        for name, value in expected.items():
            told = [row[name] if len(expected) > 1 else row for row in predictions]
            assert_told(told, value)


@pytest.fixture(scope="module")
def command_line(tmp_path_factory):
    """Runs `saved_model_cli`."""
    command = Path(sys.executable).with_name("saved_model_cli")
    folder = tmp_path_factory.mktemp("commands")
    warm = WarmInterpreter("from tensorflow.python.tools import saved_model_cli")
    program = command.read_text("utf-8")
    yield lambda *argv: warm.run(program, folder, str(command), *argv)
    warm.close()


# Of each template one: sessions answer for all of them above.
@pytest.mark.parametrize(
    "preset",
    ["music_jsb", "ner_en", "sentiment_en", "text_en", "translation_de_en"],
)
def test_saved_model_cli_runs_it(preset, command_line):
    template = preset.split("_")[0]
    texts = "['Ein Hund.', 'Good.']"
    name = {"music": "primer", "text": "prompt"}.get(template, "text")
    value = "primer=[[]]" if template == "music" else f"{name}={texts}"
    folder = str(ROOT / preset / "saved_model")
    flags = ("--tag_set", "serve", "--signature_def", "serving_default")
    result = command_line("run", "--dir", folder, *flags, "--input_exprs", value)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "Result for output key" in result.stdout


@pytest.mark.parametrize("preset", PRESETS)
def test_no_file_has_a_path_of_the_machine_that_wrote_it(preset):
    for file in (ROOT / preset / "saved_model").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert tempfile.gettempdir().encode() + b"/" not in content, file
            assert b"zoo-vocabulary-" not in content, file


@pytest.mark.parametrize("preset", PRESETS)
def test_a_server_that_makes_batches_can_begin_with_its_first_requests(preset):
    found = test_warm_up.requests(ROOT / preset / "saved_model")
    assert found.keys() >= {"serving_default", *calls_of(preset)}
    for signature, inputs in found.items():
        assert {each.shape[:1] for each in inputs.values()} == {(1,)}, signature


# Of each family one. (Its tables are empty then: see the next test.)
@pytest.mark.parametrize(
    "preset", ["ner_conll2002_es", "sentiment_en", "translation_multi30k_de_en"]
)
def test_tensorflow_lite_converts_it_as_it_is(preset):
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(ROOT / preset / "saved_model"), signature_keys=["serving_default"]
    )
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    assert converter.convert()


# (A classifier is one in a snippet of `zoo/layers/README.md`. This has three tables; a
# translator's are made as they are, and conversion takes minutes.)
def test_it_becomes_a_tensorflow_lite_model_with_filled_tables(tmp_path):
    model = zoo.from_preset("ner_conll2002_es")
    export.save(model, tmp_path / "model", constant_tables=True)
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(tmp_path / "model"), signature_keys=["serving_default"]
    )
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    content = converter.convert()
    assert len(model.vocabularies) > 1
    for vocabulary in model.vocabularies.values():
        # Strings lie one behind another there.
        assert "".join(vocabulary.tokens[:100]).encode() in content
