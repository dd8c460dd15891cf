"""Texts by the million: a preset's SavedModel as a transform of Apache Beam.

```
import apache_beam as beam
from zoo.beam import Predict

with beam.Pipeline(runner="DirectRunner") as pipeline:
    texts = pipeline | beam.Create(["A wonderful film.", "Not my cup of tea."])
    texts | Predict("sentiment_en") | beam.Map(print)
```

Workers need TensorFlow and Beam, not the zoo: what they run is sent to them whole, and
calls the SavedModel, which must lie where they can read it. Needs the extra `beam`.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

try:
    import apache_beam as beam
    from apache_beam.internal import cloudpickle
    from apache_beam.metrics import Metrics
    from apache_beam.ml.inference.base import (
        KeyedModelHandler,
        ModelHandler,
        PredictionResult,
        RunInference,
    )
except ImportError as error:
    raise ImportError(
        "zoo.beam needs Apache Beam, of the extra 'beam': pip install 'apache-beam"
        ">=2.70'."
    ) from error

from zoo import presets

__all__ = ["Predict"]

# What is sent to workers is sent whole, not as an import of this module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

# Of the counters.
NAMESPACE = "zoo"
# So many texts are put in order of their length, to be answered in batches.
_SORTED_TOGETHER = 1024


class Predict(beam.PTransform):
    """Answers each text by a function of a preset's SavedModel.

    Texts are answered in batches of similar lengths. Counters of the namespace `zoo`
    tell `texts` and `words` (what white space separates), the number of `batches`, the
    `bytes` that were read and those that batches have room for, `padded_bytes`: their
    ratio is how full batches are.

    Input: `str`, or pairs of a key and a `str` if `keyed`.
    Output: a `dict` for each, or pairs of the key and the dict, in any order: the
    `text`, and what the function returned of it by name, as Python's own numbers,
    strings and lists. What is as long as its batch's longest text is cut to `lengths`,
    where the function returns them.

    Args:
        preset: a preset's name or folder, as `zoo.from_preset` takes it.
        signature: the function: the preset's card lists what there is.
        arguments: what else the function takes, by name: for all texts the same.
        batch_size: texts in a batch.
        keyed: whether elements are pairs of a key and a text.
        saved_model: where workers find the SavedModel, a folder or a URL that
            TensorFlow reads, "gs://bucket/saved_model" say; by default the preset's
            own, for workers on this machine or with a shared disk.

    Raises:
        PresetError: there is no such preset.
        ValueError: the batch size isn't positive; or, in a worker: there is no such
            function, it takes other arguments, or it answers NaN.
    """

    def __init__(
        self,
        preset: str | os.PathLike,
        signature: str = "serving_default",
        arguments: Mapping[str, Any] | None = None,
        batch_size: int = 64,
        keyed: bool = False,
        saved_model: str | os.PathLike | None = None,
    ):
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, found {batch_size}.")
        if saved_model is None:
            saved_model = Path(presets.find(preset), presets.SAVED_MODEL).resolve()
        self._handler = _SavedModel(
            os.fspath(saved_model), signature, dict(arguments or {}), batch_size
        )
        self._keyed = keyed

    def expand(self, pcoll: Any) -> Any:
        """Returns the answers."""
        if not self._keyed:
            found = pcoll | RunInference(self._handler)
            return found | "Answers" >> beam.Map(lambda each: each.inference)
        found = pcoll | RunInference(KeyedModelHandler(self._handler))
        return found | "Answers" >> beam.MapTuple(
            lambda key, each: (key, each.inference)
        )


class _SavedModel(ModelHandler):
    """Loads a SavedModel, once in a worker's process, and has it answer texts."""

    def __init__(self, path, signature, arguments, batch_size):
        super().__init__()
        self._path = path
        self._signature = signature
        self._arguments = arguments
        self._batch_size = batch_size

    def load_model(self):
        import tensorflow as tf

        model = tf.saved_model.load(self._path)
        if self._signature not in model.signatures:
            names = ", ".join(sorted(model.signatures))
            raise ValueError(
                f"{self._path} has no function {self._signature!r}. It has: {names}."
            )
        takes = model.signatures[self._signature].structured_input_signature[1].keys()
        others = self._arguments.keys()
        if not others <= takes or len(takes - others) != 1:
            raise ValueError(
                f"{self._signature!r} takes {', '.join(sorted(takes)) or 'nothing'}: "
                "one of them is the text, and `arguments` has to have all others. "
                f"Found {', '.join(map(str, self._arguments)) or 'none'}."
            )
        return model

    def run_inference(
        self, batch: Sequence[str], model: Any, inference_args: Any = None
    ) -> Sequence[PredictionResult]:
        by_length = sorted(range(len(batch)), key=lambda place: len(batch[place]))
        answers: list[Any] = [None] * len(batch)
        for first in range(0, len(batch), self._batch_size):
            places = by_length[first : first + self._batch_size]
            texts = [batch[place] for place in places]
            for place, row in zip(places, self._answers(model, texts), strict=True):
                answers[place] = PredictionResult(batch[place], row)
        return answers

    def _answers(self, model, texts):
        """Returns a dict for each text."""
        import tensorflow as tf

        encoded = [text.encode("utf-8") for text in texts]
        self._count(encoded)
        function = model.signatures[self._signature]
        specs = function.structured_input_signature[1]
        [name] = specs.keys() - self._arguments.keys()
        given = {
            key: tf.constant(value, specs[key].dtype)
            for key, value in self._arguments.items()
        }
        found = function(**{name: tf.constant(encoded)}, **given)
        # A map of a loaded SavedModel has its keys in another order in each process.
        arrays = {key: found[key].numpy() for key in sorted(found)}
        self._check(arrays)
        columns = {key: _plain(each.tolist()) for key, each in arrays.items()}
        lengths = columns.pop("lengths", None)
        for place, text in enumerate(texts):
            row = {key: column[place] for key, column in columns.items()}
            if lengths is not None:
                row = {key: _cut(value, lengths[place]) for key, value in row.items()}
            yield {"text": text, **row}

    def _check(self, arrays):
        """Raises a ValueError where what is returned is no number."""
        import numpy as np

        spoilt = [
            f"`{name}`"
            for name, array in arrays.items()
            if array.dtype.kind == "f" and np.isnan(array).any()
        ]
        if spoilt:
            raise ValueError(
                f"{self._path} gives NaN for {' and '.join(spoilt)}, as a model does "
                "whose training has diverged."
            )

    def _count(self, texts):
        sizes = [len(text) for text in texts]
        counts = {
            "batches": 1,
            "texts": len(texts),
            "words": sum(len(text.split()) for text in texts),
            "bytes": sum(sizes),
            "padded_bytes": max(sizes) * len(sizes),
        }
        for name, count in counts.items():
            Metrics.counter(NAMESPACE, name).inc(count)

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        size = max(_SORTED_TOGETHER, self._batch_size)
        return {"min_batch_size": size, "max_batch_size": size}


def _plain(value):
    """Returns strings for bytes, in lists of any depth."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _cut(value, length):
    return value[:length] if isinstance(value, list) else value
