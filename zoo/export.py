"""Models as SavedModels that plain TensorFlow loads, on a CPU, without our code.

The weights lie in a SavedModel once, tracked under their Keras paths, so that
`read_weights` can put them back into a model to train on.

What a function is given is checked when it runs, whoever calls it: a wrong shape is
told by a sentence, not by some operation deep in the graph.
"""

import contextlib
import inspect
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from zoo import equal_operations, kernels, operation_names, warm_up
from zoo.decoding.parameters import checked
from zoo.files import check_utf8, replaced_folder
from zoo.reproducible import make_reproducible, sign
from zoo.text import file_table

# Where a checkpoint tells which of its tensors is which object's.
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


class WeightsError(Exception):
    """The weights of a SavedModel are missing, damaged or don't fit a model."""


class _Served(tf.Module):
    """What a SavedModel holds of a model: weights, look-up tables, functions."""

    def __init__(self, model):
        super().__init__()
        self.weights = _named(model)
        self.vocabularies = dict(model.vocabularies)


def _named(model):
    """Returns a model's TensorFlow variables by their Keras paths."""
    return {weight.path: weight.value for weight in model.weights}


def save(model: Any, path: str | os.PathLike, *, constant_tables: bool = False) -> None:
    """Writes a model of the zoo as a SavedModel, in place of what was there.

    Args:
        model: a `zoo.models.base.Model`: `signatures()` gives its functions, by
            name, each traceable without a Python value of its own.
        path: the SavedModel's folder.
        constant_tables: whether the graph holds the lines of its look-up tables, not
            files beside it alone: for TensorFlow Lite, which reads no files.

    Raises:
        FileExistsError: something else is there.
        ValueError: it is a URL, or its name is no UTF-8.
    """
    check_utf8(path)
    for vocabulary in model.vocabularies.values():
        vocabulary.keep_file()
    tables = file_table.constant_tables if constant_tables else contextlib.nullcontext
    declared = model.signatures()
    signatures = {name: _checking(function) for name, function in declared.items()}
    served = _Served(model)
    with replaced_folder(path, "saved_model.pb") as folder:
        # A signature can only be called with tensors by keyword; the functions
        # themselves, as attributes, keep Python's calling conventions.
        for name, function in signatures.items():
            if name != "serving_default":
                setattr(served, name, function)
        with kernels.portable(lite=True), tables():
            # Without gradients written by hand, which nobody asks a server for: they
            # are as large as all the rest.
            options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
            tf.saved_model.save(served, folder, signatures, options)
        _rewrite_graph(folder, declared)
        make_reproducible(folder)
        warm_up.write(Path(folder), declared)


def _checking(function):
    """Returns a function that takes any shapes, and says which one is wrong.

    Were the shapes part of its own signature, who calls it in Python would get an
    error of TensorFlow's, and elsewhere nobody would look at them.

    Args:
        function: a `tf.function` with an `input_signature`.
    """
    specs = function.input_signature

    def check_and_call(*arguments, **named):
        arguments = check_and_call.__signature__.bind(*arguments, **named).args
        declared = tf.nest.flatten(specs)
        tensors = map(_shaped, tf.nest.flatten(arguments), declared)
        tensors = _of_equal_batches(list(tensors), declared)
        return function(*tf.nest.pack_sequence_as(specs, tensors))

    check_and_call.__name__ = function.python_function.__name__
    check_and_call.__signature__ = inspect.signature(function.python_function)
    return tf.function(
        check_and_call if specs else function.python_function,
        input_signature=tf.nest.map_structure(_any_shape, specs),
        autograph=False,
    )


def _any_shape(spec):
    return tf.TensorSpec(None, spec.dtype, spec.name)


def _shaped(tensor, spec):
    """Returns a tensor that has its declared shape; else a sentence is raised."""
    if spec.shape.rank is None:
        return tensor
    found = tf.shape(tensor)
    asked = [-1 if size is None else size for size in spec.shape]
    # As many sizes as are asked for, whatever the rank is.
    sizes = tf.concat([found, asked], axis=0)[: len(asked)]
    fits = (tf.rank(tensor) == len(asked)) & tf.reduce_all(
        (sizes == asked) | (tf.constant(asked) == -1)
    )
    names = iter(("batch", "n", "m"))
    shape = ", ".join(next(names) if size == -1 else str(size) for size in asked)
    shape = f"({shape},)" if len(asked) == 1 else f"({shape})"
    kind = "strings" if spec.dtype == tf.string else f"{spec.dtype.name} numbers"
    sentence = f"`{spec.name}` must be {kind} of shape {shape}: found the shape {{}}."
    tensor = checked(tensor, fits, sentence, found)
    # Made anew of its sizes: else TensorFlow's optimizer infers the shape from what
    # comes after the check, takes the check for true, and leaves it out.
    tensor = tf.reshape(tensor, sizes)
    tensor.set_shape(spec.shape)
    return tensor


