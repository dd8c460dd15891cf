"""Music models in training and drawing, the zoo's or of `keras.layers`."""

import keras
import numpy as np
import tensorflow as tf

from zoo.models import MusicModel

KEYS, UNITS = 88, 256
EPSILON = 1e-10


def rolls(pieces: int, steps: int) -> np.ndarray:
    """Returns made-up pieces of four notes a frame, uint8 (pieces, steps, 88)."""
    random = np.random.default_rng(0)
    places = random.integers(0, KEYS, (pieces, steps, 4))
    found = np.zeros((pieces, steps, KEYS), np.uint8)
    np.put_along_axis(found, places, 1, axis=-1)
    return found


def zoo_model(output: str) -> MusicModel:
    """Returns the zoo's model, the same in every process."""
    keras.utils.set_random_seed(0)
    return MusicModel(KEYS, output=output, cell="lstm", units=UNITS, name="music")


def keras_model(steps: int | None, **layer) -> keras.Model:
    """Returns the same of `keras.layers`, with the Bernoulli outputs' weights.

    Args:
        steps: of a sequence.
        **layer: arguments of the LSTM; with states it takes and returns them.
    """
    frames = keras.Input((steps, KEYS))
    states = [keras.Input((UNITS,)) for _ in range(2 * layer.get("return_state", 0))]
    lstm = keras.layers.LSTM(UNITS, **layer)
    found = lstm(frames, initial_state=states or None)
    hidden, *last = found if states else [found]
    logits = keras.layers.Dense(KEYS)(hidden)
    model = keras.Model([frames, *states], [logits, *last] if states else logits)
    model.set_weights(zoo_model("bernoulli").get_weights())
    return model


class Training:
    """A model trained on the same pieces again and again, an epoch a call.

    Args:
        name: "zoo, nade", "zoo, bernoulli" or "keras".
        batch: pieces in a batch.
        steps: frames of a piece.
        batches: in an epoch.
    """

    def __init__(self, name: str, batch: int, steps: int, batches: int):
        pieces = rolls(batch * batches, steps)
        self._batch, self._losses = batch, []
        optimizer = keras.optimizers.Adam(epsilon=EPSILON)
        if name == "keras":
            self._model = keras_model(steps, return_sequences=True)
            loss = keras.losses.BinaryCrossentropy(from_logits=True)
            self._model.compile(optimizer, loss)
            before = np.pad(pieces, [(0, 0), (1, 0), (0, 0)])[:, :-1]
            self._data = before.astype("float32"), pieces.astype("float32")
            self._keys = 1  # Keras' loss is a mean over keys
            return
        self._model = zoo_model(name.removeprefix("zoo, "))
        self._model.compile(optimizer)
        lengths = np.full(len(pieces), steps, np.int32)
        self._data = ({"roll": pieces, "lengths": lengths},)
        self._keys = KEYS

    def run(self):
        """Trains for an epoch."""
        history = self._model.fit(
            *self._data, batch_size=self._batch, shuffle=False, verbose=0
        )
        self._losses.append(history.history["loss"][0] / self._keys)

    def results(self) -> list[np.ndarray]:
        """Returns the mean losses of the first epochs, in nats a key."""
        return [np.array(self._losses[:2])]


class Drawing:
    """Pieces drawn from nothing.

    Args:
        name: "zoo, nade" or "zoo, bernoulli"; "keras, eager" or "keras, tf.function",
            a loop of calls that take a step each and draw its keys.
        batch: how many pieces.
        steps: frames of a piece.
    """

    def __init__(self, name: str, batch: int, steps: int):
        self._batch, self._steps = batch, steps
        self._zoo = None
        if name.startswith("zoo"):
            self._zoo = zoo_model(name.removeprefix("zoo, "))
            return
        self._model = keras_model(None, return_state=True)
        compiled = name == "keras, tf.function"
        self._draw = tf.function(self._step) if compiled else self._step

    def run(self):
        """Draws the pieces."""
        if self._zoo is not None:
            empty = tf.zeros([self._batch, 0, KEYS])
            return self._zoo.generate(empty, self._steps)[0].numpy()
        frame = tf.zeros([self._batch, 1, KEYS])
        state, frames = [tf.zeros([self._batch, UNITS])] * 2, []
        for _ in range(self._steps):
            frame, state = self._draw(frame, state)
            frames.append(frame)
        return tf.concat(frames, axis=1).numpy()

    def _step(self, frame, state):
        logits, *state = self._model([frame, *state], training=False)
        drawn = tf.random.uniform(tf.shape(logits)) < tf.sigmoid(logits)
        return tf.cast(drawn, tf.float32)[:, None], state


class Contestant:
    """A `Training` or a `Drawing`, as `task` says."""

    def __init__(self, name: str, task: str, **arguments):
        cls = {"training": Training, "drawing": Drawing}[task]
        self._chosen = cls(name, **arguments)
        self.run = self._chosen.run

    def results(self) -> list[np.ndarray]:
        """Returns what a training's losses were."""
        return self._chosen.results()
