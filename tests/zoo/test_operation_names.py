"""SavedModels whose operations have short names."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from zoo import operation_names


def table(first):
    """Makes a look-up table that TensorFlow tells from others by its name alone."""
    resource = tf.raw_ops.HashTableV2(
        use_node_name_sharing=True, key_dtype=tf.string, value_dtype=tf.int64
    )
    keys = tf.constant(["a", "b"])
    values = tf.constant([first, first + 1], tf.int64)
    filled = tf.raw_ops.InitializeTableV2(
        table_handle=resource, keys=keys, values=values
    )
    return resource, filled


class Module(tf.Module):
    def __init__(self):
        super().__init__()
        self.count = tf.Variable(0.0)

    @tf.function(input_signature=[tf.TensorSpec([None])], autograph=False)
    def serve(self, x):
        with tf.name_scope("a_scope_with_a_long_name"):
            checked = tf.debugging.Assert(tf.reduce_all(x < 9), ["too large:", x])
            with tf.control_dependencies([checked]):
                first = self.count.assign_add(1.0)
            with tf.control_dependencies([first]):
                second = self.count.assign(2 * self.count)
            with tf.control_dependencies([second]):
                count = tf.identity(self.count)
            _, total = tf.while_loop(
                lambda n, _: n < 3,
                lambda n, y: (n + 1, tf.cond(n > 1, lambda: y * 2, lambda: y + x)),
                (0, x),
            )
            parts = tf.split(total, [1, -1])
            with tf.compat.v1.colocate_with(parts[0]):
                swapped = tf.concat([parts[1], parts[0]], axis=0)
        return {"count": count, "swapped": swapped}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def look_up(self, keys):
        found = []
        for first in (1, 10):
            resource, filled = table(first)
            with tf.control_dependencies([filled]):
                found.append(
                    tf.raw_ops.LookupTableFindV2(
                        table_handle=resource,
                        keys=keys,
                        default_value=tf.constant(0, tf.int64),
                    )
                )
        return {"found": tf.stack(found, axis=1)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Returns the module's SavedModel, and the one with short names."""
    folders = [tmp_path_factory.mktemp("models") / name for name in ("long", "short")]
    module = Module()
    signatures = {"serve": module.serve, "look_up": module.look_up}
    tf.saved_model.save(module, folders[0], signatures)
    shutil.copytree(*folders)
    path = folders[1] / "saved_model.pb"
    content = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    operation_names.shorten(content.meta_graphs[0].graph_def)
    path.write_bytes(content.SerializeToString())
    return folders


def functions(folder):
    content = (folder / "saved_model.pb").read_bytes()
    [graph] = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    return graph.graph_def.library.function


def answers(folder):
    model = tf.saved_model.load(str(folder))
    results = []
    for x in ([1.0, 2.0, 3.0], [5.0]):
        results.append(model.signatures["serve"](x=tf.constant(x)))
    results.append(model.signatures["look_up"](keys=tf.constant(["a", "b", "c"])))
    with pytest.raises(tf.errors.InvalidArgumentError, match="too large"):
        model.serve(tf.constant([10.0]))
    return results


def test_answers_stay_the_same(folders):
    long, short = map(answers, folders)
    for expected, found in zip(long, short, strict=True):
        assert expected.keys() == found.keys()
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])
    np.testing.assert_array_equal(short[2]["found"], [[1, 10], [2, 11], [0, 0]])
    assert [float(answer["count"]) for answer in short[:2]] == [2, 6]


def test_a_server_answers_the_same(folders):
    results = []
    for folder in folders:
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            graph = tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
            signature = graph.signature_def["serve"]
            output = signature.outputs["swapped"].name
            results.append(
                session.run(output, {signature.inputs["x"].name: [1.0, 2.0]})
            )
    np.testing.assert_array_equal(*results)


def test_names_are_short_and_each_is_there_once(folders):
    long, short = (list(functions(folder)) for folder in folders)
    scoped = ["scope" in node.name for each in long for node in each.node_def]
    assert any(scoped)
    for function in short:
        names = [node.name for node in function.node_def]
        assert not any("scope" in name for name in names)
        names += [each.name for each in function.signature.input_arg]
        assert len({*names}) == len(names)


def test_what_has_its_name_in_the_process_keeps_it(folders):
    tables = [
        sorted(
            node.name
            for function in functions(folder)
            for node in function.node_def
            if node.op == "HashTableV2"
        )
        for folder in folders
    ]
    assert tables[0] == tables[1]
    assert len({*tables[0]}) == 2
