"""How many names a tagger finds where hardly any are.

    python -m tests.benchmarks.names_in_opinions --model PRESET [--show 20]

The text is that of a data set of opinions, `glue/sst2`'s validation by default, as it
is: sentences of film reviews in lower case. It holds names too, so that the number is
not of errors alone; two taggers compare by it.
"""

import argparse
import collections
from typing import NamedTuple

from tasks.data import builders as data
from tasks.ner import tagged_texts
from zoo import tags as schemes
from zoo.models import SequenceTagger

_BATCH = 64


class Found(NamedTuple):
    """The names that a tagger finds in texts.

    Attributes:
        sentences: how many texts there are.
        with_names: how many of them have one.
        names: each name's type and text.
    """

    sentences: int
    with_names: int
    names: list[tuple[str, str]]

    def per_hundred(self) -> float:
        """Returns how many names there are in a hundred texts."""
        return 100 * len(self.names) / self.sentences


def main() -> None:
    """Prints the number, by type, and the most frequent names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--model", required=True, help="a preset of names")
    add("--dataset", default="glue/sst2", help="a data set of texts")
    add("--split", default="validation", help="its split")
    add("--data-dir", help="where prepared datasets lie")
    add("--show", type=int, default=20, help="how many names to print")
    arguments = parser.parse_args()
    builder = data.load_builder(arguments.dataset, arguments.data_dir)
    column = data.choose_column(builder, "text", None, data.is_text)
    [texts] = data.read(builder, arguments.split, [column])
    found = find(SequenceTagger.from_preset(arguments.model), texts)
    print(
        f"{len(found.names):,} names in {found.sentences:,} sentences, "
        f"{found.per_hundred():.1f} in 100; {found.with_names:,} sentences have some"
    )
    for kind, count in collections.Counter(kind for kind, _ in found.names).items():
        print(f"  {kind:4} {count:5,}")
    for (kind, name), count in collections.Counter(found.names).most_common(
        arguments.show
    ):
        print(f"{count:4} {kind:4} {name}")


def find(model: SequenceTagger, texts) -> Found:
    """Returns the names in texts.

    Args:
        model: the tagger, of entities.
        texts: bytes objects, (n,), one at least.
    """
    names, with_names, sentences = [], 0, 0
    for tagged in tagged_texts.tag(model, iter(texts), _BATCH):
        spans = schemes.spans(tagged.tags, model.scheme)
        sentences += 1
        with_names += bool(spans)
        for start, end, label in spans:
            first, last = tagged.starts[start], tagged.ends[end - 1]
            names.append((label, tagged.text[first:last]))
    return Found(sentences, with_names, names)


if __name__ == "__main__":
    main()
