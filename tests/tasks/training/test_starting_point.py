"""What a preset scores before it is trained further."""

import numpy as np
import pytest

from tests.tasks.training.small_training import train

pytestmark = pytest.mark.slow

# Before the first epoch the score is 0.
PRESET = {"from_preset": "any", "epochs": 2}


@pytest.mark.parametrize("validations", [1, 2])
def test_a_training_that_made_a_preset_worse_says_so(tmp_path, capsys, validations):
    options = PRESET | {"validations": validations}
    train(tmp_path / "worse", scores=(-0.3, -0.2), **options)
    out, err = capsys.readouterr()
    assert "the preset  val_score 0.0000, before it is trained further\n" in out
    assert err == (
        "note: the preset was better before this training: val_score 0.0000, and now "
        "-0.2000 in the best epoch, 2. Keep it, or try a smaller --learning-rate.\n"
    )
    for name, scores in {"better": (0.1, -0.2), "as good": (-1e-6, -0.2)}.items():
        train(tmp_path / name, scores=scores, **options)
        assert capsys.readouterr().err == ""


def test_what_is_measured_before_changes_nothing_of_the_training(tmp_path):
    weights, history = train(tmp_path / "further", **PRESET)
    expected, as_ever = train(tmp_path / "anew", epochs=2)
    assert history == as_ever
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_resumed_training_knows_what_the_preset_scored(tmp_path, capsys):
    def interrupt(epoch):
        if epoch == 1:
            raise KeyboardInterrupt

    worse = PRESET | {"scores": (-0.3, -0.2)}
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, at_epoch=interrupt, **worse)
    capsys.readouterr()
    train(tmp_path, **worse)
    out, err = capsys.readouterr()
    assert "the preset  " not in out
    assert "val_score 0.0000, and now -0.2000 in the best epoch, 2" in err


def test_without_a_preset_or_a_validation_nothing_is_measured_before(tmp_path, capsys):
    train(tmp_path / "anew", epochs=1, scores=(-0.2,))
    train(tmp_path / "last", validations=0, **PRESET)
    out, err = capsys.readouterr()
    assert "the preset  " not in out
    assert err == ""
