"""One contestant in a process of its own, asked over its standard input.

    python -m tests.benchmarks.worker MODULE NAME

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

WARM_UP = 2
CALLS_A_TURN = 50


class Desk:
    """What a worker can be asked for.

    Args:
        module: the one of this package whose `Contestant` computes. It is made of a
            name and what `prepare` is given, has `run()`, which is timed, and
            `results()`, a list of arrays.
        name: what it is to compute by, such as "zoo" or "keras".
    """

    def __init__(self, module: str, name: str):
        self._name = name
        self._contestant_class = importlib.import_module(
            f"tests.benchmarks.{module}"
        ).Contestant
        self._contestant = None

    def prepare(self, **request) -> dict:
        """Makes a case ready: builds, traces, compiles and warms up.

        Returns:
            `first_call`, the seconds that the first call took.
        """
        self._contestant = None  # the one before goes first: its memory is needed
        contestant = self._contestant_class(self._name, **request)
        began = time.perf_counter()
        contestant.run()
        first_call = time.perf_counter() - began
        for _ in range(WARM_UP):
            contestant.run()
        self._contestant = contestant
        return {"first_call": first_call}

    def path(self) -> str:
        """Returns which path through time a layer of the zoo took."""
        return self._contestant.path()

    def save(self, path: str) -> None:
        """Writes the contestant's results, as arr_0, arr_1, …"""
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
    serve(sys.stdin, replies, Desk(*sys.argv[1:]))


if __name__ == "__main__":
    main()
