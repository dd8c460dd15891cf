"""What more workers gain: measured on this machine, and reckoned for a network.

python -m tests.benchmarks.distributed_training [--quick] [--output PNG]

Trains a classifier of texts by 1, 2 and 4 processes on the same global batch. They
share this machine's cores, so that nothing is gained in time: what is measured is what
the workers cost each other, processor time and bytes. From that, and from one process'
time for a step, it reckons the time of a step on k machines with a ring all-reduce,

    compute / k + 2 (k - 1) / k · bytes / bandwidth + 2 (k - 1) · latency

and where another machine stops paying.
"""

import argparse
import contextlib
import json
import os
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tasks.cli import launching
from tests.benchmarks import report
from tests.free_port import free_port

WORKERS = 1, 2, 4
GIGABITS = 1, 10, 100
LATENCY = 50e-6
"""Seconds from one machine to the next, in one data centre."""
MACHINES = 1, 2, 4, 8, 16, 32, 64
STEPS, WARM_UP = 30, 5
BATCH, LENGTH, WORDS, UNITS = 64, 100, 20_000, 128
# Where Linux' `struct tcp_info` has `tcpi_bytes_received`.
_BYTES_RECEIVED = 128
PAYS = 0.5
"""Machines pay as long as each does at least so much of what one alone does."""


def received() -> int:
    """Returns the bytes that this process' TCP connections have got until now."""
    total = 0
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):  # not of TCP, or just closed
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            with socket.socket(fileno=os.dup(descriptor)) as connection:
                info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            total += struct.unpack_from("Q", info, _BYTES_RECEIVED)[0]
    return total


def ring_seconds(size: float, machines: int, gigabits: float) -> float:
    """Returns how long the sum of all machines' arrays takes in a ring.

    Args:
        size: bytes of each array.
        machines: how many there are.
        gigabits: a second, of each machine's connection.
    """
    sent = 2 * (machines - 1) / machines * size
    return sent / (gigabits * 1e9 / 8) + 2 * (machines - 1) * LATENCY


def efficiency(compute: float, size: float, machines: int, gigabits: float) -> float:
    """Returns the share of `machines` times one machine's speed that is reached.

    Args:
        compute: seconds of a step on one machine.
        size: bytes of the gradients.
        machines: how many share the step's batch.
        gigabits: a second, of each machine's connection.
    """
    step = compute / machines + ring_seconds(size, machines, gigabits)
    return compute / machines / step


def most_machines(compute: float, size: float, gigabits: float) -> int:
    """Returns up to how many machines pay, of `MACHINES`."""
    paying = [m for m in MACHINES if efficiency(compute, size, m, gigabits) >= PAYS]
    return max(paying)


def train(dense: bool, steps: int, folder: str) -> None:
    """Trains as one of several workers; what it took lies in the folder, as JSON."""
    import keras
    import numpy as np
    import tensorflow as tf

    from tasks.cli.config import TrainingConfig
    from tasks.data.bucketing import BucketedBatches
    from tasks.training import optimizers, workers
    from zoo.models import SequenceClassifier

    workers.join({}, Path(folder), 600)
    strategy = workers.strategy() or tf.distribute.get_strategy()
    drawn = np.random.default_rng(0)
    count = BATCH * (steps + WARM_UP)
    # As words occur, after Zipf.
    ids = np.minimum(drawn.zipf(1.3, (count, LENGTH)) + 3, WORDS - 1).astype(np.int32)
    batches = BucketedBatches(
        tf.RaggedTensor.from_tensor(ids), tf.zeros(count, tf.int32), BATCH, 1, seed=1
    )

    class Dense(optimizers.Adam):
        """Adam whose gradients of tables are sent whole."""

        def apply(self, grads, trainable_variables=None):
            grads = [tf.convert_to_tensor(each) for each in grads]
            super().apply(grads, trainable_variables)

    with strategy.scope():
        words = [f"w{number}" for number in range(WORDS - 4)]
        model = SequenceClassifier(
            words, ["a", "b"], embedding_units=UNITS, units=UNITS
        )
        optimizer = optimizers.optimizer(TrainingConfig(), steps)
        if dense:
            optimizer = Dense(1e-3, global_clipnorm=1.0)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss)
    found = {}

    def note(batch, logs):
        if batch + 1 in (WARM_UP, WARM_UP + steps):
            found[batch + 1] = time.perf_counter(), time.process_time(), received()

    model.fit(
        workers.distributed(batches, strategy),
        epochs=1,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=note)],
    )
    seconds, processor, size = np.subtract(found[WARM_UP + steps], found[WARM_UP])
    table = sum(w.value.shape.num_elements() for w in model.embedding.weights)
    told = {
        "seconds": seconds / steps,
        "processor": processor / steps,
        "received": size / steps,
        "table": 4 * table,
        "parameters": 4 * model.count_params(),
    }
    Path(folder, f"{os.getpid()}.json").write_text(json.dumps(told))


