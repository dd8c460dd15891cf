"""The command `train`: in this process, or by several."""

import argparse
import contextlib
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from tasks.cli import given_flags, launching, outputs, preset_classes
from tasks.cli.config import at_least, below
from tasks.cli.templates import Template, function
from tasks.errors import UserError
from tasks.training import folders
from zoo.files import LONGEST_NAME

# A socket takes no timeout of more milliseconds than 31 bits hold.
_LONGEST_WAIT = 10**6


def add_worker_flags(parser: argparse.ArgumentParser) -> None:
    """Has a parser take what makes of a training one by several processes."""
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


def run(template: Template, arguments: argparse.Namespace, argv: Sequence[str]) -> None:
    """Trains, by this process alone or as one of several workers.

    Args:
        template: what is trained.
        arguments: the parsed command line.
        argv: its arguments.

    Raises:
        UserError: the flags, the folder or the data don't fit.
        TrainingError: the training can't go on.
        LostWorkerError: another worker has gone, or was told to leave.
        InterruptionError: a signal has ended it.
    """
    from tasks.training import fitting as training
    from tasks.training import workers
    from zoo import presets

    config = arguments.config
    given_flags.check_sources(config, argv)
    given = given_flags.names(config, argv)
    config.check_model(given)
    _check_join_timeout(arguments)
    output = _output(template, arguments)
    resume, own = arguments.resume, set()
    if arguments.distributed and not resume:
        # What starts a worker again does so by the same command. What the training
        # began with is the chief's, whose machine may be another.
        resume, own = (output / training.CHECKPOINTS).exists(), training.OWN
    _check_finish(config, resume)
    config = training.open_output(output, config, given, resume, own)
    config.check()
    if not resume:
        config.check_read()
    if config.from_preset is not None:
        found = presets.find(config.from_preset)  # not after the data are read
        preset_classes.check(template.name, config.from_preset)
        if not resume and outputs.is_same_file(found, output / folders.PRESET):
            raise UserError(
                f"--from-preset {config.from_preset} lies where this training's own "
                "preset goes, and would be replaced. Choose another --output."
            )
    try:
        if arguments.distributed:
            training.join_workers(config, output, arguments.join_timeout)
        # Of several workers one may have to take the place of a chief that hangs.
        alone = contextlib.nullcontext if arguments.distributed else folders.held_alone
        with workers.lost_told(), alone():
            function(template.train)(config, output)
    except workers.Done:
        print("done        the chief measures and saves what all have trained")


def launch(
    template: Template,
    arguments: argparse.Namespace,
    argv: Sequence[str],
    program: str,
) -> int:
    """Trains by several processes, and returns the exit code.

    Args:
        template: what is trained.
        arguments: the parsed command line.
        argv: its arguments.
        program: what it is called by, for messages.

    Raises:
        UserError: the flags or the folder don't fit.
    """
    if arguments.workers < 1:
        raise UserError(f"--workers must be at least 1, found {arguments.workers}.")
    if arguments.distributed:
        raise UserError(
            "--workers starts workers here, --distributed is one that was started: "
            "give one of them."
        )
    if arguments.config.mirrored:
        raise UserError("--mirrored is for one process: leave it out with --workers.")
    _check_finish(arguments.config, arguments.resume)
    given_flags.check_sources(arguments.config, argv)
    arguments.config.check_model(given_flags.names(arguments.config, argv))
    _check_join_timeout(arguments)
    output = _output(template, arguments)
    outputs.check_tensorflow_folder(output, "--output")
    if not arguments.resume:
        folders.check_new(output)
        arguments.config.check()  # else some come from the training's record
        arguments.config.check_read()
    own = given_flags.without(argv, "--workers")
    if arguments.output is None:
        own += ["--output", str(output)]
    own += ["--distributed"]
    with folders.held_alone():
        folders.hold(output)
        return launching.launch(template.name, program, own, arguments.workers, output)


def _check_finish(config, resume):
    if config.finish and not resume:
        raise UserError("--finish goes with --resume, of a training that has begun.")


def _check_join_timeout(arguments):
    at_least(arguments, "join_timeout", 0, exclusive=True)
    below(arguments, "join_timeout", _LONGEST_WAIT)


def _output(template, arguments):
    """Returns where a training's files go."""
    if arguments.output is not None:
        return arguments.output
    data = arguments.config.own_data() or " ".join(arguments.config.dataset)
    name = re.sub(r"[^\w.]+", "-", data).strip("-")
    if not name.strip("."):  # of '*' say: else it would be the folder of all
        name = "files"
    if len(name.encode()) > LONGEST_NAME:
        digest = hashlib.sha256(data.encode("utf-8", "replace")).hexdigest()[:8]
        name = f"{name[:40]}-{digest}"
    return Path("runs", template.name, name)
