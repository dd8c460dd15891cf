"""Measures one case: the frameworks' results compared first, then timed in turn."""

import contextlib
import dataclasses
import statistics
import tempfile
from pathlib import Path

import numpy as np

from tests.benchmarks import cases, floors, workers

OUTPUTS_WITHIN = 1e-5
GRADIENTS_WITHIN = 1e-4


@dataclasses.dataclass
class Measurement:
    """What was found out about a case.

    Attributes:
        case: what was measured.
        seconds: the median of each framework, by name.
        turns: the medians of its turns, of which `seconds` is the median.
        first_call: seconds that each one's first call took: tracing, compiling and
            computing.
        path: the path that the zoo's layer took, if it says so.
        problems: why something is missing, a line each.
    """

    case: cases.Case
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    turns: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    first_call: dict[str, float] = dataclasses.field(default_factory=dict)
    path: str = ""
    problems: list[str] = dataclasses.field(default_factory=list)

    def ratio(self, other: str) -> float | None:
        """Returns another's time over ours: above 1 the zoo is faster."""
        if {"zoo", other} <= self.seconds.keys():
            return self.seconds[other] / self.seconds["zoo"]
        return None

    def verdict(self) -> str:
        """Says whether the case's floors are met."""
        return floors.verdict(self.case, self.ratio("keras"), self.ratio("torch"))

    def as_json(self) -> dict:
        """Returns what `from_json` makes the measurement from."""
        return {**vars(self), "case": self.case.as_json(), "verdict": self.verdict()}

    @classmethod
    def from_json(cls, fields: dict) -> "Measurement":
        """Makes a measurement from what `as_json` returned."""
        fields = {name: fields[name] for name in fields if name != "verdict"}
        return cls(**{**fields, "case": cases.Case.from_json(fields["case"])})


def measure(
    desks: dict[str, workers.Worker],
    case: cases.Case,
    rounds: int,
    seconds: float,
    seed: int = 0,
    options: dict | None = None,
) -> Measurement:
    """Measures a case; a framework that fails or disagrees with Keras is left out.

    Args:
        desks: the frameworks' workers, by name.
        case: what to measure.
        rounds: how many turns each has.
        seconds: about how long a turn computes.
        seed: of the data.
        options: more arguments of the zoo's layer, and `dynamic`.
    """
    measurement = Measurement(case)
    ready = {}
    for name, desk in desks.items():
        if name == "torch" and case.kind in cases.TORCH_LACKS:
            continue
        with _noting(measurement.problems):
            prepared = desk.ask(
                "prepare", case=case.as_json(), seed=seed, options=options or {}
            )
            measurement.first_call[name] = prepared["first_call"]
            if name == "zoo":
                measurement.path = desk.ask("path")
            ready[name] = desk
    with _noting(measurement.problems):
        mask = cases.data(case, seed).mask
        for name, complaints in disagreements(ready, mask=mask).items():
            del ready[name]
            measurement.problems += complaints
        measurement.turns = workers.medians_in_turn(ready, rounds, seconds)
    measurement.seconds = {
        name: statistics.median(turns) for name, turns in measurement.turns.items()
    }
    return measurement


@contextlib.contextmanager
def _noting(problems):
    try:
        yield
    except workers.WorkerError as error:
        problems.append(str(error).strip())


def disagreements(
    desks: dict[str, workers.Worker],
    reference: str = "keras",
    mask=None,
    within: float = OUTPUTS_WITHIN,
) -> dict[str, list[str]]:
    """Returns by name what is wrong with those whose results are not Keras'.

    Args:
        desks: the workers, by name; each has prepared the same.
        reference: which of them computes by Keras.
        mask: see `compare`.
        within: see there.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = {}
        for name, desk in desks.items():
            path = Path(folder, f"{name}.npz")
            desk.ask("save", path=str(path))
            with np.load(path) as arrays:
                results[name] = [arrays[f"arr_{n}"] for n in range(len(arrays))]
    expected = results.pop(reference, None)
    if expected is None:
        return {}
    found = {
        name: compare(name, own, expected, mask, within)
        for name, own in results.items()
    }
    return {name: complaints for name, complaints in found.items() if complaints}


def compare(
    name: str, results: list, expected: list, mask, within: float = OUTPUTS_WITHIN
) -> list[str]:
    """Returns a complaint for each array that is not Keras'.

    Args:
        name: whose results they are.
        results: outputs, then gradients by the inputs and by each weight.
        expected: Keras'.
        mask: (batch, steps); what the outputs hold where it is false is nobody's
            concern. None if all are valid.
        within: how far outputs may be from Keras'.
    """
    if len(results) != len(expected):
        return [f"{name} has {len(results)} results where Keras has {len(expected)}"]
    complaints = []
    for number, (own, theirs) in enumerate(zip(results, expected, strict=True)):
        if own.shape != theirs.shape:
            complaints.append(f"{name}: shape {own.shape}, in Keras {theirs.shape}")
            continue
        differences = np.abs(own - theirs)
        if number == 0 and mask is not None:
            differences = differences[mask]
        scale = 1 if number == 0 else max(np.abs(theirs).max(), 1e-12)
        worst, allowed = differences.max() / scale, GRADIENTS_WITHIN
        what = f"gradient {number} by a part of"
        if number == 0:
            what, allowed = "outputs by", within
        if not worst <= allowed:  # a NaN is no agreement either
            complaints.append(f"{name} and Keras differ: {what} {worst:.1e}")
    return complaints