def _of_equal_batches(tensors, specs):
    """Returns tensors of which those with a batch have equally many rows."""
    batched = [s.shape.rank is not None and s.shape[0] is None for s in specs]
    if sum(batched) < 2:
        return tensors
    first = batched.index(True)
    rows = tf.shape(tensors[first])[0]
    return [
        checked(
            tensor,
            tf.shape(tensor)[0] == rows,
            f"`{spec.name}` has {{}} rows, `{specs[first].name}` {{}}: give pairs.",
            tf.shape(tensor)[0],
            rows,
        )
        if has_batch
        else tensor
        for tensor, spec, has_batch in zip(tensors, specs, batched, strict=True)
    ]


def _rewrite_graph(folder, functions):
    """Makes a SavedModel small, and declares its inputs' shapes.

    Clients read these there; what is fed, the functions themselves check.
    """
    path = Path(folder) / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta_graph in saved_model.meta_graphs:
        for function in meta_graph.graph_def.library.function:
            _refuse_gradients(function)
        kept = meta_graph.object_graph_def.concrete_functions
        equal_operations.merge(meta_graph.graph_def, kept)
        operation_names.shorten(meta_graph.graph_def)
        for name, function in functions.items():
            inputs = meta_graph.signature_def[name].inputs
            for spec in tf.nest.flatten(function.input_signature):
                inputs[spec.name].tensor_shape.CopyFrom(spec.shape.as_proto())
    path.write_bytes(saved_model.SerializeToString(deterministic=True))


def _refuse_gradients(function):
    """Has TensorFlow raise where it is asked for a gradient that was written by hand.

    It would warn of each at each loading, and only then raise.

    What waits for all that is handed on waits for an operation of the old name, which
    does nothing else.

    Args:
        function: a `FunctionDef`, which is changed.
    """
    nodes, renamed = [], {}
    awaited = {name for node in function.node_def for name in node.input}
    awaited |= {f"^{name}" for name in function.control_ret.values()}
    for node in function.node_def:
        if node.op != "IdentityN" or "_gradient_op_type" not in node.attr:
            nodes.append(node)
            continue
        types, parts = node.attr["T"].list.type, []
        for place, (given, kind) in enumerate(zip(node.input, types, strict=False)):
            each = tf.compat.v1.NodeDef(name=f"{node.name}_{place}_refused")
            each.op, each.device = "PreventGradient", node.device
            each.input.extend([given, *node.input[len(types) :]])
            each.attr["T"].type = kind
            each.attr["message"].s = b"A SavedModel of the zoo is there to be asked."
            parts.append(each)
            renamed[f"{node.name}:output:{place}"] = f"{each.name}:output:0"
        nodes += parts
        if f"^{node.name}" in awaited:
            every = tf.compat.v1.NodeDef(name=node.name, op="NoOp", device=node.device)
            every.input.extend(f"^{each.name}" for each in parts)
            nodes.append(every)
    for node in nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    for place, name in list(function.ret.items()):
        function.ret[place] = renamed.get(name, name)
    del function.node_def[:]
    function.node_def.extend(nodes)


def read_signatures(path: str | os.PathLike) -> dict[str, dict]:
    """Returns what a SavedModel's functions take and return, as it says itself.

    Args:
        path: the SavedModel's folder.

    Returns:
        By the functions' names `inputs` and `outputs`, dicts by name of `dtype`, as
        TensorFlow calls it, and `shape`, a list with None for any size, or None for
        any shape; all in the order of their names.
    """
    content = (Path(path) / "saved_model.pb").read_bytes()
    [meta_graph] = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    return {
        name: {
            "inputs": _tensors(definition.inputs),
            "outputs": _tensors(definition.outputs),
        }
        for name, definition in sorted(meta_graph.signature_def.items())
        if not name.startswith("__")  # TensorFlow's own
    }


