"""Asks SavedModels in a process that has TensorFlow alone: no keras, zoo or tasks."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import pickle, sys
for module in ("keras", "tf_keras", "zoo", "tasks"):
    sys.modules[module] = None  # an import raises
import tensorflow as tf

with open("calls", "rb") as file:
    calls = pickle.load(file)

loaded = {}

def answer(path, signature, inputs):
    if path not in loaded:
        loaded[path] = tf.saved_model.load(path)
    tensors = {name: tf.constant(*value) for name, value in inputs.items()}
    try:
        results = loaded[path].signatures[signature](**tensors)
    except tf.errors.OpError as error:
        return str(error)
    return {name: tensor.numpy() for name, tensor in results.items()}

answers = {name: answer(*call) for name, call in calls.items()}
signatures = {path: sorted(model.signatures) for path, model in loaded.items()}
with open("answers", "wb") as file:
    pickle.dump((answers, signatures), file)
"""


def ask(folder: Path, calls: dict) -> tuple[dict, dict]:
    """Calls signatures of SavedModels.

    Args:
        folder: an empty folder to work in, but for the SavedModels.
        calls: by any names, tuples of a SavedModel's path in `folder`, a signature
            and its inputs: a dict of (value, dtype's name) by argument.

    Returns:
        By the names of `calls`, what came back, a dict of arrays, or the error's
        text; and by SavedModel the names of its signatures.
    """
    (folder / "script.py").write_text(_SCRIPT)
    (folder / "calls").write_bytes(pickle.dumps(calls))
    process = subprocess.run(
        [sys.executable, "-P", "script.py"],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return pickle.loads((folder / "answers").read_bytes())
