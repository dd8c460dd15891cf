"""The command line that every template shares, and room for what is its own."""

import argparse
import contextlib
import errno
import os
import re
import secrets
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import simple_parsing

from tasks.beam import command as beam_command
from tasks.beam.config import PipelineConfig
from tasks.cli import (
    answers,
    given_flags,
    outputs,
    preset_classes,
    signals,
    training_command,
)
from tasks.cli.parser import Formatter, Parser
from tasks.cli.templates import Command, Template, function
from tasks.data import text_files
from tasks.errors import (
    LostWorkerError,
    PipelineError,
    TrainingError,
    UserError,
    tensorflow_says,
)
from zoo.errors import PresetError
from zoo.version import __version__

# What a full disk, a quota and a limit of the shell's say, of no file's name.
_NO_ROOM = errno.ENOSPC, errno.EDQUOT, errno.EFBIG
# TensorFlow's errors where the disk is full, a file is damaged, or isn't for this user.
_OF_FILES = "ResourceExhaustedError", "DataLossError", "PermissionDeniedError"
_OUT_OF_MEMORY = re.compile("OOM when allocating|Out of memory|[Ff]ailed to allocate")
# The numbers of a config that memory is in proportion to, those that change nothing of
# what is learned or found first.
_SIZES = (
    *("batch_size", "pretrain_batch_size", "count", "steps", "length"),
    *("beam", "max_length", "window", "vocabulary_size", "units"),
)


def main(
    template: Template, argv: Sequence[str] | None = None, program: str | None = None
) -> int:
    """Runs a template's command line.

    Args:
        template: the template.
        argv: the arguments, by default the process' own.
        program: what it is called by, for help and messages; by default
            `python -m tasks.<name>`.

    Returns:
        The exit code: 0, 2 for a user's mistake (told in a line on stderr), a file that
        can't be read or written or memory that isn't enough, 1 for a training or a
        pipeline that failed, 75 for a training that lost a worker, 130 for what was
        interrupted, 143 for what SIGTERM has ended, 129 for SIGHUP.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    outputs.open_streams()
    outputs.print_anything(sys.stdout)
    program = program or module_program(template.name)
    code = 0
    try:
        with signals.obeyed(), outputs.reader_may_leave():
            code = _told(template, program, argv)
    except UserError as error:
        if not code:  # or a mistake has been told, this one perhaps
            print(f"{program}: error: {error}", file=sys.stderr)
        code = code or 2
    return code


def _told(template, program, argv):
    """Runs a command, and returns the exit code; mistakes are told on stderr."""
    arguments = None
    try:
        parser = _parser(template, program)
        if not argv:
            parser.print_help()
            return 0
        argv, of_beam = beam_command.split_flags(argv)
        arguments = parser.parse_args(argv)
        return _run(template, program, arguments, argv, of_beam)
    except (UserError, PresetError) as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        print(f"{program}: error: {system_says(error)}", file=sys.stderr)
        return 2
    except LostWorkerError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return LostWorkerError.EXIT_CODE
    except TrainingError as error:
        print(f"{program}: training failed: {error}", file=sys.stderr)
        return 1
    except PipelineError as error:
        print(f"{program}: the pipeline failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        return _told_of_interruption(error, program, arguments)
    except Exception as error:
        if interruption := _behind(error):
            return _told_of_interruption(interruption, program, arguments)
        if _is_of_memory(error):
            less = _asking_for_less(arguments)
            told = f"there isn't enough memory for what was asked.{less}"
            print(f"{program}: error: {told}", file=sys.stderr)
            return 2
        if not _is_of_files(error):
            raise
        reason = f"{tensorflow_says(error.message)}.{_resuming(arguments)}"
        print(f"{program}: error: {reason}", file=sys.stderr)
        return 2


def _told_of_interruption(error, program, arguments):
    """Says that a command was interrupted, and returns the exit code."""
    where = f", {error.where}" if getattr(error, "where", "") else ""
    hint = _resuming(arguments)
    print(f"\n{program}: interrupted{where}.{hint}", file=sys.stderr)
    return getattr(error, "exit_code", 130)


def _behind(error):
    """Returns the interruption that an error arose from, or None.

    What a library does when it is left, or has in C, may make another error of it.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def system_says(error: OSError) -> str:
    """Returns what was wrong with a file, or what is printed, and what to do."""
    if isinstance(error, FileExistsError):  # of `zoo.files`
        return f"{error.filename} {error.strerror}. Give another name."
    if error.filename:
        return f"{error.filename}: {error.strerror}"
    if error.errno in _NO_ROOM:
        return (
            f"no more can be written: {error.strerror}. Make room, or write elsewhere."
        )
    if isinstance(error, FileNotFoundError) and not _is_somewhere():
        return "the current folder is gone. Change to another: cd FOLDER."
    return str(error)