def _tensors(infos):
    return {
        name: {
            "dtype": tf.as_dtype(info.dtype).name,
            "shape": tf.TensorShape(info.tensor_shape).as_list()
            if not info.tensor_shape.unknown_rank
            else None,
        }
        for name, info in sorted(infos.items())
    }


def keep_weights(path: str | os.PathLike, old: str | os.PathLike) -> None:
    """Puts the files of an older SavedModel's weights in place of equal ones.

    So what is the same stays the same files, to the byte.

    Args:
        path: the SavedModel's folder.
        old: that of the older one, of the same weights.

    Raises:
        WeightsError: the weights, or the names under which they lie, are others.
    """
    folders = [Path(each) / "variables" for each in (path, old)]
    new, kept = (
        tf.train.load_checkpoint(os.fspath(folder / "variables")) for folder in folders
    )
    names = new.get_variable_to_shape_map().keys() - {_OBJECT_GRAPH}
    if names != kept.get_variable_to_shape_map().keys() - {_OBJECT_GRAPH}:
        raise WeightsError(f"The weights in {folders[1]} have other names.")
    for name in sorted(names):
        tensors = [reader.get_tensor(name) for reader in (new, kept)]
        if len({(t.dtype, t.shape, t.tobytes()) for t in tensors}) > 1:
            raise WeightsError(f"The weights in {folders[1]} have another {name}.")
    for file in folders[1].iterdir():
        shutil.copyfile(file, folders[0] / file.name)
    sign(Path(path))
    # What lies where in the old files, TensorFlow itself must find.
    tf.saved_model.load(os.fspath(path))


def read_weights(model: Any, path: str | os.PathLike) -> None:
    """Reads a SavedModel's weights into a model built from the same config.

    Args:
        model: what `save` was called with, or its like, built.
        path: the SavedModel's folder.

    Raises:
        WeightsError: a file is missing, cut off or damaged, or a weight is
            missing or of another shape, NaN or infinite. The model's weights are then
            undefined.
        PermissionError: a file may not be read.
    """
    prefix = Path(path) / "variables" / "variables"
    files = prefix.with_suffix(".index"), _shard(prefix)
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise WeightsError(f"{prefix.parent} lacks the file {' and '.join(missing)}.")
    for file in files:
        with file.open("rb"):  # of what may not be read TensorFlow says otherwise
            pass
    checkpoint = tf.train.Checkpoint(weights=_named(model))
    try:
        status = checkpoint.read(os.fspath(prefix))
        status.assert_existing_objects_matched()
        status.expect_partial()
    except (IndexError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{_shard(prefix)} is cut off or damaged: {reason}") from (
            error
        )
    except (AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(
            f"The weights in {prefix.parent} don't fit the configuration: {reason}"
        ) from error

    for weight in model.trainable_weights:
        if not tf.reduce_all(tf.math.is_finite(weight.value)):
            raise WeightsError(
                f"The weights have NaN or infinity in {weight.path}, as those of a "
                "training that has diverged"
            )


@contextlib.contextmanager
def in_dtype_of(path: str | os.PathLike) -> Iterator[None]:
    """Builds models with weights of a SavedModel's dtype, whatever Keras' policy is.

    Another policy stays where its weights have that dtype: "mixed_float16", say.

    Args:
        path: the SavedModel's folder. Where nothing can be read, nothing changes.
    """
    policy = keras.config.dtype_policy()
    dtype = _dtype_of_weights(Path(path) / "variables" / "variables")
    if dtype in (None, policy.variable_dtype):
        yield
        return
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def _dtype_of_weights(prefix):
    """Returns the name of the floats that weights are, or None where none is told."""
    try:
        reader = tf.train.load_checkpoint(os.fspath(prefix))
    except (tf.errors.OpError, ValueError):  # `read_weights` tells what is wrong
        return None
    dtypes = reader.get_variable_to_dtype_map()
    found = {
        dtype.name
        for name, dtype in dtypes.items()
        if name.startswith("weights/") and dtype.is_floating
    }
    # What is float32 whatever the policy, as logits are, tells nothing beside others.
    found = found - {"float32"} or found
    return found.pop() if len(found) == 1 else None


def _shard(prefix):
    return prefix.with_name("variables.data-00000-of-00001")
