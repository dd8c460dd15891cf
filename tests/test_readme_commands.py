"""Every command line that README shows can be pasted as it stands."""

import importlib
import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from tasks.cli import command_line as cli

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
LINES = [
    line
    for block in re.findall(r"^```text\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.startswith(("python ", "zoo "))
]


def template_of(words):
    """Returns the template that a command line calls, and what it gives to it."""
    if words[0] == "zoo":
        name, *argv = words[1:]
    else:
        name, *argv = [words[2].removeprefix("tasks."), *words[3:]]
    return importlib.import_module(f"tasks.{name}.template").TEMPLATE, argv


def test_there_are_command_lines_of_every_template():
    for name in ("ner", "sentiment", "text", "music", "translation"):
        assert any(
            re.match(rf"(python -m tasks\.|zoo ){name} ", each) for each in LINES
        )


@pytest.mark.parametrize("line", LINES)
def test_a_command_line_can_be_pasted(line):
    words = shlex.split(line, comments=True)
    # Brackets are for manuals: a shell takes them for a pattern, or for a word.
    assert not any(re.search(r"[\[\]|<>…]|\.\.\.", word) for word in words)
    if words[2].startswith("tests."):
        assert importlib.util.find_spec(words[2])
        return
    template, argv = template_of(words)
    arguments = cli._parser(template).parse_args(argv)  # ends the process if it can't
    if hasattr(arguments, "config"):
        arguments.config.check()


@pytest.mark.parametrize("name", ["ner", "sentiment", "text", "music", "translation"])
def test_the_examples_of_help_can_be_pasted(name):
    template = importlib.import_module(f"tasks.{name}.template").TEMPLATE
    for line in template.examples:
        _, argv = template_of(shlex.split(line, comments=True))
        cli._parser(template).parse_args(argv).config.check()
