"""Texts are translated in order, and gone on with; translations are scored."""

import io
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from tasks import translation
from tasks.translation import measures
from tasks.translation.partial_file import PartialFile
from zoo import presets
from zoo.models import Translator

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lean")]

HARD = [
    b"abc",
    b"",
    b" \t ",
    "c\u00e9a b".encode(),
    "☃ 漢字 ☃".encode(),
    b"a\x1b[31m b",
    b"a\x7fb",
    b"abc " * 5000,
    b"cab",
]
SHORT = ("--max-length", 12)


@pytest.fixture(scope="module")
def model():
    """A translator with weights drawn at random; `<UNK>` is among what it writes."""
    model = Translator(
        *([*"abcé "], [*"xyzw"]), level="character", embedding_units=6, units=8
    )
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=w.shape) for w in model.get_weights()])
    return model


@pytest.fixture
def translate(run, model, monkeypatch):
    """Runs the command line with the model as any preset."""
    monkeypatch.setattr("zoo.models.Translator.from_preset", lambda name: model)
    return lambda *argv: run(*argv, template=translation.TEMPLATE)


@pytest.fixture
def succeed(translate):
    def succeed(*argv):
        outcome = translate(*argv)
        assert outcome.code == 0, outcome.err
        return outcome.out

    return succeed


def expected(model, texts, **arguments):
    """Returns the translations of texts, one at a time."""
    arguments = {"max_length": 12, **arguments}
    return [
        model.translate(tf.constant([text]), **arguments)["translation"]
        .numpy()[0]
        .decode()
        for text in texts
    ]


@pytest.fixture
def texts(tmp_path):
    """A file of lines, and what it holds."""
    random = np.random.default_rng(0)
    lines = ["".join(random.choice([*"abcé "], n)) for n in random.integers(0, 9, 30)]
    path = tmp_path / "texts"
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path, lines


def test_every_line_has_its_translation_whatever_it_holds(succeed, model, tmp_path):
    (tmp_path / "hard").write_bytes(b"\n".join(HARD))
    flags = ("--input", tmp_path / "hard", "--batch-size", 3, *SHORT)
    found = succeed("translate", *flags).split("\n")
    blank = [b"" if not text.strip() else text for text in HARD]
    assert found == [*expected(model, blank), ""]
    assert found[1] == found[2] == ""
    assert len(set(found)) == len(HARD) - 1  # two are blank
    assert succeed("translate", *SHORT, "abc", "cab").split("\n") == [
        *expected(model, ["abc", "cab"]),
        "",
    ]


def test_flags_change_the_search(succeed, model):
    def found(*flags):
        return succeed("translate", *SHORT, *flags, "abcab").removesuffix("\n")

    search = {"beam": 3, "length_penalty": 2.0, "coverage_penalty": 0.5}
    flags = [(f"--{k.replace('_', '-')}", v) for k, v in search.items()]
    flags = [part for flag in flags for part in flag]
    assert [found(*flags)] == expected(model, ["abcab"], **search)
    assert [found("--beam", 1)] == expected(model, ["abcab"], beam=1)


def test_json_holds_the_n_best_and_lines_are_as_many_for_each_text(succeed, model):
    flags = (*SHORT, "--n-best", 3, "--beam", 3)
    rows = succeed("translate", *flags, "--json", "abc", "").splitlines()
    best, empty = map(json.loads, rows)
    found = model.translate(tf.constant(["abc"]), 3, n_best=3, max_length=12)
    assert best["text"] == "abc"
    assert [row["translation"] for row in best["translations"]] == [
        text.decode() for text in found["translations"].numpy()[0]
    ]
    for ours, name in (("score", "scores"), ("log_probability", "log_probabilities")):
        np.testing.assert_allclose(
            [row[ours] for row in best["translations"]], found[name][0], atol=1e-5
        )
        assert best[ours] == best["translations"][0][ours]
    nothing = {"translation": "", "score": 0.0, "log_probability": 0.0}
    assert empty == {"text": "", **nothing, "translations": [nothing]}

    lines = succeed("translate", *flags, "", "abc").split("\n")
    assert lines[:3] == ["0.0000\t", "-inf\t", "-inf\t"]
    assert lines[3:] == [
        *(f"{row['score']:.4f}\t{row['translation']}" for row in best["translations"]),
        "",
    ]


