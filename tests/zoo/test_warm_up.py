"""The requests in a SavedModel that a server begins with."""

import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2

from tests.zoo.models import language_models, music_models
from zoo import warm_up

_FIELD = descriptor_pb2.FieldDescriptorProto
# TensorFlow Serving's messages, as its `apis/*.proto` number their fields. An entry of
# the map `inputs` is written as a message of a key and a tensor.
MESSAGES = {
    "ModelSpec": [("name", 1, str), ("signature_name", 3, str)],
    "Entry": [("key", 1, str), ("value", 2, bytes)],
    "PredictRequest": [("model_spec", 1, "ModelSpec"), ("inputs", 2, ["Entry"])],
    "PredictLog": [("request", 1, "PredictRequest")],
    "PredictionLog": [("predict_log", 6, "PredictLog")],
}


def prediction_log():
    """Returns the class `PredictionLog`, made of what `MESSAGES` says."""
    file = descriptor_pb2.FileDescriptorProto(name="log.proto", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for key, number, kind in fields:
            field = message.field.add(name=key, number=number)
            field.label = _FIELD.LABEL_OPTIONAL
            if isinstance(kind, list):
                field.label, [kind] = _FIELD.LABEL_REPEATED, kind
            if isinstance(kind, str):
                field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".{kind}"
            else:
                field.type = _FIELD.TYPE_STRING if kind is str else _FIELD.TYPE_BYTES
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("PredictionLog"))


def requests(folder):
    """Returns what a server asks a SavedModel first, by the signatures' names."""
    found = {}
    for record in tf.data.TFRecordDataset(str(folder / warm_up.FILE)):
        request = prediction_log().FromString(record.numpy()).predict_log.request
        found[request.model_spec.signature_name] = {
            entry.key: tf.make_ndarray(tensor_pb2.TensorProto.FromString(entry.value))
            for entry in request.inputs
        }
    return found


@pytest.mark.slow
@pytest.mark.parametrize("make", [language_models.make, music_models.make])
def test_a_model_answers_the_first_requests_of_all_its_signatures(make, tmp_path):
    model = make()
    functions = model.signatures()
    warm_up.write(tmp_path, functions)
    found = requests(tmp_path)
    with_inputs = {name for name in functions if functions[name].input_signature}
    assert found.keys() == with_inputs
    for name, inputs in found.items():
        specs = tf.nest.flatten(functions[name].input_signature)
        assert inputs.keys() == {spec.name for spec in specs}
        tensors = [tf.constant(inputs[spec.name], spec.dtype) for spec in specs]
        arguments = tf.nest.pack_sequence_as(functions[name].input_signature, tensors)
        outputs = functions[name](*arguments)
        rows = [each.shape[:1] for each in (*tensors, *outputs.values())]
        assert rows == len(rows) * [[1]], name


def test_long_fields_are_written_with_their_length(tmp_path):
    text = tf.TensorSpec([None], tf.string, name="text_" + 300 * "x")
    function = tf.function(lambda text: {"text": text}, input_signature=[text])
    name = 20_000 * "serve"
    warm_up.write(tmp_path, {name: function})
    assert requests(tmp_path)[name].keys() == {text.name}
