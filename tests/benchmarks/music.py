"""Speed of training a music model and of drawing with it, beside Keras' layers.

    python -m tests.benchmarks.music [--quick]

Frames/s of forward, backward and Adam; and of pieces drawn from nothing, one or 64 at
once. Each way runs in a process of its own, in turn with the others. The training's
losses are compared first; NADE has another.
"""

import argparse

from tests.benchmarks import fresh_process, report, speeds, workers
from tests.benchmarks.measurement import disagreements

MODULE = "tensorflow_music"
BATCH, STEPS, BATCHES = 16, 128, 8
LOSSES_WITHIN = 2e-4  # nats a key: what rounding does in an epoch
OURS = "zoo, bernoulli"
TRAINED = "zoo, nade", OURS, "keras"
DRAWN = "zoo, nade", OURS, "keras, tf.function", "keras, eager"
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
        first = speeds.prepare(desks, task="training", **size)
        alike = {name: desks[name] for name in TRAINED[1:]}
        complaints = disagreements(alike, within=LOSSES_WITHIN)
        assert not complaints, complaints
        frames = BATCH * STEPS * batches
        speeds.print_rows("training", desks, first, frames, rounds, OURS)
    for batch in (1, 64):
        with workers.started(dict.fromkeys(DRAWN, MODULE)) as desks:
            steps = 8 if quick else 256
            first = speeds.prepare(desks, task="drawing", batch=batch, steps=steps)
            case, frames = f"drawing {batch}", batch * steps
            speeds.print_rows(case, desks, first, frames, rounds, OURS)
    print(NOTES)
    print(machine)


if __name__ == "__main__":
    main()
