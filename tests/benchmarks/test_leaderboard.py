"""The README's table of presets: what they were measured on, and what papers tell."""

import json
import re

import pytest

from tests.benchmarks import leaderboard

HEADER = "measured on\tmetric\tfigure\tmodel\tsource\taddress\n"


@pytest.fixture
def rows(tmp_path):
    """Returns a function that returns the lines of a preset's table."""

    def rows(evaluations, training, published=""):
        preset = tmp_path / "presets" / "both"
        (preset / "saved_model").mkdir(parents=True)
        (preset / "saved_model" / "saved_model.pb").write_bytes(bytes(2_600_000))
        metrics = {"training": training, "evaluations": evaluations}
        (preset / "metrics.json").write_text(json.dumps(metrics))
        (tmp_path / "published.tsv").write_text(HEADER + published)
        lines = leaderboard.table(preset.parent, tmp_path / "published.tsv")
        head, rule, *rows = lines.splitlines()
        assert head == "| preset | measured on | ours | published | MB | minutes |"
        assert rule == "| --- | --- | --- | --- | --- | --- |"
        return rows

    return rows


def test_a_line_for_each_data_set_below_its_presets_name(rows):
    figures = {"a/test": {"accuracy": 0.91}, "b/test": {"examples": 3, "f1": 0.5}}
    link = "[`both`](pretrained/both/README.md)"
    assert rows(figures, {"minutes": 12.6}) == [
        f"| {link} | a/test | accuracy 0.9100 |  | 3 | 13 |",
        "|  | b/test | F1 0.5000 |  |  |  |",
    ]


def test_what_is_published_stands_beside_the_same_split_and_metric(rows):
    figures = {
        "a/test": {"accuracy": 0.91},
        "a/validation": {"accuracy": 0.92},
        "b/test": {"f1": 0.5, "accuracy": 0.93},
    }
    published = (
        "a/test\taccuracy\t0.957\tLSTM\tAnn et al. 2019\thttps://example.org/a\n"
        "b/test\taccuracy\t0.957\tGRU\tBob 2020\thttps://example.org/b\n"
    )
    found = [row.split(" | ")[1:4] for row in rows(figures, {}, published)]
    assert found == [
        [
            "a/test",
            "accuracy 0.9100",
            "0.9570, [Ann et al. 2019](https://example.org/a)",
        ],
        ["a/validation", "accuracy 0.9200", ""],
        ["b/test", "F1 0.5000", ""],  # of another metric than is told of ours
    ]


def test_nats_of_papers_are_told_in_our_bits(rows):
    published = "a/test\tnats_per_character\t1.548\tGRU\tBob 2020\thttps://b.org\n"
    [row] = rows({"a/test": {"bits_per_character": 2}}, {}, published)
    assert "| 2.000 bits a character | 2.233, [Bob 2020](https://b.org) |" in row


@pytest.mark.parametrize(
    ("training", "told"),
    [
        ({"minutes": 5.2}, "5"),
        ({"minutes": 5.2, "pretraining_minutes": 10.1}, "15"),
        ({"minutes": 5.2, "began_with": [{"preset": "a", "minutes": 20.0}]}, "25"),
        ({"minutes": 5.2, "began_with": [{"preset": "a"}]}, "5+"),
        (
            {
                "minutes": 5.2,
                "began_with": [{"preset": "b", "minutes": 20.0}, {"preset": "a"}],
            },
            "25+",
        ),
        ({"minutes": 5.2, "began_with": "a", "its_command": "train"}, "5+"),
        ({}, ""),
    ],
)
def test_minutes_are_those_of_the_whole_training(rows, training, told):
    [row] = rows({"a/test": {"accuracy": 1}}, training)
    assert row.endswith(f" | 3 | {told} |")


def test_a_figure_that_is_told_twice_is_a_mistake(rows):
    line = "a/test\taccuracy\t0.957\tLSTM\tAnn et al. 2019\thttps://example.org/a\n"
    with pytest.raises(ValueError, match=r"'a/test', 'accuracy'\) is there twice"):
        rows({"a/test": {"accuracy": 1}}, {}, line + line)


def test_each_published_figure_is_of_a_preset_and_has_its_source():
    measured = {
        (source, next(name for name in leaderboard.FIGURES if name in figures))
        for path in leaderboard.PRETRAINED.glob("*/metrics.json")
        for source, figures in json.loads(path.read_text())["evaluations"].items()
    }
    published = leaderboard.read(leaderboard.PUBLISHED)
    assert published
    for key, told in published.items():
        assert key in measured
        assert re.fullmatch(r"[A-Z][\w-]+( et al\.)? (19|20)\d\d", told.source)
        assert told.address.startswith("https://")
