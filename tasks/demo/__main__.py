"""Serves the page: python -m tasks.demo."""

import importlib.util
import sys
from collections.abc import Sequence
from importlib import metadata

import simple_parsing

from tasks.cli import command_line, outputs, signals
from tasks.cli.parser import Formatter, Parser
from tasks.demo import SUMMARY, proxies
from tasks.demo.config import Serving
from tasks.errors import UserError
from zoo.errors import PresetError

_NEEDED = ("gradio", "matplotlib", "pretty_midi")
_OLDEST_GRADIO = 6
_INSTALLED = "pip install -e '.[demo]', where the zoo was checked out."


def main(
    argv: Sequence[str] | None = None, program: str = "python -m tasks.demo"
) -> int:
    """Serves the page, and waits until it is interrupted.

    Args:
        argv: the arguments, by default the process' own.
        program: what it is called by, for help and messages.

    Returns:
        The exit code: 0, or 2 for a user's mistake (told in a line on stderr).
    """
    outputs.open_streams()
    outputs.print_anything(sys.stdout)
    try:
        parser = _parser(program)
        arguments = parser.parse_args(sys.argv[1:] if argv is None else list(argv))
        arguments.config.check()
        _check_installed()
        # As by Ctrl-C, so that what was made is removed.
        with signals.obeyed(lambda *_: sys.exit(0)):
            # A SOCKS proxy is asked for at the import, and may have no library here.
            with command_line.imports_told_briefly(), proxies.passed_by():
                from tasks.demo import page
            page.serve(arguments.config)
    except (UserError, PresetError) as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{program}: error: {command_line.system_says(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def _parser(program):
    parser = Parser(
        prog=program,
        description=SUMMARY,
        formatter_class=Formatter,
        add_option_string_dash_variants=simple_parsing.DashVariant.DASH,
    )
    command_line.add_version(parser)
    parser.add_arguments(Serving, dest="config")
    return parser


def _check_installed():
    """Raises a UserError where a library of the extra is missing, or too old."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"The page needs {' and '.join(missing)}: {_INSTALLED}")
    gradio = metadata.version("gradio")
    if int(gradio.partition(".")[0]) < _OLDEST_GRADIO:
        raise UserError(
            f"The page needs gradio {_OLDEST_GRADIO}, found {gradio}: {_INSTALLED}"
        )


if __name__ == "__main__":
    sys.exit(main())
