"""The templates' common command line: `zoo`, or `python -m tasks`.

    zoo                         lists the templates
    zoo sentiment predict …     as python -m tasks.sentiment predict …
    zoo demo                    as python -m tasks.demo
    zoo presets                 lists the presets that are installed

`zoo` is the same wherever it is called; `python -m tasks` would take a user's own
`tasks.py` in the current folder for the package.
"""

import importlib
import sys
from collections.abc import Sequence

import tasks.cli.early_interruption  # noqa: F401 - before what takes time
from tasks.cli import command_line as cli
from tasks.cli import outputs
from tasks.cli.parser import Formatter, Parser
from tasks.errors import UserError
from zoo import presets
from zoo.errors import PresetError

TEMPLATES = {
    "ner": "many-to-many: a sentence in, a tag for each word out: names, say",
    "sentiment": "many-to-one: a text in, its sentiment or any other class out",
    "text": "one-to-many: a few words in, a text out, or how probable it is",
    "music": "one-to-many: a chord, some bars or nothing in, a piece of music out",
    "translation": "many-to-many: a text in, its translation of any length out",
}
PAGE = "demo"
PAGES = "a page in the browser on which all of them can be tried"
PRESETS = "presets"
MODULE, SCRIPT = "python -m tasks", "zoo"


def main(argv: Sequence[str] | None = None, program: str = SCRIPT) -> int:
    """Lists the templates or the presets, or runs the template that is named.

    Args:
        argv: the arguments, by default the process' own.
        program: what it is called by, for help and messages.

    Returns:
        The exit code: see `tasks.cli.command_line.main`.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    outputs.open_streams()
    try:
        with outputs.reader_may_leave():
            return _run(argv, program)
    except UserError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{program}: error: {cli.system_says(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before a template's own command line began
        print(f"\n{program}: interrupted.", file=sys.stderr)
        return 130
    return 0


def _run(argv, program):
    if argv and argv[0] in TEMPLATES:
        name = argv[0]
        template = importlib.import_module(f"tasks.{name}").TEMPLATE
        return cli.main(template, argv[1:], _called(program, name))
    if argv and argv[0] == PAGE:
        page = importlib.import_module(f"tasks.{PAGE}.__main__")
        return page.main(argv[1:], _called(program, PAGE))
    outputs.print_anything(sys.stdout)
    if argv and argv[0] == PRESETS:
        _list_presets(argv[1:], f"{program} {PRESETS}")
        return 0
    if not argv or argv[0] in ("-h", "--help"):
        print(_listed(program))
        return 0
    parser = Parser(prog=program, usage=f"{program} TEMPLATE COMMAND …")
    cli.add_version(parser)
    parser.add_argument("template", choices=[*TEMPLATES, PAGE, PRESETS])
    parser.parse_args(argv[:1])
    return 0


def _called(program, name):
    """Returns what a template is called by."""
    return f"{program}.{name}" if program == MODULE else f"{program} {name}"


def _listed(program):
    """Returns a line a template."""
    lines = ["The sequence zoo's task templates:", ""]
    for name, summary in {**TEMPLATES, PAGE: PAGES}.items():
        lines.append(f"  {_called(program, name):27}  {summary}")
    told = (
        "Each shows what it can do, with examples, when run without arguments.\n"
        f"`{program} {PRESETS}` lists the trained models that are installed."
    )
    return "\n".join([*lines, "", told])


def _list_presets(argv, program):
    """Prints a line a preset: its name, its size and what it does."""
    parser = Parser(
        prog=program,
        formatter_class=Formatter,
        description="List the presets that are installed: the names that `--model` "
        "takes, their sizes, and what they do. Those in the folder $ZOO_PRETRAINED "
        "stand for those of the same name that come with the zoo.",
    )
    cli.add_version(parser)
    parser.parse_args(argv)
    try:
        found = presets.list()
    except PresetError as error:
        raise UserError(str(error)) from error
    for preset in found:
        print(preset)
    if not found:
        outputs.note(
            "no presets are installed here: install the zoo from its repository by "
            "pip, or name a folder of presets by $ZOO_PRETRAINED."
        )


if __name__ == "__main__":
    sys.exit(main(program=MODULE))
