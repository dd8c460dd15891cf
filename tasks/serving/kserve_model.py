r"""A SavedModel behind KServe's own server: an example to copy.

    python -m tasks.serving --model_name sentiment_en \
        --model_dir pretrained/sentiment_en/saved_model --http_port 8080

It needs TensorFlow and KServe, and nothing of the zoo. HTTP, metrics, health and
shutdown are KServe's; what is here calls the SavedModel's functions by the protocol
that TensorFlow Serving has too: rows (`instances`) or columns (`inputs`).
"""

import argparse
import asyncio
import base64
import json
import re
from typing import Any

import kserve
import tensorflow as tf
from kserve.errors import InvalidInput


class SavedModel(kserve.Model):
    """What a SavedModel answers, by its signatures.

    Args:
        name: by which clients ask for it.
        folder: the SavedModel's.
    """

    def __init__(self, name: str, folder: str):
        super().__init__(name)
        self._folder = folder
        self._signatures: dict[str, Any] = {}

    def load(self) -> bool:
        """Loads the SavedModel; from then on the server is ready."""
        self._model = tf.saved_model.load(self._folder)
        self._signatures = dict(self._model.signatures)
        self.ready = True
        return self.ready

    async def predict(self, payload: Any, headers: Any = None) -> dict:
        """Answers a request, while others are answered.

        Args:
            payload: `{"instances": rows}` or `{"inputs": columns}`, and the
                `signature_name` where it isn't "serving_default".
            headers: not looked at.

        Returns:
            `{"predictions": rows}` or `{"outputs": columns}`.

        Raises:
            InvalidInput: status 400, and what was wrong.
        """
        return await asyncio.to_thread(self._answer, payload)

    def _answer(self, payload):
        payload = _read(payload)
        name = payload.get("signature_name", "serving_default")
        if name not in list(self._signatures):
            raise InvalidInput(
                f"There is no signature {name!r}: take one of "
                f"{', '.join(sorted(self._signatures))}."
            )
        if ("instances" in payload) == ("inputs" in payload):
            raise InvalidInput("Give either 'instances', rows, or 'inputs', columns.")
        function = self._signatures[name]
        specs = function.structured_input_signature[1]
        if "instances" in payload:
            columns = _columns(payload["instances"], specs)
            return {"predictions": _rows(_called(function, specs, columns))}
        columns = _named(payload["inputs"], specs)
        outputs = _called(function, specs, columns)
        return {"outputs": _alone(outputs)}


def _read(payload):
    """Returns a request's JSON, an object."""
    try:
        # KServe reads what is said to be JSON; `curl -d` doesn't say so.
        request = json.loads(payload) if isinstance(payload, bytes) else payload
    except ValueError as error:
        raise InvalidInput(f"The request is no JSON: {error}") from error
    except RecursionError as error:
        raise InvalidInput("The request is nested too deeply.") from error
    if not isinstance(request, dict):
        raise InvalidInput("Ask by {'instances': [...]} or {'inputs': ...}.")
    return request


def _columns(rows, specs):
    """Returns rows, each an object or the only input's value, as lists by names."""
    if not isinstance(rows, list) or not rows:
        raise InvalidInput("'instances' must be a list of one row at least.")
    rows = [_named(row, specs) for row in rows]
    return {name: [row[name] for row in rows] for name in specs}


def _named(given, specs):
    """Returns values by their inputs' names, of which one alone needs none."""
    is_object = isinstance(given, dict) and given.keys() != {"b64"}
    if not is_object and len(specs) == 1:
        return {next(iter(specs)): given}
    if not is_object or given.keys() != specs.keys():
        found = ", ".join(map(str, given)) if is_object else "no names"
        raise InvalidInput(f"Inputs must be {', '.join(specs)}: found {found}.")
    return given


def _called(function, specs, columns):
    """Returns what a function answers, as nested lists by their names."""
    inputs = {name: _tensor(columns[name], spec) for name, spec in specs.items()}
    try:
        outputs = function(**inputs)
    except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
        # The sentence without what is around it.
        told = re.search(r"assertion failed: \[(.*)\]$", str(error), re.MULTILINE)
        raise InvalidInput(told[1] if told else str(error)) from error
    return {name: _plain(outputs[name].numpy().tolist()) for name in sorted(outputs)}


def _tensor(value, spec):
    try:
        if spec.dtype.is_integer or spec.dtype.is_floating:
            _check_numbers(value, spec.dtype)
        return tf.constant(_texts(value), spec.dtype)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{spec.name} must be {spec.dtype.name}: {error}") from error
    except RecursionError as error:
        raise InvalidInput(f"{spec.name} is nested too deeply.") from error


def _check_numbers(value, dtype):
    """Raises an error if TensorFlow would take a value for another number.

    It takes 2**32 for 0, and true for 1.
    """
    if isinstance(value, list):
        for each in value:
            _check_numbers(each, dtype)
    elif isinstance(value, bool) or (dtype.is_integer and not isinstance(value, int)):
        kind = "whole number" if dtype.is_integer else "number"
        raise TypeError(f"found {json.dumps(value)}, which is no {kind}")
    elif isinstance(value, int) and not dtype.min <= value <= dtype.max:
        raise ValueError(f"found {value}, not from {dtype.min} to {dtype.max}")


def _texts(value):
    """Returns a value whose bytes, {"b64": …} in JSON, are bytes."""
    if isinstance(value, dict) and value.keys() == {"b64"}:
        return base64.b64decode(value["b64"], validate=True)
    return [_texts(each) for each in value] if isinstance(value, list) else value


def _plain(value):
    """Returns a value that JSON can hold."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _rows(outputs):
    """Returns outputs row by row."""
    sizes = {len(each) if isinstance(each, list) else None for each in outputs.values()}
    if None in sizes or len(sizes) > 1:
        raise InvalidInput("Its outputs are no rows: ask by 'inputs', in columns.")
    rows = zip(*outputs.values(), strict=True)
    return [_alone(dict(zip(outputs, row, strict=True))) for row in rows]


def _alone(outputs):
    """Returns an output that is the only one without its name."""
    return outputs if len(outputs) > 1 else next(iter(outputs.values()))


def main(program: str | None = None) -> None:
    """Serves until it is told to leave.

    Args:
        program: what it is called by, for help and messages.
    """
    parser = argparse.ArgumentParser(program, parents=[kserve.model_server.parser])
    parser.add_argument("--model_dir", required=True, help="The SavedModel's folder.")
    arguments = parser.parse_args()
    if arguments.workers > 1:
        parser.error(
            "--workers: a SavedModel can't be handed to other processes. One answers "
            "clients side by side; for more start several servers"
        )
    if not tf.saved_model.contains_saved_model(arguments.model_dir):
        inner = f"{arguments.model_dir.rstrip('/')}/saved_model"
        hint = ""
        if tf.saved_model.contains_saved_model(inner):
            hint = f", but in {inner}: give that"
        parser.error(
            f"--model_dir: there is no SavedModel in {arguments.model_dir}{hint}"
        )
    model = SavedModel(arguments.model_name, arguments.model_dir)
    model.load()
    kserve.ModelServer(enable_grpc=False).start([model])


if __name__ == "__main__":
    main()
