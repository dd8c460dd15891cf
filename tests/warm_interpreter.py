"""Programs in processes of their own, without the seconds that their imports take.

One interpreter imports what they need; each runs in a fork of it.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

_SERVER = """
import json, os, sys, traceback

exec(sys.argv[1])

def run(program, folder, argv, out, err):
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY), number)
    sys.argv, code = argv, 0
    try:
        exec(compile(program, "program", "exec"), {"__name__": "__main__"})
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

for line in sys.stdin:
    child = os.fork()
    if not child:
        run(*json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class WarmInterpreter:
    """An interpreter that has imported something and runs programs in forks of it."""

    def __init__(self, imports: str, environment: dict | None = None):
        """Starts it.

        Args:
            imports: a program that is run once, before all others.
            environment: the environment's variables; None: this process's.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _SERVER, imports],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, program: str, folder: Path, *argv: str):
        """Runs a program, and returns the `subprocess.CompletedProcess`.

        Args:
            program: what is run as `__main__`.
            folder: where.
            *argv: its name, and its arguments.
        """
        with tempfile.TemporaryDirectory() as place:
            paths = Path(place, "out"), Path(place, "err")
            for path in paths:
                path.touch()
            asked = [program, os.fspath(folder), argv or ("-c",), *map(str, paths)]
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            printed = (path.read_text("utf-8", "replace") for path in paths)
            return subprocess.CompletedProcess(argv, code, *printed)

    def close(self) -> None:
        """Ends it."""
        self._process.communicate()
