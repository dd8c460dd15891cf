"""Files of answers, which appear when all are whole."""

import contextlib
import os
import re
import shutil
import uuid

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

SUFFIX = ".jsonl"
# So many lines of a file that is kept in order are in a file of the answers.
_BLOCK = 50_000
# So many characters of what the answers' files begin with are in the name of the folder
# of what isn't whole yet, for names have an end.
_SHOWN = 40
# What files' names have between what they begin with and the suffix.
_NUMBERS = re.compile(r"-\d{5,}(-of-\d{5,})?")
_WILDCARDS = re.compile(r"[*?\[]")
_READ_BYTES = 2**20


def write(
    answers: beam.PCollection,
    errors: beam.PCollection,
    output: str,
    parts: str,
    keep_order: bool,
) -> None:
    """Writes lines into files, which appear when all are whole.

    Args:
        answers: ((file, line), JSON).
        errors: likewise.
        output: what the files' names begin with.
        parts: a folder for what isn't whole yet: see `parts_folder`.
        keep_order: whether lines are in their order, over all files.
    """
    if keep_order:
        of_block = beam.MapTuple(lambda key, line: (key[1] // _BLOCK, (key[1], line)))
        blocks = (answers, errors) | beam.Flatten() | of_block | beam.GroupByKey()
        written = [blocks | "Write" >> beam.ParDo(_WriteBlock(parts))]
    else:
        # Where they were made: lines that go by the runner fill its memory.
        written = [
            lines | f"Write {kind}" >> beam.ParDo(_WriteBundle(parts))
            for kind, lines in (("answers", answers), ("errors", errors))
        ]
    always = answers.pipeline | "Always" >> beam.Create([(None, None)])
    files = (*written, always) | "Written" >> beam.Flatten()
    together = files | "Together" >> beam.GroupByKey()
    together | "Name" >> beam.MapTuple(lambda _, files: _name(files, output))


def parts_folder(output: str) -> str:
    """Returns the name of a new folder beside files whose names begin so."""
    folder, base = FileSystems.split(output)
    return FileSystems.join(folder, f"beam-temp-{base[:_SHOWN]}-{uuid.uuid4().hex}")


def clear(parts: str) -> None:
    """Deletes such a folder, if it is there."""
    if os.path.isdir(parts):  # whatever its name holds
        shutil.rmtree(parts, ignore_errors=True)
        return
    with contextlib.suppress(BeamIOError):
        FileSystems.delete([parts])


def written(output: str) -> list[str]:
    """Returns the files of answers whose names begin so.

    Raises:
        BeamIOError, ValueError: they can't be looked up.
    """
    pattern = _WILDCARDS.sub("?", output)
    [found] = FileSystems.match([f"{pattern}-*{SUFFIX}"])
    start = len(FileSystems.split(output)[1])
    paths = []
    for path in (each.path for each in found.metadata_list):
        ours = pattern == output or path.startswith(output)
        numbers = FileSystems.split(path)[1][start:].removesuffix(SUFFIX)
        if ours and _NUMBERS.fullmatch(numbers):
            paths.append(path)
    return paths


def count(output: str) -> int:
    """Returns how many lines the files of answers have together."""
    lines = 0
    for path in written(output):
        with FileSystems.open(path) as file:
            while block := file.read(_READ_BYTES):
                lines += block.count(b"\n")
    return lines


class _WriteBundle(beam.DoFn):
    """Writes the lines of a bundle into a file.

    Yields (None, (file, None)).
    """

    def __init__(self, parts):
        self._parts = parts

    def start_bundle(self):
        self._file = None

    def process(self, element):
        if self._file is None:
            self._path = FileSystems.join(self._parts, uuid.uuid4().hex)
            self._file = FileSystems.create(self._path)
        _, line = element
        self._file.write(line.encode("utf-8") + b"\n")

    def finish_bundle(self):
        if self._file is None:
            return
        self._file.close()
        window = GlobalWindow()
        yield WindowedValue((None, (self._path, None)), window.end, [window])


class _WriteBlock(beam.DoFn):
    """Writes a block of lines, in their order; names of files are in order too.

    Yields (None, (file, the block's number)).
    """

    def __init__(self, parts):
        self._parts = parts

    def process(self, element):
        block, lines = element
        path = FileSystems.join(self._parts, uuid.uuid4().hex)
        with FileSystems.create(path) as file:
            for _, line in sorted(lines):
                file.write(line.encode("utf-8") + b"\n")
        yield None, (path, block)


def _name(files, output):
    """Gives files their names, once all are written; an empty one, where none is."""
    files = sorted(each for each in files if each is not None)
    if not files:
        FileSystems.create(f"{output}-{0:05d}-of-{1:05d}{SUFFIX}").close()
    for number, (path, block) in enumerate(files):
        end = f"{number:05d}-of-{len(files):05d}" if block is None else f"{block:05d}"
        name = f"{output}-{end}{SUFFIX}"
        # Runners do again what was interrupted.
        if FileSystems.exists(path) or not FileSystems.exists(name):
            FileSystems.rename([path], [name])
