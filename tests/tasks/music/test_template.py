"""The template of music: train, measure, export, and what the card tells."""

import functools
import re

import numpy as np
import pytest
import tensorflow as tf

from tasks import music
from tasks.data import builders as data
from tasks.datasets.synthetic import scales
from tasks.errors import UserError
from tasks.music import batches, corpus, samples, template
from tasks.music.midi_files import Grid, grid_of
from tests.tasks import commands
from tests.tasks.commands import history, read_json
from zoo.models import MusicModel
from zoo.music import statistics

TEST = "synthetic/scales/1.0.0/test"
SMALL = """
    --units 96 --frame-units 64 --batch-size 20 --buckets 1 --epochs 7
    --learning-rate 1e-2
"""

succeed = functools.partial(commands.succeed, music.TEMPLATE)


@pytest.fixture(scope="module")
def trained(data_dir, tmp_path_factory):
    """The folder of a small training on synthetic/scales, and what it printed."""
    output = tmp_path_factory.mktemp("runs") / "scales"
    where = ("--data-dir", data_dir, "--output", output)
    return output, succeed("train", *where, *SMALL.split())


@pytest.fixture(scope="module")
def preset(trained):
    return trained[0] / "preset"


@pytest.mark.slow
def test_it_costs_less_than_any_model_of_single_keys_can(preset):
    figures = read_json(preset / "metrics.json")["evaluations"][TEST]
    assert figures["pieces"] == scales.SIZES["test"]
    # Which takes chords whose notes hang together: the best of keys that are drawn one
    # by one costs 3.29 nats a frame, the rule itself 1.45.
    assert scales.entropy() < figures["nats_per_frame"] < scales.entropy_of_keys()


@pytest.mark.slow
def test_what_was_trained_is_written_down(trained, preset):
    output, printed = trained
    metrics = read_json(preset / "metrics.json")
    record, figures = metrics["training"], metrics["evaluations"][TEST]
    assert record["chosen_on"] == "synthetic/scales/1.0.0/validation"
    assert (record["test_splits"], record["step"]) == (["test"], 0.25)
    assert grid_of(preset).steps_per_quarter == 4
    best = min(history(output), key=lambda row: float(row["val_nats"]))
    assert record["best_epoch"] == int(best["epoch"])
    card = (preset / "README.md").read_text("utf-8")
    assert record["command"] in card
    assert f"{figures['nats_per_frame']:.4f}" in card
    assert f"{figures['nats_per_frame']:.4f} nats per frame" in printed


@pytest.mark.slow
def test_the_cards_code_runs(preset):
    card = (preset / "README.md").read_text("utf-8")
    [code] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    found = {}
    code = code.replace(f"{preset.parent.name}/preset/", f"{preset}/")
    exec(code.replace("\nmodel.", "\npiece = model."), found)
    assert found["piece"]["roll"].shape[::2] == (1, 88)
    assert found["piece"]["lengths"].shape == (1,)


@pytest.mark.slow
def test_the_card_compares_pieces_drawn_with_real_ones(preset, data_dir):
    metrics = read_json(preset / "metrics.json")
    builder = data.load_builder("synthetic/scales", data_dir)
    real = corpus.read(builder, "test", None, grid_of(preset))
    drawn = samples.draw(MusicModel.from_preset(preset), real.lengths.max())
    found = metrics["statistics"]
    assert found[TEST] == statistics(real.rolls)
    assert found["100 generated pieces"] == statistics(drawn)
    assert len(drawn) == 100
    card = (preset / "README.md").read_text("utf-8")
    assert f"| notes in key | {found[TEST]['notes_in_key']:.4f} |" in card
    assert (preset / metrics["picture"]["file"]).read_bytes().startswith(b"\x89PNG")
    assert f"]({metrics['picture']['file']})" in card


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells", "one_signature")
def test_another_output_is_put_beside(preset, data_dir, tmp_path):
    other = MusicModel(88, output="bernoulli", units=3, name="music")
    other.save_to_preset(tmp_path / "other")
    before = read_json(preset / "metrics.json")
    flags = ("--beside", tmp_path / "other", "--batch-size", 100)
    succeed("evaluate", "--model", preset, "--data-dir", data_dir, *flags)
    after = read_json(preset / "metrics.json")
    assert after["training"] == before["training"]
    figures = dict(after["evaluations"][TEST])
    beside = figures.pop("nats_per_frame_by_bernoulli")
    assert figures == pytest.approx(before["evaluations"][TEST], rel=1e-5)
    builder = data.load_builder("synthetic/scales", data_dir)
    real = corpus.read(builder, "test", None, grid_of(preset))
    expected = batches.measure(other, real, 64)["nats_per_frame"]
    assert beside == pytest.approx(expected, rel=1e-5)
    assert beside > figures["nats_per_frame"]


