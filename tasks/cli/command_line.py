"""The command line that every template shares, and room for what is its own."""

import argparse
import contextlib
import dataclasses
import os
import pkgutil
import re
import secrets
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import simple_parsing

from tasks.beam.config import PipelineConfig
from tasks.cli import answers, extras, launching, outputs
from tasks.cli.config import PredictionConfig
from tasks.cli.parser import Formatter, Parser
from tasks.data import text_files
from tasks.errors import LostWorkerError, PipelineError, TrainingError, UserError
from zoo.errors import PresetError
from zoo.version import __version__


@dataclasses.dataclass(frozen=True)
class Command:
    """What a template does with a preset, beside what all of them do.

    Attributes:
        help: what it does, in a line that begins in lower case.
        config: the dataclass whose fields are its flags, with a method `check`.
        run: (preset, config) → None; with texts or files between the two: an iterator
            of texts as bytes, or a list of paths. As all functions here, itself or
            where it is found, `module:function`, so that help needs no TensorFlow.
        takes_texts: whether it takes texts, or a file of them by --input.
        takes_files: whether it takes files, at least one.
        served: (preset, config) → a `tasks.beam.pipeline.Call`: how the SavedModel
            answers texts as the command does with --json, for --runner; if it can.
    """

    help: str
    config: type
    run: Callable | str
    takes_texts: bool = False
    takes_files: bool = False
    served: str | None = None


@dataclasses.dataclass(frozen=True)
class Template:
    """What a template brings to the shared command line.

    Attributes:
        name: `python -m tasks.<name>` runs it.
        summary: what it does, in a line.
        examples: commands to show, one a line.
        config: the dataclass whose fields are `train`'s flags.
        evaluation: the dataclass whose fields are `evaluate`'s.
        preset: the trained model that the other commands use by default.
        train: (config, output folder, whether to resume) → None.
        evaluate: (preset, evaluation) → None.
        predict: (preset, iterator of texts as bytes, prediction) → None; or None
            where the commands say better what the model does.
        prediction: the dataclass whose fields are `predict`'s flags.
        served: as a `Command` has it, of `predict`.
        commands: the template's own commands by name.
    """

    name: str
    summary: str
    examples: Sequence[str]
    config: type
    evaluation: type
    preset: str
    train: Callable | str
    evaluate: Callable | str
    predict: Callable | str | None = None
    prediction: type = PredictionConfig
    served: str | None = None
    commands: Mapping[str, Command] = dataclasses.field(default_factory=dict)

    def all_commands(self) -> dict[str, Command]:
        """Returns what is done with a preset's model, by name, `predict` included."""
        if self.predict is None:
            return dict(self.commands)
        predict = Command(
            "run a preset on texts",
            self.prediction,
            self.predict,
            takes_texts=True,
            served=self.served,
        )
        return {"predict": predict, **self.commands}


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
        The exit code: 0, 2 for a user's mistake (told in a line on stderr), 1
        for a training or a pipeline that failed, 75 for a training that lost a worker,
        130 for what was interrupted.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    outputs.print_anything(sys.stdout)
    parser = _parser(template, program or module_program(template.name))
    with outputs.reader_may_leave():
        return _told(template, parser, argv)
    return 0


def _told(template, parser, argv):
    """Runs a command, and returns the exit code; mistakes are told on stderr."""
    if not argv:
        parser.print_help()
        return 0
    arguments = None
    try:
        argv, of_beam = _without_flags_of_beam(argv)
        arguments = parser.parse_args(argv)
        if getattr(arguments, "workers", None) is not None:
            return _launch(template, arguments, argv, parser.prog)
        distributed = getattr(arguments, "distributed", False)
        with imports_told_briefly(looks_for_devices=not distributed):
            import zoo.presets  # noqa: F401 - imports TensorFlow
        if of_beam is not None:
            _run_by_beam(template.all_commands()[arguments.command], arguments, of_beam)
            return 0
        return _run(template, arguments, argv)
    except (UserError, PresetError) as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        reason = f"{error.filename}: {error.strerror}" if error.filename else error
        if isinstance(error, FileExistsError):  # of `zoo.files`
            reason = f"{error.filename} {error.strerror}. Give another name."
        print(f"{parser.prog}: error: {reason}", file=sys.stderr)
        return 2
    except LostWorkerError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return LostWorkerError.EXIT_CODE
    except TrainingError as error:
        print(f"{parser.prog}: training failed: {error}", file=sys.stderr)
        return 1
    except PipelineError as error:
        print(f"{parser.prog}: the pipeline failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        hint = (
            " Go on with --resume."
            if getattr(arguments, "command", "") == "train"
            else ""
        )
        print(f"\n{parser.prog}: interrupted.{hint}", file=sys.stderr)
        return 130