def test_a_killed_run_goes_on_without_losing_or_repeating_a_line(
    succeed, model, texts, tmp_path
):
    path, lines = texts
    preset = tmp_path / "preset"
    model.save_to_preset(preset)
    output = tmp_path / "out"
    partial = tmp_path / "out.partial"
    command = [sys.executable, "-m", "tasks.translation", "translate"]
    flags = ["--batch-size", "4", *map(str, SHORT), "--output", str(output)]
    process = subprocess.Popen(
        [*command, "--model", str(preset), *flags], stdin=subprocess.PIPE
    )
    # The first 4 are translated; for more it reads 8, which never come.
    process.stdin.write("".join(f"{line}\n" for line in lines[:9]).encode())
    process.stdin.flush()
    while not partial.exists() or partial.read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    process.stdin.close()
    assert not output.exists()
    with partial.open("ab") as file:
        file.write(b"half a li")

    succeed("translate", "--model", preset, "--input", path, *flags, "--resume")
    assert output.read_text("utf-8").split("\n") == [*expected(model, lines), ""]
    assert not partial.exists()


def test_an_interrupted_run_tells_how_to_go_on(translate, texts, tmp_path, monkeypatch):
    path, lines = texts
    write = PartialFile.write

    def interrupted(file, line):
        if file.partial.read_bytes().count(b"\n") == 7:
            raise KeyboardInterrupt
        write(file, line)

    flags = ("translate", "--input", path, *SHORT, "--output", tmp_path / "out")
    flags = (*flags, "--beam", 3, "--n-best", 3, "--batch-size", 2)
    with monkeypatch.context() as patch:
        patch.setattr(PartialFile, "write", interrupted)
        outcome = translate(*flags)
    assert outcome.code == 130
    assert f"{tmp_path / 'out.partial'} can be gone on with: --resume" in outcome.err
    assert translate(*flags).code == 2
    assert translate(*flags, "--resume").code == 0
    resumed = (tmp_path / "out").read_text("utf-8")
    assert translate(*flags).code == 0
    assert (tmp_path / "out").read_text("utf-8") == resumed
    assert resumed.count("\n") == 3 * len(lines)


