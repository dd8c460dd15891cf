"""Speed of training a music model and of drawing with it, beside Keras' layers.

    python -m tests.benchmarks.music [--quick]

Frames/s of forward, backward and Adam; and of pieces drawn from nothing, one or 64 at
once. Each way runs in a process of its own, in turn with the others. The training's
losses are compared first; NADE has another.
"""

import argparse
import statistics

from tests.benchmarks import fresh_process, report, workers
from tests.benchmarks.measurement import disagreements

MODULE = "tensorflow_music"
BATCH, STEPS, BATCHES = 16, 128, 8
LOSSES_WITHIN = 2e-4  # nats a key: what rounding does in an epoch
TRAINED = "zoo, nade", "zoo, bernoulli", "keras"
DRAWN = "zoo, nade", "zoo, bernoulli", "keras, tf.function", "keras, eager"
NOTES = """
An LSTM of 256 units, 88 keys, made-up pieces of 4 notes a frame, float32. Training:
batches of 16 pieces of 128 frames. ×: the other's time over that of the zoo's Bernoulli
outputs, which are the same model; NADE's draw each note knowing those above it, which
no layer of Keras does. keras, eager and tf.function: a loop of calls, a step each.
"""


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 round of little")
    quick = parser.parse_args().quick
    print(report.load_warning(), flush=True)
    # Not here: this process, which only waits, does without TensorFlow.
    machine = fresh_process.call(report.machine)
    rounds = 1 if quick else 5
    print("| task | way | frames/s | × | first call, s |\n" + "| --- " * 5 + "|")
    with workers.started(dict.fromkeys(TRAINED, MODULE)) as desks:
        batches = 1 if quick else BATCHES
        size = {"batch": BATCH, "steps": STEPS, "batches": batches}
        first = prepare(desks, task="training", **size)
        alike = {name: desks[name] for name in TRAINED[1:]}
        complaints = disagreements(alike, within=LOSSES_WITHIN)
        assert not complaints, complaints
        print_speeds("training", desks, first, BATCH * STEPS * batches, rounds)
    for batch in (1, 64):
        with workers.started(dict.fromkeys(DRAWN, MODULE)) as desks:
            steps = 8 if quick else 256
            first = prepare(desks, task="drawing", batch=batch, steps=steps)
            print_speeds(f"drawing {batch}", desks, first, batch * steps, rounds)
    print(NOTES)
    print(machine)


def prepare(desks: dict, **case) -> dict[str, float]:
    """Makes a case ready, and returns the seconds of each way's first call."""
    return {
        name: desk.ask("prepare", **case)["first_call"] for name, desk in desks.items()
    }


def print_speeds(
    task: str, desks: dict, first: dict[str, float], frames: int, rounds: int
) -> None:
    """Prints a row for each way.

    Args:
        task: what they did.
        desks: their workers, by name.
        first: the seconds of their first calls.
        frames: how many a call has.
        rounds: how many turns each way has.
    """
    turns = workers.medians_in_turn(desks, rounds, seconds=0)
    speeds = {name: frames / statistics.median(turns[name]) for name in desks}
    for name, speed in speeds.items():
        print(
            f"| {task} | {name} | {speed:,.0f} "
            f"| {speeds['zoo, bernoulli'] / speed:.2f} | {first[name]:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
