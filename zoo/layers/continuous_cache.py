"""A cache of what followed at similar states before, for a language model."""

import math
from typing import Any

import keras
from keras import ops

from zoo.cells.arguments import whole
from zoo.layers import states
from zoo.layers.attention import masked_softmax
from zoo.layers.precision import full_precision
from zoo.layers.shapes import DenseInputs, SpecOfCall, check_axes
from zoo.layers.wrong_values import right_or_nan
from zoo.typing import Tensor

# The logarithm of 0, and a number that has one: sums of them are finite.
_LOG_OF_NOTHING, _LEAST = -1e30, 1e-37


@keras.saving.register_keras_serializable(package="zoo")
class ContinuousCache(SpecOfCall, DenseInputs):
    """Mixes into a language model's predictions what a text itself has said before.

    A name, a word or a turn that the training never had, but that the text had a page
    ago, is likely to come again (Grave, Joulin & Usunier 2017). Nothing is trained: the
    cache goes with a model that is.

    ```
    k<t>       = R h<t> / |R h<t>|                  R drawn once, then fixed
    s<t,j>     = k<t> · k<j>                        j among the `places` last places
    α<t,·>     = softmax_j θ s<t,j>
    copy<t>(w) = Σ_{j: y<j> = w} α<t,j>             y<j>: what came after h<j>
    λ<t>       = max_w copy<t>(w) · σ(θ (max_j s<t,j> − c))
    P(y<t>)    = (1 − λ<t>) ŷ<t> + λ<t> copy<t>
    ```

    So the model's own ŷ is left alone where no place before was like this one, and
    where such places don't agree. (The paper's λ is one number for all places.) R makes
    n_h numbers fewer and keeps their angles nearly (Johnson & Lindenstrauss 1984).

    It is for texts that are there. A model that draws and remembers its own draws
    repeats itself, and what it remembers makes its texts no better (Wang et al. 2023).

    It computes in float32 at least, under mixed precision too, which could not tell
    tokens from each other.

    A text's state has `places` · (`units` + 1) numbers, 2 MB of 4 000 places. A call
    makes some tensors of (batch, steps, places + steps) and of the logits' size.

    Args:
        places: how many tokens back it remembers, 1 or more.
        units: the size of k, 1 or more.
        sharpness: θ, above 0: the higher, the fewer places count beside the most
            similar one.
        threshold: c, in [-1, 1]: the cosine at which σ is a half.
        seed: of R.
        **kwargs: the arguments of `keras.layers.Layer`.

    Call arguments:
        hidden: h, (batch, steps, n_h), a floating dtype.
        ids: x, the tokens that were read, x<t> = y<t-1>, int32 (batch, steps), in
            [0, V). A text begins with one that is no token of it, `<SOS>`.
        logits: of ŷ, (batch, steps, V), a floating dtype.
        state: what the call for the steps before returned; for a text's first ones
            zeros, of `state_size`.

    Returns:
        logits of P, float32 (batch, steps, V), those of ŷ where λ<t> is 0, and NaN in
        a text that has what is none of the ids; and the new state, for each of
        `state_size` float32 (batch, n). All are float64 in a layer of float64.

    Raises:
        ValueError: an argument is out of its range; or inputs don't fit together, or
            a state is another cache's.
        InvalidArgumentError: the same, of what is known only when a graph runs.
    """

    def __init__(
        self,
        places: int,
        units: int = 128,
        sharpness: float = 16.0,
        threshold: float = 0.9,
        seed: Any = 0,
        **kwargs: Any,
    ):
        kwargs["dtype"] = full_precision(kwargs.get("dtype"))
        super().__init__(**kwargs)
        places, units = whole("places", places), whole("units", units)
        for name, value in (("places", places), ("units", units)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, found {value}.")
        check_numbers(sharpness, threshold)
        self.places = places
        self.units = units
        self.sharpness = sharpness
        self.threshold = threshold
        self.seed = seed

    @property
    def state_size(self) -> list[int]:
        """The sizes of k<t>, of the places' k and tokens, and of the count of steps."""
        return [self.units, self.places * self.units, self.places, 1]

    def build(self, hidden_shape: Any, *_: Any) -> None:
        """Draws R, for h of (…, n_h)."""
        self.projection = self.add_weight(
            name="projection",
            shape=(hidden_shape[-1], self.units),
            initializer=keras.initializers.RandomNormal(seed=self.seed),
            trainable=False,
            autocast=False,
        )

    def call(self, hidden: Tensor, ids: Tensor, logits: Tensor, state: Any) -> Any:
        """Mixes what was said before into predictions."""
        check_axes(
            self,
            hidden=(hidden, "rows, steps, n_h"),
            ids=(ids, "rows, steps"),
            logits=(logits, "rows, steps, V"),
        )
        state = states.for_call(self, state, hidden, "state")
        current = self._keys(hidden)
        keys, tokens, visible = self._places(current, ids, state)
        similarity = ops.einsum("btn,bsn->bts", current, keys)
        weights = masked_softmax(self.sharpness * similarity, visible)
        nearest = ops.where(visible, similarity, _LOG_OF_NOTHING)
        nearest = ops.max(nearest, axis=-1, keepdims=True, initial=_LOG_OF_NOTHING)
        size = logits.shape[-1]
        known = ops.all((tokens >= 0) & (tokens < size), axis=1)[:, None, None]
        nearest = right_or_nan(nearest, known)
        copy = _by_token(weights, ops.clip(tokens, 0, size - 1), size)
        mixed = self._mixed(ops.cast(logits, self.compute_dtype), copy, nearest)
        return mixed, self._after(current, keys, tokens, state)

    def _mixed(self, logits, copy, nearest):
        """Returns the logits of P.

        Sums of probabilities are made of their logarithms: what the model thinks next
        to impossible is not impossible.

        Args:
            logits: of ŷ, (batch, steps, V).
            copy: (batch, steps, V).
            nearest: max_j s<t,j>, (batch, steps, 1).
        """
        agreement = ops.max(copy, axis=-1, keepdims=True, initial=0)
        distance = self.sharpness * (nearest - self.threshold)
        kept = (1 - agreement) + agreement * ops.sigmoid(-distance)
        share = ops.log_sigmoid(distance) + ops.log(ops.maximum(agreement, _LEAST))
        logs = ops.where(copy > 0, ops.log(ops.maximum(copy, _LEAST)), _LOG_OF_NOTHING)
        whole = ops.logsumexp(logits, axis=-1, keepdims=True)
        own = logits + ops.log(ops.maximum(kept, _LEAST))
        return ops.logaddexp(own, whole + share + logs)

    def _keys(self, hidden):
        """Returns k, (batch, steps, units)."""
        hidden = ops.cast(hidden, self.compute_dtype)
        kernel = ops.convert_to_tensor(self.projection)
        return ops.normalize(ops.matmul(hidden, kernel), axis=-1, epsilon=1e-12)

    def _places(self, current, ids, state):
        """Returns the remembered places and then the new ones, oldest first.

        Place `places` + i is of h before the new step i, and of its x.

        Args:
            current: k of the new steps.
            ids: x of the new steps.
            state: the state before them.

        Returns:
            k<j>, (batch, places + steps, units); y<j>, a float (batch, places + steps);
            and which of them each new step may look at, bool (batch, steps, places +
            steps).
        """
        last, keys, tokens, steps = state
        batch, count = ops.shape(ids)
        before = ops.concatenate([last[:, None], current], axis=1)[:, :-1]
        keys = ops.reshape(keys, (batch, self.places, self.units))
        keys = ops.concatenate([keys, before], axis=1)
        tokens = ops.concatenate([tokens, ops.cast(ids, self.compute_dtype)], axis=1)
        place = ops.arange(self.places + count)
        age = ops.arange(count)[:, None] + self.places - place
        is_near = (age >= 0) & (age < self.places)
        # A text's first x, `<SOS>`, came after nothing.
        oldest = self.places + 1 - ops.cast(steps, "int32")
        return keys, tokens, is_near & (place >= oldest)[:, None]

    def _after(self, current, keys, tokens, state):
        """Returns the state after all places, of that before the new steps."""
        last, *_, steps = state
        batch, count = ops.shape(current)[:2]
        keys = ops.reshape(keys[:, count:], (batch, self.places * self.units))
        tokens = ops.reshape(tokens[:, count:], (batch, self.places))
        steps = steps + ops.cast(count, self.compute_dtype)
        steps = ops.minimum(steps, float(self.places + 1))
        # There may be no new step.
        last = ops.concatenate([last[:, None], current], axis=1)[:, -1]
        return [last, keys, tokens, steps]

    def compute_output_shape(
        self, hidden_shape: Any, ids_shape: Any, logits_shape: Any, state_shape: Any
    ) -> Any:
        """Returns the shapes of the logits of P and of the new state."""
        return logits_shape, [(logits_shape[0], size) for size in self.state_size]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        names = ("places", "units", "sharpness", "threshold", "seed")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}


def check_numbers(sharpness: float, threshold: float, prefix: str = "") -> None:
    """Raises a ValueError if a number of a cache is out of its range.

    Args:
        sharpness: θ.
        threshold: c.
        prefix: what stands before their names.
    """
    if not (math.isfinite(sharpness) and sharpness > 0):
        raise ValueError(f"{prefix}sharpness must be above 0, found {sharpness}.")
    if not -1 <= threshold <= 1:
        raise ValueError(
            f"{prefix}threshold must be in [-1, 1], a cosine, found {threshold}."
        )


def _by_token(weights, tokens, size):
    """Returns the sums of weights that belong to the same token.

    Args:
        weights: (batch, steps, places).
        tokens: float (batch, places).
        size: V.

    Returns:
        (batch, steps, V).
    """
    batch, steps, places = ops.shape(weights)
    rows = size * ops.arange(batch)[:, None]
    segments = ops.reshape(ops.cast(tokens, "int32") + rows, (-1,))
    weights = ops.reshape(ops.transpose(weights, (0, 2, 1)), (batch * places, steps))
    sums = ops.segment_sum(weights, segments, batch * size)
    return ops.transpose(ops.reshape(sums, (batch, size, steps)), (0, 2, 1))
