"""Results are compared before anything is timed; the tables say what was found."""

import numpy as np
import pytest

from tests.benchmarks import cases, compilations, measurement, table, training_memory
from tests.benchmarks.cases import Case, Shape
from tests.benchmarks.measurement import Measurement

CASE = Case("lstm", "training", Shape(32, 100, 128, 256))
MASK = np.array([[True, True, False]])


def results(outputs=(1.0, 2.0, 3.0), gradient=(100.0, 1.0)):
    return [np.array([outputs]), np.array(gradient)]


@pytest.mark.parametrize(
    ("own", "complaints"),
    [
        (results(), 0),
        (results(outputs=(1.0, 2.0, 99.0)), 0),  # padding is nobody's concern
        (results(outputs=(1.0, 2.0001, 3.0)), 1),
        (results(gradient=(100.001, 1.001)), 0),
        (results(gradient=(101.0, 1.0)), 1),
        (results(gradient=(np.nan, 1.0)), 1),
        (results(gradient=(100.0,)), 1),
        (results(outputs=(0.0, 2.0, 3.0), gradient=(0.0, 1.0)), 2),
        (results()[:1], 1),
    ],
)
def test_difference_from_keras_is_complained_of(own, complaints):
    assert len(measurement.compare("zoo", own, results(), MASK)) == complaints


def measured(case=CASE, zoo=0.010, keras=0.025, torch=0.009, **fields):
    seconds = {"zoo": zoo, "keras": keras, "torch": torch}
    seconds = {name: value for name, value in seconds.items() if value is not None}
    return Measurement(case, seconds, first_call={"zoo": 1.25}, path="fused", **fields)


def test_row_holds_times_ratios_floors_and_verdict():
    assert table.row(measured()) == (
        "| LSTM training 32,100,128,256 | 10.0 | 25.0 | 9.0 | 2.50 | 2.20 | 0.90 "
        "| 0.95 | met (noise) | 1.2 | fused |"
    )


def test_row_without_torch_or_without_ours_has_dashes():
    assert "| 2.50 | 2.20 | – | 0.95 | met |" in table.row(measured(torch=None))
    failed = measured(zoo=None, problems=["zoo failed:\nTraceback\nWhy"])
    assert "| – | 25.0 | 9.0 | – | 2.20 | – | 0.95 | FAILED |" in table.row(failed)
    assert table.problems([measured(), failed]).endswith(": zoo failed: … Why")


def test_measurement_survives_the_file():
    assert Measurement.from_json(measured().as_json()) == measured()


def test_readme_names_the_issues_cases_and_sums_up_the_rest():
    shape = Shape(32, 100, 128, 256)
    others = [
        measured(Case("lstm", "training", shape, masked=True), keras=0.020),
        measured(Case("lstm", "inference", shape, masked=True), keras=0.040),
        measured(Case("simple_rnn", "training", shape), keras=0.011),
    ]
    text = table.readme([measured(), *others])
    assert text.count("\n| LSTM training") == text.count("| LSTM") == 1
    assert "masked (mean length half of the steps) 2.0 to 4.0, median 3.0" in text
    assert "SimpleRNN 1.1 to 1.1" in text
    assert "Bidirectional" not in text


def test_xlas_modules_are_counted_once_each():
    names = [
        "module_0000.a_inference_f_1.before_optimizations.txt",
        "module_0000.a_inference_f_1.cpu_after_optimizations.txt",
        "module_0001.a_inference_f_1.before_optimizations.txt",
        "module_0012.b.obj-file.part_00.o",
        "tf_function.txt",
    ]
    assert compilations.count_modules(names) == 3


def test_bytes_a_step_are_the_slope():
    slope, away = training_memory.bytes_a_step([100, 200, 400], [1300, 1500, 1900])
    assert slope == pytest.approx(2)
    assert away == pytest.approx(0, abs=1e-6)
    _, away = training_memory.bytes_a_step([100, 200, 400], [100, 400, 1600])
    assert away > 0.05


# The LSTM is in the bidirectional one; torch lacks the textbook GRU.
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gru", "simple_rnn", "bidirectional_lstm"])
def test_frameworks_agree_on_outputs_and_gradients(kind):
    from tests.benchmarks import tensorflow_layers

    case = Case(kind, "training", Shape(3, 5, 2, 4), masked=True)
    mask = cases.data(case).mask
    options = {"dynamic": True}
    zoo, keras = (
        tensorflow_layers.Contestant(name, case.as_json(), 0, options).results()
        for name in ("zoo", "keras")
    )
    assert measurement.compare("zoo", zoo, keras, mask) == []
    pytest.importorskip("torch")
    from tests.benchmarks import torch_layers

    torch = torch_layers.Contestant("torch", case.as_json(), 0, {}).results()
    assert measurement.compare("torch", torch, keras, mask) == []
