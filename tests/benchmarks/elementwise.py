"""Units without a matrix in the recurrence, beside the zoo's LSTM and GRU.

    python -m tests.benchmarks.elementwise [--quick]

All in one process and in turn, so that what else runs hits them all alike. Two clocks:
the wall's, and the process' own, which other programs slow down less. Then how time
and memory grow with the length, each length in a process of its own.
"""

import argparse
import statistics
import time
from collections.abc import Callable

from tests.benchmarks import fresh_process, report
from tests.benchmarks.cases import Shape
from tests.benchmarks.training_memory import high_water_mark

UNITS = ("lstm", "gru", "mingru", "minlstm", "sru", "rglru")
# What is asked: how many times as fast as the zoo's LSTM.
CASES = (
    ("training", Shape(16, 1000, 64, 64), 4.0),
    ("training", Shape(32, 100, 128, 256), 3.0),
    ("inference", Shape(1, 500, 256, 512), 8.0),
)
LENGTHS = (1_000, 10_000, 100_000)
LONG = Shape(1, 0, 32, 64)
_ROUNDS, _QUICK_ROUNDS = 15, 5
_HEADING = """\
| mode: batch, steps, inputs, units | unit | ms | CPU, ms | × LSTM | × LSTM by CPU \
| asked |
| --- | --- | --- | --- | --- | --- | --- |"""
_LONG_HEADING = f"""\
Training, batch {LONG.batch}, {LONG.inputs} inputs, {LONG.units} units:

| unit | steps | ms | µs a step | MiB above what was held | KiB a step |
| --- | --- | --- | --- | --- | --- |"""


def stepper(unit: str, mode: str, shape: Shape) -> Callable[[], object]:
    """Returns what takes a step of training, or infers, on random numbers."""
    import tensorflow as tf

    from zoo.layers import BY_CELL

    layer = BY_CELL[unit](shape.units, return_sequences=True)
    x = tf.random.stateless_normal((shape.batch, shape.steps, shape.inputs), [1, 2])
    upstream = tf.random.stateless_normal(
        (shape.batch, shape.steps, shape.units), [3, 4]
    )
    layer.build(x.shape)
    weights = [weight.value for weight in layer.trainable_weights]

    @tf.function(autograph=False)
    def train():
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) * upstream)
        return tape.gradient(loss, [x, *weights])

    @tf.function(autograph=False)
    def infer():
        return layer(x)

    return train if mode == "training" else infer


def measured(steps: dict[str, Callable], rounds: int) -> dict[str, tuple[float, float]]:
    """Returns each one's median seconds, by the wall's clock and by the process'."""
    found: dict[str, list] = {name: [] for name in steps}
    for turn in range(rounds + 3):
        for name, step in steps.items():
            began = time.perf_counter(), time.process_time()
            step()
            taken = time.perf_counter() - began[0], time.process_time() - began[1]
            if turn >= 3:  # inference compiles once calls have taken long
                found[name].append(taken)
    return {
        name: (statistics.median(wall), statistics.median(own))
        for name, (wall, own) in ((n, zip(*v, strict=True)) for n, v in found.items())
    }


def long(unit: str, steps: int) -> dict:
    """Trains once on a long sequence; to be called in a fresh process.

    Returns:
        `seconds` of a step once all is compiled, and the `bytes` that it took.
    """
    stepper(unit, "training", LONG._replace(steps=16))()
    train = stepper(unit, "training", LONG._replace(steps=steps))
    before = high_water_mark()
    train()
    began = time.perf_counter()
    train()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "bytes": high_water_mark() - before}


def run(quick: bool, write: Callable[[str], object] = print) -> dict:
    """Measures and writes both tables."""
    found: dict[str, list] = {"speed": [], "lengths": []}
    write(_HEADING)
    for mode, shape, asked in CASES[:1] if quick else CASES:
        steps = {unit: stepper(unit, mode, shape) for unit in UNITS}
        if mode == "inference":
            for step in steps.values():
                _compile(step)
        times = measured(steps, _QUICK_ROUNDS if quick else _ROUNDS)
        for unit, (wall, own) in times.items():
            row = {"case": f"{mode} {shape}", "unit": unit, "asked": asked}
            row |= {"wall": wall, "own": own}
            row |= {
                "of_wall": times["lstm"][0] / wall,
                "of_own": times["lstm"][1] / own,
            }
            found["speed"].append(row)
            write(_speed_row(row))
    write(f"\n{_LONG_HEADING}")
    for unit in UNITS[2:3] if quick else ("lstm", "mingru", "sru"):
        for steps in LENGTHS[:2] if quick else LENGTHS:
            taken = fresh_process.call(long, unit=unit, steps=steps)
            found["lengths"].append({"unit": unit, "steps": steps, **taken})
            write(_length_row(found["lengths"][-1]))
    return found


def _compile(step):
    """Calls so often that a kernel is compiled: see `zoo.kernels.worth`."""
    for _ in range(60):
        step()


def _speed_row(row):
    beside = row["unit"] in ("lstm", "gru")
    return (
        f"| {row['case']} | {row['unit']} | {1e3 * row['wall']:.1f} "
        f"| {1e3 * row['own']:.1f} | {row['of_wall']:.1f} | {row['of_own']:.1f} "
        f"| {'–' if beside else row['asked']} |"
    )


def _length_row(row):
    per_step = row["seconds"] / row["steps"]
    return (
        f"| {row['unit']} | {row['steps']:,} | {1e3 * row['seconds']:.0f} "
        f"| {1e6 * per_step:.1f} | {row['bytes'] / 2**20:.0f} "
        f"| {row['bytes'] / row['steps'] / 1024:.1f} |"
    )


def show(found: dict) -> None:
    """Prints the tables of an earlier run."""
    print("\n".join([_HEADING, *map(_speed_row, found["speed"])]))
    print("\n".join(["", _LONG_HEADING, *map(_length_row, found["lengths"])]))


def main() -> None:
    """Prints both tables, and the machine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one case, short lengths")
    run(parser.parse_args().quick)
    report.print_machine()


if __name__ == "__main__":
    main()
