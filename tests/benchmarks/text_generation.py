"""Speed of generating text, beside the ways it is done today.

    python -m tests.benchmarks.text_generation [--quick] [--model PRESET]

Characters/s of the same character model, drawn at temperature 1. Each way runs in a
process of its own, in turn with the others; their logits are compared first. Then the
first character from the command line, cold.
"""

import argparse
import dataclasses
import shlex
import statistics
import tempfile
from pathlib import Path

from tests.benchmarks import first_answers, floors, fresh_process, report, workers
from tests.benchmarks.measurement import disagreements
from tests.benchmarks.text_cases import TextCase

UNITS = 1024
ZOO, FUNCTION, TORCH = "zoo, jit_compile", "keras, tf.function", "torch, "
RESET_AFTER = f"{FUNCTION}, reset_after"
SLOWEST = {"keras, predict": 8, "keras, eager": 32}
LENGTHS = {
    **{ZOO: 1000, "zoo": 1000},
    **SLOWEST,
    **{FUNCTION: 128, RESET_AFTER: 128},
    **{"torch, cell": 256, "torch, layer": 256},
}
"""How many characters a call generates, about a second's; a tenth in batches of 64."""
FLOOR, FLOOR_TO_TORCH = 3000, 4.0
"""Characters/s at batch 1, and that over the faster torch loop's: the issue's."""
NOTES = """
characters/s: of all rows. zoo ×: the first way's characters/s over these. One layer of
1 024 units, 65 characters, embedding of 64, float32. Reading the prompt (here empty)
and writing the text is in; tracing and compiling is not, that is in the first call.
zoo: LanguageModel.generate, the loop in the graph, with jit_compile=True and without.
keras: keras.layers in a stateful model's predict, in a loop of eager calls and of a
tf.function that takes and draws a step, as in TensorFlow's tutorial; GRUs are the
zoo's, reset_after=False, and Keras' default. torch: a loop of GRUCell or LSTMCell, and
of a layer given one step, in inference mode; torch has reset_after alone.
"""


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few characters, 1 round")
    parser.add_argument(
        "--model", metavar="PRESET", help="for the first answer; default: an untrained"
    )
    arguments = parser.parse_args()
    print(report.load_warning(), flush=True)
    # Not here: this process, which only waits, does without TensorFlow.
    machine = fresh_process.call(report.machine, libraries=["torch"])
    print_speeds(arguments.quick)
    print(NOTES)
    print_first_answers(arguments.model, 1 if arguments.quick else 3)
    print(f"\n{machine}")


def print_speeds(quick: bool) -> None:
    """Prints characters/s of all ways, by cell and batch, and whether the floors hold.

    Args:
        quick: whether to generate a tenth of the characters, once.
    """
    print(
        "| cell | batch | way | characters/s | zoo × | first call, s |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    verdicts = []
    for cell in ("gru", "lstm"):
        names = [name for name in LENGTHS if cell == "gru" or name != RESET_AFTER]
        with workers.started(workers.installed(modules(names))) as desks:
            for batch in (1, 64):
                case = TextCase(cell, batch, UNITS)
                speeds = measure(desks, case, quick)
                if batch == 1:
                    verdicts.append(f"{cell}: {verdict(speeds)}")
    print(f"\nAt batch 1, {ZOO}; {'; '.join(verdicts)}.")


def modules(names: list[str]) -> dict[str, str]:
    """Returns the module that each way is in."""
    return {
        name: f"{'torch' if name.startswith(TORCH) else 'tensorflow'}_generation"
        for name in names
    }


def measure(desks: dict, case: TextCase, quick: bool) -> dict[str, float]:
    """Prints a row for each way, and returns its characters/s, by name.

    Args:
        desks: the ways' workers, by name.
        case: the model and the batch.
        quick: see `print_speeds`.

    Raises:
        AssertionError: the models differ.
    """
    if case.batch > 1:
        desks = {name: desks[name] for name in desks if name not in SLOWEST}
    share = (10 if quick else 1) * (10 if case.batch > 1 else 1)
    lengths = {name: max(2, LENGTHS[name] // share) for name in desks}
    first = {
        name: desk.ask("prepare", case=dataclasses.asdict(case), length=lengths[name])[
            "first_call"
        ]
        for name, desk in desks.items()
    }
    compare(desks, case.cell)
    rounds, seconds = (1, 0.0) if quick else (5, 1.0)
    turns = workers.medians_in_turn(desks, rounds, seconds)
    speeds = {
        name: case.batch * lengths[name] / statistics.median(turns[name])
        for name in desks
    }
    for name, speed in speeds.items():
        print(
            f"| {case.cell} | {case.batch} | {name} | {speed:,.0f} "
            f"| {speeds[ZOO] / speed:.2f} | {first[name]:.1f} |",
            flush=True,
        )
    return speeds


def compare(desks: dict, cell: str) -> None:
    """Raises an AssertionError if the models don't say the same of a text."""
    others = set()
    if cell == "gru":  # of another equation
        others = {n for n in desks if n == RESET_AFTER or n.startswith(TORCH)}
    for reference, names in {
        FUNCTION: desks.keys() - others,
        RESET_AFTER: others,
    }.items():
        complaints = disagreements({name: desks[name] for name in names}, reference)
        assert not complaints, complaints


def verdict(speeds: dict[str, float]) -> str:
    """Says whether what is asked at batch 1 is reached, given characters/s by name."""
    found = f"{speeds[ZOO]:,.0f} characters/s of {FLOOR:,} asked"
    reached = [speeds[ZOO] / FLOOR]
    loops = [speed for name, speed in speeds.items() if name.startswith(TORCH)]
    if loops:
        ratio = speeds[ZOO] / max(loops)
        found += f", {ratio:.1f} × torch of {FLOOR_TO_TORCH:.0f} asked"
        reached.append(ratio / FLOOR_TO_TORCH)
    return f"{found}: {floors.judge(reached)}"


def print_first_answers(preset: str | None, rounds: int) -> None:
    """Prints seconds from a process' start to its first character.

    Args:
        preset: the model; by default an untrained one is made.
        rounds: how often it is started.
    """
    with tempfile.TemporaryDirectory() as folder:
        if preset is None:
            preset = str(Path(folder, "preset"))
            fresh_process.call(save_untrained, folder=preset)
        generate = "-m tasks.text generate --prompt The --length 1"
        first_answers.print_table(
            {
                f"python {generate}": f"{generate} --model {shlex.quote(preset)}",
                "python -c 'import keras, tensorflow'": "-c 'import keras, tensorflow'",
                "python -c 'import tensorflow'": "-c 'import tensorflow'",
            },
            rounds,
        )


def save_untrained(folder: str) -> None:
    """Writes a preset to generate with; to be called in a fresh process."""
    from tests.benchmarks import tensorflow_text

    model = tensorflow_text.zoo_model(TextCase("gru", batch=1, units=UNITS))
    model.save_to_preset(folder)


if __name__ == "__main__":
    main()
