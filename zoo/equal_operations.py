"""Operations and functions that compute the same, which a SavedModel needs but once.

Python code asks for a shape or a constant wherever it needs one, and TensorFlow writes
an operation each time: much of a graph is there several times, and so are the bodies of
loops. Where a graph is run, equal operations are found and merged; but to read the
graph, and to find them, takes the time in which a server starts and answers for the
first time.
"""

import functools
from collections.abc import Iterable
from typing import Any

from tensorflow.core.framework import types_pb2

# Not exported: what tells whether an operation does anything but compute.
from tensorflow.python.framework import op_def_registry

from zoo.operation_names import renamed

# The attribute that holds what is known of a tensor's shape.
_SHAPES = "_output_shapes"


def merge(graph: Any, kept: Iterable[str]) -> None:
    """Merges what is equal in the functions of a graph, and then equal functions.

    Args:
        graph: a `GraphDef`, which is changed.
        kept: the names of functions that are called from elsewhere.
    """
    functions = graph.library.function
    # What computes the same may have another gradient.
    differentiated = {each.function_name for each in graph.library.gradient}
    kept = {*kept, *differentiated, *(g.gradient_func for g in graph.library.gradient)}
    for function in functions:
        merge_operations(function)
    merged = _equal_functions(functions, kept)
    remaining = [each for each in functions if each.signature.name not in merged]
    for nodes in (graph.node, *(each.node_def for each in remaining)):
        for node in nodes:
            for called in _called(node):
                called.name = merged.get(called.name, called.name)
    del functions[:]
    functions.extend(remaining)


def merge_operations(function: Any) -> None:
    """Merges a function's equal operations, and leaves out what nothing uses.

    Operations that have a state, or wait for others, and those that call functions or
    make lists, stay as they are.

    Args:
        function: a `FunctionDef`, which is changed.
    """
    nodes = {node.name: node for node in function.node_def}
    computing = {name: node for name, node in nodes.items() if _only_computes(node)}
    merged = _equal(computing)
    for node in function.node_def:
        node.input[:] = [renamed(name, merged) for name in node.input]
    for returned in (function.ret, function.control_ret):
        for place in list(returned):
            returned[place] = renamed(returned[place], merged)
    used = _used(function, nodes, nodes.keys() - computing.keys()) - merged.keys()
    kept = [node for node in function.node_def if node.name in used]
    del function.node_def[:]
    function.node_def.extend(kept)


def _equal(nodes):
    """Returns which operation stands for which ones, by these ones' names."""
    kinds = {name: _kind(node) for name, node in nodes.items()}
    merged = {}
    found = True
    # What is equal makes others equal that take it.
    while found:
        found, first = {}, {}
        for name, node in nodes.items():
            if name in merged:
                continue
            key = kinds[name], tuple(renamed(each, merged) for each in node.input)
            if first.setdefault(key, name) != name:
                found[name] = first[key]
        merged |= found
        merged = {name: _last(name, merged) for name in merged}
    return merged


def _kind(node):
    """Returns what an operation does with its inputs, and where."""
    attributes = [(name, node.attr[name]) for name in sorted(node.attr)]
    known = tuple((name, value.SerializeToString()) for name, value in attributes)
    return node.op, node.device, known


def _equal_functions(functions, kept):
    """Returns which function stands for which ones, by these ones' names."""
    merged = {}
    found = True
    # TensorFlow has them in an order by chance.
    functions = sorted(filter(_takes_no_list, functions), key=_order)
    # What calls equal functions may be equal then.
    while found:
        found, first = {}, {}
        for function in functions:
            name = function.signature.name
            if name not in merged and name not in kept:
                other = first.setdefault(_content(function, merged), name)
                if other != name:
                    found[name] = other
        merged |= found
        merged = {name: _last(name, merged) for name in merged}
    return merged


def _takes_no_list(function):
    """Says whether a function takes tensors alone.

    TensorFlow Lite finds out what shapes a list has where a function is called, and
    can't convert a function that is called with lists of different ones.
    """
    return all(
        each.type != types_pb2.DT_VARIANT for each in function.signature.input_arg
    )


def _order(function):
    """Returns what orders functions, without the numbers that a process gives them."""
    name = function.signature.name.rstrip("0123456789")
    arguments = [
        known.attr[key].s
        for _, known in sorted(function.arg_attr.items())
        for key in sorted(known.attr)
        if not known.attr[key].s.isdigit()
    ]
    return name, [node.name for node in function.node_def], arguments


def _content(function, merged):
    """Returns what a function does, whatever its arguments' and operations' names."""
    named = [*function.signature.input_arg, *function.node_def]
    places = {each.name: str(place) for place, each in enumerate(named)}
    content = type(function)()
    # How it is to be run: whether XLA must compile it, for example.
    for name, value in function.attr.items():
        content.attr[name].CopyFrom(value)
    for place, known in function.arg_attr.items():
        if _SHAPES in known.attr:
            content.arg_attr[place].attr[_SHAPES].CopyFrom(known.attr[_SHAPES])
    for node in function.node_def:
        copied = content.node_def.add()
        copied.CopyFrom(node)
        copied.ClearField("name")
        copied.ClearField("experimental_debug_info")
        copied.input[:] = [renamed(name, places) for name in node.input]
        for called in _called(copied):
            called.name = merged.get(called.name, called.name)
    for number, argument in enumerate(function.signature.input_arg):
        content.signature.input_arg.add(name=str(number), type=argument.type)
    for number, result in enumerate(function.signature.output_arg):
        content.signature.output_arg.add(name=str(number), type=result.type)
        content.ret[str(number)] = renamed(function.ret[result.name], places)
    for name in function.control_ret.values():
        content.control_ret[places[name]] = ""
    return content.SerializeToString(deterministic=True)


def _called(node):
    """Yields the functions, `NameAttrList`, that an operation calls."""
    for value in node.attr.values():
        kind = value.WhichOneof("value")
        if kind == "func":
            yield value.func
        elif kind == "list":
            yield from value.list.func


def _last(name, merged):
    while name in merged:
        name = merged[name]
    return name


def _only_computes(node):
    """Says whether an operation's outputs are all that it does."""
    if "List" in node.op or not _has_no_state(node.op):
        return False
    if any(name.startswith("^") for name in node.input):
        return False
    return not any(True for _ in _called(node))


@functools.cache
def _has_no_state(op):
    definition = op_def_registry.get(op)
    return definition is not None and not definition.is_stateful


def _used(function, nodes, doing):
    """Returns the names of operations that do something, or that are needed.

    Args:
        function: a `FunctionDef`.
        nodes: its operations by their names.
        doing: the names of those that do more than compute.
    """
    waiting = [_node(name) for name in function.ret.values()]
    waiting += [*function.control_ret.values(), *doing]
    used = set()
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in used:
            used.add(name)
            waiting += map(_node, nodes[name].input)
    return used


def _node(name):
    """Returns the operation that an input is of."""
    return name.removeprefix("^").partition(":")[0]
