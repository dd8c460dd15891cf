"""A translator's weights for other tokens than those that it was trained with."""

from collections.abc import Sequence
from typing import Any

from zoo.models.construction import rebuilt
from zoo.models.vocabulary_transfer import VocabularyTransfer
from zoo.text import Vocabulary

_OF_TOKENS = "source_embedding", "target_embedding", "output_embedding", "softmax"


def with_vocabularies(
    model: Any,
    source_vocabulary: Vocabulary | Sequence[str],
    target_vocabulary: Vocabulary | Sequence[str],
) -> Any:
    """Returns what `Translator.with_vocabularies` promises."""
    other = rebuilt(
        model,
        _OF_TOKENS,
        source_vocabulary=source_vocabulary,
        target_vocabulary=target_vocabulary,
    )
    source, target = (
        VocabularyTransfer(
            getattr(model, side).vocabulary, getattr(other, side).vocabulary
        )
        for side in ("source", "target")
    )
    # One layer may be several of these, where embeddings are shared or tied.
    for name in _OF_TOKENS:
        transfer = source if name == "source_embedding" else target
        pairs = zip(
            getattr(model, name).weights, getattr(other, name).weights, strict=True
        )
        for old, new in pairs:
            new.assign(transfer(old.numpy()))
    return other
