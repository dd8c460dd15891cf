"""What the constructors of several models share."""

import contextlib
import operator
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import keras
import numpy as np

from zoo.layers import BY_CELL, Bidirectional
from zoo.text import Subwords, Vocabulary


def options(arguments: dict, *others: str) -> dict:
    """Returns a model's options: its constructor's arguments but for some.

    They are the model's `config`, of which it is built, and which goes to disk: so
    NumPy's numbers are Python's there.

    Args:
        arguments: `locals()` of the constructor, before it has variables of its own.
        *others: arguments that the model keeps in another form, as a vocabulary.
    """
    left_out = {"self", "__class__", "name", *others}
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in arguments.items()
        if name not in left_out
    }


def check_choice(argument: str, value: str, known: Iterable[str]) -> None:
    """Raises a ValueError if an argument's value is none of those that are known."""
    if value not in known:
        raise ValueError(
            f"{argument} must be one of {', '.join(known)}, found {value!r}."
        )


def check_least(least: int, **numbers: int) -> None:
    """Raises a ValueError if a number, by its argument's name, is below the least."""
    for argument, number in numbers.items():
        if number < least:
            raise ValueError(f"{argument} must be at least {least}, found {number}.")


def checked_names(argument: str, names: Iterable, numbers: bool = False) -> tuple:
    """Returns the names of classes or tags, Python's own, for they go to disk.

    Args:
        argument: which one gives them.
        names: strings, in a list or an array.
        numbers: whether they may all be numbers, as those of some presets are.

    Raises:
        ValueError: one is something else.
    """
    names = tuple(n.item() if isinstance(n, np.generic) else n for n in names)
    others = [name for name in names if not isinstance(name, str)]
    if others and not (numbers and all(isinstance(n, int | float) for n in names)):
        raise ValueError(f"{argument} must be strings, found {others[0]!r}.")
    return names


def given_tokenizer(tokenizer: Any, default: Callable) -> Any:
    """Returns a tokenizer of `zoo.text`: the one given, or of its config, or another.

    Args:
        tokenizer: a tokenizer, its config, or None.
        default: makes the tokenizer where none is given.

    Raises:
        ValueError: a config is of a class that isn't registered with Keras, as those
            of `zoo.text` are. By its name alone nothing is imported: a config may come
            from anywhere.
    """
    if tokenizer is None:
        return default()
    if not isinstance(tokenizer, dict):
        return tokenizer
    registered = tokenizer.get("registered_name")
    if keras.saving.get_registered_object(registered) is None:
        raise ValueError(
            f"There is no tokenizer {registered!r}, registered with Keras."
        )
    return keras.saving.deserialize_keras_object(tokenizer)


def embedding(vocabulary: Vocabulary, units: int, name: str) -> keras.layers.Embedding:
    """Returns an embedding that is built, of vectors about 1 long.

    Args:
        vocabulary: whose tokens are embedded.
        units: the size of a token's vector.
        name: the layer's name.
    """
    layer = keras.layers.Embedding(
        len(vocabulary),
        operator.index(units),  # Keras takes no other whole numbers
        embeddings_initializer=keras.initializers.RandomNormal(stddev=units**-0.5),
        name=name,
    )
    layer.build(None)
    return layer


def recurrent_layer(
    cell: str, units: int, bidirectional: bool, return_sequences: bool, name: str
) -> keras.layers.Layer:
    """Returns a recurrent layer, in one direction or in both.

    Presets know its weights by their paths: by `name` and, in both directions, by the
    cell's.

    Args:
        cell: a name in `zoo.layers.BY_CELL`: "rnn", "gru", "lstm", "mingru", ….
        units: n_a, in each direction.
        bidirectional: whether it runs in both directions.
        return_sequences: whether it returns all steps.
        name: the layer's name.
    """
    units = operator.index(units)  # Keras' cells take no other whole numbers
    if not bidirectional:
        return BY_CELL[cell](units, return_sequences=return_sequences, name=name)
    layer = BY_CELL[cell](units, return_sequences=return_sequences, name=cell)
    return Bidirectional(layer, name=name)


def rebuilt(model: Any, anew: Collection[str] = (), **arguments: Any) -> Any:
    """Returns a new model with other arguments, and a model's weights, by their paths.

    Its dtypes are the model's too, whatever Keras' policy is now.

    Args:
        model: a `zoo.models.base.Model`, built.
        anew: the names of the layers that are for these arguments: their weights begin
            anew, also where they are a part of others.
        **arguments: of the constructor.

    Raises:
        ValueError: the new model has another weight that `model` lacks, or has in
            another shape.
    """
    with under_policy(model.dtype_policy):
        other = type(model).from_config({**model.get_config(), **arguments})
    own = {weight.path: weight for weight in model.weights}
    for weight in other.weights:
        *layers, _ = weight.path.split("/")
        if not set(anew).isdisjoint(layers):
            continue
        if weight.path not in own:
            raise ValueError(
                f"{model!r} has no weight {weight.path}, which isn't among those that "
                f"begin anew: {', '.join(anew) or 'none'}."
            )
        weight.assign(own[weight.path].numpy())
    return other


@contextlib.contextmanager
def under_policy(policy: keras.DTypePolicy) -> Iterator[None]:
    """Has layers be made under a policy of dtypes, not under that which Keras has."""
    usual = keras.config.dtype_policy()
    if policy == usual:
        yield
        return
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(usual)


def check_no_subwords(*vocabularies: Any) -> None:
    """Raises a ValueError if a vocabulary is of subwords, where tokens are looked up.

    Nearly all tokens would be unknown: pieces are written otherwise.
    """
    if any(isinstance(each, Subwords) for each in vocabularies):
        raise ValueError(
            "This model looks whole tokens up, and a vocabulary of Subwords holds "
            "pieces of words: make a Vocabulary of what the tokenizer gives."
        )


def named_vocabulary(
    tokens: Vocabulary | Iterable[str], name: str, kind: type[Vocabulary] = Vocabulary
) -> Vocabulary:
    """Returns a vocabulary of a kind whose file has this name.

    By the argument's name a preset finds the file again.
    """
    if type(tokens) is kind and tokens.name == name:
        return tokens
    if isinstance(tokens, Vocabulary):
        tokens = tokens.ordinary_tokens
    return kind(tokens, name)
