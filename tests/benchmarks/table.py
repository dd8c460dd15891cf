"""The tables of the layers' speed: all that was measured, and zoo/kernels'."""

import statistics

from tests.benchmarks import cases, floors
from tests.benchmarks.measurement import Measurement

HEADER = """\
| case: batch, steps, inputs, units | zoo, ms | keras.layers, ms | torch.nn, ms \
| × keras | at least | × torch | at least | | first call, s | path |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""

NOTES = f"""\
Medians, float32, all a<t> returned. training: forward and backward, gradients by the
inputs and all weights. × keras, × torch: their time over ours; at least: what is asked
of it; met (noise): less by no more than {floors.NOISE:.0%}. masked: right padding, mean
length half of the steps; torch, which has no masks, packs and pads the sequences.
first call: ours, with all its tracing and compiling, which the medians leave out."""

_SHORT_HEADER = """\
| case: batch, steps, inputs, units | zoo.layers | keras.layers | torch.nn \
| × keras | × torch |
| --- | --- | --- | --- | --- | --- |"""


def row(measurement: Measurement) -> str:
    """Returns the line of a case."""
    floor = floors.floor(measurement.case)
    cells = [
        measurement.case.title,
        *_milliseconds(measurement),
        _number(measurement.ratio("keras")),
        _number(floor.keras),
        _number(measurement.ratio("torch")),
        _number(floor.torch),
        "FAILED" if measurement.problems else measurement.verdict(),
        _number(measurement.first_call.get("zoo"), ".1f"),
        measurement.path,
    ]
    return _line(cells)


def problems(measurements: list[Measurement]) -> str:
    """Returns what went wrong, case by case; "" if nothing did.

    Of a traceback, which --json keeps, who failed at what and its last line.
    """
    return "\n".join(
        f"{measurement.case.title}: {' … '.join(_ends(problem.splitlines()))}"
        for measurement in measurements
        for problem in measurement.problems
    )


def summary(measurements: list[Measurement]) -> str:
    """Counts the floors that are met, and those that aren't."""
    verdicts = [measurement.verdict() for measurement in measurements]
    counts = [
        f"{verdicts.count(verdict)} {verdict}"
        for verdict in ("met", "met (noise)", "NOT MET")
    ]
    return f"{len(verdicts)} cases: {', '.join(counts)}"


def readme(measurements: list[Measurement]) -> str:
    """Returns zoo/kernels' table: the cases that the issue names, the rest in words."""
    asked = [m for m in measurements if floors.named(m.case) and not m.case.masked]
    lines = [_SHORT_HEADER]
    for measurement in asked:
        ratios = [_number(measurement.ratio(other)) for other in ("keras", "torch")]
        lines.append(
            _line([measurement.case.title, *_milliseconds(measurement), *ratios])
        )
    rest = [
        _spread(title, [m for m in measurements if m not in asked and belongs(m.case)])
        for title, belongs in _GROUPS.items()
    ]
    rest = "; ".join(sentence for sentence in rest if sentence)
    return "\n".join([*lines, *([f"\nAlso, × keras.layers: {rest}."] if rest else [])])


def _ends(lines):
    return lines if len(lines) == 1 else (lines[0], lines[-1])


_GROUPS = {
    "masked (mean length half of the steps)": lambda case: case.masked,
    **{
        title: lambda case, kind=kind: not case.masked and case.kind == kind
        for kind, title in cases.KINDS.items()
        if kind in ("simple_rnn", "bidirectional_lstm")
    },
    "the other cases of LSTM and GRU": lambda case: (
        not case.masked and case.kind in ("lstm", "gru", "gru_textbook")
    ),
}


def _spread(title, measurements):
    ratios = [m.ratio("keras") for m in measurements if m.ratio("keras") is not None]
    if not ratios:
        return ""
    middle = statistics.median(ratios)
    return f"{title} {min(ratios):.1f} to {max(ratios):.1f}, median {middle:.1f}"


def _milliseconds(measurement):
    return [
        _number(None if seconds is None else 1e3 * seconds, ".1f")
        for seconds in map(measurement.seconds.get, ("zoo", "keras", "torch"))
    ]


def _number(value, style=".2f"):
    return "–" if value is None else format(value, style)


def _line(cells):
    return f"| {' | '.join(cells)} |"
