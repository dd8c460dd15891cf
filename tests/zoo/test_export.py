"""What a process that has TensorFlow alone gets out of a SavedModel."""

import ast
import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.zoo.cells.units import draw_weights
from zoo import export
from zoo.models import SequenceClassifier
from zoo.text import CharacterTokenizer

PLAIN_TENSORFLOW = """
import ast, sys
for module in ("keras", "tf_keras", "zoo", "tasks"):
    sys.modules[module] = None  # an import raises
import tensorflow as tf

batches = ast.literal_eval(open(sys.argv[1]).read())

def answer(served, texts):
    try:
        results = served(text=tf.constant(texts, tf.string))
    except tf.errors.OpError as error:
        return str(error)
    arrays = {name: tensor.numpy() for name, tensor in results.items()}
    return {name: (array.tolist(), array.shape) for name, array in arrays.items()}

answers = {}
for path in sys.argv[2:]:
    loaded = tf.saved_model.load(path)
    served = loaded.signatures["serving_default"]
    (names,) = loaded.signatures["class_names"]().values()
    answers[path] = {
        "class_names": names.numpy().tolist(),
        "as an attribute": loaded.class_names()["class_names"].numpy().tolist(),
        "signatures": sorted(loaded.signatures),
        **{name: answer(served, texts) for name, texts in batches.items()},
    }
print(answers)
"""

BATCHES = {
    "one text": ["A good film."],
    "a batch": ["good", "bad \\ \n film", "not a good film", "\r", "x" * 50, "Not!"],
    "empty texts": ["", " \u00a0", ""],
    "no text": [],
    "emoji": ["👍🏽 good ❤️", "👩\u200d👩\u200d👧"],
    "invalid UTF-8": [b"good \xff\xfe bad", b"\xf0\x9f"],
    "nul": ["\0", "good\0"],
    "other scripts": ["хороший", "良い 映画", "فيلم", "E\u0301TE\u0301"],
}
WORDS = ["good", "bad", "film", "a", "not", ".", "!", "été", "\ufffd", "👍", "хороший"]
MODELS = {
    "words": {"pooling": "mean", "cell": "lstm"},
    "characters": {
        "pooling": "attention",
        "cell": "gru",
        "tokenizer": CharacterTokenizer(end=True),
    },
    "max": {"pooling": "max", "cell": "rnn", "bidirectional": False},
}
VOCABULARIES = {"characters": [*"abdfgilmotx \\\n\r.", "👍"]}
CLASSES = ["no", "neither \\n nor", "yes 👍"]


def make(name):
    words = VOCABULARIES.get(name, WORDS)
    model = SequenceClassifier(
        words, CLASSES, embedding_units=3, units=4, **MODELS[name]
    )
    draw_weights(model)
    return model


@pytest.fixture(scope="module")
def models():
    return {name: make(name) for name in MODELS}


@pytest.fixture(scope="module")
def answers(models, tmp_path_factory):
    """Returns what plain TensorFlow answers to each batch, by the models' names."""
    folder = tmp_path_factory.mktemp("saved_models")
    for name, model in models.items():
        model.export(folder / "written" / name)
    os.rename(folder / "written", folder / "moved")
    (folder / "batches").write_text(repr(BATCHES))
    (folder / "script.py").write_text(PLAIN_TENSORFLOW)
    paths = [f"moved/{name}" for name in models]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    process = subprocess.run(
        [sys.executable, "-P", "script.py", "batches", *paths],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    found = ast.literal_eval(process.stdout)
    return {name: found[path] for name, path in zip(models, paths, strict=True)}


@pytest.mark.parametrize(
    ("name", "batch"),
    [(name, batch) for name in MODELS for batch in BATCHES],
)
def test_plain_tensorflow_answers_as_the_model_does(name, batch, models, answers):
    found = answers[name][batch]
    assert isinstance(found, dict), found

    expected = models[name].classify(tf.constant(BATCHES[batch], tf.string))

    assert found.keys() == expected.keys()
    for output, (values, shape) in found.items():
        assert shape == expected[output].shape
        if output == "label":
            assert values == expected[output].numpy().tolist()
        else:
            values = np.reshape(values, shape)
            np.testing.assert_allclose(values, expected[output], atol=1e-5)


def test_batches_hold_more_than_one_answer(answers):
    for found in answers.values():
        rows, shape = found["a batch"]["probabilities"]
        assert shape == (6, 3)
        assert len(set(map(tuple, rows))) > 3


@pytest.mark.parametrize("name", MODELS)
def test_names_of_the_classes_can_be_asked_for(name, answers):
    expected = [class_name.encode() for class_name in CLASSES]
    assert answers[name]["class_names"] == expected
    assert answers[name]["as an attribute"] == expected
    assert answers[name]["signatures"] == ["class_names", "serving_default"]


def test_graph_has_core_operations_only(models, tmp_path):
    models["words"].export(tmp_path)
    content = (tmp_path / "saved_model.pb").read_bytes()
    (meta_graph,) = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    operations = {node.op for node in meta_graph.graph_def.node}
    for function in meta_graph.graph_def.library.function:
        operations |= {node.op for node in function.node_def}
    assert not {name for name in operations if "Cudnn" in name or "PyFunc" in name}
    assert "StaticRegexReplace" in operations  # so that we did look inside


def test_graph_holds_no_path_of_this_machine_and_no_kernel(models, tmp_path):
    models["words"].export(tmp_path)
    content = (tmp_path / "saved_model.pb").read_bytes()
    assert b"vocabulary.txt" in content  # the asset
    for trace in (b"zoo-vocabulary-", tempfile.gettempdir().encode() + b"/"):
        assert trace not in content
    assert b"_XlaMustCompile\x12\x02(\x01" not in content


def test_weights_are_read_back_to_the_bit(models, tmp_path):
    model = models["max"]
    model.export(tmp_path)
    copy = make("max")
    copy.set_weights([weight + 1 for weight in copy.get_weights()])
    export.read_weights(copy, tmp_path)
    for weight, expected in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_model_of_another_shape_is_refused(models, tmp_path):
    models["max"].export(tmp_path)
    other = SequenceClassifier(WORDS, CLASSES, embedding_units=3, units=5)
    with pytest.raises(export.WeightsError, match="don't fit the configuration"):
        export.read_weights(other, tmp_path)


def test_earlier_saved_model_stays_when_writing_fails(models, tmp_path, monkeypatch):
    path = tmp_path / "saved_model"
    models["words"].export(path)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    save = tf.saved_model.save

    def fail(*args, **kwargs):
        save(*args, **kwargs)
        raise OSError("disk full")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        models["max"].export(path)
    after = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    assert after == before
    assert list(tmp_path.iterdir()) == [path]
