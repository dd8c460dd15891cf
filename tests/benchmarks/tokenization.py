"""How much of a tagger's data `TokenizerWithOffsets` reproduces, and how fast.

    python -m tests.benchmarks.tokenization [DATASET ...]

The tokens of each training sentence are joined twice: by single spaces, and as
people write, with marks at the words that they belong to. Then they are tokenized
again. "Tokens" is the share of the data's tokens that come back in their place,
"sentences" the share of those with no other token.
"""

import argparse
import re
import time

import tensorflow as tf

from tasks.data import builders as data
from zoo.text import TokenizerWithOffsets

BATCH = 256
TO_THE_LEFT = re.compile(r"[.,;:!?)\]%]|\.\.+|n't|'(s|m|re|ll|ve|d)")
TO_THE_RIGHT = set("([¿¡$£€")
Spans = list[tuple[int, int]]


def main() -> None:
    """Prints a line for each dataset, setting and way of joining."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = ["conll2002/es", "conll2002/nl", "wikiann/en"]
    parser.add_argument("datasets", nargs="*", default=default, metavar="DATASET")
    print("possessives  sentences   tokens  sentences/s  joined")
    for name in parser.parse_args().datasets:
        sentences = read(name)
        print(f"{name}, {len(sentences):,} sentences")
        for possessives in (False, True):
            tokenizer = TokenizerWithOffsets(possessives)
            signature = [tf.TensorSpec([None], tf.string)]
            tokenize = tf.function(tokenizer, input_signature=signature)
            for join in (spaced, written):
                whole, kept, speed = measure(tokenize, [join(s) for s in sentences])
                print(
                    f"{possessives!s:11}  {whole:9.2%}  {kept:7.2%}  {speed:11,.0f}  "
                    f"{join.__name__}"
                )


def read(name: str) -> list[list[str]]:
    """Returns a dataset's training sentences, as their tokens."""
    split = data.load_builder(name).as_dataset(split="train")
    return [
        [token.decode() for token in example["tokens"]]
        for example in split.as_numpy_iterator()
    ]


def spaced(tokens: list[str]) -> tuple[str, Spans]:
    """Joins tokens by spaces; returns the text and where they stand."""
    return _join(tokens, [" "] * len(tokens))


def written(tokens: list[str]) -> tuple[str, Spans]:
    """Joins tokens as people write; returns the text and where they stand."""
    gaps, quoted, before = [], False, ""
    for token in tokens:
        opens = before in TO_THE_RIGHT or (before == '"' and quoted)
        closes = TO_THE_LEFT.fullmatch(token) or (token == '"' and quoted)
        gaps.append("" if opens or closes else " ")
        quoted ^= token == '"'
        before = token
    return _join(tokens, gaps)


def _join(tokens, gaps):
    text, spans = "", []
    for place, (gap, token) in enumerate(zip(gaps, tokens, strict=True)):
        text += gap if place else ""
        spans.append((len(text), len(text) + len(token)))
        text += token
    return text, spans


def measure(tokenize, rows: list[tuple[str, Spans]]) -> tuple[float, float, float]:
    """Returns the shares of sentences and tokens reproduced, and sentences/s."""
    texts = [text for text, _ in rows]
    batches = [
        tf.constant(texts[place : place + BATCH])
        for place in range(0, len(texts), BATCH)
    ]
    tokenize(batches[0])
    begin = time.perf_counter()
    results = [tokenize(batch)[1:] for batch in batches]
    seconds = time.perf_counter() - begin
    found = [
        set(zip(*row, strict=True))
        for starts, ends in results
        for row in zip(starts.to_list(), ends.to_list(), strict=True)
    ]
    true = [set(spans) for _, spans in rows]
    hits = sum(len(a & b) for a, b in zip(true, found, strict=True))
    whole = sum(a == b for a, b in zip(true, found, strict=True))
    return whole / len(true), hits / sum(map(len, true)), len(true) / seconds


if __name__ == "__main__":
    main()
