"""Texts from files and from the command line, alike for every command that reads."""

import errno
import gzip
import io
import json
import os
import subprocess
import sys

import pytest

from tasks import ner, text, translation
from tasks.cli import outputs
from tests.tasks.templates import READING, recording

reading = pytest.mark.parametrize(
    ("template", "name"), READING, ids=lambda each: getattr(each, "name", each)
)
TEXT = "caf\u00e9\n\u6f22\u5b57\r\n"


def check(outcome, *told):
    """Checks that a mistake was told in one line, and nothing else was."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    [line] = outcome.err.splitlines()
    assert "Traceback" not in line
    for part in told:
        assert part in line


@pytest.fixture
def stdin(monkeypatch):
    def give(content):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


@reading
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("utf-8", bytes), ("utf-8-sig", gzip.compress), ("utf-16", gzip.compress)],
)
def test_every_command_reads_files_and_standard_input(
    run, stdin, tmp_path, template, name, encoding, pack
):
    path = tmp_path / "texts"
    path.write_bytes(pack(TEXT.encode(encoding)))
    for source in (["--input", path], []):
        stdin(path.read_bytes())
        recorder, texts = recording(template, name)
        outcome = run(name, *source, "--encoding", encoding, template=recorder)
        assert outcome.code == 0, outcome.err
        assert texts == [line.encode() for line in TEXT.split()]


def test_a_dash_that_is_taken_for_a_text_is_noted(run, stdin):
    template, name = READING[0]
    for argv, expected, noted in (
        (["-"], [b"-"], "note: '-' is taken for a text. --input - reads standard"),
        (["--input", "-"], [b"piped"], ""),
    ):
        stdin(b"piped\n")
        recorder, texts = recording(template, name)
        outcome = run(name, *argv, template=recorder)
        assert outcome.code == 0, outcome.err
        assert texts == expected
        assert outcome.err.startswith(noted)
        assert bool(outcome.err) == bool(noted)


@reading
@pytest.mark.parametrize("from_file", [False, True])
def test_every_command_refuses_what_is_not_utf8(
    run, stdin, tmp_path, template, name, from_file
):
    content = b"good\n" * 999 + b"caf\xe9 au lait\n"
    path = tmp_path / "texts"
    path.write_bytes(content)
    stdin(content)
    recorder, texts = recording(template, name)
    source = ["--input", path] if from_file else []
    told = "is not UTF-8: in line 1,000, byte 4,998 of the file (0xe9)"
    check(run(name, *source, template=recorder), told, "--encoding")
    # A file is looked through first; a stream is used as it comes.
    assert len(texts) == (0 if from_file else 999)
    stdin(content)
    assert run(name, *source, "--encoding", "cp1252", template=recorder).code == 0
    assert texts[-1] == "café au lait".encode()


@reading
def test_every_command_refuses_an_unknown_encoding(run, template, name):
    recorder, _ = recording(template, name)
    outcome = run(name, "A text", "--encoding", "utf9", template=recorder)
    check(outcome, "Did you mean 'utf-8'?")


@reading
def test_every_command_refuses_an_argument_that_is_not_utf8(run, template, name):
    recorder, texts = recording(template, name)
    broken = b"caf\xe9".decode("utf-8", "surrogateescape")
    check(run(name, broken, template=recorder), r"TEXT 'caf\udce9' is not UTF-8")
    check(run(name, "\ud83d", template=recorder), "half of a surrogate pair")
    # As Python hands over UTF-8 where the terminal's encoding is ASCII.
    ok = "café".encode().decode("ascii", "surrogateescape")
    assert run(name, ok, template=recorder).code == 0
    assert texts == ["café".encode()]


@pytest.mark.parametrize(
    ("template", "argv", "told"),
    [
        (text.TEMPLATE, ["generate", "--prompt", "\udce9"], "--prompt"),
        (text.TEMPLATE, ["generate", "--stop", "\udce9"], "--stop"),
        (text.TEMPLATE, ["explain", "a", "--alternatives", "\udce9"], "--alternatives"),
        (translation.TEMPLATE, ["score", "a", "\udce9"], "TEXT"),
    ],
    ids=["prompt", "stop", "alternatives", "pair"],
)
def test_every_text_of_the_command_line_has_to_be_utf8(run, template, argv, told):
    check(run(*argv, template=template), f"{told} '\\udce9' is not UTF-8")


@pytest.mark.parametrize(
    ("template", "argv"),
    [
        (text.TEMPLATE, ["train", "--files", "{bad}"]),
        (ner.TEMPLATE, ["train", "--train-file", "{bad}"]),
        (ner.TEMPLATE, ["train", "--train-file", "{good}", "--test-file", "{bad}"]),
        (translation.TEMPLATE, ["train", "--files", "{good}", "{bad}"]),
        (translation.TEMPLATE, ["score", "--files", "{good}", "{bad}"]),
    ],
)
def test_own_files_are_refused_alike_and_read_in_their_encoding(
    run, tmp_path, template, argv
):
    bad, good = tmp_path / "bad", tmp_path / "good"
    bad.write_bytes(b"a B\ncaf\xe9 B\n")
    good.write_bytes(b"a B\na B\n")
    argv = [each.format(bad=bad, good=good) for each in argv]
    if argv[0] == "train":
        argv += ["--output", tmp_path / "run"]
    told = "bad is not UTF-8: in line 2, byte 7 of the file (0xe9) is wrong"
    check(run(*argv, template=template), told)
    assert not (tmp_path / "run").exists()
    outcome = run(*argv, "--encoding", "no", template=template)
    check(outcome, "Unknown encoding 'no'")


def test_several_files_for_input_are_told(run, tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    paths = [tmp_path / name for name in ("a", "b", "c")]
    told = "--input takes one file", f"{paths[1]} is"
    check(run("predict", "--input", *paths), *told)
    check(run("predict", "--input", *paths, "--text-column", "text"), *told)


@pytest.mark.parametrize("text", ["é" * 300, "a" * 5000, "A text."])
def test_a_text_beside_a_file_is_told_however_long_it_is(run, tmp_path, text):
    told = "Give texts, or a file with --input, not both."
    check(run("predict", text, "--input", tmp_path / "a.csv"), told)


@pytest.mark.slow
@pytest.mark.parametrize("redirected", [">>", "1<>"])
def test_results_do_not_go_into_the_file_they_are_made_from(tmp_path, redirected):
    path = tmp_path / "texts"
    path.write_text("A text.\n")
    program = f"{sys.executable} -m tasks.sentiment predict --model no"
    outcome = subprocess.run(
        ["bash", "-c", f"{program} --input {path} {redirected} {path}"],
        capture_output=True,
        text=True,
    )
    assert outcome.returncode == 2
    assert f"{path} is both what is read and what is written to" in outcome.stderr
    assert path.read_text() == "A text.\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
def test_a_stream_writes_what_its_encoding_lacks_as_json_does(encoding):
    content = {"text": "é 漢 😀 → …", "\u2028": "\udce9"}
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding, errors="strict")
    outputs.print_anything(stream)
    print(json.dumps(content, ensure_ascii=False), file=stream, flush=True)
    written = buffer.getvalue().decode(encoding)
    assert json.loads(written) == content
    assert ("é" in written) == (encoding != "ascii")


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=lambda each: "-".join(each.values()),
)
def test_a_terminal_that_lacks_characters_ends_no_command(preset, environment):
    text = "Ein 😀 für León’s 漢字."
    predict = [sys.executable, "-m", "tasks.sentiment", "predict", "--json"]
    outcome = subprocess.run(
        [*predict, "--model", str(preset), text.encode()],
        capture_output=True,
        env={**os.environ, **environment},
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr == b""
    assert json.loads(outcome.stdout.decode("cp1252"))["text"] == text


def test_a_folder_for_standard_input_is_told(run, monkeypatch):
    class Folder(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))

    template, name = READING[0]
    stdin = io.TextIOWrapper(io.BufferedReader(Folder()))
    monkeypatch.setattr("sys.stdin", stdin)
    check(run(name, template=template), "Standard input can't be read: Is a directory.")
