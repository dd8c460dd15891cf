"""What the issue asks of the layers' speed, and whether a measurement meets it."""

from typing import NamedTuple

from tests.benchmarks.cases import Case, Shape

NOISE = 0.15
"""A ratio that is less than its floor by no more than this part still meets it."""


class Floor(NamedTuple):
    """The least ratios asked for: the other's time over ours. None: nothing asked."""

    keras: float | None
    torch: float | None = None


SLOWER_THAN_KERAS_NEVER = Floor(1.0)

_ASKED = {
    ("lstm", "training"): {
        "32,100,128,256": Floor(2.2, 0.95),
        "128,50,300,512": Floor(1.3, 1.0),
        "16,1000,64,64": Floor(3.3, 1.5),
        "64,200,128,128": Floor(1.0, 1.0),
    },
    ("gru", "training"): {
        "32,100,128,256": Floor(1.8, 2.0),
        "128,50,300,512": Floor(1.1, 1.7),
        "16,1000,64,64": Floor(4.5, 5.0),
        "64,200,128,128": Floor(1.0, 1.0),
    },
    ("gru_textbook", "training"): {
        "32,100,128,256": Floor(2.8),
        "64,200,128,128": Floor(1.0),
    },
    ("lstm", "inference"): {
        "32,100,128,256": Floor(2.0, 0.7),
        "16,1000,64,64": Floor(3.0, 0.95),
        "1,500,256,512": Floor(4.5, 0.75),
        "64,200,128,128": Floor(1.6, 0.85),
    },
    ("gru", "inference"): {
        "32,100,128,256": Floor(1.8, 2.5),
        "16,1000,64,64": Floor(3.9, 4.0),
        "1,500,256,512": Floor(5.5, 2.3),
        "64,200,128,128": Floor(1.6, 0.85),
    },
    ("gru_textbook", "inference"): {"64,200,128,128": Floor(1.6)},
}
_FLOORS = {
    (kind, mode, Shape.parse(shape)): floor
    for (kind, mode), floors in _ASKED.items()
    for shape, floor in floors.items()
}


def named(case: Case) -> bool:
    """Whether the issue names the case and gives it a floor of its own."""
    return (case.kind, case.mode, case.shape) in _FLOORS


def floor(case: Case) -> Floor:
    """Returns what is asked of a case.

    A masked one has to reach the unmasked one's ratio to Keras; of torch, which
    has no masks, nothing is asked there. Any other case is not to be slower than
    Keras.
    """
    asked = _FLOORS.get((case.kind, case.mode, case.shape), SLOWER_THAN_KERAS_NEVER)
    return Floor(asked.keras) if case.masked else asked


def verdict(case: Case, keras: float | None, torch: float | None) -> str:
    """Says whether the floors are met: "met", "met (noise)" or "NOT MET".

    Args:
        case: what was measured.
        keras: Keras' time over ours; None where it wasn't measured.
        torch: torch's time over ours.
    """
    reached = [
        ratio / least
        for ratio, least in zip((keras, torch), floor(case), strict=True)
        if ratio is not None and least is not None
    ]
    return judge(reached)


def judge(reached: list[float]) -> str:
    """Says whether floors are met.

    Args:
        reached: what was measured over what is asked, for each floor; "–" if none is.
    """
    if not reached:
        return "–"
    if min(reached) >= 1:
        return "met"
    return "met (noise)" if min(reached) >= 1 - NOISE else "NOT MET"
