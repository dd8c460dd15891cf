"""Commands that have to work, and what they leave."""

import contextlib
import io
import json

from tasks.cli import command_line as cli


def succeed(template, *argv):
    """Runs a command that has to work, and returns what it printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = cli.main(template, list(map(str, argv)))
    assert code == 0
    return out.getvalue()


def read_json(path):
    return json.loads(path.read_text("utf-8"))


def history(output):
    """Returns the lines of a training's history, without the seconds."""
    lines = (output / "checkpoints" / "history.csv").read_text().splitlines()
    names = lines[0].split(",")
    return [
        {k: v for k, v in zip(names, line.split(","), strict=True) if k != "seconds"}
        for line in lines[1:]
    ]
