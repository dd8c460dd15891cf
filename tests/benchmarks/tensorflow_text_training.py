"""A character model trained in Keras' `fit`, the zoo's or of `keras.layers`."""

import keras
import numpy as np

from tests.benchmarks import tensorflow_text
from tests.benchmarks.text_cases import EPSILON, TextCase


class Contestant:
    """A model and a text, ready to be trained on it again and again.

    Args:
        name: "zoo", which takes along where texts begin, or "keras", whose layers are
            stateful.
        case: the model's sizes, a `TextCase`'s fields.
        window: steps in a window.
        windows: how many follow each other in an epoch.
    """

    def __init__(self, name: str, case: dict, window: int, windows: int):
        case = TextCase(**case)
        self._is_zoo = name == "zoo"
        self._batch = case.batch
        ids, self._targets = case.windows(window, windows)
        self._inputs, loss = ids, None
        if self._is_zoo:
            self._model = tensorflow_text.zoo_model(case)
            self._inputs = ids, np.arange(len(ids)) < case.batch
        else:
            self._model = tensorflow_text.stateful_model(case, window)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._model.compile(keras.optimizers.Adam(epsilon=EPSILON), loss)
        self._losses = []

    def run(self):
        """Trains for an epoch, from its first window to its last."""
        if not self._is_zoo:
            for layer in self._model.layers:
                if isinstance(layer, keras.layers.RNN):
                    layer.reset_state()
        history = self._model.fit(
            self._inputs,
            self._targets,
            batch_size=self._batch,
            shuffle=False,
            verbose=0,
        )
        self._losses += history.history["loss"]

    def results(self) -> list[np.ndarray]:
        """Returns the mean losses of the first epochs, in nats."""
        return [np.array(self._losses[:2])]
