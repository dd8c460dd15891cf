"""Speed of training a translator and of translating, beside Keras' layers.

    python -m tests.benchmarks.translation [--quick]

Source tokens/s of forward, backward and Adam; sentences/s of greedy decoding, beside
the loops of eager calls that tutorials have; and how the time grows with the beam and
the length. Each way runs in a process of its own, in turn with the others; the
training's losses and the decoders' logits are compared first.
"""

import argparse
import statistics

import numpy as np

from tests.benchmarks import fresh_process, report, speeds, translation_cases, workers
from tests.benchmarks.measurement import disagreements

MODULE = "tensorflow_translation"
MODELS = {
    "gru, general": {"cell": "gru", "attention": "general"},
    "gru, additive": {"cell": "gru", "attention": "additive"},
    "lstm, general": {"cell": "lstm", "attention": "general"},
}
DEFAULT = {**MODELS["gru, general"], **translation_cases.SIZES}
BATCHES, BATCH, LONGEST = 4, 64, 24
LOSSES_WITHIN = 1e-3
WAYS = "zoo", "zoo, eager", "keras, eager"
BATCH_SIZES, LENGTH = (1, 64), 20
SEARCHES = [
    *((beam, LENGTH) for beam in (1, 2, 4, 8, 16)),
    *((4, length) for length in (10, 40, 80)),
]
QUICK_SEARCHES = [(1, LENGTH), (4, LENGTH), (4, 2 * LENGTH)]
"""Beams and words a sentence."""
NOTES = f"""
One layer of 256 units in encoder and decoder, embeddings of 256, 4 000 made-up words,
random weights, float32. zoo ×: the zoo's speed over theirs. Training: Translator and
keras.layers, GRUs with reset_after=False, in fit; {BATCH} pairs a batch, of
{LONGEST // 2} to {LONGEST} words; padding is not counted. Translating: from text to
text; `<EOS>` is ruled out, so that every search runs to the stated length, that of its
sentence. zoo: translate, without XLA. eager: a call of the decoder for each token, as
in TensorFlow's tutorial, the zoo's or one of keras.layers; greedy, {LENGTH} words.
time ×: the time that a sentence takes over that in the first row.
"""


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 round of little")
    quick = parser.parse_args().quick
    print(report.load_warning(), flush=True)
    # Not here: this process, which only waits, does without TensorFlow.
    machine = fresh_process.call(report.machine)
    with workers.started(dict.fromkeys(WAYS, MODULE)) as desks:
        trained = {"zoo": desks["zoo"], "keras": desks["keras, eager"]}
        print_training(trained, quick)
        print_greedy(desks, quick)
        print_searches({"zoo": desks["zoo"]}, quick)
    print(NOTES)
    print(machine)


def print_training(desks: dict, quick: bool) -> None:
    """Prints source tokens/s of both, by model.

    Args:
        desks: their workers, by name.
        quick: whether to train one model only, a batch.

    Raises:
        AssertionError: the losses differ.
    """
    print_header("model", "way", "source tokens/s", "zoo ×", "first epoch, s")
    batches = 1 if quick else BATCHES
    size = {"batch": BATCH, "longest": LONGEST, "batches": batches}
    sources, _ = translation_cases.pairs(BATCH * batches, LONGEST)
    tokens = np.count_nonzero(sources)
    for name, model in list(MODELS.items())[: 1 if quick else None]:
        sizes = {**model, **translation_cases.SIZES}
        first = speeds.prepare(desks, task="training", sizes=sizes, **size)
        check(desks, within=LOSSES_WITHIN)
        speeds.print_rows(name, desks, first, tokens, 1 if quick else 5, "zoo", 1)


def print_greedy(desks: dict, quick: bool) -> None:
    """Prints sentences/s of greedy decoding in the graph and in loops, by batch.

    Args:
        desks: the ways' workers, by name.
        quick: whether each has one turn only.

    Raises:
        AssertionError: the decoders' logits differ.
    """
    print()
    print_header("batch", "way", "sentences/s", "zoo ×", "first call, s")
    for batch in BATCH_SIZES:
        size = {"batch": batch, "length": LENGTH}
        first = speeds.prepare(desks, task="translating", sizes=DEFAULT, **size)
        check(desks)
        rounds = 1 if quick else 5
        speeds.print_rows(str(batch), desks, first, batch, rounds, "zoo", 1)


def print_searches(desks: dict, quick: bool) -> None:
    """Prints the zoo's sentences/s by beam, length and batch.

    Args:
        desks: its worker, by its name.
        quick: whether to take few of them, once each.
    """
    print()
    columns = [c for n in BATCH_SIZES for c in (f"batch {n}, sentences/s", "time ×")]
    print_header("beam", "words", *columns)
    begun = {}
    for beam, length in QUICK_SEARCHES if quick else SEARCHES:
        cells = [str(beam), str(length)]
        for batch in BATCH_SIZES:
            size = {"batch": batch, "length": length, "beam": beam}
            speeds.prepare(desks, task="translating", sizes=DEFAULT, **size)
            turns = workers.medians_in_turn(desks, 1 if quick else 5, seconds=0)
            speed = batch / statistics.median(turns["zoo"])
            begun.setdefault(batch, speed)
            cells += [f"{speed:,.1f}", f"{begun[batch] / speed:.1f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def check(desks: dict, **within) -> None:
    """Raises an AssertionError if a way's results are not the zoo's."""
    complaints = disagreements(desks, reference="zoo", **within)
    assert not complaints, complaints


def print_header(*columns: str) -> None:
    """Prints the head of a table."""
    print(f"| {' | '.join(columns)} |\n{'| --- ' * len(columns)}|", flush=True)


if __name__ == "__main__":
    main()
