"""The commands that answer texts, by a runner of Apache Beam's. Needs no Beam."""

import argparse
from collections.abc import Callable, Sequence

from tasks.cli import extras
from tasks.cli.templates import function
from tasks.errors import UserError


def split_flags(argv: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """Returns the arguments without those that are Beam's, and these.

    The latter is None where no runner of Beam's is asked for.

    Raises:
        UserError: Beam is asked for and not installed.
    """
    if not any(each.partition("=")[0] == "--runner" for each in argv):
        return list(argv), None
    extras.require("apache_beam", "beam", "--runner")
    from tasks.beam import flags

    return flags.split(argv)


def run(
    served: Callable | str, arguments: argparse.Namespace, flags: Sequence[str]
) -> None:
    """Has a runner of Beam's answer the texts of files.

    Args:
        served: of the command: see `tasks.cli.templates.Command`.
        arguments: the parsed command line.
        flags: Beam's own.

    Raises:
        UserError: the flags or the files don't fit.
        PipelineError: a worker or the runner failed.
    """
    config, asked = arguments.config, arguments.pipeline
    config.check()
    given = {"--input": arguments.input, "--output": config.output}
    missing = [flag for flag, value in given.items() if value in (None, "-")]
    if missing or arguments.texts:
        raise UserError(
            f"--runner {asked.runner} answers files: give --input and --output, what "
            "the answers' names begin with, and no TEXT."
        )
    from tasks.beam import pipeline

    of = pipeline.Asked(
        arguments.model,
        arguments.input,
        arguments.encoding,
        config.text_column,
        config.output,
        config.batch_size,
    )
    call = function(served)(arguments.model, config)
    pipeline.run(call, of, asked, flags)
