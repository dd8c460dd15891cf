"""Memory that each size of layer leaves behind, as in a search for hyper-parameters.

    python -m tests.benchmarks.search_memory [--sizes 8]

Models of one recurrent layer are trained for an epoch and dropped, one size after
another; after each, Keras' session is cleared, garbage collected, and what is free
handed back to the system. Printed is by how much the process grew from size to size:
each library in a process of its own, in turn. The first size is not counted, for with
it comes what is there once.
"""

import argparse
import ctypes
import gc
import itertools
import statistics
import sys
from pathlib import Path

from tests.benchmarks import fresh_process, report

ROWS, STEPS, INPUTS, BATCH, FIRST = 16, 20, 8, 8, 30
MIB = 2**20


def growth(library: str, sizes: int) -> list[float]:
    """Returns MiB that each size after the first left; for a fresh process."""
    import numpy as np

    from tests.benchmarks import tensorflow_layers

    recurrent = tensorflow_layers.library(library)
    x = np.random.default_rng(0).normal(size=(ROWS, STEPS, INPUTS)).astype("float32")
    held = []
    for units in range(FIRST, FIRST + 2 * (sizes + 1), 2):
        _train(recurrent.LSTM(units), x)
        held.append(_resident())
    return [after - before for before, after in itertools.pairwise(held)]


def _train(layer, x):
    import keras
    import numpy as np

    model = keras.Sequential(
        [keras.Input(x.shape[1:]), layer, keras.layers.Dense(1)], name="search"
    )
    model.compile("adam", "mse")
    model.fit(x, np.zeros((len(x), 1)), batch_size=BATCH, epochs=1, verbose=0)


def _resident():
    """Returns the MiB that this process holds, when all that can go is gone."""
    import keras

    keras.backend.clear_session()
    for _ in range(3):
        gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / MIB


def main() -> None:
    """Prints what each library's layers leave."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, default=8, help="sizes to measure")
    sizes = parser.parse_args().sizes
    print("| layer | MiB a size, median | each |\n| --- | --- | --- |")
    for library in ("zoo", "keras"):
        found = fresh_process.call(growth, library=library, sizes=sizes)
        each = ", ".join(f"{value:.0f}" for value in found)
        print(f"| {library} | {statistics.median(found):.0f} | {each} |")
    report.print_machine()


if __name__ == "__main__":
    main()
