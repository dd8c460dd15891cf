"""Calls a function in a process of its own.

    python -m tests.benchmarks.fresh_process MODULE FUNCTION ARGUMENTS_AS_JSON

Started by `call`, not by hand.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def call(function: Callable, environment: dict | None = None, **arguments):
    """Returns a function's result, computed by a process that did nothing before.

    Args:
        function: of a module that can be imported.
        environment: variables beside the present ones.
        **arguments: the function's; they and the result are JSON.

    Raises:
        RuntimeError: it failed; with the end of what it wrote to standard error.
    """
    # Of a program that runs, `__module__` is "__main__"; its spec has the real name.
    module = sys.modules[function.__module__].__spec__.name
    command = [
        *(sys.executable, "-m", __name__, module, function.__name__),
        json.dumps(arguments),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        raise RuntimeError(f"{function.__name__}{arguments}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints the result on the last line."""
    module, function, arguments = sys.argv[1:]
    result = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
