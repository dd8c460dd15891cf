"""What a tagger does with texts: find names in them, or tag their words."""

import sys
from collections.abc import Iterator

from tasks.cli import input_notes
from tasks.ner import conll, tagged_texts
from tasks.ner.config import Prediction
from zoo import tags
from zoo.models import SequenceTagger


def predict(name: str, texts: Iterator[bytes], settings: Prediction) -> None:
    """Prints each text's entities or tags, in order.

    Args:
        name: the preset's name or folder.
        texts: sentences; with `settings.tokens` split into tokens; or, with
            `settings.tokens_column`, lines with a token each.
        settings: what they are, and what to print.

    Raises:
        UserError: a line lacks its token, or there is no such column.
        PresetError: there is no such preset, or it is damaged.
    """
    if settings.tokens_column is not None:
        lines = (text.decode("utf-8") for text in texts)
        given = conll.read_tokens(lines, settings.tokens_column, "The input")
        tag = tagged_texts.tag_tokens
    else:
        given, tag = texts, tagged_texts.tag
        if settings.tokens:
            tag = tagged_texts.tag_split
        else:
            given = tagged_texts.noting_columns(input_notes.noted(texts))
    model = SequenceTagger.from_preset(name)
    labels = tags.labels(model.tags, model.scheme)
    for tagged in tag(model, given, settings.batch_size):
        if settings.json:
            print(tagged.as_json(model.scheme), flush=True)
        elif settings.conll:
            print(tagged.as_conll(), flush=True)
        else:
            print(tagged.shown(model.scheme, labels, sys.stdout), flush=True)
