"""Every command line that a README shows can be pasted as it stands."""

import argparse
import importlib
import importlib.util
import json
import re
import shlex

import pytest

from tasks.cli import command_line as cli
from tasks.demo import __main__ as demo
from tasks.reporting import evaluation
from tests.promises.test_readme import DOCUMENTS, ROOT, blocks
from zoo import presets

SHOWN = {
    name: [
        line
        for block in blocks("text", document)
        for line in block.splitlines()
        if line.startswith(("python ", "zoo "))
    ]
    for name, document in DOCUMENTS.items()
}
"""Each README's command lines."""
LINES = list(dict.fromkeys(line for lines in SHOWN.values() for line in lines))
ON_BEAM = [
    line
    for block in blocks("console", DOCUMENTS["tasks/beam/README.md"])
    for line in block.replace("\\\n", "").splitlines()
    if line.startswith("python -m tasks.")
]
TRAINED_BY = [
    pytest.param(line, id=f"{card.parent.name}-{number}")
    for card in sorted(ROOT.glob("pretrained/*/README.md"))
    for number, line in enumerate(
        re.findall(r"python -m tasks\.[^`\n]*", card.read_text("utf-8"))
    )
]
TEMPLATES = ("ner", "sentiment", "text", "music", "translation")
BEAMS = re.compile(r"--(\w+_\w+|project|region)$")
OTHERS = {"--use-pep517", "--restart", "--all", "--dir"}
"""Flags in prose that are not ours: pip's, Kubernetes' and `saved_model_cli`'s."""


def template_of(words):
    """Returns the template that a command line calls, and what it gives to it."""
    if words[0] == "zoo":
        name, *argv = words[1:]
    else:
        name, *argv = [words[2].removeprefix("tasks."), *words[3:]]
    return importlib.import_module(f"tasks.{name}").TEMPLATE, argv


@pytest.mark.parametrize("document", ["README.md", "tasks/README.md"])
def test_there_are_command_lines_of_every_template(document):
    for name in ("ner", "sentiment", "text", "music", "translation"):
        called = rf"(python -m tasks\.|zoo ){name} "
        assert any(re.match(called, line) for line in SHOWN[document])


@pytest.mark.parametrize("line", LINES)
def test_a_command_line_can_be_pasted(line):
    words = shlex.split(line, comments=True)
    # Brackets are for manuals: a shell takes them for a pattern, or for a word.
    assert not any(re.search(r"[\[\]|<>…]|\.\.\.", word) for word in words)
    if words[2].startswith("tests."):
        assert importlib.util.find_spec(words[2])
        return
    if words[:3] == ["python", "-m", "tasks.demo"]:
        demo._parser("tasks.demo").parse_args(words[3:]).config.check()
        return
    template, argv = template_of(words)
    arguments = cli._parser(template).parse_args(argv)  # ends the process if it can't
    if hasattr(arguments, "config"):
        arguments.config.check()


@pytest.mark.parametrize("name", ["ner", "sentiment", "text", "music", "translation"])
def test_the_examples_of_help_can_be_pasted(name):
    template = importlib.import_module(f"tasks.{name}").TEMPLATE
    for line in template.examples:
        _, argv = template_of(shlex.split(line, comments=True))
        cli._parser(template).parse_args(argv).config.check()


def flags_of(parser):
    """Returns the flags of a parser and of its commands."""
    parser.format_help()  # adds those of the configs
    found = {name for action in parser._actions for name in action.option_strings}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*map(flags_of, action.choices.values()))
    return found


@pytest.fixture(scope="module")
def flags():
    found = flags_of(demo._parser("tasks.demo"))
    for name in TEMPLATES:
        template = importlib.import_module(f"tasks.{name}").TEMPLATE
        found |= flags_of(cli._parser(template))
    return found


@pytest.mark.parametrize(
    "document", ["README.md", *(name for name in DOCUMENTS if name[:5] == "tasks")]
)
def test_flags_in_prose_are_those_of_some_command(document, flags):
    prose = re.sub(r"^```.*?^```", "", DOCUMENTS[document], flags=re.M | re.S)
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", prose)) - OTHERS
    # Apache Beam's have underscores.
    assert {name for name in named if "_" not in name} <= flags


@pytest.mark.parametrize("line", ON_BEAM)
def test_a_command_line_for_beam_can_be_pasted(line):
    words = shlex.split(line, comments=True)
    beams = [place for place, word in enumerate(words) if BEAMS.match(word)]
    for place in reversed(beams):
        del words[place : place + 2]
    template, argv = template_of(words)
    arguments = cli._parser(template).parse_args(argv)
    assert arguments.pipeline.runner.endswith("Runner")


def test_there_are_command_lines_for_beam():
    assert len(ON_BEAM) >= 5


def test_what_a_container_runs_serves_the_page_to_all():
    [dockerfile] = blocks("dockerfile", DOCUMENTS["tasks/demo/README.md"])
    _, command = dockerfile.rstrip().split("\nCMD ")
    _, *module, host, everywhere, port, number = json.loads(command)
    assert module == ["-m", "tasks.demo"]
    argv = [host, everywhere, port, number]
    settings = demo._parser("tasks.demo").parse_args(argv).config
    settings.check()
    assert (settings.host, settings.port) == ("0.0.0.0", 7860)


@pytest.mark.parametrize("line", TRAINED_BY)
def test_the_commands_of_a_card_can_be_pasted(line):
    template, argv = template_of(shlex.split(line))
    cli._parser(template).parse_args(argv).config.check()


@pytest.mark.parametrize("line", [line for line in LINES if " evaluate " in line])
def test_a_file_that_evaluate_writes_is_of_one_dataset(line):
    template, argv = template_of(shlex.split(line, comments=True))
    arguments = cli._parser(template).parse_args(argv)
    for name in ("conll", "translations"):
        if getattr(arguments.config, name, None):
            preset = presets.find(arguments.model)
            evaluation.check_alone(preset, arguments.config, f"--{name}")


@pytest.mark.parametrize("name", ["ner", "sentiment", "text", "music", "translation"])
def test_the_templates_readme_has_the_examples_of_help(name):
    template = importlib.import_module(f"tasks.{name}").TEMPLATE
    examples = "".join(f"{line}\n" for line in template.examples)
    assert examples in blocks("text", DOCUMENTS["tasks/README.md"])
