"""A stand-in for TensorFlow Serving's REST interface, over SavedModels in sessions.

`POST /v1/models/NAME:predict` takes and gives JSON by the rules of the public API
(https://www.tensorflow.org/tfx/serving/api_rest) and of its `json_tensor.cc`:

- `instances` are rows: each a value, or an object that has every input; all rows of an
  input have one shape. `predictions` come back as rows, and so every output must have
  as many. `inputs` are columns, and `outputs` come back.
- A string is text, or an object whose one key is `b64`. What comes back is text, but
  from an output whose name ends with `_bytes`.
- A number isn't taken for a string, nor a fraction for a whole number.
- A function without an input can't be called.

NaN and infinity, which JSON doesn't have, it refuses to answer; TensorFlow Serving
writes them, and clients fail.
"""

import base64
import contextlib
import http.server
import json
import threading
import urllib.error
import urllib.request

import numpy as np
import tensorflow as tf


class RestError(Exception):
    """What the server answers with status 400."""


def _leaf(value, dtype):
    if isinstance(value, dict) and dtype == tf.string:
        if list(value) != ["b64"] or not isinstance(value["b64"], str):
            raise RestError("not formatted correctly for base64 data")
        return base64.b64decode(value["b64"], validate=True)
    kinds = str if dtype == tf.string else int if dtype.is_integer else (int, float)
    if dtype == tf.bool:
        kinds = bool
    if not isinstance(value, kinds) or (isinstance(value, bool) and dtype != tf.bool):
        raise RestError(f"{value!r} is not of expected type: {dtype.name}")
    return value.encode() if dtype == tf.string else value


def _shape(value):
    if not isinstance(value, list):
        return ()
    return len(value), *(_shape(value[0]) if value else ())


def _array(value, dtype):
    """Returns nested lists as an array, or raises if they are ragged."""
    shape, leaves = _shape(value), []

    def fill(part, level):
        if not isinstance(part, list):
            if level != len(shape):
                raise RestError(f"found at incorrect level: {level}")
            leaves.append(_leaf(part, dtype))
            return
        if level >= len(shape) or len(part) != shape[level]:
            raise RestError(f"list at unexpected size: {len(part)}")
        for each in part:
            fill(each, level + 1)

    fill(value, 0)
    kind = object if dtype == tf.string else dtype.as_numpy_dtype
    return np.array(leaves, kind).reshape(shape)


def _is_object(value):
    return isinstance(value, dict) and list(value) != ["b64"]


def _of_rows(rows, dtypes):
    if not isinstance(rows, list) or not rows:
        raise RestError("No values in 'instances' array")
    named = _is_object(rows[0])
    if not named and len(dtypes) > 1:
        raise RestError("instances is a plain list, but expecting list of objects")
    columns = {name: [] for name in dtypes}
    for row in rows:
        if _is_object(row) != named:
            raise RestError("some of 'instances' are objects, and some are not")
        row = row if named else {next(iter(dtypes)): row}
        if row.keys() != dtypes.keys():
            raise RestError(f"keys must be equal to: {','.join(sorted(dtypes))}")
        for name, value in row.items():
            columns[name].append(_array(value, dtypes[name]))
    for name, arrays in columns.items():
        if len({array.shape for array in arrays}) > 1:
            raise RestError(f"Expecting shape {arrays[0].shape} of each {name}")
    return {name: np.stack(arrays) for name, arrays in columns.items()}


def _of_columns(given, dtypes):
    if not _is_object(given):
        if len(dtypes) > 1:
            raise RestError("inputs is a plain value/list, but expecting an object")
        given = {next(iter(dtypes)): given}
    missing = sorted(dtypes.keys() - given.keys())
    if missing:
        raise RestError(f"Missing named input: {missing[0]}")
    return {name: _array(given[name], dtype) for name, dtype in dtypes.items()}


def _plain(name, array):
    if array.dtype.kind not in "OS":
        return array.tolist()
    if array.ndim:
        return [_plain(name, np.asarray(each, object)) for each in array]
    value = array.item()
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(value).decode()}
    return value.decode("utf-8")


def _as_rows(outputs):
    if len({len(array) if array.ndim else -1 for array in outputs.values()}) != 1:
        raise RestError("inconsistent batch size")
    plain = {name: _plain(name, array) for name, array in outputs.items()}
    if len(plain) == 1:
        return {"predictions": next(iter(plain.values()))}
    rows = zip(*plain.values(), strict=True)
    return {"predictions": [dict(zip(plain, row, strict=True)) for row in rows]}


def _as_columns(outputs):
    plain = {name: _plain(name, array) for name, array in outputs.items()}
    return {"outputs": plain if len(plain) > 1 else next(iter(plain.values()))}


class _Model:
    """A SavedModel in a session, loaded when it is first asked."""

    def __init__(self, path):
        self._path, self._session = path, None

    def predict(self, request):
        if self._session is None:
            self._session = tf.compat.v1.Session(graph=tf.Graph())
            load = tf.compat.v1.saved_model.loader.load
            loaded = load(self._session, ["serve"], str(self._path))
            self._definitions = loaded.signature_def
        name = request.get("signature_name", "serving_default")
        if name not in self._definitions:
            raise RestError(f'Serving signature name: "{name}" not found')
        definition = self._definitions[name]
        infos = definition.inputs
        dtypes = {key: tf.as_dtype(infos[key].dtype) for key in sorted(infos)}
        if not dtypes:
            raise RestError(f"Failed to get input map for signature: {name}")
        if ("instances" in request) == ("inputs" in request):
            raise RestError("Missing 'inputs' or 'instances' key, or both are there")
        by_row = "instances" in request
        read, write = (_of_rows, _as_rows) if by_row else (_of_columns, _as_columns)
        fed = read(request["instances" if by_row else "inputs"], dtypes)
        fed = {infos[key].name: array for key, array in fed.items()}
        wanted = {key: info.name for key, info in definition.outputs.items()}
        try:
            found = self._session.run(wanted, fed)
        except tf.errors.OpError as error:
            raise RestError(error.message) from error
        found = {key: np.asarray(value) for key, value in found.items()}
        return write(found)


def _handler(models):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            name, _, verb = self.path.removeprefix("/v1/models/").partition(":")
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                if verb != "predict" or name not in models:
                    raise RestError(f"Malformed request: POST {self.path}")
                answer = models[name].predict(json.loads(body))
                code, content = 200, json.dumps(answer, allow_nan=False)
            except (RestError, ValueError) as error:
                code, content = 400, json.dumps({"error": str(error)})
            content = content.encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            """Says nothing on stderr."""

    return Handler


@contextlib.contextmanager
def serving(paths: dict):
    """Serves SavedModels, by name, on a free port of this machine.

    Yields:
        `ask(name, request) → answer`, dicts; an error's answer has the key `error`.
    """
    models = {name: _Model(path) for name, path in paths.items()}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(models))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def ask(name, request):
        url = f"http://127.0.0.1:{server.server_port}/v1/models/{name}:predict"
        try:
            with urllib.request.urlopen(url, json.dumps(request).encode()) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())

    try:
        yield ask
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
