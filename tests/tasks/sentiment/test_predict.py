"""`predict`: texts from anywhere, one result a text, in order."""

import io
import json

import numpy as np
import pytest
import tensorflow as tf

HARD = [
    "A good film.",
    "",
    "😀 👩‍👩‍👧 été 漢字 עברית",
    '"quoted"\tand\\tabbed',
    "bad " * 500,
]


@pytest.fixture(scope="module")
def served(preset):
    """Classifies bytes by the preset's SavedModel, with TensorFlow alone."""
    loaded = tf.saved_model.load(preset / "saved_model")

    def classify(text):
        result = loaded.signatures["serving_default"](text=tf.constant([text]))
        return result["label"].numpy()[0].decode(), result["probabilities"].numpy()[0]

    return classify


@pytest.fixture
def predict(run, preset):
    def predict(*argv):
        outcome = run("predict", "--model", preset, *argv)
        assert outcome.code == 0, outcome.err
        assert outcome.err == ""
        return outcome.out

    return predict


@pytest.fixture
def stdin(monkeypatch):
    def give(content):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


def rows(out):
    """Reads JSON lines; `splitlines` would split at more than line feeds."""
    return [json.loads(line) for line in out.removesuffix("\n").split("\n")]


def check(row, text, served):
    """Checks a row against the SavedModel's result for bytes."""
    label, probabilities = served(text)
    assert row["text"] == text.decode("utf-8", "replace")
    assert row["label"] == label
    assert list(row["probabilities"]) == ["neg", "pos"]
    found = list(row["probabilities"].values())
    np.testing.assert_allclose(found, probabilities, atol=1e-6)
    assert row["probability"] == max(found)
    assert sum(found) == pytest.approx(1, abs=1e-6)


def test_arguments_become_json_in_order_with_their_text(predict, served):
    found = rows(predict("--json", *HARD))
    assert len(found) == len(HARD)
    for row, text in zip(found, HARD, strict=True):
        check(row, text.encode(), served)


@pytest.mark.slow
def test_texts_for_people_have_class_probability_and_text(predict, served):
    for text in HARD[:3]:
        label, probabilities = served(text.encode())
        assert predict(text) == f"{label}  {max(probabilities):.3f}  {text}\n"


def test_a_long_text_is_shown_shortened(predict):
    [line] = predict("x" * 101).splitlines()
    assert line.endswith("  " + "x" * 99 + "…")
    assert predict("x" * 100).endswith("  " + "x" * 100 + "\n")


def test_a_text_is_shown_in_a_line_that_a_terminal_leaves_as_it_is(predict):
    [line] = predict("a\r\ngood\x1b[2Jfilm\u2028").splitlines()
    assert line.endswith("  a  good [2Jfilm ")
    [line] = predict("a \u202emlif\u2069 b").splitlines()
    assert line.endswith("  a  mlif  b")


def test_a_file_has_a_text_a_line(predict, served, tmp_path):
    path = tmp_path / "texts"
    path.write_bytes("\n".join(HARD).encode())  # none at the end
    found = rows(predict("--json", "--input", path))
    for row, text in zip(found, HARD, strict=True):
        check(row, text.encode(), served)


@pytest.mark.parametrize("argv", [[], ["--input", "-"]])
def test_standard_input_has_a_text_a_line(predict, served, stdin, argv):
    stdin("\n".join([*HARD, ""]).encode())
    found = rows(predict("--json", *argv))
    for row, text in zip(found, HARD, strict=True):
        check(row, text.encode(), served)


def test_line_ends_of_windows_are_no_part_of_a_text(predict, stdin):
    stdin(b"one\r\n\r\ntwo\r\n")
    assert [row["text"] for row in rows(predict("--json"))] == ["one", "", "two"]


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 2, 3, 1000])
def test_batches_change_nothing(predict, served, stdin, batch_size):
    stdin("\n".join(HARD * 2).encode())
    found = rows(predict("--json", "--batch-size", batch_size))
    for row, text in zip(found, HARD * 2, strict=True):
        check(row, text.encode(), served)


@pytest.mark.slow
def test_a_line_of_a_megabyte_is_one_text(predict, served, stdin, tmp_path):
    text = b"good film , not bad . " * 50_000
    assert len(text) > 2**20
    path = tmp_path / "text"
    path.write_bytes(text)
    stdin(text)
    for argv in (["--input", path], []):
        [row] = rows(predict("--json", *argv))
        check(row, text, served)


def test_a_text_that_looks_like_a_flag_follows_two_dashes(predict):
    [row] = rows(predict("--json", "--", "--5 stars--"))
    assert row["text"] == "--5 stars--"


def test_results_come_batch_by_batch(run, preset, monkeypatch):
    """A pipe that gives texts slowly gets its answers meanwhile."""
    seen = []

    class Slow(io.RawIOBase):
        def __iter__(self):
            for number in range(4):
                seen.append(f"text {number}")
                yield b"A text.\n"

    class Stdin:
        buffer = Slow()

        def isatty(self):
            return False

    monkeypatch.setattr("sys.stdin", Stdin())
    monkeypatch.setattr("builtins.print", lambda *a, **k: seen.append("result"))
    assert run("predict", "--model", preset, "--batch-size", 2).code == 0
    first = seen.index("result")
    assert seen[:first] == ["text 0", "text 1"]
    assert seen.count("result") == 4
