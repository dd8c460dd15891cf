"""Which penalties translations are searched with: those that validation chooses."""

import itertools
from typing import Any

from tasks.translation import commands, measures
from tasks.translation.config import Search
from tasks.translation.corpus import Pairs

LENGTH_PENALTIES = 0.6, 0.8, 1.0, 1.2
COVERAGE_PENALTIES = 0.0, 0.05, 0.1
# So many pairs are translated with each two of them, spread over all there are.
MOST = 600
# Fewer pairs can't tell one from another.
LEAST = 100
# BLEU that is no difference. The lower length penalty is then the better one: with a
# higher one a search goes on for longer, for something longer could still be better.
WITHIN = 0.1


def choose(model: Any, pairs: Pairs, batch_size: int) -> dict[str, Any]:
    """Sets the penalties that a model searches with to those of the highest BLEU.

    Which is best depends on the model: one that was trained with smoothed labels, or on
    texts without their last mark, ends too early.

    Args:
        model: a `zoo.models.Translator`.
        pairs: the validation pairs.
        batch_size: how many to translate at a time.

    Returns:
        What the preset's record says of it; nothing where there are too few pairs.
    """
    if len(pairs) < LEAST:
        return {}
    pairs = pairs.spread(MOST)
    coverages = COVERAGE_PENALTIES if model.attends else (0.0,)
    found = []
    for length, coverage in itertools.product(LENGTH_PENALTIES, coverages):
        search = Search(length_penalty=length, coverage_penalty=coverage)
        said = commands.best_translations(model, pairs.texts, search, batch_size)
        bleu = measures.measure(said, pairs.translations)["bleu"]
        print(f"penalties   length {length}, coverage {coverage}: BLEU {bleu:.2f}")
        found.append((bleu, length, coverage))
    best = max(found)[0]
    bleu, length, coverage = next(each for each in found if each[0] >= best - WITHIN)
    model.search_with(length, coverage)
    print(f"chosen      length {length}, coverage {coverage}")
    return {
        "length_penalty": length,
        "coverage_penalty": coverage,
        "penalties_chosen_on": f"{len(pairs)} validation pairs, BLEU {bleu:.2f}",
    }
