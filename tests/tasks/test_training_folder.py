"""A training's folder: begun once, resumed with the config it began with."""

import dataclasses
import json

import pytest

from tasks import training
from tasks.config import TrainingConfig
from tasks.errors import UserError

DEFAULTS = TrainingConfig()
BEGUN = TrainingConfig(epochs=7, seed=5, clip_norm=0.5)


@pytest.fixture
def output(tmp_path):
    """The folder of a training that was killed."""
    output = tmp_path / "run"
    training.begin(output, BEGUN)
    (output / training.CHECKPOINTS).mkdir()
    return output


def test_a_new_training_writes_its_config(output):
    content = json.loads((output / training.CONFIG).read_text())
    assert content == dataclasses.asdict(BEGUN)


def test_resuming_takes_the_config_that_the_training_began_with(output):
    for asked in (DEFAULTS, BEGUN, TrainingConfig(seed=5)):
        assert training.open_output(output, asked, DEFAULTS, resume=True) == BEGUN


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"seed": 6}, "began with seed = 5; --resume can't change it to 6"),
        ({"epochs": 8}, "began with epochs = 7"),
        ({"clip_norm": 0.0}, "began with clip_norm = 0.5"),
        ({"dataset": "imdb_reviews"}, "began with dataset = synthetic/reviews"),
    ],
)
def test_resuming_with_another_config_is_refused_with_the_field(output, asked, message):
    with pytest.raises(UserError, match=message):
        training.open_output(output, TrainingConfig(**asked), DEFAULTS, resume=True)
    assert training.open_output(output, DEFAULTS, DEFAULTS, resume=True) == BEGUN


def test_a_folder_that_holds_a_training_is_not_overwritten(output):
    with pytest.raises(UserError, match=r"holds a training already.*--resume"):
        training.open_output(output, DEFAULTS, DEFAULTS, resume=False)
    assert training.open_output(output, DEFAULTS, DEFAULTS, resume=True) == BEGUN


def test_nothing_to_resume_is_told(tmp_path):
    with pytest.raises(UserError, match=r"Nothing to resume: .*none"):
        training.open_output(tmp_path / "none", DEFAULTS, DEFAULTS, resume=True)


def test_a_training_that_saved_nothing_can_begin_anew_or_resume(tmp_path):
    training.begin(tmp_path, BEGUN)
    assert training.open_output(tmp_path, DEFAULTS, DEFAULTS, resume=True) == BEGUN
    assert training.open_output(tmp_path, DEFAULTS, DEFAULTS, resume=False) == DEFAULTS


@pytest.mark.parametrize("content", ["", "{", '{"no_such_field": 1}', "[]"])
def test_a_damaged_config_is_told(output, content):
    (output / training.CONFIG).write_text(content)
    with pytest.raises(UserError, match=r"config\.json"):
        training.open_output(output, DEFAULTS, DEFAULTS, resume=True)
