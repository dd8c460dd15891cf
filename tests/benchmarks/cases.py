"""The cases in which the recurrent layers are measured, and their data."""

import dataclasses
import fnmatch
from typing import NamedTuple

import numpy as np

KINDS = {
    "lstm": "LSTM",
    "gru": "GRU (reset_after)",
    "gru_textbook": "GRU (textbook)",
    "simple_rnn": "SimpleRNN",
    "bidirectional_lstm": "Bidirectional LSTM",
}
MODES = ("training", "inference")
TORCH_LACKS = ("gru_textbook",)


class Shape(NamedTuple):
    """The sizes of a case."""

    batch: int
    steps: int
    inputs: int
    units: int

    @classmethod
    def parse(cls, text: str) -> "Shape":
        """Reads "batch,steps,inputs,units"."""
        sizes = [int(size) for size in text.split(",")]
        if len(sizes) != 4 or min(sizes) < 1:
            raise ValueError(f"{text!r} is not batch,steps,inputs,units")
        return cls(*sizes)

    def __str__(self) -> str:
        return ",".join(str(size) for size in self)


SHAPES = tuple(
    Shape.parse(text)
    for text in (
        "32,100,128,256",
        "128,50,300,512",
        "16,1000,64,64",
        "64,200,128,128",
        "1,500,256,512",
    )
)


@dataclasses.dataclass(frozen=True)
class Case:
    """One measurement: a layer, its sizes, and what it is asked to do."""

    kind: str
    mode: str
    shape: Shape
    masked: bool = False

    @property
    def name(self) -> str:
        """What `--cases` matches: "lstm/training/32,100,128,256/masked"."""
        mask = "/masked" if self.masked else ""
        return f"{self.kind}/{self.mode}/{self.shape}{mask}"

    @property
    def title(self) -> str:
        """The case in words."""
        mask = ", masked" if self.masked else ""
        return f"{KINDS[self.kind]} {self.mode} {self.shape}{mask}"

    def as_json(self) -> dict:
        """Returns what `from_json` makes the case from."""
        return {**dataclasses.asdict(self), "shape": list(self.shape)}

    @classmethod
    def from_json(cls, fields: dict) -> "Case":
        """Makes a case from what `as_json` returned."""
        return cls(**{**fields, "shape": Shape(*fields["shape"])})


def select(shapes, patterns=()) -> list[Case]:
    """Returns the cases of these shapes whose names match one of the patterns.

    Args:
        shapes: an iterable of `Shape`.
        patterns: as a shell matches file names, or a part of a name from its
            beginning or a slash on; all cases by default.

    Raises:
        ValueError: a pattern that matches nothing.
    """
    cases = [
        Case(kind, mode, shape, masked)
        for masked in (False, True)
        for kind in KINDS
        for mode in MODES
        for shape in shapes
    ]
    for pattern in patterns:
        if not any(_matches(case, pattern) for case in cases):
            raise ValueError(
                f"No case matches {pattern!r}; one is called {cases[0].name!r}."
            )
    return [c for c in cases if not patterns or any(_matches(c, p) for p in patterns)]


def _matches(case, pattern):
    # Of "lstm/training" the bidirectional one is no part.
    return f"/{pattern}" in f"/{case.name}" or fnmatch.fnmatchcase(case.name, pattern)


@dataclasses.dataclass
class Data:
    """What a case computes with: the same in every process, from a seed.

    Attributes:
        sequences: (batch, steps, inputs), float32.
        lengths: (batch,), int64; all `steps` where nothing is masked.
        mask: (batch, steps), bool, true where a step is valid; None if unmasked.
        upstream: (batch, steps, outputs), float32, ∂loss/∂outputs; 0 where masked.
        weights: in Keras' order and layout; those of a bidirectional layer are the
            forward direction's, then the backward direction's.
    """

    sequences: np.ndarray
    lengths: np.ndarray
    mask: np.ndarray | None
    upstream: np.ndarray
    weights: list[np.ndarray]


def data(case: Case, seed: int = 0) -> Data:
    """Draws a case's data."""
    batch, steps, inputs, units = case.shape
    generator = np.random.default_rng(seed)
    directions = 2 if case.kind == "bidirectional_lstm" else 1
    lengths = np.full(batch, steps)
    if case.masked:
        lengths = generator.permutation(half_full_lengths(batch, steps))
    valid = np.arange(steps) < lengths[:, None]
    upstream = _normal(generator, batch, steps, directions * units)
    return Data(
        sequences=_normal(generator, batch, steps, inputs),
        lengths=lengths,
        mask=valid if case.masked else None,
        upstream=upstream * valid[..., None].astype("float32"),
        weights=[
            _uniform(generator, units, shape)
            for _ in range(directions)
            for shape in weight_shapes(case.kind, inputs, units)
        ],
    )


def half_full_lengths(batch: int, steps: int) -> np.ndarray:
    """Returns lengths spread evenly over 1 … `steps`, their mean half of it.

    Spread rather than drawn: a draw for a small batch would not have that mean.
    """
    return np.maximum(1, np.round((np.arange(batch) + 0.5) / batch * steps)).astype(int)


def weight_shapes(kind: str, inputs: int, units: int) -> list[tuple[int, ...]]:
    """Returns the shapes of kernel, recurrent kernel and bias, as Keras has them."""
    gates = {"simple_rnn": 1, "gru": 3, "gru_textbook": 3}.get(kind, 4)
    bias = (2, gates * units) if kind == "gru" else (gates * units,)
    return [(inputs, gates * units), (units, gates * units), bias]


def _normal(generator, *shape):
    return generator.standard_normal(shape, "float32")


def _uniform(generator, units, shape):
    # torch's own initial weights: states stay bounded over a thousand steps.
    limit = 1 / np.sqrt(units)
    return generator.uniform(-limit, limit, shape).astype("float32")