def module_program(name: str) -> str:
    """Returns what a template's module is called by."""
    return f"python -m tasks.{name}"


def _run(template, arguments, argv):
    if arguments.command == "train":
        _train(template, arguments, argv)
    elif arguments.command == "evaluate":
        _check_sources(arguments.config, argv)
        arguments.config.check()
        _function(template.evaluate)(arguments.model, arguments.config)
    elif arguments.command == "export":
        _export(arguments)
    elif arguments.command == "pack":
        _pack(arguments)
    else:
        _run_own(template.all_commands()[arguments.command], arguments)
    return 0


def _function(named):
    """Returns a function that is given itself, or as `module:function`."""
    return named if callable(named) else pkgutil.resolve_name(named)


def _without_flags_of_beam(argv):
    """Returns the arguments without those that are Beam's, and these.

    The latter is None where no runner of Beam's is asked for.
    """
    if not any(each.partition("=")[0] == "--runner" for each in argv):
        return argv, None
    extras.require("apache_beam", "beam", "--runner")
    from tasks.beam import flags

    return flags.split(argv)


def _run_by_beam(chosen, arguments, flags):
    """Has a runner of Beam's answer the texts of files."""
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
    call = _function(chosen.served)(arguments.model, config)
    pipeline.run(call, of, asked, flags)


def _run_own(chosen, arguments):
    from zoo import kernels

    arguments.config.check()
    given = [arguments.model]
    if chosen.takes_texts:
        column = getattr(arguments.config, "text_column", None)
        asked = arguments.texts, arguments.input, arguments.encoding
        given.append(answers.texts(*asked, column))
    if chosen.takes_files:
        given.append(arguments.files)
    # What users give has many lengths, and the kernels would be compiled for each.
    with _seed_told(arguments.config), kernels.portable():
        _function(chosen.run)(*given, arguments.config)


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


def _check_sources(config, argv):
    """Raises a UserError where a dataset, or a part of one, is given beside files.

    By the arguments, which tell a flag's default from the same value given.
    """
    own = config.OWN_FILES
    if own is None or not getattr(config, own):
        return
    given = _given(config, argv)
    for name in config.OF_DATASETS:
        if name in given:
            raise UserError(
                f"Give {_flag(own)}, your own data, or {_flag(name)}, which is of a "
                "dataset, not both."
            )


def _given(config, argv):
    """Returns the names of a config's fields that the arguments give."""
    flags = {argument.partition("=")[0] for argument in argv}
    names = (field.name for field in dataclasses.fields(config))
    return {n for n in names if {_flag(n), _flag(f"no_{n}")} & flags}


def _flag(name):
    return "--" + name.replace("_", "-")


def _train(template, arguments, argv):
    from tasks.training import fitting as training
    from tasks.training import workers

    config = arguments.config
    _check_sources(config, argv)
    output = _output(template, arguments)
    resume = arguments.resume
    if arguments.distributed:
        # What starts a worker again does so by the same command.
        resume = resume or (output / training.CHECKPOINTS).exists()
    given = _given(config, argv)
    config = training.open_output(output, config, given, resume)
    config.check()
    try:
        if arguments.distributed:
            training.join_workers(config, output, arguments.join_timeout)
        with workers.lost_told():
            _function(template.train)(config, output)
    except workers.Done:
        print("done        the chief measures and saves what all have trained")


