"""Speed of training a character model, beside Keras' layers and torch's.

    python -m tests.benchmarks.text_training [--quick]

Characters/s of truncated back-propagation through time with the state carried from
window to window: forward, backward and Adam. Each framework trains in a process of
its own, an epoch in turn; the losses of the first two are compared.
"""

import argparse
import dataclasses

from tests.benchmarks import fresh_process, report, speeds, workers
from tests.benchmarks.measurement import disagreements
from tests.benchmarks.text_cases import TextCase

WINDOW = 64
LOSSES_WITHIN = 1e-4
CELLS = "lstm", "gru"
MODULES = {
    "zoo": "tensorflow_text_training",
    "keras": "tensorflow_text_training",
    "torch": "torch_text_training",
}
NOTES = """
2 layers of 512 units, 65 characters, embedding of 64; batch 64, window 64; made-up
text, float32. zoo ×: its characters/s over theirs. zoo: LanguageModel in Keras' fit,
the GRU with reset_after=False. keras: stateful keras.layers in fit, the same GRU.
torch: nn.LSTM or nn.GRU, which has reset_after alone, in a plain loop.
"""


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 round of a window")
    windows, rounds = (1, 1) if parser.parse_args().quick else (4, 5)
    print(report.load_warning(), flush=True)
    # Not here: this process, which only waits, does without TensorFlow.
    machine = fresh_process.call(report.machine, libraries=["torch"])
    print(
        "| cell | framework | characters/s | zoo × | first epoch, s |\n"
        "| --- | --- | --- | --- | --- |"
    )
    for cell in CELLS:
        with workers.started(workers.installed(MODULES)) as desks:
            case = TextCase(cell, batch=64, units=512, layers=2)
            print_speeds(desks, case, windows, rounds)
    print(NOTES)
    print(machine)


def print_speeds(desks: dict, case: TextCase, windows: int, rounds: int) -> None:
    """Prints a row for each framework.

    Args:
        desks: the frameworks' workers, by name.
        case: the model and the batch.
        windows: how many an epoch has.
        rounds: how many turns each framework has.

    Raises:
        AssertionError: the losses differ.
    """
    made = dataclasses.asdict(case)
    first = speeds.prepare(desks, case=made, window=WINDOW, windows=windows)
    compare(desks, case.cell)
    characters = case.batch * WINDOW * windows
    speeds.print_rows(case.cell, desks, first, characters, rounds, ours="zoo")


def compare(desks: dict, cell: str) -> None:
    """Raises an AssertionError if the frameworks' losses differ."""
    # torch's GRU is another one.
    same = {name: desks[name] for name in desks if (cell, name) != ("gru", "torch")}
    complaints = disagreements(same, within=LOSSES_WITHIN)
    assert not complaints, complaints


if __name__ == "__main__":
    main()
