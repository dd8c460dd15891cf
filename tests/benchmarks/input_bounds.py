"""Seconds and memory for each byte of input: what a stranger's text can cost.

    python -m tests.benchmarks.input_bounds [--quick] [--presets NAME …]

Of each preset, loaded and exported as it is now, the functions that read something are
called with inputs of growing size:

- good: what the model was made for; one text, or roll.
- noise: one text of random bytes, or a roll of random keys.
- word: one text without a space.
- many: as many short texts as make up the size.
- mixed: 63 short texts, and one that makes up the rest.

A time or memory that grows as the size does has the same figures for each byte at every
size. Each line is of a process of its own, whose peak is above what it held after a
call with one byte.
"""

import argparse
import time

import numpy as np

from tests.benchmarks import fresh_process, report
from tests.benchmarks.training_memory import high_water_mark

KINDS = ("good", "noise", "word", "many", "mixed")
SIZES = (2000, 20_000)
QUICK_SIZES = (500, 2000)
# A row of an ordinary batch, in bytes, and how many one has.
SHORT, ROWS = 50, 64
KEYS = 88
FUNCTIONS = {
    "sentiment_imdb": ("serving_default",),
    "ner_wikiann_en": ("serving_default",),
    "text_shakespeare": ("score", "start"),
    "text_en": ("score", "start"),
    "music_nottingham": ("score",),
    "translation_multi30k_en_de": ("score", "greedy", "serving_default"),
}
"""What is measured by default, of each preset: functions that read, and translations,
which are bounded by what they read.

What is drawn takes time for each step that is asked for:
`tests.benchmarks.text_generation`.
"""
_SENTENCE = b"Two young people from Paris are sitting in the grass near a white house. "


def texts(kind: str, size: int) -> list[bytes]:
    """Returns texts that are `size` bytes together."""
    if kind == "noise":
        return [np.random.default_rng(0).bytes(size)]
    if kind == "word":
        letters = np.random.default_rng(0).integers(97, 123, size)
        return [bytes(letters.astype("uint8"))]
    whole = (_SENTENCE * (size // len(_SENTENCE) + 1))[:size]
    if kind == "good":
        return [whole]
    if kind == "many":
        return [whole[place : place + SHORT] for place in range(0, size, SHORT)]
    short = whole[:SHORT]
    return [short] * (ROWS - 1) + [whole[: max(size - (ROWS - 1) * SHORT, SHORT)]]


def rolls(kind: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns rolls, float32 (batch, steps, keys), and lengths, int32 (batch,).

    A byte stands for a frame's key: frames are `size / KEYS`, of all pieces together.
    """
    steps, short = size // KEYS, 8
    if kind == "many":
        lengths = np.full(steps // short, short)
    elif kind == "mixed":
        lengths = np.array([short] * (ROWS - 1) + [steps])
    else:
        lengths = np.array([steps])
    shape = len(lengths), lengths.max(), KEYS
    roll = np.zeros(shape, "float32")
    if kind == "noise":
        roll += np.random.default_rng(0).random(shape) < 0.5
    else:
        roll[..., [40, 44, 47]] = 1
    return roll, lengths.astype("int32")


def arguments(preset: str, function: str, kind: str, size: int) -> dict:
    """Returns what a function is called with."""
    if preset.startswith("music"):
        return dict(zip(("roll", "lengths"), rolls(kind, size), strict=True))
    given = texts(kind, size)
    if preset.startswith("translation") and function == "score":
        return {"text": given, "translation": given}
    return {"prompt" if function == "start" else "text": given}


def costs(preset: str, name: str, kind: str, sizes: list[int]) -> list[dict]:
    """Measures calls of growing size, in a fresh process.

    Returns:
        For each size `seconds`, and `bytes` by which the peak exceeds what the process
        held before the first of them.
    """
    import tensorflow as tf

    import zoo
    from zoo import kernels

    model = zoo.from_preset(preset)
    with kernels.portable(lite=True):  # as it is exported
        function = model.signatures()[name].get_concrete_function()

    def call(kind, size):
        given = arguments(preset, name, kind, size)
        found = function(**{key: tf.constant(each) for key, each in given.items()})
        return [each.numpy() for each in found.values()]

    call("good", KEYS if preset.startswith("music") else 1)
    before, found = high_water_mark(), []
    for size in sizes:
        began = time.perf_counter()
        call(kind, size)
        seconds = time.perf_counter() - began
        found.append({"seconds": seconds, "bytes": high_water_mark() - before})
    return found


def row(preset: str, function: str, kind: str, sizes, found: list[dict]) -> str:
    """Returns a line of the table."""
    cells = [
        f"{each['seconds']:.2f} s, {each['bytes'] / 2**20:.0f} MiB" for each in found
    ]
    last = found[-1]
    each_byte = (
        f"{1e6 * last['seconds'] / sizes[-1]:.1f} | {last['bytes'] / sizes[-1]:.0f}"
    )
    return f"| {preset} | {function} | {kind} | {' | '.join(cells)} | {each_byte} |"


def heading(sizes) -> str:
    """Returns what stands above the rows."""
    columns = " | ".join(f"{size:,} bytes" for size in sizes)
    return (
        f"| preset | function | input | {columns} | µs a byte | bytes a byte |\n"
        "| --- | --- | --- |" + " --- |" * (len(sizes) + 2)
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="smaller inputs")
    parser.add_argument("--presets", nargs="+", default=list(FUNCTIONS), metavar="NAME")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    chosen = parser.parse_args()
    unknown = set(chosen.presets) - set(FUNCTIONS)
    if unknown:
        parser.error(f"--presets takes {', '.join(FUNCTIONS)}, found {min(unknown)}.")
    sizes = QUICK_SIZES if chosen.quick else SIZES
    print(heading(sizes))
    for preset in chosen.presets:
        for function in FUNCTIONS[preset]:
            for kind in chosen.kinds:
                if kind == "word" and preset.startswith("music"):
                    continue
                case = {"preset": preset, "name": function, "kind": kind}
                found = fresh_process.call(costs, **case, sizes=list(sizes))
                print(row(preset, function, kind, sizes, found), flush=True)
    report.print_machine()


if __name__ == "__main__":
    main()
