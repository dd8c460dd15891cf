"""SavedModels whose bytes depend on what is in them alone.

TensorFlow numbers the functions of a process one after another, and writes them into a
SavedModel under these numbers, in the order of a hash table. So the same model is
another file after each export, though nothing in it differs: a repository grows by it,
and no checksum tells whether anything has changed.

Calls of functions also hold how the process was set up that wrote them: its number of
devices, and what it had chosen of optimizing graphs, which would be kept up wherever
the SavedModel is loaded.
"""

import itertools
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, fingerprint_pb2, saved_model_pb2

_GRAPH, _FINGERPRINT = "saved_model.pb", "fingerprint.pb"
_INDEX = "variables/variables.index"
# The attribute by which an operation names its gradient, which has a number as well.
_GRADIENT = "_gradient_op_type"
# That by which a function's argument has its name. What it captures has a number.
_ARGUMENT = "_user_specified_name"
# What a call of a function holds of the process, and what it holds in a new one.
_PROCESS = "config_proto"
_NEW_PROCESS = config_pb2.ConfigProto(allow_soft_placement=True).SerializeToString()


def make_reproducible(folder: Path) -> None:
    """Numbers a SavedModel's functions by the order of their use, and sorts them.

    Nothing stays of how the process was set up that wrote it.

    Args:
        folder: the SavedModel, as `tf.saved_model.save` has written it. Its weights
            and assets stay as they are.
    """
    path = folder / _GRAPH
    saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta_graph in saved_model.meta_graphs:
        _forget_process(meta_graph.graph_def)
        _number_functions(meta_graph)
    path.write_bytes(saved_model.SerializeToString(deterministic=True))
    sign(folder)


def sign(folder: Path) -> None:
    """Makes a SavedModel's fingerprint one of its files.

    TensorFlow puts a random identifier into it, and the checksums of what it has
    written. What else it says, of the program, doesn't hang on functions' names.

    Args:
        folder: the SavedModel.
    """
    path = folder / _FINGERPRINT
    fingerprint = fingerprint_pb2.FingerprintDef.FromString(path.read_bytes())
    fingerprint.saved_model_checksum = _checksum((folder / _GRAPH).read_bytes())
    fingerprint.checkpoint_hash = _checksum((folder / _INDEX).read_bytes())
    # TensorFlow 2.18 has no identifier.
    if "uuid" in fingerprint.DESCRIPTOR.fields_by_name:
        fingerprint.uuid = ""
        content = fingerprint.SerializeToString(deterministic=True)
        fingerprint.uuid = str(_checksum(content))
    path.write_bytes(fingerprint.SerializeToString(deterministic=True))


def _checksum(content):
    [digest] = tf.fingerprint(tf.constant([content])).numpy()
    return int.from_bytes(digest.tobytes(), "little")


def _forget_process(graph):
    """Has calls of functions be set up as in a new process without accelerators."""
    bodies = (function.node_def for function in graph.library.function)
    for node in itertools.chain(graph.node, *bodies):
        if _PROCESS in node.attr:
            node.attr[_PROCESS].s = _NEW_PROCESS


def _number_functions(meta_graph):
    """Gives functions, and what names gradients, numbers in the order of their use."""
    graph = meta_graph.graph_def
    bodies = {each.signature.name: each.node_def for each in graph.library.function}
    gradients = {
        node.attr[_GRADIENT].s.decode(): ()
        for node in itertools.chain(graph.node, *bodies.values())
        if _GRADIENT in node.attr
    }
    roots = [graph.node, meta_graph.object_graph_def.nodes]
    names = list(_used(roots, bodies | gradients))
    # What nothing uses stays, behind the others.
    names += sorted(bodies.keys() - set(names), key=_by_number)
    _rename(
        meta_graph,
        {name: f"{_without_number(name)}{n}" for n, name in enumerate(names)},
    )
    called = meta_graph.object_graph_def.concrete_functions
    for function in graph.library.function:
        if function.signature.name not in called:
            _name_arguments(function)
        _name_captures(function)
    functions = sorted(graph.library.function, key=lambda each: each.signature.name)
    del graph.library.function[:]
    graph.library.function.extend(functions)


