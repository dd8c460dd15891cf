"""One framework in a process of its own, asked over its standard input.

    python -m tests.benchmarks.worker zoo|keras|torch

A request is a line of JSON, `{"do": NAME, …arguments}`; the answer is a line too,
`{"answer": …}` or `{"error": the traceback}`. Between requests the process waits for
the next line and computes nothing. Started by `workers.Worker`, not by hand.
"""

import importlib
import json
import os
import sys
import time
import traceback

import numpy as np

from tests.benchmarks import cases

WARM_UP = 2
CALLS_A_TURN = 50


class Desk:
    """What a worker can be asked for.

    Args:
        library: "zoo", "keras" or "torch".
    """

    def __init__(self, library: str):
        self._library = library
        module = "torch_layers" if library == "torch" else "tensorflow_layers"
        self._contestant_class = importlib.import_module(
            f"tests.benchmarks.{module}"
        ).Contestant
        self._contestant = None

    def prepare(self, case: dict, seed: int, options: dict) -> dict:
        """Makes a case ready: builds, traces, compiles and warms up.

        Returns:
            `first_call`, the seconds that the first call took, and `path`.
        """
        self._contestant = None  # the one before goes first: its memory is needed
        case = cases.Case.from_json(case)
        contestant = self._contestant_class(
            self._library, case, cases.data(case, seed), options
        )
        began = time.perf_counter()
        contestant.run()
        first_call = time.perf_counter() - began
        for _ in range(WARM_UP):
            contestant.run()
        self._contestant = contestant
        return {"first_call": first_call, "path": contestant.path()}

    def save(self, path: str) -> None:
        """Writes the case's outputs and gradients, as arr_0, arr_1, …"""
        np.savez(path, *self._contestant.results())

    def measure(self, seconds: float) -> list[float]:
        """Returns how long each call took, of as many as `seconds` has room for.

        One call before them is not measured: since the last turn this process'
        threads were asleep, and another's data in the caches.
        """
        run = self._contestant.run
        run()
        times = []
        while not times or (sum(times) < seconds and len(times) < CALLS_A_TURN):
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
        return times


def serve(requests, replies, desk) -> None:
    """Answers requests, a line each, until there are no more."""
    for line in requests:
        request = json.loads(line)
        try:
            reply = {"answer": getattr(desk, request.pop("do"))(**request)}
        except Exception:
            reply = {"error": traceback.format_exc()}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def main() -> None:
    """Answers on what was standard output; whatever else is printed is a log."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin, replies, Desk(sys.argv[1]))


if __name__ == "__main__":
    main()
