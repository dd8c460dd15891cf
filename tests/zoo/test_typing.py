"""What an editor sees: types, signatures, representations."""

import ast
import inspect
import pydoc
import typing
from pathlib import Path

import keras
import pytest

import zoo
from zoo import layers
from zoo.models import SequenceClassifier
from zoo.text import Vocabulary

ROOT = Path(zoo.__file__).parent
KERAS = ("SimpleRNN", "GRU", "LSTM", "RNN", "Bidirectional")


def public_functions(tree, within=None):
    """Yields the functions of a module that others may call, and their class."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node, node)
        elif isinstance(node, ast.FunctionDef) and (
            not node.name.startswith("_") or node.name in ("__init__", "__call__")
        ):
            yield node, within


def untyped(function, within):
    """Returns what of a function has no type."""
    given = function.args
    found = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    found += [each for each in (given.vararg, given.kwarg) if each]
    if within is not None and found and found[0].arg in ("self", "cls"):
        del found[0]
    missing = [each.arg for each in found if each.annotation is None]
    returns = function.returns is not None or function.name == "__init__"
    return missing + ([] if returns else ["return"])


def test_every_public_function_has_types():
    modules = sorted(ROOT.rglob("*.py"))
    assert len(modules) > 100
    found = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}": missing
        for path in modules
        for function, within in public_functions(ast.parse(path.read_text("utf-8")))
        if (missing := untyped(function, within))
    }
    assert found == {}


@pytest.mark.parametrize("name", KERAS)
def test_signatures_have_all_arguments_of_keras_and_their_types(name):
    signature = inspect.signature(getattr(layers, name))
    of_keras = inspect.signature(getattr(keras.layers, name)).parameters
    expected = {n for n in of_keras if n not in ("args", "kwargs")}
    own = {"name", "dtype", "trainable"}
    if name != "Bidirectional":
        own |= {"fused", "checkpoint_every"}
    assert expected | own <= set(signature.parameters)
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        assert parameter.kind not in (
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.VAR_KEYWORD,
        )
    assert "cell_arguments" not in signature.parameters
    assert ("cell" in signature.parameters) == (name == "RNN")


@pytest.mark.parametrize("name", [*KERAS, "MinGRU", "MinLSTM", "SRU", "RGLRU"])
def test_editors_are_told_the_same_arguments_and_types(name):
    layer = getattr(layers, name)
    shown = inspect.signature(layer).parameters
    written = dict(vars(layer)["__init__"].__annotations__)
    told = typing.get_type_hints(typing.get_args(written.pop("kwargs"))[0])
    told |= {n: kind for n, kind in written.items() if n in shown}
    if name == "RNN":  # whose subclasses take something else in its place
        told["cell"] = keras.layers.Layer
    assert {n: p.annotation for n, p in shown.items()} == told


@pytest.mark.parametrize("name", KERAS[:3])
def test_defaults_in_signatures_are_those_that_a_layer_has(name):
    layer = getattr(layers, name)
    config = layer(2).get_config()
    parameters = inspect.signature(layer).parameters
    plain = [
        n for n, p in parameters.items() if isinstance(p.default, bool | float | int)
    ]
    assert {"use_bias", "dropout", "return_sequences"} <= set(plain)
    for each in set(plain) & set(config):
        assert config[each] == parameters[each].default, each


def test_arguments_in_the_order_of_the_signature_are_taken_as_such():
    parameters = inspect.signature(layers.LSTM).parameters
    positional = [n for n, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    given = [3, "relu", "tanh", False]
    config = layers.LSTM(*given).get_config()
    assert [config[name] for name in positional[:4]] == given


def test_help_shows_arguments_with_types():
    shown = pydoc.render_doc(layers.LSTM, renderer=pydoc.plaintext)
    assert "units: int" in shown
    assert "return_sequences: bool = False" in shown
    assert "peephole: bool = False" in shown
    assert "*args" not in shown[: shown.index("Takes the arguments of")]


def test_a_subclass_has_its_own_signature():
    class Own(layers.GRU):
        def __init__(self, size: int):
            super().__init__(size)

    assert list(inspect.signature(Own).parameters) == ["size"]
    assert Own(3).units == 3


def test_representations_tell_sizes_and_vocabularies():
    model = SequenceClassifier(
        ["a", "b"], ["no", "yes"], embedding_units=3, units=2, name="birds"
    )
    count = sum(weight.numpy().size for weight in model.weights)
    assert repr(model) == (
        f"<SequenceClassifier 'birds': {count:,} weights, vocabulary of 6>"
    )
    assert repr(model.vocabulary) == "<Vocabulary 'vocabulary': 6 tokens, 'a', 'b'>"
    many = Vocabulary(map(str, range(2000)))
    assert repr(many) == (
        "<Vocabulary 'vocabulary': 2,004 tokens, '0', '1', '2', '3', …>"
    )


def test_public_names_are_declared():
    for part in (layers, zoo, zoo.models, zoo.text, zoo.decoding, zoo.music):
        assert len(set(part.__all__)) == len(part.__all__) > 0
        for name in part.__all__:
            assert getattr(part, name) is not None


TAKING_TEXTS = [
    pytest.param(function, id=f"{within.name}.{function.name}")
    for file in sorted((ROOT / "models").rglob("*.py"))
    for function, within in public_functions(ast.parse(file.read_text("utf-8")))
    if within is not None
    and function.name != "__call__"
    and {"Texts", "Tokens"}
    & {ast.unparse(each.annotation) for each in function.args.args if each.annotation}
]


def test_there_are_methods_that_take_texts():
    assert len(TAKING_TEXTS) > 10


@pytest.mark.parametrize("function", TAKING_TEXTS)
def test_what_takes_texts_tells_what_it_refuses(function):
    told = ast.get_docstring(function)
    _, _, refused = told.partition("\nRaises:\n")
    assert "TypeError" in refused
    assert "ValueError" in refused
    assert "Returns:" in told or told.startswith("Yields")
    assert "\nArgs:\n" in told