def _by_number(name):
    """Returns what orders functions of one name as they were made."""
    before = _without_number(name)
    return before, len(name), name


def _without_number(name):
    return name.rstrip("0123456789")


def _name_arguments(function):
    """Names what a loop's or a branch's body takes and gives by its place.

    Nobody calls it by these names, which have numbers of other functions in them.
    """
    arguments, results = (
        {each.name: f"{kind}_{place}" for place, each in enumerate(named)}
        for kind, named in (
            ("argument", function.signature.input_arg),
            ("result", function.signature.output_arg),
        )
    )
    given = {
        results[name]: arguments.get(value, value)
        for name, value in function.ret.items()
    }
    function.ret.clear()
    function.ret.update(given)
    for each in function.signature.input_arg:
        each.name = arguments[each.name]
    for each in function.signature.output_arg:
        each.name = results[each.name]
    for node in function.node_def:
        node.input[:] = [arguments.get(name, name) for name in node.input]


def _name_captures(function):
    """Names what a function takes beside its arguments by its place, not its number."""
    for place in function.arg_attr:
        attributes = function.arg_attr[place].attr
        if _ARGUMENT in attributes and attributes[_ARGUMENT].s.isdigit():
            attributes[_ARGUMENT].s = str(place).encode()


def _used(roots, bodies):
    """Yields the names that are used, each once, in the order of their use.

    Args:
        roots: sequences of protocol buffers.
        bodies: by each name, such a sequence as well: what it uses in its turn.
    """
    seen, waiting = set(), list(reversed(roots))
    while waiting:
        found = [text for message in waiting.pop() for text in _strings(message)]
        new = [name for name in dict.fromkeys(found) if name in bodies]
        new = [name for name in new if name not in seen]
        yield from new
        seen.update(new)
        waiting += [bodies[name] for name in reversed(new)]


def _strings(message):
    """Yields the strings of a protocol buffer, in an order that isn't by chance."""
    for field, value in message.ListFields():
        if _is_map(field):
            if _is_message(field.message_type.fields_by_name["value"]):
                for key in sorted(value):
                    yield from _strings(value[key])
            continue
        for each in value if is_repeated(field) else [value]:
            if _is_message(field):
                yield from _strings(each)
            elif isinstance(each, bytes):
                yield each.decode("utf-8", "replace")
            elif isinstance(each, str):
                yield each


def _rename(message, names):
    """Puts new names for old ones, wherever they stand in a protocol buffer."""
    for field, value in message.ListFields():
        if _is_map(field):
            if _is_message(field.message_type.fields_by_name["value"]):
                _rename_keys(value, names)
                for key in value:
                    _rename(value[key], names)
        elif _is_message(field):
            for each in value if is_repeated(field) else [value]:
                _rename(each, names)
        elif is_repeated(field):
            value[:] = [_renamed(each, names) for each in value]
        else:
            setattr(message, field.name, _renamed(value, names))


def _rename_keys(values, names):
    """Puts new names for old ones among the keys of a protocol buffer's map."""
    changed = {key: type(values[key])() for key in values if key in names}
    for key, kept in changed.items():
        kept.CopyFrom(values[key])
        del values[key]
    for key, kept in changed.items():
        values[names[key]].CopyFrom(kept)


def _renamed(value, names):
    if isinstance(value, bytes):
        name = names.get(value.decode("utf-8", "replace"))
        return value if name is None else name.encode()
    return names.get(value, value) if isinstance(value, str) else value


def is_repeated(field: Any) -> bool:
    """Says whether a field of a message is a list, whatever protobuf's version is.

    Args:
        field: a `FieldDescriptor`. From protobuf 6.31 on it says so itself, and to ask
            its label, as one had to, is deprecated.
    """
    if hasattr(field, "is_repeated"):
        return field.is_repeated
    return field.label == field.LABEL_REPEATED


def _is_message(field):
    return field.message_type is not None


def _is_map(field):
    return _is_message(field) and field.message_type.GetOptions().map_entry
