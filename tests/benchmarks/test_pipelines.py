"""What the benchmark of pipelines compares."""

import json

import pytest

from tests.benchmarks import pipelines


def test_answers_are_compared_by_file_and_line(tmp_path):
    files = []
    for name, count in (("a.txt", 2), ("b.txt", 3)):
        files.append(str(tmp_path / name))
        (tmp_path / name).write_text("text\n" * count)
    expected = [{"label": "a", "p": [number / 7]} for number in range(5)]
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(f"{json.dumps(row)}\n" for row in expected))
    plain = pipelines.of_command(answers, files)
    assert list(plain) == [(files[0], 1), (files[0], 2)] + [
        (files[1], line) for line in (1, 2, 3)
    ]

    lines = [
        {"file": files[0], "line": 1, **expected[0]},
        {"file": files[0], "line": 2, "label": "a", "p": [1 / 7 + 1e-6]},
        {"file": files[1], "line": 2, "label": "b", "p": [3 / 7]},
        {"file": files[1], "line": 3, "label": "a", "p": [4 / 7, 1.0]},
        {"file": files[1], "line": 4, **expected[0]},
    ]
    (tmp_path / "part-0.jsonl").write_text(
        "".join(f"{json.dumps(row)}\n" for row in reversed(lines))
    )
    found = pipelines.agreement(pipelines.of_runner(tmp_path), plain)
    assert found == {"same": 1, "rounding": 1, "others": 3, "lost": 1}
    (tmp_path / "part-1.jsonl").write_text(f"{json.dumps(lines[0])}\n")
    with pytest.raises(ValueError, match="is answered twice"):
        pipelines.of_runner(tmp_path)
