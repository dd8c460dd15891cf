"""What a language model's cache is worth, by how far back it reaches.

    python -m tests.benchmarks.cache_reach --model PRESET [--places 0 500 1000 ...]

Measures a preset on its test split, with the same weights and other caches. It chooses
nothing: a preset's own cache is chosen before, on what is not reported. The further it
reaches, the less a text of many names should cost; without a cache it costs the most.
"""

import argparse
import time
from collections.abc import Sequence

from tasks.errors import UserError
from tasks.reporting import evaluation
from tasks.text import batches as text_streams
from tasks.text import corpus, measures
from tasks.text.config import Evaluation
from tests.benchmarks import report
from zoo import presets
from zoo.errors import PresetError
from zoo.models import LanguageModel


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a row for each reach."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments = parse(parser, argv)
    try:
        model = LanguageModel.from_preset(arguments.model)
        texts = read(arguments, model)
    except (PresetError, UserError) as error:
        parser.error(str(error))
    print(f"{texts.describe()}\n")
    print("| places | nats | perplexity | seconds |\n| --- | --- | --- | --- |")
    for places in arguments.places:
        began = time.perf_counter()
        figures = measure(model, places, texts)
        seconds = time.perf_counter() - began
        print(
            f"| {places:,} | {figures['nats']:.4f} | {figures['perplexity']:.3f} "
            f"| {seconds:.0f} |",
            flush=True,
        )
    report.print_machine()


def parse(parser, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    add = parser.add_argument
    add("--model", required=True, metavar="PRESET", help="a language model")
    add("--split", help="default: the test split")
    add("--data-dir", help="where prepared datasets lie")
    add(
        "--places",
        type=int,
        nargs="+",
        default=[0, 500, 1000, 2000, 4000],
        metavar="N",
        help="how many tokens back; 0: no cache (default: %(default)s)",
    )
    parsed = parser.parse_args(argv)
    if min(parsed.places) < 0:
        parser.error(f"--places must be 0 or more, found {min(parsed.places)}.")
    return parsed


def read(arguments, model: LanguageModel) -> corpus.Texts:
    """Returns the texts to measure on.

    Args:
        arguments: the command line.
        model: the preset's.

    Raises:
        UserError: the preset has no dataset on record, or there is no such split.
    """
    settings = Evaluation(data_dir=arguments.data_dir, split=arguments.split)
    preset = presets.find(arguments.model)
    chosen, *_ = evaluation.choose(preset, settings, "text_column")
    (column,) = chosen.columns
    return corpus.read(chosen.builder, chosen.splits[0], column, model.sentences)


def measure(model: LanguageModel, places: int, texts: corpus.Texts) -> dict:
    """Returns the figures of `tasks.text.measures`, of the model with another cache.

    Args:
        model: the preset's. A cache that it has is changed in its reach alone.
        places: how far back the cache reaches; 0 for none.
        texts: what to measure on.
    """
    model = model.with_cache(places)
    size = Evaluation.batch_size, Evaluation.window
    batches = text_streams.batches(model, texts, *size)
    return measures.measure(model, batches, texts)


if __name__ == "__main__":
    main()
