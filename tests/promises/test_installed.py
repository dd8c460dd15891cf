"""What is installed from a wheel does what a checkout does, wherever it is called."""

import os
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRESETS = sorted(path.name for path in (ROOT / "pretrained").iterdir())
SOURCES = ("LICENSE", "README.md", "pyproject.toml", "setup.cfg")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Returns the wheel of this checkout, built from a copy of it."""
    folder = tmp_path_factory.mktemp("wheel")
    for part in ("zoo", "tasks", "pretrained"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, folder / "source" / part, ignore=ignored)
    for name in SOURCES:
        shutil.copy(ROOT / name, folder / "source")
    build = "from setuptools import build_meta as b; b.build_wheel('..')"
    done = subprocess.run(
        [sys.executable, "-c", build],
        cwd=folder / "source",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "would be ignored" not in done.stderr  # setuptools', of package data
    shutil.rmtree(folder / "source")
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel):
    """Returns the interpreter of an environment that the wheel is installed in.

    The libraries are those that are here; the zoo that is here isn't.
    """
    folder = wheel.parent / "environment"
    venv.create(folder)
    found = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", found, "--quiet"]
    install = ["install", "--no-deps", "--no-index", wheel]
    subprocess.run([*pip, *install], check=True)
    [packages] = folder.glob("**/site-packages")
    libraries = "\n".join(site.getsitepackages())
    (packages / "libraries.pth").write_text(libraries, "utf-8")
    return found


@pytest.fixture
def run(python, tmp_path):
    """Returns a function that runs a program in another folder."""

    def run_there(*command, **variables):
        hidden = ("PYTHONPATH", "ZOO_PRETRAINED", "ZOO_PRESETS_URL")
        environment = {k: v for k, v in os.environ.items() if k not in hidden}
        return subprocess.run(
            [python, *command],
            cwd=tmp_path,
            env=environment | variables,
            capture_output=True,
            text=True,
        )

    return run_there


def test_wheel_holds_the_code_the_types_and_every_file_of_every_preset(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        f"zoo/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "pretrained").rglob("*")
        if path.is_file()
    }
    modules = {
        path.relative_to(ROOT).as_posix()
        for part in ("zoo", "tasks")
        for path in (ROOT / part).rglob("*.py")
    }
    assert expected | modules <= names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "tasks",
        "zoo",
    }


USE = """
import functools, http.server, os, threading, zoo, tensorflow as tf
from tasks.__main__ import main

print(zoo.__file__)
print([each.name for each in zoo.presets.list()])
print(zoo.from_preset("sentiment_imdb").classify(["Dull.", "I loved it!"])["label"])
model = tf.saved_model.load(zoo.presets.find("sentiment_imdb") / "saved_model")
print(model.signatures["serving_default"](text=tf.constant(["Dull."]))["label"])

pack = "sentiment pack sentiment_imdb --output served/birds.zip"
assert main(pack.split()) == 0
handler = http.server.SimpleHTTPRequestHandler
handler = functools.partial(handler, directory="served")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["ZOO_PRESETS_URL"] = f"http://127.0.0.1:{server.server_port}"
print(zoo.from_preset("birds"), zoo.presets.find("birds"))
for command in (
    ["sentiment", "predict", "Friendly staff and a spotless room."],
    ["ner", "predict", "Teddy Roosevelt was born in New York."],
    ["text", "generate", "--prompt", "This film", "--length", "5", "--seed", "1"],
    ["music", "generate", "--steps", "8", "--seed", "1", "--output", "music"],
    ["translation", "translate", "Zwei Hunde spielen im Schnee."],
):
    print("-----", flush=True)
    assert main(command) == 0, command
"""


def test_presets_and_templates_work_from_any_folder(run, python, tmp_path):
    done = run("-c", USE, KERAS_HOME=str(tmp_path / "keras"))
    assert done.returncode == 0, done.stderr[-2000:]
    api, sentiment, ner, text, _, translation = done.stdout.split("-----\n")
    assert api.startswith(str(python.parent.parent))
    assert str(PRESETS) in api
    assert "[b'neg' b'pos']" in api
    assert "[b'neg']" in api
    assert "<SequenceClassifier 'sentiment': " in api
    assert str(tmp_path / "keras" / "zoo" / "birds-") in api
    assert sentiment.startswith("positive ")
    assert "PER" in ner
    assert text.startswith("This film")
    assert list((tmp_path / "music").glob("*.mid"))
    assert translation.startswith("Two dogs ")


PAGE = """
import tasks.demo.page, zoo
print(tasks.demo.page.__file__, zoo.__file__)
"""


def test_the_page_can_be_opened(run, python):
    pytest.importorskip("gradio")
    done = run("-c", PAGE)
    assert done.returncode == 0, done.stderr[-2000:]
    for path in done.stdout.split():
        assert path.startswith(str(python.parent.parent))


def test_the_command_is_there_and_tells_what_is_wrong_in_a_sentence(run, python):
    command = [python.with_name("zoo"), "sentiment", "predict", "--model", "imdb", "x"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.endswith("Unknown preset 'imdb'. Did you mean 'sentiment_imdb'?")


def test_zoo_in_an_archive_says_that_its_presets_are_out_of_reach(run, wheel):
    ask = "import zoo; zoo.from_preset('sentiment_imdb')"
    done = run("-c", f"import sys; sys.path.insert(0, {str(wheel)!r}); {ask}")
    last = done.stderr.splitlines()[-1]
    assert "Unknown preset 'sentiment_imdb'." in last
    assert f"is imported from an archive, {wheel}" in last
    assert "install it by pip" in last
