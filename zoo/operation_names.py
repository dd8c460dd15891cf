"""Short names for the operations in a SavedModel's functions.

TensorFlow names an operation by the scopes of the Python code that asked for it, and
writes the name wherever the operation is an input: half of a graph's bytes, which a
server reads and a repository keeps. Within a function nobody asks for them: its
arguments and results have their own.
"""

import collections
from collections.abc import Mapping
from typing import Any

# By its name in the process an operation is told from others of the kind, where it
# has this attribute and the attribute is empty.
_SHARED = "shared_name"
# An attribute that lists the operations beside which one has to be placed, and how.
_BESIDE, _PREFIX = "_class", b"loc:@"


def shorten(graph: Any) -> None:
    """Names each function's operations by their kind and a number.

    Args:
        graph: a `GraphDef`, which is changed. Its own operations keep their names.
    """
    for function in graph.library.function:
        _shorten(function)


def _shorten(function):
    taken = {each.name for each in function.signature.input_arg}
    taken |= {node.name for node in function.node_def if _SHARED in node.attr}
    names, counts = {}, collections.Counter()
    for node in function.node_def:
        if _SHARED in node.attr:
            continue
        name = node.op
        while name in taken:
            counts[node.op] += 1
            name = f"{node.op}_{counts[node.op]}"
        taken.add(name)
        names[node.name] = name
    for node in function.node_def:
        node.name = names.get(node.name, node.name)
        node.input[:] = [renamed(each, names) for each in node.input]
        places = node.attr[_BESIDE].list.s if _BESIDE in node.attr else []
        for number, place in enumerate(places):
            if place.startswith(_PREFIX):
                other = place.removeprefix(_PREFIX).decode()
                places[number] = _PREFIX + names.get(other, other).encode()
    for returned in (function.ret, function.control_ret):
        for place in list(returned):
            returned[place] = renamed(returned[place], names)


def renamed(name: str, names: Mapping[str, str]) -> str:
    """Returns an operation's input with the operation that it is of renamed.

    Args:
        name: "operation", "operation:output:number" or "^operation".
        names: the operations' new names by their old ones.
    """
    before, colon, output = name.partition(":")
    prefix, before = ("^", before[1:]) if before.startswith("^") else ("", before)
    return f"{prefix}{names.get(before, before)}{colon}{output}"
