"""The README's table of presets tells everything that a preset was measured on."""

import json

from tests.benchmarks import presets


def test_a_line_for_each_data_set_below_its_presets_name(tmp_path):
    preset = tmp_path / "both"
    (preset / "saved_model").mkdir(parents=True)
    (preset / "saved_model" / "saved_model.pb").write_bytes(bytes(2_600_000))
    figures = {"a/test": {"accuracy": 0.91}, "b/test": {"examples": 3, "f1": 0.5}}
    (preset / "metrics.json").write_text(json.dumps({"evaluations": figures}))
    assert presets.table(tmp_path).splitlines()[2:] == [
        "| [`both`](pretrained/both/README.md) | a/test | accuracy 0.9100 | 3 |",
        "|  | b/test | F1 0.5000 |  |",
    ]
