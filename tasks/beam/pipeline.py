"""Answers the texts of many files by Apache Beam, as JSON lines.

Files are read, texts answered and answers written by workers, as many as the runner
has. An answer tells its file and line, by which the order can be restored.
"""

import contextlib
import functools
import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import grpc
from apache_beam.internal import cloudpickle
from apache_beam.io import fileio
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions

from tasks.beam import leftovers, reading, writing
from tasks.beam.config import PipelineConfig
from tasks.beam.reading import Format
from tasks.beam.writing import SUFFIX
from tasks.data import json_lines, tables, text_files
from tasks.errors import PipelineError, UserError
from zoo.beam import NAMESPACE, Predict

# Workers need neither: what they run of both is sent to them whole.
for package in ("tasks", "zoo"):
    cloudpickle.register_pickle_by_value(sys.modules[package])

# The runner of this machine, as Beam takes its name in lower case.
_LOCAL = "directrunner", "direct"
# How long nothing is told of a job server that doesn't answer, and the longest job.
_SILENT_SECONDS = 5
_LONGEST_JOB_SECONDS = 30 * 24 * 3600
# What Beam may log, by its parts. That a worker has gone, some show by tracebacks, and
# by the pipeline's failure.
_LEVELS = {
    "apache_beam": logging.ERROR,
    "apache_beam.runners.worker.data_plane": logging.CRITICAL,
    "apache_beam.runners.portability.fn_api_runner.worker_handlers": logging.CRITICAL,
}


class Call(NamedTuple):
    """Which function of a SavedModel answers, and how that is told.

    Attributes:
        signature: the function.
        arguments: what it takes beside the texts, by name.
        row: (what `zoo.beam.Predict` says of a text) → what the command prints of it
            with --json. It must run without TensorFlow.
    """

    signature: str
    arguments: dict[str, Any]
    row: Callable[[dict], dict]


class Asked(NamedTuple):
    """What texts are to be answered, and where to.

    Attributes:
        preset: the preset's name or folder.
        input: a pattern of files: `in/*.txt`.
        encoding: what they are encoded in.
        text_column: the column, in tables; the feature, in records.
        output: what the answers' files' names begin with.
        batch_size: texts in a batch.
    """

    preset: str
    input: str
    encoding: str
    text_column: str | None
    output: str
    batch_size: int


def run(
    call: Call, asked: Asked, settings: PipelineConfig, flags: Sequence[str]
) -> None:
    """Answers texts, and says on stderr how many and where the answers are.

    Args:
        call: how.
        asked: which, and where to.
        settings: by which runner, and how.
        flags: Beam's own flags.

    Raises:
        UserError: there is no such runner, or its flags don't fit; no file matches;
            the files aren't what can be read, or nothing in them is; there are answers
            already.
        PipelineError: a worker or the runner failed, with what it said.
        PresetError: there is no such preset.
    """
    form = _format(asked)
    pipeline = _pipeline(settings.runner, flags)
    _check_files(asked, settings, form)
    predict = Predict(
        asked.preset,
        call.signature,
        call.arguments,
        asked.batch_size,
        keyed=True,
        saved_model=settings.saved_model,
    )
    read = (
        pipeline
        | "Files" >> fileio.MatchFiles(asked.input)
        | fileio.ReadMatches()
        | "Read" >> beam.ParDo(_Read(form)).with_outputs("errors", main="texts")
    )
    answers = (
        read.texts
        | beam.Reshuffle()  # or the worker that read a file would answer all of it
        | "Predict" >> predict
        | "Tell" >> beam.MapTuple(_Told(call.row))
    )
    parts = writing.parts_folder(asked.output)
    writing.write(answers, read.errors, asked.output, parts, settings.keep_order)
    local = settings.runner.lower() in _LOCAL
    try:
        with _quiet():
            counts = _run(pipeline, asked.output)
    except PipelineError:
        if local:  # others may go on without this process
            writing.clear(parts)
        raise
    writing.clear(parts)  # where a bundle was done again, one try is left
    if local:
        _check_whole(counts, asked.output)
    _check_read(counts, asked)
    _tell(counts, asked.output)


