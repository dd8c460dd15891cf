"""Lines of JSON, printed and written, that others than Python read."""

import json
import math
from pathlib import Path

import pytest

from tasks.data import json_lines, tables

TASKS = Path(tables.__file__).parents[1]
LOST = float("nan"), math.inf, -math.inf


def read(line):
    """Reads JSON as others do, to whom NaN and Infinity are none."""

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(line, parse_constant=refuse)


def test_what_is_no_number_is_null_in_json():
    content = {"a": LOST, "é": [{"b": -math.inf}, "NaN", 0.5, 3, True, None]}
    line = json_lines.line(content)
    assert read(line) == {
        "a": [None] * 3,
        "é": [{"b": None}, "NaN", 0.5, 3, True, None],
    }
    assert "é" in line
    assert "\n" not in line


@pytest.mark.parametrize("kind", [tables.CSV, tables.TSV, tables.JSON_LINES])
def test_answers_in_a_table_and_its_own_cells_are_json(kind):
    records = [{"own": value, "found": [value, "x"]} for value in LOST]
    lines = [*tables.written(records, ("own", "found"), kind)]
    if kind == tables.JSON_LINES:
        assert [*map(read, lines)] == [{"own": None, "found": [None, "x"]}] * 3
    else:
        assert {line.partition(",")[0].split("\t")[0] for line in lines[1:]} == {"null"}
        assert "NaN" not in "".join(lines)


@pytest.mark.parametrize(
    "file", [*TASKS.glob("*/commands.py"), *TASKS.glob("beam/*.py")]
)
def test_what_commands_print_is_made_json_in_one_place(file):
    assert "json.dumps(" not in file.read_text("utf-8")