def _is_somewhere():
    """Says whether the folder that this process is in is there."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _resuming(arguments):
    """Returns how a command that has ended amid its work is gone on with, if it is."""
    trains = getattr(arguments, "command", "") == "train"
    return " Go on with --resume." if trains else ""


def _is_of_files(error):
    """Says whether TensorFlow couldn't read or write a file: its are no OSErrors.

    What went wrong in a model's graph is ours.
    """
    kind = type(error)
    return (
        kind.__module__.startswith("tensorflow.")
        and kind.__name__ in _OF_FILES
        and not (error.message or "").startswith("Graph execution error")
    )


def _is_of_memory(error):
    """Says whether there wasn't memory enough, for Python or for TensorFlow."""
    if type(error).__name__ != "ResourceExhaustedError":
        return isinstance(error, MemoryError)
    return _OUT_OF_MEMORY.search(error.message or "") is not None


def _asking_for_less(arguments):
    """Returns how to need less memory, by the flags that a command has."""
    config = getattr(arguments, "config", None)
    flags = [f"--{name.replace('_', '-')}" for name in _SIZES if hasattr(config, name)]
    if not flags:
        return ""
    *others, last = flags
    return f" Try a lower {', '.join(others)}{' or ' if others else ''}{last}."


def module_program(name: str) -> str:
    """Returns what a template's module is called by."""
    return f"python -m tasks.{name}"


def _run(template, program, arguments, argv, of_beam):
    """Runs a command, and returns the exit code where it doesn't raise an error."""
    if getattr(arguments, "workers", None) is not None:
        return training_command.launch(template, arguments, argv, program)
    distributed = getattr(arguments, "distributed", False)
    with imports_told_briefly(looks_for_devices=not distributed):
        import zoo.export  # noqa: F401 - imports TensorFlow and Keras
    if of_beam is not None:
        chosen = template.all_commands()[arguments.command]
        preset_classes.check(template.name, arguments.model)
        beam_command.run(chosen.served, arguments, of_beam)
    elif arguments.command == "train":
        training_command.run(template, arguments, argv)
    elif arguments.command == "evaluate":
        given_flags.check_sources(arguments.config, argv)
        arguments.config.check()
        preset_classes.check(template.name, arguments.model)
        function(template.evaluate)(arguments.model, arguments.config)
    elif arguments.command == "export":
        _export(arguments)
    elif arguments.command == "pack":
        _pack(arguments)
    else:
        _run_own(template, arguments)
    return 0


def _run_own(template, arguments):
    from zoo import kernels

    chosen = template.all_commands()[arguments.command]
    arguments.config.check()
    if chosen.served:
        arguments.pipeline.check()
    given = [arguments.model]
    if chosen.takes_texts:
        column = getattr(arguments.config, "text_column", None)
        asked = arguments.texts, arguments.input, arguments.encoding
        given.append(answers.texts(*asked, column))
    if chosen.takes_files:
        given.append(arguments.files)
    preset_classes.check(template.name, arguments.model)
    # What users give has many lengths, and the kernels would be compiled for each.
    with _seed_told(arguments.config), kernels.portable():
        function(chosen.run)(*given, arguments.config)


@contextlib.contextmanager
def _seed_told(config):
    """Chooses a seed where draws need one and none was given, and tells it behind."""
    if getattr(config, "seed", 0) is not None:
        yield
        return
    config.seed = secrets.randbelow(2**31)
    told = f"note: drawn with --seed {config.seed}"
    try:
        yield
    except KeyboardInterrupt:  # amid what may be worth repeating
        print(f"\n{told}", file=sys.stderr)
        raise
    print(told, file=sys.stderr)


def _export(arguments):
    from zoo import presets

    folder = presets.find(arguments.model)
    outputs.check_tensorflow_folder(arguments.output, "--output")
    if outputs.is_same_file(arguments.output, folder / presets.SAVED_MODEL):
        raise UserError(
            f"--output {arguments.output} is the preset's own SavedModel: it is there "
            "already. Give another folder, or none of the preset's."
        )
    model = presets.load(folder)
    model.export(arguments.output)
    print(f"SavedModel: {arguments.output}")


