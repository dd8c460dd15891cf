"""Pieces in, pieces out: what one does with a model that predicts frames of notes."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from zoo.decoding import parameters
from zoo.models.base import Model
from zoo.models.music_model import generation, scoring, serving


class PieceModel(Model, keras.Model):
    """Scores pieces of music, draws new ones and harmonizes melodies.

    A subclass predicts frames: it has `recurrent`, `conditioned` (None without a
    vector), `frame_output` and `ending` (None without one), and defines `call` and
    `inputs`: see `zoo.models.MusicModel`.

    Args:
        keys: how many keys there are.
        conditioning: size of the vector that pieces depend on, or None.
        name: the model's name.
    """

    def __init__(self, keys: int, conditioning: int | None, name: str | None = None):
        super().__init__(name=name)
        self.vocabularies = {}
        self.keys = keys
        self.conditioning = conditioning
        self._generator = generation.MusicGenerator(self)

    def pieces(self, roll, lengths=None, vector=None):
        """Returns pieces as they are trained on.

        Returns:
            Frames of 0 and 1, (batch, steps, keys), in the compute dtype; lengths,
            int32 (batch,); and the vectors or None.

        Raises:
            ValueError: the pieces have other keys, or the vector is missing, or
                there is one that nothing takes.
        """
        roll = tf.convert_to_tensor(roll)
        if roll.shape.rank != 3 or roll.shape[-1] != self.keys:
            raise ValueError(
                f"A roll is (batch, steps, {self.keys}), found {tuple(roll.shape)}."
            )
        if (vector is None) != (self.conditioning is None):
            raise ValueError(
                f"The model was made with conditioning={self.conditioning}, found "
                f"{'no' if vector is None else 'a'} vector."
            )
        if lengths is None:
            lengths = tf.fill(tf.shape(roll)[:1], tf.shape(roll)[1])
        if vector is not None:
            vector = tf.cast(vector, self.compute_dtype)
        frames = tf.cast(roll > 0, self.compute_dtype)
        return frames, tf.cast(lengths, tf.int32), vector

    def score(self, roll, lengths=None, vector=None) -> dict[str, tf.Tensor]:
        """Says how probable pieces are.

        Args:
            roll: (batch, steps, keys); more than 0 is a note.
            lengths: int32 (batch,), how many frames each has; all by default.
            vector: float (batch, conditioning), if the model has one.

        Returns:
            `nats_per_frame`: float32 (batch,), -log P(y<1..T>, T) / T, that is of
            all frames and the ending; `published_nats_per_frame`: float32 (batch,),
            the published metric, -log P(y<2..T> | y<1>) / (T - 1). Where nothing is
            predicted they are 0.

        Raises:
            ValueError: `roll` holds what is no note: NaN, or less than 0.
            tf.errors.InvalidArgumentError: lengths are beyond the roll.
        """
        parameters.check("roll", roll, least=0)
        return scoring.score(self, roll, lengths, vector)

    def generate(
        self,
        primer=None,
        steps: int | Sequence[int] = 128,
        *,
        temperature: float | Sequence[float] = 1.0,
        seed: int | Sequence[int] | None = None,
        vector=None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws pieces. Each number may be one for all, or a list of one for each.

        Args:
            primer: (batch, n, keys), what the pieces begin with; more than 0 is a
                note. n may be 0; by default one piece begins with nothing.
            steps: how many frames a piece may have, the primer's included.
            temperature: 0 draws what is likelier, each note and the end.
            seed: the same seed, the same pieces; None for a new one at each call. Of
                a seed for each, a piece is what it would be alone.
            vector: float (batch, conditioning), if the model has one.

        Returns:
            roll, 0 and 1, float32 (batch, steps, keys), zeros after a piece's end;
            and lengths, int32 (batch,), how many frames each piece has.

        Raises:
            ValueError: a number is out of its range, or the primer is longer than
                `steps`, or holds what is no note.
        """
        return self._generator.generate(primer, steps, temperature, seed, vector)

    def harmonize(
        self,
        roll,
        lengths=None,
        *,
        temperature: float | Sequence[float] = 1.0,
        seed: int | Sequence[int] | None = None,
        vector=None,
        free=None,
    ) -> tf.Tensor:
        """Draws what goes below melodies, the highest notes of each frame.

        Within a frame that is exact: given all frames before it and the melody's note,
        the others are drawn from P. But no frame knows how the melody goes on.

        Args:
            roll: (batch, steps, keys), whose highest notes are kept, and silence.
            lengths: int32 (batch,), how many frames each has; all by default.
            temperature: see `generate`.
            seed: see there.
            vector: see there.
            free: (batch, steps, keys), more than 0 where a note is drawn; elsewhere
                what `roll` has stays, silence too. By default all notes below a
                frame's highest are drawn, and nothing else.

        Returns:
            0 and 1, float32 (batch, steps, keys), zeros after a piece's end.

        Raises:
            ValueError: a number is out of its range, or `roll` holds what is no note,
                or NADE draws its notes from low to high.
        """
        return self._generator.harmonize(roll, lengths, temperature, seed, vector, free)

    def signatures(self) -> dict:
        """Returns the SavedModel's functions: see `zoo.models.music_model.serving`."""
        return serving.signatures(self)
