"""Tables of a file's lines, in this process and in a session."""

import contextlib
import gc

import numpy as np
import pytest
import tensorflow as tf

from zoo.text import Vocabulary
from zoo.text.file_table import constant_tables


class Served(tf.Module):
    def __init__(self, **vocabularies):
        super().__init__()
        self.vocabularies = vocabularies

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="tokens")])
    def ids(self, tokens):
        return {name: each.ids(tokens) for name, each in self.vocabularies.items()}


def save(path, **vocabularies):
    served = Served(**vocabularies)
    tf.saved_model.save(served, path, signatures={"serving_default": served.ids})
    return str(path)


def in_session(path, tokens):
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], path)
        signature = loaded.signature_def["serving_default"]
        wanted = {name: info.name for name, info in signature.outputs.items()}
        found = session.run(wanted, {signature.inputs["tokens"].name: tokens})
    return {name: ids.tolist() for name, ids in found.items()}


def in_python(path, tokens):
    found = tf.saved_model.load(path).signatures["serving_default"](tf.constant(tokens))
    return {name: ids.numpy().tolist() for name, ids in found.items()}


WAYS = pytest.mark.parametrize("ask", [in_session, in_python])


@WAYS
def test_equal_and_other_vocabularies_stand_in_one_model(ask, tmp_path):
    path = save(
        tmp_path / "model",
        one=Vocabulary(["a", "b"], "one"),
        same=Vocabulary(["a", "b"], "another"),
        other=Vocabulary(["b", "a"], "one"),
    )
    found = ask(path, ["a", "b", "c"])
    assert found == {"one": [4, 5, 1], "same": [4, 5, 1], "other": [5, 4, 1]}
    assets = {file.name for file in (tmp_path / "model" / "assets").iterdir()}
    assert assets == {"one.txt", "another.txt", "one.txt_1"}


@WAYS
def test_models_with_unlike_vocabularies_of_one_name_are_loaded_side_by_side(
    ask, tmp_path
):
    paths = [
        save(tmp_path / str(number), found=Vocabulary(tokens, "words"))
        for number, tokens in enumerate((["a", "b"], ["b", "a"], ["a", "b"]))
    ]
    for _ in range(2):
        found = [ask(path, ["a", "b"])["found"] for path in paths]
        assert found == [[4, 5], [5, 4], [4, 5]]


def test_a_vocabulary_stays_when_its_equal_goes(tmp_path):
    kept, gone = Vocabulary(["a", "b"]), Vocabulary(["a", "b"])
    path = save(tmp_path / "model", found=gone)
    loaded = tf.saved_model.load(path)
    del gone
    gc.collect()
    assert kept.ids(["a", "b"]).numpy().tolist() == [4, 5]
    del loaded
    gc.collect()
    assert kept.lookup([5, 4, 9]).numpy().tolist() == [b"b", b"a", b"<UNK>"]
    assert in_python(path, ["b"]) == in_session(path, ["b"]) == {"found": [5]}


def test_a_table_takes_any_shape_and_tells_it():
    vocabulary = Vocabulary(["a", "b"])
    assert vocabulary.ids("a").shape == []
    assert vocabulary.ids([["a", "?"], ["b", "b"]]).numpy().tolist() == [[4, 1], [5, 5]]
    ragged = vocabulary.ids(tf.ragged.constant([["a"], [], ["b", "a"]]))
    assert ragged.to_list() == [[4], [], [5, 4]]
    spec = tf.TensorSpec([None, 3], tf.string)
    graph = tf.function(vocabulary.ids, input_signature=[spec]).get_concrete_function()
    assert graph.output_shapes.as_list() == [None, 3]


class Reading(tf.Module):
    """Tokens there and back, by both tables."""

    def __init__(self, vocabulary):
        super().__init__()
        self.vocabulary = vocabulary

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="tokens")])
    def known(self, tokens):
        return {"known": self.vocabulary.lookup(self.vocabulary.ids(tokens))}


def in_tensorflow_lite(path, tokens):
    """Looks tokens up by TensorFlow Lite's own operations, as there is no Flex."""
    content = tf.lite.TFLiteConverter.from_saved_model(path).convert()
    run = tf.lite.Interpreter(model_content=content).get_signature_runner()
    return run(tokens=np.array(tokens, object))["known"].tolist()


def test_tensorflow_lite_finds_constant_tables_filled(tmp_path):
    reading = Reading(Vocabulary(["a", "é", "👍"]))
    for name, tables in (("file", contextlib.nullcontext), ("filled", constant_tables)):
        with tables():
            tf.saved_model.save(reading, str(tmp_path / name), reading.known)
    tokens = [token.encode() for token in ("👍", "a", "b", "é", "<PAD>")]
    found = in_tensorflow_lite(str(tmp_path / "filled"), tokens)
    assert found == [*tokens[:2], b"<UNK>", *tokens[3:]]
    with pytest.raises(RuntimeError, match="initialized"):
        in_tensorflow_lite(str(tmp_path / "file"), tokens)


@WAYS
def test_constant_tables_answer_as_those_of_a_file(ask, tmp_path):
    with constant_tables():
        path = save(tmp_path / "model", one=Vocabulary(["a \n b", "b\\", "\r"]))
    assert ask(path, ["b\\", "\r", "c", "a \n b"]) == {"one": [5, 6, 1, 4]}