def _output(template, arguments):
    """Returns where a training's files go."""
    if arguments.output is not None:
        return arguments.output
    data = arguments.config.own_data() or " ".join(arguments.config.dataset)
    return Path("runs", template.name, re.sub(r"[^\w.]+", "-", data).strip("-"))


def _launch(template, arguments, argv, program):
    """Trains by several processes, and returns the exit code."""
    if arguments.workers < 1:
        raise UserError(f"--workers must be at least 1, found {arguments.workers}.")
    if arguments.distributed:
        raise UserError(
            "--workers starts workers here, --distributed is one that was started: "
            "give one of them."
        )
    if arguments.config.mirrored:
        raise UserError("--mirrored is for one process: leave it out with --workers.")
    _check_sources(arguments.config, argv)
    output = _output(template, arguments)
    outputs.check_folder(output, "--output")
    if (output / "checkpoints").exists() and not arguments.resume:
        raise UserError(
            f"{output} holds a training already. Go on with it by --resume, or choose "
            "another --output."
        )
    if not arguments.resume:  # else some come from the training's record
        arguments.config.check()
    own = _without(argv, "--workers")
    if arguments.output is None:
        own += ["--output", str(output)]
    return launching.launch(
        template.name, program, [*own, "--distributed"], arguments.workers, output
    )


def _without(argv, flag):
    """Returns arguments without a flag and its value."""
    kept, skipped = [], False
    for argument in argv:
        if skipped or argument == flag or argument.startswith(f"{flag}="):
            skipped = not skipped and argument == flag
            continue
        kept.append(argument)
    return kept


def _export(arguments):
    from zoo import presets

    folder = presets.find(arguments.model)
    outputs.check_folder(arguments.output, "--output")
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
    output = arguments.output or Path(f"{folder.resolve().name}.zip")
    if output.suffix != ".zip":
        raise UserError(f"--output {output} must end with .zip: NAME.zip of a preset.")
    outputs.check_file(output, "--output")
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
    _take_workers(commands["train"])
    for name in ("evaluate", *own, "export"):
        commands[name].add_argument(
            "--model",
            default=template.preset,
            metavar="PRESET",
            help="a preset's name or folder",
        )
    commands["evaluate"].add_arguments(template.evaluation, dest="config")
    for name, command in own.items():
        if command.takes_texts:
            _take_texts(commands[name])
        if command.takes_files:
            commands[name].add_argument("files", nargs="+", metavar="FILE", type=Path)
        commands[name].add_arguments(command.config, dest="config")
        if command.served:
            commands[name].add_arguments(PipelineConfig, dest="pipeline")
    commands["export"].add_argument(
        "--output", type=Path, metavar="DIR", required=True, help="the SavedModel"
    )
    commands["pack"].add_argument(
        "preset", metavar="PRESET", help="a preset's name or folder"
    )
    commands["pack"].add_argument(
        "--output", type=Path, metavar="FILE", help="the archive (default: PRESET.zip)"
    )
    return parser


def add_version(parser: argparse.ArgumentParser) -> None:
    """Has a parser tell the zoo's version."""
    version = f"sequence-zoo {__version__}"
    told = "tell the zoo's version, and end"
    parser.add_argument("--version", action="version", version=version, help=told)


def _add_commands(parser, own):
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


def _take_workers(parser):
    parser.add_argument(
        "--distributed",
        action="store_true",
        help="be one of several workers, those that TF_CONFIG names: all run the same "
        "command, with an --output that they share. --batch-size is that of all "
        "together. Started again, they go on where they were",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="train by so many processes on this machine, each with its part of every "
        "batch and of the GPUs. What dies is started again, and goes on where it was",
    )
    parser.add_argument(
        "--join-timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="with --distributed: how long to wait for the other workers",
    )


def _take_texts(parser):
    parser.add_argument("texts", nargs="*", metavar="TEXT", default=[])
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
