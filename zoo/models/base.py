"""What every model of the zoo can do beside what Keras gives it."""

import os
from typing import Any

from zoo import export, presets
from zoo.errors import PresetError
from zoo.keras_private import layers_in
from zoo.models.replicas import Replicated
from zoo.text import Vocabulary


class Model(Replicated):
    """What makes a Keras model one that takes strings, and goes to disk and back.

    A model of the zoo is a `class Name(Model, keras.Model)`. (This class is none
    itself, for Keras turns the bases of a model that has a functional graph into
    functional ones, and models without such a graph share this one.)

    A subclass builds its layers and its functional graph in the constructor, names
    every layer, and sets

    - `config`, its options: the constructor's arguments as they were given, but for
      vocabularies and tokenizers (`zoo.models.construction.options`);
    - `vocabularies`, a dict of `zoo.text.Vocabulary` by the constructor's arguments,
      which name their files as well.

    It defines two methods: `get_config() → dict`, all of the constructor's arguments,
    fit for JSON; and `signatures() → dict`, the SavedModel's functions by name, each a
    `tf.function` with its signature.
    """

    config: dict
    vocabularies: dict[str, Vocabulary]
    # Whether it computes with a table of embeddings by itself, not by its layer's call.
    _reads_tables = False

    def __repr__(self) -> str:
        """Returns its name and its sizes, for people."""
        sizes = [f"{self.count_params():,} weights"] if self.built else ["not built"]
        sizes += [
            f"{name} of {len(each):,}" for name, each in self.vocabularies.items()
        ]
        return f"<{type(self).__name__} {self.name!r}: {', '.join(sizes)}>"

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """Makes a model from what `get_config` returned."""
        return cls(**config)

    @classmethod
    def from_preset(cls, name_or_path: str | os.PathLike) -> Any:
        """Returns the model of a preset, of this class.

        Args:
            name_or_path: a preset's folder or name: see `zoo.presets.find`.

        Raises:
            zoo.errors.PresetError: there is no such preset, it is damaged, or
                its model is of another class.
        """
        model = presets.load(name_or_path)
        if not isinstance(model, cls):
            raise PresetError(
                f"Preset {os.fspath(name_or_path)!r} holds a {type(model).__name__}, "
                f"not a {cls.__name__}."
            )
        return model

    def quantize(self, *args: Any, **kwargs: Any) -> None:
        """Makes weights whole numbers, as `keras.Model.quantize` does.

        Such a model answers and is exported; it can't be saved as a preset.

        Raises:
            NotImplementedError: the model looks tokens up in a table that it also
                predicts them by, and would read its whole numbers without their scale.
        """
        if self._reads_tables:
            raise NotImplementedError(
                f"'{self.name}' ({type(self).__name__}) can't be quantized: it reads "
                "its tables of embeddings as they are, and whole numbers without their "
                "scale are no embeddings. Leave it as it is."
            )
        return super().quantize(*args, **kwargs)

    def save_to_preset(self, path: str | os.PathLike) -> None:
        """Writes the model as a preset, in place of what was there.

        Args:
            path: the folder for its config, graph, weights and vocabularies.

        Raises:
            FileExistsError: something else than a preset is there.
            ValueError: it is a URL, or a layer of the model is quantized.
            zoo.errors.PresetError: the model's class is none of `zoo.models`.
        """
        for layer in layers_in(self):
            if layer.dtype_policy.quantization_mode is not None:
                raise ValueError(
                    f"'{layer.name}' of '{self.name}' is quantized to "
                    f"{layer.dtype_policy.quantization_mode}, but a preset has the "
                    "weights that were trained: it couldn't be loaded. Save the model "
                    "before `quantize`, or write a SavedModel by `export`."
                )
        presets.save(self, path)

    def export(self, path: str | os.PathLike) -> None:
        """Writes a SavedModel that plain TensorFlow loads, in place of what was there.

        Args:
            path: its folder.

        Raises:
            FileExistsError: something else than a SavedModel is there.
            ValueError: it is a URL.
        """
        export.save(self, path)
