"""A training of which the preset is made before its end."""

import pytest

from tasks.training import callbacks
from tests.tasks.commands import history, read_json
from tests.tasks.training import trainings
from zoo import presets


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells")
def test_a_preset_of_the_best_epoch_so_far_and_the_rest_later(
    run, tmp_path, monkeypatch
):
    trainings.write_files(tmp_path)
    files = [f"--{part}-file={tmp_path / 'own.csv'}" for part in ("train", "test")]
    small = ("--units", 2, "--embedding-units", 3, "--epochs", 3, "--batch-size", 3)
    output = tmp_path / "run"

    def train(*more, code=0):
        outcome = run("train", *files, *small, "--output", output, *more)
        assert outcome.code == code, outcome.err
        return outcome

    assert "goes with --resume" in train("--finish", code=2).err
    assert "holds no training" in train("--resume", "--finish", code=2).err
    begin = callbacks.Checkpoints.on_epoch_begin

    def stop_at(epoch):
        def on_epoch_begin(checkpoints, number, logs=None):
            if number == epoch:
                raise KeyboardInterrupt
            begin(checkpoints, number, logs)

        monkeypatch.setattr(callbacks.Checkpoints, "on_epoch_begin", on_epoch_begin)

    stop_at(0)
    train(code=130)
    assert "has no epoch behind it" in train("--resume", "--finish", code=2).err
    stop_at(2)
    train("--resume", code=130)
    assert not (output / "preset").exists()

    assert "after epoch 2, by --finish" in train("--resume", "--finish").out
    trained = read_json(output / "preset" / presets.METRICS)["training"]
    rows = history(output)
    best = max(rows, key=lambda row: float(row["val_accuracy"]))
    assert (trained["epochs"], trained["best_epoch"]) == (2, int(best["epoch"]))
    assert "--epochs 3" in trained["command"]
    assert "--finish" not in trained["command"]

    monkeypatch.setattr(callbacks.Checkpoints, "on_epoch_begin", begin)
    train("--resume")
    assert read_json(output / "preset" / presets.METRICS)["training"]["epochs"] == 3
    assert history(output)[:2] == rows
