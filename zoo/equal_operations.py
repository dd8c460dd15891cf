"""Operations that compute the same, which a SavedModel needs but once.

Python code asks for a shape or a constant wherever it needs one, and TensorFlow writes
an operation each time: two fifths of a graph are there several times. Where a graph is
run they are found and merged; but to read the graph, and to find them, takes the time
in which a server starts and answers for the first time.
"""

from typing import Any

# Not exported: what tells whether an operation does anything but compute.
from tensorflow.python.framework import op_def_registry


def merge(function: Any) -> None:
    """Merges a function's equal operations, and leaves out what nothing uses.

    Operations that have a state, or wait for others, and those that call functions or
    make lists, stay as they are.

    Args:
        function: a `FunctionDef`, which is changed.
    """
    nodes = {node.name: node for node in function.node_def}
    merged = _equal(nodes)
    for node in function.node_def:
        node.input[:] = [_renamed(name, merged) for name in node.input]
    for returned in (function.ret, function.control_ret):
        for place in returned:
            returned[place] = _renamed(returned[place], merged)
    used = _used(function, nodes, merged)
    kept = [node for node in function.node_def if node.name in used]
    del function.node_def[:]
    function.node_def.extend(kept)


def _equal(nodes):
    """Returns which operation stands for which ones, by these ones' names."""
    merged = {}
    found = True
    # What is equal makes others equal that take it.
    while found:
        found, first = {}, {}
        for name, node in nodes.items():
            if name in merged or not _only_computes(node):
                continue
            key = (
                node.op,
                tuple(_renamed(each, merged) for each in node.input),
                tuple(
                    (attribute, node.attr[attribute].SerializeToString())
                    for attribute in sorted(node.attr)
                ),
            )
            if first.setdefault(key, name) != name:
                found[name] = first[key]
        merged |= found
        merged = {name: _last(name, merged) for name in merged}
    return merged


def _last(name, merged):
    while name in merged:
        name = merged[name]
    return name


def _only_computes(node):
    """Says whether an operation's outputs are all that it does."""
    if any(name.startswith("^") for name in node.input) or "List" in node.op:
        return False
    if any(value.HasField("func") for value in node.attr.values()):
        return False
    definition = op_def_registry.get(node.op)
    return definition is not None and not definition.is_stateful


def _used(function, nodes, merged):
    """Returns the names of operations that do something, or that these need."""
    waiting = [_node(name) for name in function.ret.values()]
    waiting += function.control_ret.values()
    waiting += [name for name, node in nodes.items() if not _only_computes(node)]
    used = set()
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in used:
            used.add(name)
            waiting += map(_node, nodes[name].input)
    return used - merged.keys()


def _node(name):
    """Returns the operation that an input is of."""
    return name.removeprefix("^").partition(":")[0]


def _renamed(name, merged):
    """Returns an input by the operation that stands for its own."""
    before, colon, output = name.partition(":")
    prefix, before = ("^", before[1:]) if before.startswith("^") else ("", before)
    return f"{prefix}{merged.get(before, before)}{colon}{output}"
