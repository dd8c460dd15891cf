"""Constructors that hand arguments on, with all of them in their signature.

Our layers take the arguments of their Keras namesakes without spelling them again.
`help` is to show them nevertheless, with types, which Keras' have not.
"""

import inspect
from typing import Any, TypeVar

import keras

from zoo.layers.arguments import Activation, Constraint, Initializer, Regularizer

_Class = TypeVar("_Class", bound=type)

_BY_NAME: dict[str, Any] = {
    "activation": Activation,
    "recurrent_activation": Activation,
    "backward_layer": keras.layers.Layer | None,
    "cell": keras.layers.Layer,
    "checkpoint_every": int | None,
    "dtype": str | keras.DTypePolicy | None,
    "fused": bool | str,
    "layer": keras.layers.Layer,
    "merge_mode": str | None,
    "name": str | None,
    "seed": int | None,
    "trainable": bool,
    "units": int,
    "use_cudnn": bool | str,
    "weights": list | None,
}
_BY_ENDING = {
    "_initializer": Initializer,
    "_regularizer": Regularizer,
    "_constraint": Constraint,
}
# What every layer takes.
_OF_LAYERS = {"name": None, "dtype": None, "trainable": True}
# What is between our own classes.
_INNER = {"self", "cell_arguments"}
_Kind = inspect.Parameter
_ANY = (_Kind.VAR_POSITIONAL, _Kind.VAR_KEYWORD)


def spelled_out(cls: _Class) -> _Class:
    """Gives a layer's constructor a signature with the arguments of all its bases.

    Args:
        cls: a layer whose constructor takes `*args` or `**kwargs` and hands them to
            those of its bases, which do too or end that. With `spells_cell` it makes
            its cell, and takes the arguments of that.

    Returns:
        The class itself.
    """
    first, by_name, namesake = {}, {}, None
    inner, bases = _INNER, list(cls.__mro__)
    if getattr(cls, "spells_cell", False):
        inner = _INNER | {"cell"}
        cell_class: type = getattr(cls, "cell_class", type)
        ours = (b for b in cell_class.__mro__ if not b.__module__.startswith("keras."))
        bases = [*ours, *bases]
    for base in bases:
        if "__init__" not in vars(base) or base is keras.layers.Layer:
            continue
        of_keras = base.__module__.startswith("keras.")
        if of_keras and namesake is not None:
            continue  # it takes what its own bases do
        for each in inspect.signature(vars(base)["__init__"]).parameters.values():
            if each.name in inner | {*first} | {*by_name} or each.kind in _ANY:
                continue
            if each.kind is not _Kind.KEYWORD_ONLY and namesake is None:
                first[each.name] = each
            elif each.kind is _Kind.KEYWORD_ONLY:
                by_name[each.name] = each
        namesake = base if of_keras else namesake
    for name, default in _OF_LAYERS.items():
        if name not in first | by_name:
            by_name[name] = _Kind(name, _Kind.KEYWORD_ONLY, default=default)
    typed = [
        each.replace(annotation=_annotation(each))
        for each in (*first.values(), *by_name.values())
    ]
    itself = _Kind("self", _Kind.POSITIONAL_OR_KEYWORD)
    constructor: Any = vars(cls)["__init__"]
    constructor.__signature__ = inspect.Signature([itself, *typed])
    return cls


def _annotation(parameter):
    """Returns an argument's type, by its name or else by its default."""
    name, default = parameter.name, parameter.default
    if parameter.annotation not in (_Kind.empty, Any):
        return parameter.annotation
    ending = next(
        (kind for end, kind in _BY_ENDING.items() if name.endswith(end)), None
    )
    if name in _BY_NAME:
        return _BY_NAME[name]
    if ending is not None:
        return ending | None if default is None else ending
    return type(default) if isinstance(default, bool | float | int | str) else Any
