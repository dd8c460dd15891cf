"""What a process that has TensorFlow alone gets out of a SavedModel."""

import gc
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, saved_model_pb2
from tensorflow.python.eager import context
from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

from tests.zoo import plain_tensorflow
from tests.zoo.cells.units import draw_weights
from tests.zoo.models import language_models
from zoo import export
from zoo.models import SequenceClassifier
from zoo.text import CharacterTokenizer

pytestmark = pytest.mark.slow

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
def folder(models, tmp_path_factory):
    """The models' SavedModels, by name, in a folder that has been moved."""
    folder = tmp_path_factory.mktemp("saved_models")
    for name, model in models.items():
        model.export(folder / "written" / name)
    (folder / "written").rename(folder / "moved")
    return folder / "moved"


@pytest.fixture(scope="module", params=["python", "session"])
def answers(request, folder):
    """What plain TensorFlow answers: see `plain_tensorflow.ask`."""
    calls = {}
    for name in MODELS:
        path = f"moved/{name}"
        calls[name, "names"] = path, "class_names", {}
        for ids in ((), (2, 0), (3,), (-1,)):
            calls[name, ids] = path, "names", {"ids": (list(ids), "int32")}
        for batch, texts in BATCHES.items():
            inputs = {"text": (texts, "string")}
            calls[name, batch] = path, "serving_default", inputs
    return plain_tensorflow.ask(folder.parent, calls, request.param)


@pytest.mark.parametrize(
    ("name", "batch"),
    [(name, batch) for name in MODELS for batch in BATCHES],
)
def test_plain_tensorflow_answers_as_the_model_does(name, batch, models, answers):
    found = answers[0][name, batch]
    assert isinstance(found, dict), found

    expected = models[name].classify(tf.constant(BATCHES[batch], tf.string))

    assert found.keys() == expected.keys()
    for output, values in found.items():
        assert values.shape == expected[output].shape
        if output == "label":
            assert values.tolist() == expected[output].numpy().tolist()
        else:
            np.testing.assert_allclose(values, expected[output], atol=1e-5)


def test_batches_hold_more_than_one_answer(answers):
    for name in MODELS:
        probabilities = answers[0][name, "a batch"]["probabilities"]
        assert probabilities.shape == (6, 3)
        assert len(set(map(tuple, probabilities))) > 3


@pytest.mark.parametrize("name", MODELS)
def test_names_of_the_classes_can_be_asked_for(name, answers):
    found, signatures = answers
    expected = [class_name.encode() for class_name in CLASSES]
    assert found[name, "names"]["class_names"].tolist() == expected
    assert found[name, ()]["class_names"].tolist() == expected
    chosen = found[name, (2, 0)]["class_names"].tolist()
    assert chosen == [expected[2], expected[0]]
    for ids in ((3,), (-1,)):
        assert f"`ids` must be from 0 to 2, found [{ids[0]}]" in found[name, ids]
    assert signatures[f"moved/{name}"] == ["class_names", "names", "serving_default"]


def test_what_functions_take_and_return_is_read_from_the_files(folder):
    found = export.read_signatures(folder / "max")
    assert list(found) == ["class_names", "names", "serving_default"]
    strings, floats = {"dtype": "string"}, {"dtype": "float32"}
    assert found["class_names"] == {
        "inputs": {},
        "outputs": {"class_names": {**strings, "shape": [3]}},
    }
    assert found["serving_default"] == {
        "inputs": {"text": {**strings, "shape": [None]}},
        "outputs": {
            "label": {**strings, "shape": [None]},
            "probabilities": {**floats, "shape": [None, 3]},
            "probability": {**floats, "shape": [None]},
        },
    }
    assert found["names"]["inputs"] == {"ids": {"dtype": "int32", "shape": [None]}}
    assert found["names"]["outputs"]["class_names"]["shape"] == [None]


def test_signatures_are_attributes_too(folder):
    names = tf.saved_model.load(folder / "max").class_names()["class_names"]
    assert names.numpy().tolist() == [class_name.encode() for class_name in CLASSES]


def test_graph_has_core_operations_only(folder):
    content = (folder / "words" / "saved_model.pb").read_bytes()
    (meta_graph,) = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    operations = {node.op for node in meta_graph.graph_def.node}
    for function in meta_graph.graph_def.library.function:
        operations |= {node.op for node in function.node_def}
    assert not {name for name in operations if "Cudnn" in name or "PyFunc" in name}
    # What no TensorFlow Lite converts.
    assert not {
        name for name in operations if "BlockLSTM" in name or "BlockCell" in name
    }
    assert "StaticRegexReplace" in operations  # so that we did look inside


def test_graph_holds_no_path_of_this_machine_and_no_kernel(folder):
    content = (folder / "words" / "saved_model.pb").read_bytes()
    assert b"vocabulary.txt" in content  # the asset
    for trace in (b"zoo-vocabulary-", tempfile.gettempdir().encode() + b"/"):
        assert trace not in content
    assert b"_XlaMustCompile\x12\x02(\x01" not in content


