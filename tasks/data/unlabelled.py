"""Texts without labels, to learn a language from."""

import numpy as np

from tasks.data import builders as data
from tasks.data import mixture
from tasks.errors import UserError

# What datasets call their columns of texts, the best first.
_TEXT_COLUMNS = "text", "sentence", "review", "content", "body", "comment"


def read(settings, text_column: str | None = None) -> list[np.ndarray]:
    """Returns the texts of the splits that a pre-training is told to use.

    Args:
        settings: a `tasks.cli.config.PretrainingConfig` with a `pretrain_split`.
        text_column: that of the texts to train on: of the datasets that have one so
            called, where no other is named.

    Returns:
        Bytes objects, (n,), of each dataset.

    Raises:
        UserError: a dataset, a split or a column doesn't exist or doesn't fit.
    """
    names = settings.pretrain_dataset or settings.dataset
    splits = mixture.for_each(settings.pretrain_split, len(names))
    columns = mixture.for_each(settings.pretrain_column or [None], len(names))
    flag = "--pretrain-dataset" if settings.pretrain_dataset else "--dataset"
    optional = settings.pretrain_dataset is None and len(names) > 1
    found = []
    for name, split, column in zip(names, splits, columns, strict=True):
        builder = data.load_builder(name, settings.data_dir, flag)
        if optional and not data.has_split(builder, split):
            continue
        if column is None and text_column in data.columns(builder):
            column = text_column
        path = data.choose_column(
            builder,
            "text",
            column,
            data.is_text,
            usual=_TEXT_COLUMNS,
            flag="--pretrain-column",
        )
        found += data.read(builder, split, [path])
    if not found:
        raise UserError(f"None of the datasets has the --pretrain-split {splits[0]!r}.")
    return found