def _format(asked):
    encoding = text_files.encoding_name(asked.encoding)
    if "\n".encode(encoding) != b"\n":
        raise UserError(
            f"--runner reads files in which a line ends with the byte LF, not "
            f"{encoding.upper()}. Convert them first, by iconv -f {encoding} -t utf-8."
        )
    if reading.holds_records(asked.input):
        return Format(reading.RECORDS, asked.text_column, encoding)
    if asked.text_column is None:
        return Format(reading.LINES, None, encoding)
    return Format(tables.kind_of(asked.input), asked.text_column, encoding)


def _pipeline(runner, flags):
    """Returns a pipeline; a UserError where there is no such runner, or flag for it."""
    quiet, said = "--default_sdk_harness_log_level=ERROR", io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options = PipelineOptions([f"--runner={runner}", quiet, *flags])
            options.get_all_options()  # or each is looked at where it is needed
        _check_job_server(options.view_as(PortableOptions), flags)
        return beam.Pipeline(options=options)
    except SystemExit as error:  # argparse's, which says how all of Beam is used
        reason = said.getvalue().strip().rpartition("error: ")[2]
        raise UserError(f"--runner {runner}: {reason}.") from error
    except (ValueError, ImportError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"--runner {runner}: {reason}") from error


def _check_job_server(options, flags):
    """Raises a UserError where no job server answers; else it may take its time.

    What Beam takes for the time of an answer ends a job, too, that takes longer.
    """
    address = options.job_endpoint
    if address and ":" in address:
        with grpc.insecure_channel(address) as channel:
            _wait(grpc.channel_ready_future(channel), options)
    if not any("job_server_timeout" in flag.replace("-", "_") for flag in flags):
        options.job_server_timeout = _LONGEST_JOB_SECONDS


def _wait(ready, options):
    most = options.job_server_timeout
    try:
        with contextlib.suppress(grpc.FutureTimeoutError):
            ready.result(timeout=min(_SILENT_SECONDS, most))
            return
        print(
            f"note: waiting up to {most} seconds for the job server at "
            f"{options.job_endpoint}",
            file=sys.stderr,
        )
        ready.result(timeout=most)
    except grpc.FutureTimeoutError as error:
        raise UserError(
            f"--job_endpoint {options.job_endpoint}: no job server has answered there "
            f"within {most} seconds (--job_server_timeout)."
        ) from error


def _check_files(asked, settings, form):
    """Raises a UserError where there is nothing to read, or something to replace."""
    try:
        [found] = FileSystems.match([asked.input])
        there = writing.written(asked.output)
    except (BeamIOError, ValueError) as error:
        raise UserError(f"--input or --output can't be looked up: {error}") from error
    files = found.metadata_list
    if not files:
        raise UserError(
            f"--input {asked.input}: there is no such file. A pattern such as "
            "'in/*.txt' stands in quotes, or the shell takes it apart."
        )
    records = [each.path for each in files if reading.holds_records(each.path)]
    if records and form.kind != reading.RECORDS:
        raise UserError(
            f"--input {asked.input}: {records[0]} holds records, by its name. Give "
            "files of one kind: '….tfrecord*' for records."
        )
    if settings.keep_order and len(files) > 1:
        raise UserError(
            f"--keep-order is of one file, {asked.input} is {len(files):,}: the "
            "answers tell their file and line."
        )
    if asked.output.endswith(("/", os.sep)):
        raise UserError(
            f"--output {asked.output}: give what the answers' names begin with, too: "
            f"{asked.output}part, say."
        )
    if there:
        raise UserError(
            f"--output {asked.output}: there are answers already, {there[0]} for one. "
            "Delete them, or choose another name."
        )