@pytest.mark.slow
def test_an_export_says_what_the_model_says(preset, tmp_path):
    succeed("export", "--model", preset, "--output", tmp_path / "exported")
    exported = tf.saved_model.load(tmp_path / "exported")
    roll = np.zeros((2, 5, 88), np.float32)
    roll[:, :, [40, 44, 47]] = 1
    lengths = tf.constant([5, 3])
    scored = exported.signatures["score"](roll=tf.constant(roll), lengths=lengths)
    expected = MusicModel.from_preset(preset).score(roll, lengths)["nats_per_frame"]
    np.testing.assert_allclose(scored["nats_per_frame"], expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "ending", "output"),
    [("gru", "eos", "bernoulli"), ("sru", "length", "nade")],
)
@pytest.mark.usefixtures("by_cells", "one_signature")
def test_other_cells_endings_and_outputs_train(
    data_dir, tmp_path, cell, ending, output
):
    succeed(
        *("train", "--data-dir", data_dir, "--output", tmp_path / "run"),
        *("--train-split", "train[:64]", "--epochs", 1, "--buckets", 1),
        *("--cell", cell, "--units", 4, "--transpose", 2, "--embedding-units", 5),
        *("--ending", ending, "--frame-output", output),
        *(("--frame-units", 3) if output == "nade" else ()),
    )
    config = MusicModel.from_preset(tmp_path / "run" / "preset").get_config()
    assert (config["cell"], config["ending"], config["output"]) == (
        cell,
        ending,
        output,
    )
    [row] = history(tmp_path / "run")
    assert np.isfinite(float(row["val_nats"]))


def test_a_grid_and_drums_are_refused_that_rolls_do_not_have():
    roll = np.ones((4, 88), np.uint8)
    pieces = corpus.Pieces((roll,), "some/rolls", Grid(0.5))
    for steps in (2, 4):  # its own, and the default
        template._check_grid(music.Config(steps_per_quarter=steps), pieces)
    with pytest.raises(UserError, match=r"-quarter 8 .* has rolls of 2 time steps"):
        template._check_grid(music.Config(steps_per_quarter=8), pieces)
    with pytest.raises(UserError, match="--drums is of MIDI, and some/rolls has piano"):
        template._check_grid(music.Config(drums=True), pieces)


def test_groove_means_drums():
    settings = music.Config(dataset="groove/full-midionly")
    assert settings.reads_drums()
    assert not music.Config().reads_drums()
    assert not music.Config(midi_files="groove/*.mid").reads_drums()
    assert music.Config(midi_files="*.mid", drums=True).reads_drums()


MISTAKES = {
    "units": (["--units", 0], "--units must be at least 1, found 0"),
    "transpose": (["--transpose", -1], "--transpose must be at least 0"),
    "transposed": (["--transposed-epochs", 9], "goes with --transpose"),
    "drums": (["--dataset", "groove", "--transpose", 1], "drums have none"),
    "output": (["--frame-output", "rbm"], "'rbm'"),
    "units of no NADE": (
        ["--frame-output", "bernoulli", "--frame-units", 9],
        "--frame-units goes with --frame-output nade, and changes nothing without it",
    ),
    "ending": (["--ending", "stop"], "'stop'"),
    "steps": (["--steps-per-quarter", 1000], "whole fraction of one"),
    "files": (["--midi-files", "/no/*.mid"], "No file fits --midi-files"),
    "dropout": (["--input-dropout", 1], "--input-dropout must be in [0, 1)"),
}


@pytest.mark.parametrize(("flags", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_training_is_told_in_one_line(run, tmp_path, flags, told):
    where = ("--output", tmp_path / "run")
    outcome = run("train", *where, *flags, template=music.TEMPLATE)
    assert outcome.code == 2, outcome
    [line] = outcome.err.splitlines()
    assert told in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells", "one_signature")
def test_frames_of_other_keys_are_told(run, data_dir, tmp_path):
    MusicModel(9, units=2, output_units=2, name="music").save_to_preset(tmp_path / "d")
    where = ("--model", tmp_path / "d", "--data-dir", data_dir)
    outcome = run(
        *("evaluate", *where, "--dataset", "synthetic/scales"),
        template=music.TEMPLATE,
    )
    assert outcome.code == 2
    assert "has frames of 88 keys, the model of 9" in outcome.err
