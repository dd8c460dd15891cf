"""BLEU by the length of the source: what it costs to have one context C for it all.

    python -m tests.benchmarks.bleu_by_length --model PRESET --model PRESET \
        --output FILE.png [--dataset multi30k/de_en] [--split test] [--bounds 7 9 11]

Translates a split with each preset, such as one with attention and one without, prints
BLEU of the pairs whose source has so many words, and draws it.
"""

import argparse
import itertools
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tasks.data import builders as data
from tasks.data import dataset_records
from tasks.errors import UserError
from tasks.translation import commands, corpus, measures
from tasks.translation.config import Evaluation
from tasks.translation.corpus import Pairs
from tests.benchmarks import report
from zoo import plots, presets
from zoo.errors import PresetError
from zoo.files import replaced_file
from zoo.models import Translator

BOUNDS = (7, 9, 11, 14, 17)
LEAST = 50
"""So many pairs a bucket must have: BLEU of few says little."""

NOTES = """
source words: what is between white space. BLEU: {}; beam {}, penalties
of the presets."""


class Bucket(NamedTuple):
    """Pairs whose sources are about as long as each other.

    Attributes:
        shortest: the least words that a source has.
        longest: the most.
        places: of the pairs, int64.
    """

    shortest: int
    longest: int
    places: np.ndarray

    def __str__(self) -> str:
        if self.shortest == self.longest:
            return str(self.shortest)
        return f"{self.shortest}–{self.longest}"


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the table and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments = parse(parser, argv)
    search = arguments.search
    try:
        figure = plots.new_figure(figsize=(8, 5))
        pairs = read(arguments)
        print(f"{pairs.source}, {len(pairs):,} pairs\n")
        found = {
            name: commands.best_translations(
                Translator.from_preset(name), pairs.texts, search, search.batch_size
            )
            for name in arguments.models
        }
        sizes = [len(text.split()) for text in pairs.texts]
        groups = buckets(sizes, arguments.bounds)
        scores, signature = measure(found, pairs.translations, groups)
    except (ImportError, PresetError, UserError) as error:
        parser.error(str(error))
    print(table(groups, scores, len(pairs)))
    print(NOTES.format(signature, search.beam))
    draw(figure, groups, scores, pairs.source, arguments.output)
    print(f"picture: {arguments.output}")
    report.print_machine()


def parse(parser, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line; `search` is made from it."""
    add = parser.add_argument
    preset = {"action": "append", "required": True, "metavar": "PRESET"}
    add("--model", dest="models", help="again for each preset", **preset)
    add("--output", required=True, metavar="FILE.png", help="the picture")
    add("--dataset", help="default: what the first preset was trained on")
    add("--split", default="test", help="default: test")
    add("--data-dir", help="where prepared datasets lie")
    add("--beam", type=int, default=Evaluation.beam, help="default: %(default)s")
    add(
        "--bounds",
        type=int,
        nargs="+",
        default=BOUNDS,
        metavar="N",
        help=f"the most source words of each bucket but the last; buckets of fewer "
        f"than {LEAST} pairs are joined (default: {' '.join(map(str, BOUNDS))})",
    )
    parsed = parser.parse_args(argv)
    parsed.search = Evaluation(beam=parsed.beam)
    try:
        parsed.search.check()
    except UserError as error:
        parser.error(str(error))
    return parsed


def read(arguments) -> Pairs:
    """Returns the pairs of the split, from and to what the presets translate.

    Args:
        arguments: the command line.

    Raises:
        UserError: the presets aren't of the same columns, there is no dataset, or
            nothing of that name in it.
    """
    trained = {
        name: presets.read_metrics(presets.find(name)).get("training", {})
        for name in arguments.models
    }
    columns = {
        name: (record.get("source_column"), record.get("target_column"))
        for name, record in trained.items()
    }
    if len(set(columns.values())) > 1:
        told = (
            f"{name} {' → '.join(map(str, pair))}" for name, pair in columns.items()
        )
        raise UserError(
            f"Give presets that translate the same columns, not {', '.join(told)}."
        )
    first = arguments.models[0]
    recorded = [part["dataset"] for part in dataset_records.apart(trained[first])]
    dataset = arguments.dataset or (recorded or [None])[0]
    if dataset is None:
        raise UserError(f"Preset {first} has no dataset on record: give a --dataset.")
    builder = data.load_builder(dataset, arguments.data_dir)
    chosen = corpus.columns(builder, chosen=columns[first])
    return corpus.read(builder, arguments.split, chosen)


def buckets(
    sizes: Sequence[int], bounds: Sequence[int], least: int = LEAST
) -> list[Bucket]:
    """Returns the places of sizes in buckets, from small to large.

    Args:
        sizes: how many words each source has.
        bounds: the largest size of each bucket but the last.
        least: a bound is left out where fewer would be on a side of it.
    """
    sizes, kept = np.asarray(sizes), []
    for bound in sorted(bounds):
        before = sizes > kept[-1] if kept else True
        if min(np.sum(before & (sizes <= bound)), np.sum(sizes > bound)) >= least:
            kept.append(bound)
    edges = itertools.pairwise([sizes.min() - 1, *kept, sizes.max()])
    return [
        Bucket(below + 1, most, np.flatnonzero((sizes > below) & (sizes <= most)))
        for below, most in edges
    ]


def measure(
    found: dict[str, Sequence[str]],
    references: Sequence[str],
    groups: Sequence[Bucket],
) -> tuple[dict[str, list[float]], str]:
    """Measures translations, bucket by bucket.

    Args:
        found: each preset's translations, by its name.
        references: what they are compared with.
        groups: the buckets.

    Returns:
        Each preset's BLEU, of each bucket and last of all pairs; and sacrebleu's
        signature.
    """
    scores, signatures = {}, set()
    parts = [*(group.places for group in groups), np.arange(len(references))]
    for name, translations in found.items():
        figures = [
            measures.measure([translations[p] for p in part], references[part])
            for part in parts
        ]
        scores[name] = [each["bleu"] for each in figures]
        signatures |= {each["bleu_signature"] for each in figures}
    (signature,) = signatures
    return scores, signature


def table(
    groups: Sequence[Bucket], scores: dict[str, Sequence[float]], count: int
) -> str:
    """Returns a table in Markdown.

    Args:
        groups: the buckets.
        scores: of `measure`.
        count: how many pairs there are.
    """
    lines = [["source words", "pairs", *scores], ["---"] * (2 + len(scores))]
    names = [*map(str, groups), "all"]
    counts = [*(len(group.places) for group in groups), count]
    for row in zip(names, counts, *scores.values(), strict=True):
        name, pairs, *bleu = row
        lines.append([name, f"{pairs:,}", *(f"{score:.1f}" for score in bleu)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw(
    figure,
    groups: Sequence[Bucket],
    scores: dict[str, Sequence[float]],
    title: str,
    path: str | os.PathLike,
) -> None:
    """Draws BLEU over the source's length, a line a preset.

    Args:
        figure: of `plots.new_figure`.
        groups: the buckets.
        scores: of `measure`.
        title: what stands above.
        path: the PNG to write.
    """
    axes = figure.subplots()
    for name, values in scores.items():
        *by_bucket, whole = values
        axes.plot(by_bucket, marker="o", label=f"{name}: {whole:.1f} in all")
    labels = [f"{group}\n{len(group.places):,} pairs" for group in groups]
    axes.set_xticks(range(len(groups)), labels)
    axes.set(title=title, xlabel="source words", ylabel="BLEU")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    with replaced_file(path) as file:
        figure.savefig(file, format="png", dpi=120)


if __name__ == "__main__":
    main()