class _Read(beam.DoFn):
    """Yields ((file, line), text), and as `errors` ((file, line), JSON)."""

    def __init__(self, form):
        self._form = form

    def process(self, element):
        path = element.metadata.path
        for each in reading.texts(_opening(element), path, self._form):
            key = path, each.line
            if each.error is None:
                Metrics.counter(NAMESPACE, "read").inc()
                yield key, each.text
                continue
            Metrics.counter(NAMESPACE, "errors").inc()
            line = {"file": path, "line": each.line, "error": each.error}
            told = key, json_lines.line(line)
            yield beam.pvalue.TaggedOutput("errors", told)


def _opening(element):
    """Returns what opens a file for its own bytes.

    Beam would unpack some by their names, and misses where gzip's are cut off.
    """
    as_it_is = CompressionTypes.UNCOMPRESSED
    return functools.partial(element.open, compression_type=as_it_is)


class _Told:
    """Makes a line of JSON of what was found for a text."""

    def __init__(self, row):
        self._row = row

    def __call__(self, key, found):
        path, line = key
        row = {"file": path, "line": line, **self._row(found)}
        return key, json_lines.line(row)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what Beam logs of its own doing off stderr, but for errors."""
    loggers = {logging.getLogger(name): level for name, level in _LEVELS.items()}
    levels = {logger: logger.level for logger in loggers}
    hook, threading.excepthook = threading.excepthook, _told_of_thread
    try:
        for logger, level in loggers.items():
            logger.setLevel(level)
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
        threading.excepthook = hook


def _told_of_thread(arguments):
    """Says in a line why a thread of Beam's has ended: a worker exited, for one."""
    if isinstance(arguments.exc_value, (grpc.RpcError, SystemExit)):
        return  # of the same worker; or no failure
    print(f"note: {arguments.exc_value}", file=sys.stderr)
    leftovers.end_workers()  # for which Beam waits, and some wait for the one


def _run(pipeline, output):
    """Runs a pipeline, and returns its counters by name."""
    try:
        result = pipeline.run()
        result.wait_until_finish()
    except Exception as error:  # whatever a worker raised, as the runner hands it on
        raise PipelineError(f"{_reason(error)} {_left(output)}") from error
    finally:
        leftovers.end_workers()
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))
    return {each.key.metric.name: each.result for each in found["counters"]}


def _left(output):
    """Says what a pipeline that has failed leaves behind."""
    with contextlib.suppress(BeamIOError, ValueError):
        if writing.written(output):
            return f"Not all answers have got their names: delete {output}-*{SUFFIX}."
    return "No answers were written."


def _check_whole(counts, output):
    """Raises a PipelineError where there isn't an answer for each text.

    Other runners count a text again that they read again, after a failure.
    """
    asked = counts.get("read", 0) + counts.get("errors", 0)
    answered = writing.count(output)
    if answered != asked:
        raise PipelineError(
            f"the runner has written {answered:,} answers for {asked:,} texts. Delete "
            f"{output}-*{SUFFIX}, and start again."
        )


def _check_read(counts, asked):
    """Raises a UserError where none of what there was to read is a text."""
    errors = counts.get("errors", 0)
    if errors and not counts.get("texts"):
        raise UserError(
            f"--input {asked.input}: nothing there could be read as a text: "
            f"{errors:,} errors, which {asked.output}-*{SUFFIX} tell."
        )


def _reason(error):
    """Returns what an exception says, in a line: the last one, of a traceback."""
    if isinstance(error, grpc.Call):  # others tell where it came from, behind it
        return f"{error.code().name}: {error.details()}"
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


def _tell(counts, output):
    texts, errors = counts.get("texts", 0), counts.get("errors", 0)
    batches = max(1, counts.get("batches", 0))
    full = counts.get("bytes", 0) / max(1, counts.get("padded_bytes", 0))
    lines = [
        f"texts       {texts:,}, {counts.get('words', 0):,} words",
        f"batches     {batches:,}, {full:.0%} full",
        f"answers     {output}-*{SUFFIX}",
    ]
    if errors:
        lines.append(
            f"note: {errors:,} couldn't be read: their lines there tell the error."
        )
    print("\n".join(lines), file=sys.stderr)