def test_file_holds_no_setting_of_the_process_that_wrote_it(folder):
    set_up = context.context().function_call_options.config_proto_serialized
    assert config_pb2.ConfigProto.FromString(set_up).device_count  # as calls here hold
    content = (folder / "words" / "saved_model.pb").read_bytes()
    (meta_graph,) = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    held = {
        node.attr["config_proto"].s
        for function in meta_graph.graph_def.library.function
        for node in function.node_def
        if "config_proto" in node.attr
    }
    (held,) = map(config_pb2.ConfigProto.FromString, held)
    assert held == config_pb2.ConfigProto(allow_soft_placement=True)


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


EXPORTING = """
import sys
from tests.zoo.models import language_models
from zoo.models import SequenceClassifier
SequenceClassifier(["other"], ["a", "b"], units=2).export(f"{sys.argv[1]}/other")
language_models.make(cell="lstm", layers=2, cache=5).export(f"{sys.argv[1]}/model")
"""


def test_the_same_model_gives_the_same_bytes_here_twice_and_elsewhere(tmp_path):
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", EXPORTING, tmp_path / "elsewhere"]
    subprocess.run(command, env=environment, check=True)
    model = language_models.make(cell="lstm", layers=2, cache=5)
    model.export(tmp_path / "first")
    model.generate(["a"], 3)
    model.export(tmp_path / "second")
    first = contents(tmp_path / "first")
    assert first.keys() == {
        "assets/vocabulary.txt",
        "assets.extra/tf_serving_warmup_requests",
        "fingerprint.pb",
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    }
    assert contents(tmp_path / "second") == first
    assert contents(tmp_path / "elsewhere" / "model") == first


def test_another_model_has_another_fingerprint(folder):
    found = set()
    for name in ("words", "max"):
        mark = tf.saved_model.experimental.read_fingerprint(str(folder / name))
        found |= {mark.saved_model_checksum, mark.checkpoint_hash}
    assert len(found) == 4


def test_weights_are_read_back_to_the_bit(models, folder):
    model = models["max"]
    copy = make("max")
    copy.set_weights([weight + 1 for weight in copy.get_weights()])
    export.read_weights(copy, folder / "max")
    for weight, expected in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_model_of_another_shape_is_refused(folder):
    other = SequenceClassifier(WORDS, CLASSES, embedding_units=3, units=5)
    with pytest.raises(export.WeightsError, match="don't fit the configuration"):
        export.read_weights(other, folder / "max")


def test_earlier_saved_model_stays_when_writing_fails(
    models, folder, tmp_path, monkeypatch
):
    path = shutil.copytree(folder / "words", tmp_path / "saved_model")
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


class Squared:
    """A model with a gradient that is written by hand."""

    weights: list = []
    vocabularies: dict = {}

    def signatures(self):
        @tf.custom_gradient
        def squared(x):
            return x * x, lambda gradient: 2 * x * gradient

        @tf.function(input_signature=[tf.TensorSpec([None], name="x")])
        def serving_default(x):
            return {"y": squared(x)}

        return {"serving_default": serving_default}


def test_a_gradient_through_a_saved_model_is_refused_and_nothing_is_warned_of(
    tmp_path, caplog
):
    export.save(Squared(), tmp_path / "model")
    gc.collect()  # what else is left warns as it goes, if it was half restored
    caplog.clear()
    model = tf.saved_model.load(str(tmp_path / "model"))
    assert not caplog.records

    def differentiated():
        x = tf.constant([3.0])
        with tf.GradientTape() as tape:
            tape.watch(x)
            found = model.signatures["serving_default"](x)
        assert found["y"] == [9.0]
        return tape.gradient(found["y"], x)

    with pytest.raises(LookupError, match="is there to be asked"):
        differentiated()


def test_what_waits_for_an_operation_waits_for_all_that_is_refused_in_its_place():
    @tf.custom_gradient
    def handed(x, y):
        return (x, y), lambda *gradients: gradients

    @tf.function(input_signature=[tf.TensorSpec([]), tf.TensorSpec([])])
    def waiting(x, y):
        x, y = handed(tf.exp(x), tf.sin(y))
        with tf.control_dependencies([x]):
            return tf.constant(3.0, name="late")

    definition = waiting.get_concrete_function().function_def
    [handing] = [node.name for node in definition.node_def if node.op == "IdentityN"]
    definition.control_ret["handed"] = handing
    definition.signature.control_output.append("handed")
    export._refuse_gradients(definition)
    graph = function_def_to_graph(definition)  # which finds what there isn't
    late = [each for each in graph.get_operations() if each.name.startswith("late")]
    for operation in (*late, *graph.control_outputs):
        found, operations = set(), [operation]
        while operations:
            each = operations.pop()
            found.add(each.type)
            operations += [*each.control_inputs, *(given.op for given in each.inputs)]
        assert {"Exp", "Sin", "PreventGradient"} <= found, operation.name
    assert len(late) == len(graph.control_outputs) == 1