def _pack(arguments):
    from zoo import preset_archives, presets

    folder = presets.find(arguments.preset)
    output = arguments.output or Path(f"{presets.name_of(folder)}.zip")
    if output.suffix != ".zip":
        raise UserError(f"--output {output} must end with .zip: NAME.zip of a preset.")
    if output.resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"--output {output} is in the preset's own folder, and would be packed the "
            "next time. Give another place: --output FILE."
        )
    outputs.check_file(output, "--output")
    preset_archives.check_name(output)
    presets.load(folder)  # what is damaged isn't handed on
    digest = preset_archives.pack(folder, output)
    print(f"archive     {output}")
    print(f"sha256      {digest}, in {output.with_name(preset_archives.SUMS)}")


def _parser(template, program=None):
    program = program or module_program(template.name)
    examples = "\n".join(template.examples)
    examples = examples.replace(module_program(template.name), program)
    parser = Parser(
        prog=program,
        description=template.summary,
        epilog="examples:\n" + textwrap.indent(examples, "  "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_version(parser)
    own = template.all_commands()
    commands = _add_commands(parser, own)
    commands["train"].add_arguments(template.config, dest="config")
    commands["train"].add_argument(
        "--output", type=Path, metavar="DIR", help="where all goes (default: runs/…)"
    )
    commands["train"].add_argument(
        "--resume", action="store_true", help="go on with an interrupted training"
    )
    training_command.add_worker_flags(commands["train"])
    for name in ("evaluate", *own, "export"):
        commands[name].add_argument(
            "--model",
            default=template.preset,
            metavar="PRESET",
            help="a preset's name, folder or URL",
        )
    commands["evaluate"].add_arguments(template.evaluation, dest="config")
    for name, command in own.items():
        if command.takes_texts:
            _take_texts(commands[name])
        if command.takes_files:
            commands[name].add_argument(
                "files", nargs="+", metavar="FILE", type=Path, help="a file to read"
            )
        commands[name].add_arguments(command.config, dest="config")
        if command.served:
            commands[name].add_arguments(PipelineConfig, dest="pipeline")
    commands["export"].add_argument(
        "--output", type=Path, metavar="DIR", required=True, help="the SavedModel"
    )
    commands["pack"].add_argument(
        "preset", metavar="PRESET", help="a preset's name, folder or URL"
    )
    commands["pack"].add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="the archive (default: PRESET.zip, or DIR.zip of a training's folder)",
    )
    return parser


def add_version(parser: argparse.ArgumentParser) -> None:
    """Has a parser tell the zoo's version."""
    version = f"sequence-zoo {__version__}"
    told = "tell the zoo's version, and end"
    parser.add_argument("--version", action="version", version=version, help=told)


def _add_commands(parser, own: dict[str, Command]):
    """Returns a parser for each command, by name, without arguments yet."""
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    summaries = {
        "train": "train a model, evaluate it and export it",
        "evaluate": "measure a preset, and write the model card of one of your own",
        **{name: command.help for name, command in own.items()},
        "export": "write a preset's model as a SavedModel",
        "pack": "write a preset as an archive, to be loaded by its URL",
    }
    return {
        name: subparsers.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            formatter_class=Formatter,
            add_option_string_dash_variants=simple_parsing.DashVariant.DASH,
            allow_abbrev=False,
        )
        for name, text in summaries.items()
    }


def _take_texts(parser):
    parser.add_argument(
        "texts",
        nargs="*",
        metavar="TEXT",
        default=[],
        help="a text; where none is given, --input or standard input is read",
    )
    parser.add_argument(
        "--input",
        metavar="FILE",
        help="a file with a text a line; - for standard input",
    )
    parser.add_argument(
        "--encoding",
        default=text_files.UTF_8,
        help="what --input is encoded in: utf-8, utf-16, latin-1, cp1252, …",
    )


@contextlib.contextmanager
def imports_told_briefly(looks_for_devices=True):
    """Keeps TensorFlow's messages about the machine, on import, off stderr.

    They come from C++ before any setting could silence them, and a user's
    mistake should be the only thing that stderr tells.

    Args:
        looks_for_devices: whether to look for GPUs, which it comments on. A worker
            can't, before it has joined the others.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "wb") as silent:
        os.dup2(silent.fileno(), 2)
    try:
        import tensorflow as tf

        if looks_for_devices:
            tf.config.list_logical_devices()
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