def test_a_run_is_gone_on_with_the_same_texts_flags_and_model_only(
    translate, texts, tmp_path, monkeypatch
):
    path, lines = texts
    out = tmp_path / "out"
    write = PartialFile.write

    def interrupted(file, line):
        if file.partial.read_bytes().count(b"\n") == 5:
            raise KeyboardInterrupt
        write(file, line)

    flags = ("translate", "--input", path, *SHORT, "--output", out)
    with monkeypatch.context() as patch:
        patch.setattr(PartialFile, "write", interrupted)
        assert translate(*flags).code == 130

    def refused(*more, told):
        before = (tmp_path / "out.partial").read_bytes()
        outcome = translate(*flags, "--resume", *more)
        assert outcome.code == 2
        assert told in outcome.err
        assert (tmp_path / "out.partial").read_bytes() == before

    preset = json.loads((presets.find("translation_de_en") / "config.json").read_text())
    penalty = preset["config"]["length_penalty"]
    coverage = preset["config"]["coverage_penalty"]
    other = ["--model", "translation_multi30k_en_de", "--coverage-penalty", coverage]
    for more, told in (
        (["--beam", 2], "began with --beam 4, not 2"),
        (["--json"], "began with --json False, not True"),
        (["--length-penalty", 0.1], f"--length-penalty {penalty}, not 0.1"),
        (["--max-length", 13], "--max-length 12, not 13"),
        ([*other, "--length-penalty", penalty], "began with another model"),
    ):
        refused(*more, told=told)
    given = path.read_bytes()
    path.write_text("\n".join([*lines[:3], "other", *lines[4:]]))
    refused(told="the one in line 4 has changed")
    path.write_text("\n".join(lines[:4]))
    refused(told="holds 5 texts' lines already, but there are 4 texts only")
    # What isn't translated yet may change, and how many at a time.
    path.write_bytes(given + b"abc\n")
    assert translate(*flags, "--resume", "--batch-size", 3).code == 0
    assert out.read_text("utf-8").count("\n") == len(lines) + 1
    assert sorted(each.name for each in tmp_path.glob("out*")) == ["out"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_shows_how_far_it_is_on_a_terminal(succeed, texts, tmp_path, monkeypatch):
    path, lines = texts
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    flags = ("--input", path, *SHORT, "--beam", 1)
    succeed("translate", *flags, "--output", tmp_path / "out")
    assert f"{len(lines)}/{len(lines)}" in terminal.getvalue()


def test_attention_is_drawn_over_the_tokens(succeed, model, figures, tmp_path):
    path = tmp_path / "attention.png"
    out = succeed("translate", "--attention-plot", path, *SHORT, "ab $é")
    assert out.removesuffix("\n") == expected(model, ["ab $é"])[0]
    assert path.read_bytes().startswith(b"\x89PNG")
    axes = figures[0].axes[0]
    found = model.translate(tf.constant(["ab $é"]), max_length=12, attention=True)
    shown = axes.images[0].get_array()
    np.testing.assert_allclose(shown, found["attention"][0], atol=1e-6)
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["a", "b", "␣", r"\$", "é"]


def test_scores_are_the_models(succeed, model, tmp_path):
    sides = ["abc", "c", "", "☃"], ["xyz", "zzzz", "x", ""]
    paths = [tmp_path / "source", tmp_path / "target"]
    for path, lines in zip(paths, sides, strict=True):
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    flags = ("--json", "--batch-size", 3, "--files", *paths)
    rows = [json.loads(line) for line in succeed("score", *flags).splitlines()]
    for text, translated, row in zip(*sides, rows, strict=True):
        found = model.score(tf.constant([text]), tf.constant([translated]))
        assert (row["text"], row["translation"]) == (text, translated)
        assert row["tokens"] == [*translated, "<EOS>"]
        for name in ("log_probability", "perplexity"):
            assert row[name] == pytest.approx(float(found[name][0]), rel=1e-4)
        np.testing.assert_allclose(
            row["log_probabilities"], found["log_probabilities"][0], atol=1e-5
        )
    line = succeed("score", "abc", "xyz")
    assert f"log P {rows[0]['log_probability']:10.3f}" in line
    assert line.endswith("abc → xyz\n")
    line = succeed("score", "a\r\n\x1b[2Jb", "x\ny")
    assert line.endswith("a   [2Jb → x y\n")


def test_figures_are_sacrebleus_own(tmp_path):
    pytest.importorskip("sacrebleu")
    found = ["A dog runs, doesn't it?", "Two men.", "", "Ein Café in der Straße"]
    references = ["A dog runs, does it?", "Two men.", "Nothing", "Das Café der Straße!"]
    figures = measures.measure(iter(found), references)
    (tmp_path / "found").write_text("".join(f"{t}\n" for t in found), "utf-8")
    (tmp_path / "right").write_text("".join(f"{t}\n" for t in references), "utf-8")
    for name in ("bleu", "chrf"):
        command = ["-m", "sacrebleu", "right", "-i", "found", "-m", name, "-w", "8"]
        printed = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": ""},
            capture_output=True,
            check=True,
        ).stdout
        result = json.loads(printed)
        assert figures[name] == pytest.approx(result["score"], abs=1e-7)
        assert figures[f"{name}_signature"] == result["signature"]
    assert figures["exact_match"] == 1 / 4
