"""What a tagger does with texts: find names in them, or tag their words."""

import io
import sys

from tasks.cli import answers, input_notes, inputs
from tasks.ner import conll, tagged_texts
from tasks.ner.config import Prediction
from zoo import tags
from zoo.models import SequenceTagger

# What may be added to a table: the one of names, the other of plain tags.
COLUMNS = "predicted_entities", "predicted_tags"


def predict(name: str, texts: inputs.Texts, settings: Prediction) -> None:
    """Prints each text's entities or tags, in order, or adds them to a table.

    Args:
        name: the preset's name or folder.
        texts: sentences; with `settings.tokens` split into tokens; or, with
            `settings.tokens_column`, lines with a token each.
        settings: what they are, what to print, and where to.

    Raises:
        UserError: a line lacks its token, or there is no such column, or what is found
            can't be written.
        PresetError: there is no such preset, it is damaged, or gives NaN.
    """
    answers.check(texts, settings, COLUMNS)
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
    found = tag(model, given, settings.batch_size)
    found = _with_numbers(name, found)
    answers.write(_shown(model, found, settings), texts, settings)


def _with_numbers(name, found):
    """Yields what is found; raises an error where a probability is NaN."""
    for tagged in found:
        answers.check_numbers(name, tagged.scores)
        yield tagged


def _shown(model, found, settings):
    """Yields what is shown of each text, and what is added to a table."""
    labels = tags.labels(model.tags, model.scheme)
    for tagged in found:
        if settings.json:
            shown = tagged.as_json(model.scheme)
        elif settings.conll:
            shown = tagged.as_conll()
        else:
            stream = io.StringIO() if settings.output else sys.stdout
            shown = tagged.shown(model.scheme, labels, stream)
        rows = tagged.found(model.scheme)
        yield answers.Answer(
            shown, {f"predicted_{name}": row for name, row in rows.items()}
        )
