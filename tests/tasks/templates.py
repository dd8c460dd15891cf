"""All five templates, and commands of theirs that are run without a model."""

import dataclasses

from tasks import music, ner, sentiment, text, translation

TEMPLATES = [each.TEMPLATE for each in (ner, sentiment, text, music, translation)]
READING = [
    (template, name)
    for template in TEMPLATES
    for name, command in template.all_commands().items()
    if command.takes_texts
]
"""The commands that take texts, or files of them: template and name."""


def recording(template, name):
    """Returns a template one of whose commands only records what it is given.

    Returns:
        The template, and the list that texts are added to as they are read.
    """
    texts = []

    def run(preset, given, settings):
        texts.extend(given)

    command = dataclasses.replace(template.all_commands()[name], run=run)
    commands = {**template.all_commands(), name: command}
    return dataclasses.replace(template, predict=None, commands=commands), texts
