"""A process that is killed while it saves leaves a preset that is old or new."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

import zoo
from zoo.models import SequenceClassifier

pytestmark = pytest.mark.slow

OLD = {"tokens": ["a"], "units": 1}
NEW = {"tokens": ["a", "b"], "units": 2}

# Importing TensorFlow takes longest: the imports are done once, then each child
# has a kill of its own.
CHILDREN = """
import ast, os, shutil, sys
import tensorflow as tf
from zoo.models import SequenceClassifier

kills, arguments = map(ast.literal_eval, sys.argv[1:])

def save(name, number, path):
    module = {"replace": os, "rmtree": shutil, "save": tf.saved_model}[name]
    original, calls = getattr(module, name), []

    def kill(*args, **kwargs):
        calls.append(args)
        if len(calls) == number:
            os.kill(os.getpid(), 9)
        result = original(*args, **kwargs)
        if len(calls) == -number:
            os.kill(os.getpid(), 9)
        return result

    setattr(module, name, kill)
    tokens = arguments.pop("tokens")
    model = SequenceClassifier(tokens, "ny", cell="rnn", pooling="last", **arguments)
    model.save_to_preset(path)

for path, (name, number, _) in kills.items():
    child = os.fork()
    if not child:
        try:
            save(name, number, path)
        finally:
            os._exit(1)
    print(path, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

KILLS = {
    "after the graph is written": ("save", -1, OLD),
    "before the config takes its place": ("replace", 2, OLD),
    "before the new preset takes its place": ("replace", 4, OLD),
    "after the new preset has taken its place": ("replace", -4, NEW),
}


def make(tokens, **arguments):
    return SequenceClassifier(tokens, "ny", cell="rnn", pooling="last", **arguments)


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """Returns the presets that a killed save was to replace, by the kill."""
    folder = tmp_path_factory.mktemp("kills")
    make(**OLD).save_to_preset(folder / "old")
    found = {}
    for number, kill in enumerate(KILLS):
        found[kill] = folder / str(number) / "preset"
        shutil.copytree(folder / "old", found[kill])
    kills = {os.fspath(path): KILLS[kill] for kill, path in found.items()}
    process = subprocess.run(
        [sys.executable, "-c", CHILDREN, repr(kills), repr(NEW)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    codes = dict(line.rsplit(" ", 1) for line in process.stdout.splitlines())
    killed = dict.fromkeys(kills, str(-signal.SIGKILL))
    assert codes == killed, process.stderr
    return found


@pytest.mark.parametrize("kill", KILLS)
def test_preset_is_old_or_new_and_whole(kill, presets):
    path = presets[kill]

    model = zoo.from_preset(path)

    *_, expected = KILLS[kill]
    assert model.vocabulary.ordinary_tokens == expected["tokens"]
    assert model.config["units"] == expected["units"]
    assert np.isfinite(model.classify(["a b"])["probability"]).all()
    contents = {file.name for file in path.iterdir()}
    assert contents == {"config.json", "saved_model"}


def test_save_after_a_killed_one_succeeds(presets):
    path = presets["before the new preset takes its place"]
    make(**NEW).save_to_preset(path)
    assert zoo.from_preset(path).config["units"] == NEW["units"]
