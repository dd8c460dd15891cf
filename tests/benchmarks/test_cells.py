"""What the comparison of units in equal time makes of what was measured."""

import pytest

from tests.benchmarks import cells


def training(seed, points, task="music"):
    own = {"task": task, "cell": "sru", "layers": 2, "seed": seed}
    return {**own, "minutes": 4.0, "clock": "wall", "points": points}


def test_best_is_the_best_so_far_by_the_tasks_measure():
    points = [[1.0, 0.5], [2.0, 0.9], [3.0, 0.7]]
    assert cells.best(points, 1) == 0.9
    assert cells.best(points, -1) == 0.5
    assert cells.best(points, 1, minutes=1.5) == 0.5
    assert cells.best(points, 1, minutes=0.5) is None


def test_seeds_of_a_unit_share_a_line():
    one = training(0, [[1.0, 9.0], [4.0, 8.0]])
    other = training(1, [[1.0, 7.0], [4.0, 7.5]])
    line, alone = cells.table([one, other, training(0, [[3.0, 0.5]], "sentiment")])
    measured = "8.0000 | 7.5000 | 7.0000 | 8.0000"
    assert line == f"| music | val_nats | sru | 2 | 2 | {measured} |"
    assert "| – | 0.5000 |" in alone


def test_time_and_layers_that_are_none_are_refused():
    assert cells.parse(["--quick"]).seeds == [0]
    for flags in (["--minutes", "0"], ["--layers", "0"]):
        with pytest.raises(SystemExit):
            cells.parse(flags)
