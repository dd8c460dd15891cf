"""The shipped SavedModels where they are served: in sessions, by commands, packed."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.warm_interpreter import WarmInterpreter
from tests.zoo import plain_tensorflow

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
    """What all presets, loaded in one process, answer; by the way of loading."""
    found = {}
    for loader in ("python", "session"):
        folder = tmp_path_factory.mktemp(loader)
        (folder / "pretrained").symlink_to(ROOT)
        calls = {
            (preset, signature): (f"pretrained/{preset}/saved_model", signature, inputs)
            for preset in PRESETS
            for signature, inputs in calls_of(preset).items()
        }
        found[loader], _ = plain_tensorflow.ask(folder, calls, loader)
    return found


@pytest.mark.parametrize("preset", PRESETS)
def test_a_session_answers_as_python_does(preset, answers):
    for signature in calls_of(preset):
        expected = answers["python"][preset, signature]
        found = answers["session"][preset, signature]
        assert isinstance(found, dict), found
        assert found.keys() == expected.keys()
        for name, value in found.items():
            if value.dtype.kind == "f":
                np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-5)
            else:
                np.testing.assert_array_equal(value, expected[name])


@pytest.mark.parametrize("preset", PRESETS)
def test_every_answer_has_the_batch_in_front(preset, answers):
    rows = 2 if preset.startswith("music") else len(TEXTS)
    for signature in calls_of(preset):
        found = answers["session"][preset, signature]
        assert {len(value) for value in found.values()} == {rows}


@pytest.fixture(scope="module")
def command_line(tmp_path_factory):
    """Runs `saved_model_cli`."""
    command = Path(sys.executable).with_name("saved_model_cli")
    folder = tmp_path_factory.mktemp("commands")
    warm = WarmInterpreter("from tensorflow.python.tools import saved_model_cli")
    program = command.read_text("utf-8")
    yield lambda *argv: warm.run(program, folder, str(command), *argv)
    warm.close()


@pytest.mark.parametrize("preset", PRESETS)
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


@pytest.mark.parametrize(
    "preset", ["ner_conll2002_es", "sentiment_imdb", "translation_multi30k_de_en"]
)
def test_it_becomes_a_tensorflow_lite_model(preset):
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(ROOT / preset / "saved_model"), signature_keys=["serving_default"]
    )
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    assert len(converter.convert()) > 100_000
