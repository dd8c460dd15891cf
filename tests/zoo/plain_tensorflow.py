"""Asks SavedModels in a process that has TensorFlow alone: no keras, zoo or tasks.

By `tf.saved_model.load`, as Python does; or in a session, as TensorFlow Serving,
`saved_model_cli` and the other languages do.
"""

import functools
import os
import pickle
from pathlib import Path

from tests.warm_interpreter import WarmInterpreter

_IMPORTS = """
import sys
for module in ("keras", "tf_keras", "zoo", "tasks"):
    sys.modules[module] = None  # an import raises
import tensorflow
"""
_SCRIPT = """
import pickle, sys
import tensorflow as tf

with open("calls", "rb") as file:
    calls = pickle.load(file)

class Loaded:
    def __init__(self, path):
        self.model = tf.saved_model.load(path)
        self.signatures = sorted(self.model.signatures)

    def __call__(self, signature, inputs):
        results = self.model.signatures[signature](**inputs)
        return {name: tensor.numpy() for name, tensor in results.items()}

class InSession:
    def __init__(self, path):
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        load = tf.compat.v1.saved_model.loader.load
        self.definitions = load(self.session, ["serve"], path).signature_def
        self.signatures = sorted(set(self.definitions) - {"__saved_model_init_op"})

    def __call__(self, signature, inputs):
        definition = self.definitions[signature]
        fed = {definition.inputs[name].name: v.numpy() for name, v in inputs.items()}
        wanted = {name: info.name for name, info in definition.outputs.items()}
        return self.session.run(wanted, fed)

loaders, loaded = {"python": Loaded, "session": InSession}, {}

def answer(path, signature, inputs):
    if path not in loaded:
        loaded[path] = loaders[sys.argv[1]](path)
    tensors = {name: tf.constant(*value) for name, value in inputs.items()}
    try:
        return loaded[path](signature, tensors)
    except tf.errors.OpError as error:
        return error.message

answers = {name: answer(*call) for name, call in calls.items()}
signatures = {path: model.signatures for path, model in loaded.items()}
with open("answers", "wb") as file:
    pickle.dump((answers, signatures), file)
"""


@functools.cache
def _interpreter():
    """One that has imported TensorFlow, and takes it from where it is installed."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return WarmInterpreter(_IMPORTS, environment)


def ask(folder: Path, calls: dict, loader: str = "python") -> tuple[dict, dict]:
    """Calls signatures of SavedModels.

    Args:
        folder: an empty folder to work in, but for the SavedModels.
        calls: by any names, tuples of a SavedModel's path in `folder`, a signature
            and its inputs: a dict of (value, dtype's name) by argument.
        loader: "python" or "session".

    Returns:
        By the names of `calls`, what came back, a dict of arrays, or the error's
        text; and by SavedModel the names of its signatures.
    """
    (folder / "calls").write_bytes(pickle.dumps(calls))
    process = _interpreter().run(_SCRIPT, folder, "script", loader)
    assert process.returncode == 0, process.stderr
    return pickle.loads((folder / "answers").read_bytes())
