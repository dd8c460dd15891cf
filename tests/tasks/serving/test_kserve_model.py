"""A preset behind KServe's server, asked by HTTP, beside TensorFlow's own answers."""

import base64
import concurrent.futures
import itertools
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from tests.free_port import free_port

pytest.importorskip("kserve")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SECONDS = 600  # that anything may take on a busy machine
NAME = "translation_multi30k_de_en"
FOLDER = ROOT / "pretrained" / NAME / "saved_model"
TEXTS = ["Ein Hund läuft.", "👍🏽\0", "Zwei Kinder spielen im Schnee. Eine Frau singt."]


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Asks the server by GET, or by POST: returns the status and the body."""
    port = free_port()
    command = [sys.executable, "-m", "tasks.serving", "--model_name", NAME]
    command += ["--model_dir", str(FOLDER), "--http_port", str(port)]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with log.open("w") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT)

    def ask(path, body=None, **headers):
        url = f"http://127.0.0.1:{port}{path}"
        request = urllib.request.Request(url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def is_ready():
        try:
            return ask(f"/v1/models/{NAME}")[0] == 200
        except OSError:
            return False

    try:
        until = time.monotonic() + SECONDS
        while not is_ready():
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield ask
    finally:
        server.terminate()
        server.wait(SECONDS)


@pytest.fixture(scope="module")
def predict(ask):
    """Asks for a prediction: returns the status and the JSON."""

    def predict(request, name=NAME, **headers):
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        status, answer = ask(f"/v1/models/{name}:predict", body, **headers)
        return status, json.loads(answer)

    return predict


@pytest.fixture(scope="module")
def signatures():
    import tensorflow as tf

    model = tf.saved_model.load(str(FOLDER))

    def call(name, **inputs):
        inputs = {key: tf.constant(value) for key, value in inputs.items()}
        return {k: v.numpy() for k, v in model.signatures[name](**inputs).items()}

    return call


def assert_told(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5)
        else:
            decoded = np.vectorize(lambda text: text.decode(), otypes=[object])(value)
            assert np.array(found[name], object).tolist() == decoded.tolist()


def test_rows_and_columns_are_answered_as_tensorflow_does(predict, signatures):
    expected = signatures("serving_default", text=TEXTS)
    status, answer = predict({"instances": TEXTS})
    assert status == 200
    rows = answer["predictions"]
    assert list(rows[0]) == sorted(expected)
    assert_told({name: [row[name] for row in rows] for name in rows[0]}, expected)
    named = [{"text": text} for text in TEXTS]
    assert predict({"instances": named}) == (200, answer)
    packed = [{"b64": base64.b64encode(text.encode()).decode()} for text in TEXTS]
    assert predict({"instances": packed}) == (200, answer)
    status, answer = predict({"inputs": TEXTS})
    assert status == 200
    assert_told(answer["outputs"], expected)
    named = {"inputs": {"text": TEXTS}}
    assert predict(named) == (200, answer)
    assert predict(named, **{"Content-Type": "application/json"}) == (200, answer)


def test_other_signatures_and_several_inputs_are_asked_by_name(predict, signatures):
    pair = {"text": TEXTS[:1], "translation": ["A dog runs."]}
    expected = signatures("score", **pair)["log_probability"]
    rows = {"instances": [{name: value[0] for name, value in pair.items()}]}
    for request in (rows, {"inputs": pair}):
        status, answer = predict({"signature_name": "score", **request})
        assert status == 200
        told = answer.get("outputs") or answer["predictions"][0]
        np.testing.assert_allclose(told["log_probability"], expected[0], rtol=1e-5)


SHAPE = "`text` must be strings of shape (batch,): found the shape"
NUMBERS = {"length_penalty": 0.6, "coverage_penalty": 0.0, "max_length": 5}


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (b"{", "The request is no JSON"),
        ([], "Ask by {'instances'"),
        ({}, "either 'instances', rows, or 'inputs'"),
        ({"instances": ["a"], "inputs": ["a"]}, "either 'instances'"),
        ({"instances": []}, "one row at least"),
        ({"instances": [1]}, "text must be string"),
        ({"instances": [None]}, "text must be string"),
        ({"instances": ["\ud800"]}, "text must be string"),
        ({"instances": [{"b64": "?"}]}, "text must be string"),
        ({"instances": [["a"]]}, f"{SHAPE} [1 1]."),
        ({"instances": [{"texts": "a"}]}, "Inputs must be text: found texts."),
        ({"inputs": "a"}, f"{SHAPE} []."),
        ({"inputs": ["a", ["b"]]}, "text must be string"),
        ({"signature_name": "x", "inputs": ["a"]}, "no signature 'x': take one of"),
        ({"signature_name": "translate", "inputs": ["a"]}, "found no names"),
        (
            {
                "signature_name": "translate",
                "inputs": {"text": ["a"], **NUMBERS, "length_penalty": -1.0},
            },
            "length_penalty",
        ),
        (
            {
                "signature_name": "translate",
                "inputs": {"text": ["a"], **NUMBERS, "max_length": 0.5},
            },
            "max_length must be int32: found 0.5, which is no whole number",
        ),
        *(
            (
                {
                    "signature_name": "translate",
                    "inputs": {"text": ["a"], **NUMBERS, "max_length": number},
                },
                f"max_length must be int32: found {told}",
            )
            for number, told in [
                (2**32 + 50, "4294967346, not from -2147483648 to 2147483647"),
                (2**31, "2147483648, not from"),
                ([-(2**31) - 1], "-2147483649, not from"),
                (2**70, f"{2**70}, not from"),
                (True, "true, which is no whole number"),
                ([5, True], "true, which is no whole number"),
                ("5", '"5", which is no whole number'),
            ]
        ),
    ],
)
def test_what_is_wrong_is_told_with_status_400(predict, request_, told):
    status, answer = predict(request_)
    assert status == 400
    assert told in answer["error"]


def test_a_model_that_is_not_there_is_not_found(predict):
    assert predict({"inputs": ["a"]}, "another")[0] == 404


def test_metrics_count_the_predictions(ask, predict):
    def count():
        status, page = ask("/metrics")
        assert status == 200
        head = f'request_predict_seconds_count{{model_name="{NAME}"}}'
        counts = [
            line.split()[-1] for line in page.decode().splitlines() if head in line
        ]
        return sum(map(float, counts))

    before = count()
    predict({"inputs": ["Ein Hund."]})
    assert count() == before + 1


def test_32_clients_at_once_each_get_their_own_answer(predict, signatures):
    words = ["Hund", "Mann", "Junge", "Ball", "Baum", "Tisch", "Vogel", "Fluss"]
    pairs = itertools.product(words, words[:4])
    texts = [f"Ein {first} und ein {second}." for first, second in pairs]
    expected = signatures("greedy", text=texts)["translation"]
    assert len(set(expected)) > 16

    def of(text):
        return predict({"signature_name": "greedy", "instances": [text]})

    of(texts[0])  # of 32 first calls at once, each would plan the graph
    with concurrent.futures.ThreadPoolExecutor(32) as clients:
        answers = list(clients.map(of, texts))
    assert [status for status, _ in answers] == 32 * [200]
    found = [answer["predictions"][0]["translation"] for _, answer in answers]
    assert found == [text.decode() for text in expected]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model_dir", "{empty}"], "there is no SavedModel in {empty}\n"),
        (
            ["--model_dir", f"{FOLDER.parent}/"],
            f"in {FOLDER.parent}/, but in {FOLDER}: give that",
        ),
        (["--model_dir", f"{FOLDER}", "--workers", "2"], "--workers: a SavedModel "),
    ],
)
def test_what_can_not_be_served_is_told_in_a_sentence(tmp_path, arguments, told):
    given = [argument.format(empty=tmp_path) for argument in arguments]
    command = [sys.executable, "-m", "tasks.serving", *given]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert told.format(empty=tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
