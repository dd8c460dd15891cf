"""One-to-many: what a piece of music may be, frame by frame."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from zoo.decoding import parameters
from zoo.layers import BY_CELL, BernoulliOutput, Conditioned, DeepRNN, NADEOutput
from zoo.layers.nade_output import HIGH_TO_LOW
from zoo.layers.precision import summing_dtype
from zoo.models.base import Model
from zoo.models.construction import check_choice, check_least, options
from zoo.models.music_model import endings, generation, scoring, serving
from zoo.models.replicas import share_of_loss
from zoo.typing import Tensor

OUTPUTS = ("nade", "bernoulli")
WAYS = ("input", "state", "both")


@keras.saving.register_keras_serializable(package="zoo")
class MusicModel(Model, keras.Model):
    """Predicts each frame of notes of a piece from those before it.

    ```
    x<t>    = y<t-1>,  x<1> = 0
    e<t>    = x<t>, or relu(E x<t> + e)
    a[l]<t> = recurrent layer l of a[l-1], a[0] = e
    P(y<t> | y<1..t-1>) = the output's, given h<t> = a[L]<t>
    ```

    A frame is what sounds in one time step, 1 for each key that does. `"nade"` draws a
    frame's notes one after another, so that they fit each other; `"bernoulli"` draws
    each key by itself: see `zoo.layers.NADEOutput` and `zoo.layers.BernoulliOutput`.

    A piece may depend on a vector, of its key or style. A first note, a first chord or
    some bars are a primer of `generate`. Its end is predicted in one of three ways,
    see `zoo.models.music_model.endings`; or not at all.

    Training and evaluation take a dict, without targets: `roll`, the pieces' frames
    (batch, steps, keys), where more than 0 is a note; `lengths`, int (batch,), how many
    frames each piece has, all by default; and `vector`, float (batch, conditioning),
    where the model has one. What is beyond a piece's length changes nothing. The loss
    is -log P of the pieces with their endings, in nats per frame: give `compile` none.
    The metric `nats` is the published one: nats per frame, of all frames but each
    piece's first, without the ending.

    Args:
        keys: how many keys there are.
        output: "nade" or "bernoulli".
        output_units: size of NADE's hidden layer.
        order: "high_to_low" or "low_to_high": in which NADE draws a frame's notes.
        embedding_units: size of a dense layer that sees the frames first, or None.
        cell: a name in `zoo.layers.BY_CELL`: "rnn", "gru", "lstm", "mingru", ….
        units: n_a of each recurrent layer.
        layers: how many recurrent layers are stacked.
        input_dropout: rate in [0, 1) of the frames' notes.
        dropout: rate in [0, 1) between the layers and before the output.
        conditioning: size of the vector that pieces depend on, or None.
        conditioned_by: whether it is an "input" at every step, sets the initial
            "state", or "both".
        ending: "eos", "halt" or "length", or None.
        checkpoint_every: of the recurrent layers, for long pieces in little memory:
            see `zoo.layers.RNN`.
        name: the model's name.

    Call arguments:
        inputs: the dict.
        training: whether dropout is applied.

    Returns:
        h, float (batch, steps, units), a step more with "eos".

    Raises:
        ValueError: an argument is not one of the above.
    """

    def __init__(
        self,
        keys: int = 88,
        *,
        output: str = "nade",
        output_units: int = 128,
        order: str = HIGH_TO_LOW,
        embedding_units: int | None = None,
        cell: str = "lstm",
        units: int = 256,
        layers: int = 1,
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        conditioning: int | None = None,
        conditioned_by: str = "both",
        ending: str | None = None,
        checkpoint_every: int | None = None,
        name: str | None = None,
    ):
        config = options(locals())
        check_choice("output", output, OUTPUTS)
        check_choice("cell", cell, BY_CELL)
        check_choice("conditioned_by", conditioned_by, WAYS)
        if ending is not None:
            check_choice("ending", ending, endings.BY_NAME)
        check_least(1, keys=keys, layers=layers)
        keys = config["keys"]
        super().__init__(name=name)

        # Layers
        self.drop_input, self.drop_output = (
            keras.layers.Dropout(rate, name=f"{place}_dropout")
            for place, rate in (("input", input_dropout), ("output", dropout))
        )
        self.embedding = None
        if embedding_units is not None:
            self.embedding = keras.layers.Dense(
                config["embedding_units"],  # Keras takes no NumPy's
                activation="relu",
                name="embedding",
            )
        self.recurrent = DeepRNN(
            [
                BY_CELL[cell](
                    config["units"],
                    checkpoint_every=checkpoint_every,
                    name=f"{cell}_{number}",
                )
                for number in range(1, layers + 1)
            ],
            dropout=dropout,
            return_sequences=True,
            name="recurrent",
        )
        self.conditioned = None
        if conditioning is not None:
            self.conditioned = Conditioned(
                self.recurrent,
                as_input=conditioned_by != "state",
                as_state=conditioned_by != "input",
                name="conditioned",
            )
        self.frame_output = (
            NADEOutput(
                keys, config["output_units"], order, dtype="float32", name="nade"
            )
            if output == "nade"
            else BernoulliOutput(keys, dtype="float32", name="bernoulli")
        )
        self.ending = None
        if ending is not None:
            self.ending = endings.BY_NAME[ending](dtype="float32", name=ending)

        # Weights
        features = embedding_units or keys
        if self.embedding is not None:
            self.embedding.build((None, None, keys))
        features += 0 if self.ending is None else self.ending.features
        if self.conditioned is None:
            self.recurrent.build((None, None, features))
        else:
            self.conditioned.build((None, None, features), (None, conditioning))
        self.frame_output.build((None, None, units), (None, None, keys))
        if self.ending is not None:
            self.ending.build((None, None, units), (None, None, keys))
        self.built = True

        # What evaluation measures
        self.nats = keras.metrics.Mean("nats", summing_dtype())

        # Config
        self.config = config
        self.keys = keys
        self.conditioning = conditioning
        self.vocabularies = {}
        self._generator = generation.MusicGenerator(self)

    def get_config(self) -> dict:
        """Returns the constructor's arguments, fit for JSON."""
        return {**self.config, "name": self.name}

    def adapt(self, lengths: Tensor) -> None:
        """Fits P(T) to the lengths of training's pieces, where the ending has one.

        Args:
            lengths: how many frames each piece has, integers.

        Raises:
            ValueError: there are none, or one is below 1.
        """
        if isinstance(self.ending, endings.PredictedLength):
            self.ending.adapt(lengths)

    def call(self, inputs: Tensor, training: bool | None = False) -> Any:
        """Returns the hidden states that predict each frame."""
        # The beginning of a longer piece is predicted, too.
        frames, lengths, vector = self.pieces(**inputs, whole=False)
        after = 0 if self.ending is None else self.ending.steps_after
        before = tf.pad(frames, [[0, 0], [1, 0], [0, 0]])
        before = before[:, : tf.shape(frames)[1] + after]
        steps = tf.range(1, tf.shape(before)[1] + 1)
        sequences = self.inputs(before, lengths[:, None] - steps, training)
        if self.conditioned is None:
            hidden = self.recurrent(sequences, training=training)
        else:
            hidden = self.conditioned(sequences, vector, training=training)
        return self.drop_output(hidden, training=training)

    def inputs(
        self, frames: Tensor, remaining: Tensor, training: bool | None = False
    ) -> Any:
        """Returns what the recurrent layers see of frames, in training and drawing.

        Args:
            frames: x<t>, 0 and 1, float (…, keys).
            remaining: T - t, int32 (…), for an ending that is an input.
            training: whether dropout is applied.

        Returns:
            e, and what the ending adds to it, float (…, features).
        """
        inputs = self.drop_input(frames, training=training)
        if self.embedding is not None:
            inputs = self.embedding(inputs)
        if self.ending is None or not self.ending.features:
            return inputs
        remaining = tf.broadcast_to(remaining, tf.shape(inputs)[:-1])
        features = tf.cast(self.ending.inputs(remaining), inputs.dtype)
        return tf.concat([inputs, features], axis=-1)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Returns -log P of the pieces with their endings, in nats per frame."""
        frames, lengths, _ = self.pieces(**x)
        costs = scoring.costs(self, y_pred, frames, lengths)
        weights = _of_pieces(sample_weight)
        frame_nats = tf.reduce_sum(costs.frames, axis=1)
        known = tf.cast(lengths, tf.float32) * weights
        predicted = tf.cast(tf.maximum(lengths - 1, 0), tf.float32) * weights
        published = tf.reduce_sum(weights * (frame_nats - costs.frames[:, 0]))
        count = tf.reduce_sum(predicted)
        self.nats.update_state(
            tf.stop_gradient(published / tf.maximum(count, 1e-9)), sample_weight=count
        )
        total = tf.reduce_sum(weights * (frame_nats + costs.ending))
        known = tf.reduce_sum(known)
        mean = total / tf.maximum(known, 1e-9)
        return share_of_loss(mean, known, tf.shape(lengths)[0])

    def pieces(
        self,
        roll: Tensor,
        lengths: Tensor | None = None,
        vector: Tensor | None = None,
        whole: bool = True,
    ) -> Any:
        """Returns pieces as they are trained on.

        Args:
            roll: (batch, steps, keys); more than 0 is a note.
            lengths: int (batch,), how many frames each has; all by default.
            vector: float (batch, conditioning), if the model has one.
            whole: whether the roll has all frames of the pieces, so that lengths beyond
                it are refused.

        Returns:
            Frames of 0 and 1, (batch, steps, keys), in the compute dtype; lengths,
            int32 (batch,); and the vectors or None.

        Raises:
            ValueError: the pieces have other keys, or the vector is missing, or of
                another size, or there is one that nothing takes.
            tf.errors.InvalidArgumentError: lengths are beyond the roll, or there are
                more vectors than pieces, or fewer.
        """
        roll = tf.convert_to_tensor(roll)
        if roll.dtype == tf.bool:
            roll = tf.cast(roll, tf.float32)
        if roll.shape.rank != 3 or roll.shape[-1] != self.keys:
            raise ValueError(
                f"A roll is (batch, steps, {self.keys}), found {tuple(roll.shape)}."
            )
        if (vector is None) != (self.conditioning is None):
            raise ValueError(
                f"The model was made with conditioning={self.conditioning}, found "
                f"{'no' if vector is None else 'a'} vector."
            )
        rows, steps = tf.unstack(tf.shape(roll)[:2])
        if lengths is None:
            lengths = tf.fill([rows], steps)
        else:
            lengths = tf.cast(lengths, tf.int32)
        if whole:
            lengths = parameters.checked(
                lengths,
                (lengths >= 0) & (lengths <= steps),
                "Lengths must be between 0 and the {} steps of the roll, found {}.",
                steps,
                lengths,
            )
        if vector is not None:
            vector = self._vector(vector, rows)
        return tf.cast(roll > 0, self.compute_dtype), lengths, vector

    def _vector(self, vector, rows):
        """Returns the vectors of pieces, in the compute dtype."""
        vector = tf.cast(vector, self.compute_dtype)
        wanted = f"A vector is (batch, {self.conditioning}), one for each piece"
        if not vector.shape.is_compatible_with([None, self.conditioning]):
            raise ValueError(f"{wanted}, found {tuple(vector.shape)}.")
        found = tf.shape(vector)[0]
        return parameters.checked(
            vector,
            found == rows,
            f"{wanted}: found {{}} for {{}} pieces.",
            found,
            rows,
        )

    def score(
        self, roll: Tensor, lengths: Tensor | None = None, vector: Tensor | None = None
    ) -> dict[str, tf.Tensor]:
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
        primer: Tensor | None = None,
        steps: int | Sequence[int] = 128,
        *,
        temperature: float | Sequence[float] = 1.0,
        seed: int | Sequence[int] | None = None,
        vector: Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws pieces. Each number may be one for all, or a list of one for each.

        Args:
            primer: (batch, n, keys), what the pieces begin with; more than 0 is a
                note. n may be 0; by default one piece begins with nothing.
            steps: how many frames a piece may have, the primer's included.
            temperature: 0 draws what is likelier, each note and the end.
            seed: the same seed, the same pieces; None, or one below 0, for a new one at
                each call. Of a seed for each, a piece is what it would be alone.
            vector: float (batch, conditioning), if the model has one.

        Returns:
            roll, 0 and 1, float32 (batch, steps, keys), zeros after a piece's end;
            and lengths, int32 (batch,), how many frames each piece has.

        Raises:
            ValueError: a number is out of its range, or the primer is longer than
                `steps`, or holds what is no note, or the vector is of another size.
            tf.errors.InvalidArgumentError: there isn't a vector for each piece.
        """
        return self._generator.generate(primer, steps, temperature, seed, vector)

    def harmonize(
        self,
        roll: Tensor,
        lengths: Tensor | None = None,
        *,
        temperature: float | Sequence[float] = 1.0,
        seed: int | Sequence[int] | None = None,
        vector: Tensor | None = None,
        free: Any = None,
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
            tf.errors.InvalidArgumentError: lengths are beyond the roll.
        """
        return self._generator.harmonize(roll, lengths, temperature, seed, vector, free)

    def signatures(self) -> dict:
        """Returns the SavedModel's functions: see `zoo.models.music_model.serving`."""
        return serving.signatures(self)


def _of_pieces(sample_weight):
    """Returns how much each piece counts, float32, of a shape that fits (batch,)."""
    if sample_weight is None:
        return tf.constant(1.0)
    weights = tf.cast(sample_weight, tf.float32)
    if weights.shape.rank is not None and any(size != 1 for size in weights.shape[1:]):
        raise ValueError(
            "A piece is probable as a whole: sample_weight must be (batch,), found "
            f"{tuple(weights.shape)}."
        )
    return tf.reshape(weights, [-1])