def measure(workers: int, dense: bool, steps: int) -> dict:
    """Returns what a step takes with so many workers on this machine.

    Raises:
        RuntimeError: one of them failed, with what it said.
    """
    ports = [free_port() for _ in range(workers)]
    environments = launching.environments(workers, ports)
    flags = ["--dense"] if dense else []
    with tempfile.TemporaryDirectory() as folder:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", __spec__.name, "--worker", *flags,
                 "--steps", str(steps), "--folder", folder],
                env=os.environ | each | {"TF_CPP_MIN_LOG_LEVEL": "3"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for each in environments
        ]  # fmt: skip
        try:
            for process in started:
                said = process.communicate()[1]
                if process.returncode != 0:
                    raise RuntimeError(f"A worker failed: {said}")
        finally:
            for process in started:
                process.kill()
        files = [Path(folder, f"{process.pid}.json") for process in started]
        found = [json.loads(file.read_text()) for file in files]
    together = {
        name: sum(each[name] for each in found) for name in ("processor", "received")
    }
    return found[0] | together


def draw(compute: float, size: float, path: str) -> None:
    """Draws how much faster k machines are, by their connection."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    axes.plot(MACHINES, MACHINES, "k:", label="as many times as fast")
    for gigabits in GIGABITS:
        speeds = [m * efficiency(compute, size, m, gigabits) for m in MACHINES]
        axes.plot(MACHINES, speeds, "o-", label=f"{gigabits} Gbit/s")
    axes.set(
        xscale="log", yscale="log", xlabel="machines",
        ylabel="times one machine's speed",
        title=f"a step of {compute * 1e3:.0f} ms, gradients of {size / 1e6:.1f} MB",
    )  # fmt: skip
    axes.set_xticks(MACHINES, list(map(str, MACHINES)))
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer steps and workers")
    parser.add_argument("--output", help="where the picture goes, PNG")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--dense", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        train(arguments.dense, arguments.steps, arguments.folder)
        return
    steps = 10 if arguments.quick else arguments.steps
    print(report.machine())
    print(
        f"a bidirectional LSTM of {UNITS} units, {WORDS:,} words; batches of {BATCH} "
        f"texts of {LENGTH} words, means of {steps} steps\n"
    )
    print("| processes | tables' gradients | steps/s | texts/s | CPU ms a text | MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    cases = [(count, False) for count in WORKERS] + [(2, True)]
    found = {}
    for count, dense in cases[:2] + cases[3:] if arguments.quick else cases:
        each = found[count, dense] = measure(count, dense, steps)
        print(
            f"| {count} | {'whole' if dense else 'rows'} | {1 / each['seconds']:.2f} | "
            f"{BATCH / each['seconds']:.0f} | {each['processor'] / BATCH * 1e3:.2f} | "
            f"{each['received'] / 1e6:.2f} |",
            flush=True,
        )
    one, two = found[1, False], found[2, False]
    # Of two workers each receives as many bytes as its gradients have.
    sizes = {"rows": two["received"] / 2, "whole": found[2, True]["received"] / 2}
    print("\nMachines that pay, each doing half of what one alone does at least:\n")
    print("| gradients | MB | " + " | ".join(f"{g} Gbit/s" for g in GIGABITS) + " |")
    print("| --- | --- |" + " --- |" * len(GIGABITS))
    for name, size in sizes.items():
        most = [most_machines(one["seconds"], size, g) for g in GIGABITS]
        print(f"| {name} | {size / 1e6:.2f} | {' | '.join(map(str, most))} |")
    if arguments.output:
        draw(one["seconds"], sizes["rows"], arguments.output)


if __name__ == "__main__":
    main()
