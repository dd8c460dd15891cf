"""What reading a SavedModel's messages depends on."""

import types

from tensorflow.core.protobuf import saved_model_pb2

from zoo.reproducible import is_repeated


def test_lists_are_known_by_any_version_of_protobuf():
    fields = saved_model_pb2.SavedModel.DESCRIPTOR.fields_by_name
    assert is_repeated(fields["meta_graphs"])
    assert not is_repeated(fields["saved_model_schema_version"])
    for label, expected in ((3, True), (1, False)):
        older = types.SimpleNamespace(label=label, LABEL_REPEATED=3)
        assert is_repeated(older) == expected
