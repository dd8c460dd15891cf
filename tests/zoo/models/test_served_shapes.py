"""What a SavedModel says of inputs that have no batch in front, however it is run."""

import numpy as np
import pytest
import tensorflow as tf

from tests.zoo import plain_tensorflow, test_export
from tests.zoo.cells.units import draw_weights
from tests.zoo.models import language_models, translators
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
