"""How often a translator keeps negations, numbers, dates, prices and names.

    python -m tests.benchmarks.translation_pairs --model PRESET

The 60 pairs are in `translation_pairs.tsv`, made up, in German and in English. Of a
translation only that is asked which must be in it: a negation or none, a number as a
word or in digits, a month, a currency, a name. How it is said else is free.
"""

import argparse
import collections
import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from zoo import presets
from zoo.models import Translator

PAIRS = Path(__file__).with_name("translation_pairs.tsv")
LANGUAGES = "de", "en"
# What negates, by language: NOT in a rule.
_NEGATIONS = {
    "de": r"\b(?:nicht|kein\w*|nie|niemals|niemand\w*|nichts|nirgend\w*|weder|ohne)\b",
    "en": r"\b(?:not?|never|none|nobody|nothing|nowhere|neither|nor|without|cannot)\b"
    r"|n['’]t\b",
}


class Pair(NamedTuple):
    """A sentence in both languages, and what must be in a translation.

    Attributes:
        kind: what it asks.
        de: the German sentence.
        en: the English one.
        in_de: rules of a translation into German, with `; ` between them: one of
            several words, `3|drei`; a negation, `NOT`; none of them, `!NOT`.
        in_en: rules of a translation into English.
    """

    kind: str
    de: str
    en: str
    in_de: str
    in_en: str


def main() -> None:
    """Prints the share of each kind, and the translations that miss something."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a preset, German or English")
    parser.add_argument(
        "--source",
        choices=LANGUAGES,
        help="what it translates from; default: as the preset's record has it",
    )
    arguments = parser.parse_args()
    source = arguments.source or recorded_source(arguments.model)
    pairs = read()
    model = Translator.from_preset(arguments.model)
    found = translations(model, pairs, source)
    kept, all_ = collections.Counter(), collections.Counter()
    for pair, translation in zip(pairs, found, strict=True):
        missing = missed(pair, translation, source)
        for kind in (pair.kind, "all"):
            all_[kind] += 1
            kept[kind] += not missing
        if missing:
            text = getattr(pair, source)
            print(f"{'; '.join(missing):24} {text} → {translation}")
    for kind, count in all_.items():
        print(f"{kind:10} {kept[kind]:3} of {count:3}  {kept[kind] / count:.1%}")


def recorded_source(name: str) -> str:
    """Returns the language that a preset was trained to translate from."""
    column = presets.read_metrics(presets.find(name))["training"]["source_column"]
    return column if isinstance(column, str) else column[0]


def read() -> list[Pair]:
    """Returns the pairs."""
    with PAIRS.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Pair(**row) for row in rows]


def translations(model: Translator, pairs: Sequence[Pair], source: str) -> list[str]:
    """Returns what a model makes of the pairs' sentences in a language."""
    texts = [getattr(pair, source) for pair in pairs]
    found = model.translate(texts)["translation"].numpy()
    return [text.decode("utf-8", "replace") for text in found]


def missed(pair: Pair, translation: str, source: str) -> list[str]:
    """Returns the rules that a translation doesn't keep.

    Args:
        pair: the pair.
        translation: of the sentence in `source`.
        source: "de" or "en".
    """
    target = LANGUAGES[1 - LANGUAGES.index(source)]
    rules = getattr(pair, f"in_{target}").split("; ")
    return [rule for rule in rules if not _keeps(rule, translation, target)]


def _keeps(rule, text, language):
    negated = re.search(_NEGATIONS[language], text, re.IGNORECASE) is not None
    if rule in ("NOT", "!NOT"):
        return negated == (rule == "NOT")
    return any(_has(text, word) for word in rule.split("|"))


def _has(text, word):
    """Says whether a text has a word, or a number, by itself."""
    if not word[0].isalnum():  # "$", before a number or behind it
        return word in text
    pattern = rf"(?<!\w)(?<!\d[.,]){re.escape(word)}(?!\w|[.,]\d)"
    return re.search(pattern, text, re.IGNORECASE) is not None


if __name__ == "__main__":
    main()
