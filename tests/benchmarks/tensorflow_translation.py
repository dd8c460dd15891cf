"""Translators in training and at work: the zoo's, of `keras.layers`, in eager loops."""

import keras
import numpy as np
import tensorflow as tf

from tests.benchmarks import translation_cases
from tests.benchmarks.keras_translator import KerasTranslator
from tests.benchmarks.translation_cases import END_ID, SPECIAL
from zoo import kernels
from zoo.models import Translator
from zoo.text.vocabulary import PADDING_ID, START_ID, UNKNOWN_ID

_COMPARED_STEPS = 8


def zoo_model(sizes: dict) -> Translator:
    """Returns the zoo's model, the same in every process.

    Args:
        sizes: arguments of `Translator`.
    """
    keras.utils.set_random_seed(0)
    words = translation_cases.words()
    return Translator(words, words, level="word", tied=False, **sizes)


class Training:
    """A model trained on the same pairs again and again, an epoch a call.

    Args:
        name: "zoo"; or "keras" and whatever follows.
        sizes: of the model.
        batch: pairs in a batch.
        longest: words that the longest sentence has.
        batches: in an epoch.
    """

    def __init__(self, name: str, sizes: dict, batch: int, longest: int, batches: int):
        self._model, loss = zoo_model(sizes), None
        sources, self._targets = translation_cases.pairs(batch * batches, longest)
        self._inputs = sources, self._model.inputs(self._targets).numpy()
        self._batch, self._losses = batch, []
        if name.startswith("keras"):
            self._model = KerasTranslator(self._model)
            loss = keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, ignore_class=PADDING_ID
            )
        self._model.compile(keras.optimizers.Adam(), loss)

    def run(self):
        """Trains for an epoch."""
        history = self._model.fit(
            self._inputs,
            self._targets,
            batch_size=self._batch,
            shuffle=False,
            verbose=0,
        )
        self._losses += history.history["loss"]

    def results(self) -> list[np.ndarray]:
        """Returns the mean losses of the first epochs, in nats a token."""
        return [np.array(self._losses[:2])]


class Translating:
    """Sentences translated again and again.

    The weights are random, and `<EOS>` and `<UNK>` are ruled out: every translation
    has as many words as its sentence.

    Args:
        name: "zoo"; "zoo, eager" or "keras, eager", a loop of eager calls.
        sizes: of the model.
        batch: how many sentences, all at once.
        length: words in each.
        beam: the beam, which the loops haven't.
    """

    def __init__(self, name: str, sizes: dict, batch: int, length: int, beam: int = 1):
        self._texts = tf.constant(translation_cases.texts(batch, length))
        self._length, self._beam = length, beam
        self._model = zoo_model(sizes)
        bias = np.zeros(translation_cases.VOCABULARY_SIZE)
        bias[[UNKNOWN_ID, END_ID]] = -1e9
        self._model.softmax.bias.assign(bias)
        self._stepped = self._model
        if name.startswith("keras"):
            self._stepped = KerasTranslator(self._model)
        self._loops = name.endswith("eager")

    def run(self) -> list[str]:
        """Translates the sentences."""
        if self._loops:
            return self._loop()
        with kernels.portable():  # as the command does
            found = self._model.translate(
                self._texts, self._beam, max_length=self._length
            )
        return [text.decode() for text in found["translation"].numpy()]

    def _loop(self):
        """Calls the decoder for each token, as TensorFlow's tutorial does.

        https://www.tensorflow.org/text/tutorials/nmt_with_attention
        """
        sources = self._model.source.encode(self._texts).to_tensor(PADDING_ID)
        memory, state = self._stepped.encode(sources)
        ids = tf.fill([len(self._texts)], START_ID)
        done, found = tf.zeros_like(ids, tf.bool), []
        for _ in range(self._length):
            logits, state, _ = self._stepped.step(ids, state, memory)
            ids = tf.argmax(logits, axis=-1, output_type=tf.int32)
            ids = tf.where(done, PADDING_ID, ids)
            done |= ids == END_ID
            found.append(ids)
            if tf.reduce_all(done):
                break
        texts = self._model.target.decode(tf.stack(found, axis=1))
        return [text.decode() for text in texts.numpy()]

    def results(self) -> list[np.ndarray]:
        """Returns the words' logits at each step of the same translations."""
        sources = self._model.source.encode(self._texts).to_tensor(PADDING_ID)
        memory, state = self._stepped.encode(sources)
        step = self._stepped.step if self._loops else tf.function(self._stepped.step)
        found = []
        for ids in translation_cases.ids(len(self._texts), _COMPARED_STEPS, seed=2).T:
            logits, state, _ = step(tf.constant(ids), state, memory)
            found.append(logits[:, SPECIAL:])
        return [np.stack(found)]


class Contestant:
    """A `Training` or a `Translating`, as `task` says."""

    def __init__(self, name: str, task: str, **arguments):
        cls = {"training": Training, "translating": Translating}[task]
        self._chosen = cls(name, **arguments)
        self.run, self.results = self._chosen.run, self._chosen.results
