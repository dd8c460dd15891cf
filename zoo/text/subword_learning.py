"""The pieces that words are put together from, learned from texts."""

import collections
import re
from collections.abc import Iterable
from typing import Any

from zoo.text.vocabulary import SPECIAL

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""What stands for a space in a piece: U+2581, which is no part of one otherwise."""

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
"""The tokens of single bytes."""

# The beginning of what a text may say but no piece may: it means something else.
_RESERVED = re.compile(f"<(?=({'|'.join(t[1:] for t in (*SPECIAL, *BYTES))}))")


# A run of letters, of digits, or of anything else; each with the space before it.
_KINDS = rf"{SPACE}?(\p{{L}}[\p{{L}}\p{{M}}]*|\p{{N}}+|[^\p{{L}}\p{{N}}{SPACE}]+)"


def learn(
    texts: Iterable[str],
    max_size: int,
    min_count: int,
    progress: bool,
    split_punctuation: bool = False,
) -> list[str]:
    """Learns pieces by byte-pair encoding: see `zoo.text.Subwords.fit`.

    Args:
        texts: is gone through twice.
        max_size: how many ids there may be, of special tokens, bytes and pieces.
        min_count: how often a character, or a pair of pieces, must occur to be one.
        progress: whether bars show how far it is.
        split_punctuation: whether letters, digits and all else are kept apart.

    Returns:
        The pieces: the characters by code point, then what pairs were merged into,
        in the order of the merges.

    Raises:
        ImportError: `tokenizers` is not installed.
        ValueError: there is no text, or `max_size` leaves no room for its characters.
    """
    try:
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
    except ImportError as error:
        raise ImportError(
            "Learning subwords needs tokenizers, of the extra 'translation': pip "
            "install tokenizers."
        ) from error

    counts = collections.Counter()
    for text in texts:
        counts.update(text)
    if not counts:
        raise ValueError("There is no text to learn subwords from.")
    counts[" "] = max(counts[" "], min_count)  # every word begins with one
    rare = {c for c, count in counts.items() if count < min_count} | {SPACE}
    characters = len(counts.keys() - rare)
    reserved = len(SPECIAL) + len(BYTES)
    if max_size < reserved + characters:
        raise ValueError(
            f"max_size={max_size} is too small: {len(SPECIAL)} special tokens, "
            f"{len(BYTES)} bytes and the texts' {characters} characters are "
            f"{reserved + characters} already. Give more, or raise min_count, which is "
            f"{min_count}: rarer characters are spelled by their bytes."
        )

    # What pieces must not reach across becomes a space, when spaces have become marks.
    table = str.maketrans({**dict.fromkeys(rare, " "), " ": SPACE})
    marked = (_RESERVED.sub("< ", SPACE + text.translate(table)) for text in texts)
    splits: list[tuple[Any, str]] = [(" ", "removed"), (SPACE, "merged_with_next")]
    if split_punctuation:
        splits.append((Regex(_KINDS), "isolated"))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(*split) for split in splits]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=max_size - reserved,
        min_frequency=min_count,
        initial_alphabet=[SPACE],
        show_progress=progress,
    )
    tokenizer.train_from_iterator(marked, trainer)
    ids = tokenizer.get_vocab()
    return sorted(ids, key=lambda token: ids[token])
