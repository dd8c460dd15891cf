"""Which arguments of a command line are Apache Beam's."""

import argparse
from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions

# Ours, though Beam has it too.
_OURS = "--runner"


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns the arguments that aren't Beam's own flags, and those that are.

    Args:
        arguments: of a command line. Beam's flags are written with underscores,
            `--direct_num_workers 2` or `--direct_num_workers=2`.
    """
    known = _known()
    others, of_beam = [], []
    place = 0
    while place < len(arguments):
        name = arguments[place].partition("=")[0]
        count = 1
        if name in known and name != _OURS:
            takes_value = known[name].nargs != 0 and name == arguments[place]
            count += takes_value
            of_beam += arguments[place : place + count]
        else:
            others.append(arguments[place])
        place += count
    return others, of_beam


def _known():
    """Returns Beam's flags, of all runners, by name."""
    parser = argparse.ArgumentParser(conflict_handler="resolve", allow_abbrev=False)
    for options in PipelineOptions.__subclasses__():
        if hasattr(options, "_add_argparse_args"):
            options._add_argparse_args(parser)
    return {
        name: action
        for action in parser._actions
        for name in action.option_strings
        if name not in ("-h", "--help")
    }
