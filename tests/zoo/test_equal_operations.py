"""What is left of a graph in which the same is computed several times."""

import collections
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from zoo import equal_operations


def loops(start):
    """Runs two loops that are equal, and one that is not."""
    return [
        tf.while_loop(lambda n, _: n < 3, lambda n, x, k=k: (n + 1, x * k), (0, start))[
            1
        ]
        for k in (2.0, 2.0, 3.0)
    ]


class Module(tf.Module):
    def __init__(self):
        super().__init__()
        self.calls = tf.Variable(0.0)

    @tf.function(input_signature=[tf.TensorSpec([None, None])], autograph=False)
    def computed(self, x):
        # Two shapes, two sums and two constants, of which one each is needed.
        twice = [tf.cast(tf.shape(x)[1], x.dtype) * tf.reduce_sum(x) for _ in "ab"]
        unused = tf.exp(x)  # noqa: F841
        return twice[0] - 2 * twice[1] + tf.cond(twice[0] > 0, lambda: 1.0, lambda: 0.0)

    @tf.function(input_signature=[tf.TensorSpec([])], autograph=False)
    def looped(self, x):
        return loops(x)

    @tf.function(input_signature=[tf.TensorSpec([None, None])], autograph=False)
    def done(self, x):
        draws = [tf.random.uniform([100]) for _ in "ab"]
        before = self.calls.read_value()
        self.calls.assign_add(1.0)
        after = self.calls.read_value()
        for limit in (1.0, 2.0):
            checks = [tf.debugging.Assert(tf.reduce_all(x < limit), [x])]
            with tf.control_dependencies(checks):
                x = tf.identity(x)
        lists = [tf.TensorArray(tf.float32, 2).write(n, x[0, 0]) for n in (0, 1)]
        alike = tf.reduce_all(draws[0] == draws[1])
        return x, alike, before, after, *[each.stack() for each in lists]

    @tf.function(input_signature=[tf.TensorSpec([])], autograph=False)
    def checked(self, x):
        checks = [tf.debugging.Assert(x < 1.0, ["too large"]) for _ in "ab"]
        with tf.control_dependencies(checks):
            return tf.identity(x)

    @tf.function(input_signature=[tf.TensorSpec([])], autograph=False)
    def waited(self, x):
        with tf.control_dependencies([tf.exp(x) for _ in "ab"]):
            return tf.identity(x)

    @tf.function(input_signature=[tf.TensorSpec([])], autograph=False)
    def placed(self, x):
        found = [tf.exp(x), tf.exp(x)]
        for _ in "ab":
            with tf.device("CPU:0"):
                found.append(tf.exp(x))
        return found

    @tf.function(input_signature=[tf.TensorSpec([])], autograph=False)
    def compiled(self, x):
        return [
            tf.function(lambda x: 2 * x, jit_compile=jit, autograph=False)(x)
            for jit in (None, None, True, True)
        ]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Returns the module as it was saved, and as it is without what is there twice."""
    folders = [tmp_path_factory.mktemp("models") / name for name in ("all", "merged")]
    tf.saved_model.save(Module(), folders[0])
    shutil.copytree(*folders)
    path = folders[1] / "saved_model.pb"
    content = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    [graph] = content.meta_graphs
    equal_operations.merge(graph.graph_def, graph.object_graph_def.concrete_functions)
    path.write_bytes(content.SerializeToString())
    return [tf.saved_model.load(str(folder)) for folder in folders]


def operations(function):
    [concrete] = function.concrete_functions
    return collections.Counter(node.op for node in concrete.function_def.node_def)


def called(definition, attribute="f"):
    """Returns the names of what a function calls by an attribute."""
    return [
        node.attr[attribute].func.name
        for node in definition.node_def
        if attribute in node.attr
    ]


def test_what_is_computed_twice_is_computed_once(models):
    x = tf.constant([[1.0, 2.0, 3.0]])
    assert [model.computed(x).numpy() for model in models] == [-17.0, -17.0]
    before, after = (operations(model.computed) for model in models)
    for name in ("Shape", "StridedSlice", "Sum"):
        assert (before[name], after[name]) == (2, 1)
    assert (before["Exp"], after["Exp"]) == (1, 0)
    assert after["Const"] < before["Const"]


def test_loops_that_are_equal_share_their_bodies(models):
    for model in models:
        np.testing.assert_array_equal(model.looped(1.0), [8.0, 8.0, 27.0])
    [before], [after] = (model.looped.concrete_functions for model in models)
    names = [called(each.function_def, "body") for each in (before, after)]
    assert [len(set(each)) for each in names] == [3, 2]


def test_what_does_something_is_done_as_often_and_in_its_order(models):
    x = tf.constant([[0.5]])
    for model in models:
        same, alike, before, after, *lists = model.done(x)
        assert not alike
        assert (before.numpy(), after.numpy()) == (0.0, 1.0)
        np.testing.assert_array_equal(same, x)
        np.testing.assert_array_equal(lists, [[0.5, 0.0], [0.0, 0.5]])
        with pytest.raises(tf.errors.InvalidArgumentError):
            model.done(x + 1)
    before, after = (operations(model.done) for model in models)
    for name in ("RandomUniform", "If", "ReadVariableOp", "AssignAddVariableOp"):
        assert before[name] == after[name] > 0


def test_checks_that_are_equal_are_all_made(models):
    for model in models:
        assert model.checked(0.5) == 0.5
        with pytest.raises(tf.errors.InvalidArgumentError, match="too large"):
            model.checked(1.5)
    before, after = (operations(model.checked) for model in models)
    assert (before["Less"], after["Less"]) == (2, 1)
    assert before["Assert"] == after["Assert"] == 2


def test_what_waits_for_equal_operations_waits_for_the_one_that_is_left(models):
    assert [float(model.waited(0.5)) for model in models] == [0.5, 0.5]
    [concrete] = models[1].waited.concrete_functions
    nodes = {node.name: node for node in concrete.function_def.node_def}
    [awaited] = [name for name, node in nodes.items() if node.op == "Exp"]
    [waiting] = [node for node in nodes.values() if f"^{awaited}" in node.input]
    assert {each for each in waiting.input if each[0] == "^"} == {f"^{awaited}"}


def test_what_is_computed_by_different_devices_stays_so(models):
    for model in models:
        np.testing.assert_allclose(model.placed(1.0), 4 * [np.e], rtol=1e-6)
    devices = []
    for model in models:
        [concrete] = model.placed.concrete_functions
        nodes = concrete.function_def.node_def
        devices.append(collections.Counter(n.device for n in nodes if n.op == "Exp"))
    assert [sorted(each.values()) for each in devices] == [[2, 2], [1, 1]]
    assert devices[0].keys() == devices[1].keys()


def test_functions_that_are_run_in_different_ways_stay_apart(models):
    names = []
    for model in models:
        [concrete] = model.compiled.concrete_functions
        names.append(called(concrete.function_def))
    assert len(set(names[0])) == 4
    plain, other, compiled, last = names[1]
    assert plain == other != compiled == last


def test_functions_that_have_gradients_of_their_own_stay():
    graph = Module().compiled.get_concrete_function().graph.as_graph_def()
    plain, other, *_ = (
        node.attr["f"].func.name for node in graph.node if node.attr["f"].func.name
    )
    graph.library.gradient.add(function_name=plain, gradient_func=other)
    equal_operations.merge(graph, ())
    names = {each.signature.name for each in graph.library.function}
    assert {plain, other} < names
    assert len(names) == 3
