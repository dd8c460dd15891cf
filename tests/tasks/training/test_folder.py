"""A training's folder: begun once, resumed with the config it began with."""

import copy
import dataclasses
import errno
import fcntl
import json
import os
import shutil
import types

import numpy as np
import pytest

from tasks import sentiment
from tasks.cli import command_line as cli
from tasks.cli.config import PretrainingConfig, TrainingConfig
from tasks.errors import UserError
from tasks.training import fingerprints, folders
from tasks.training import fitting as training

pytestmark = pytest.mark.slow

DEFAULTS = TrainingConfig()
BEGUN = TrainingConfig(epochs=7, seed=5, clip_norm=0.5)
NOTHING, SEED, GIVEN = set(), {"seed"}, {"epochs", "seed", "clip_norm"}


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
    same_seed = TrainingConfig(seed=5)
    for asked, given in ((DEFAULTS, NOTHING), (BEGUN, GIVEN), (same_seed, SEED)):
        assert training.open_output(output, asked, given, resume=True) == BEGUN


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
        training.open_output(output, TrainingConfig(**asked), asked, resume=True)
    assert training.open_output(output, DEFAULTS, NOTHING, resume=True) == BEGUN


def test_a_folder_that_holds_a_training_is_not_overwritten(output):
    with pytest.raises(UserError, match=r"holds a training already.*--resume"):
        training.open_output(output, DEFAULTS, NOTHING, resume=False)
    assert training.open_output(output, DEFAULTS, NOTHING, resume=True) == BEGUN


def test_nothing_to_resume_is_told(tmp_path):
    with pytest.raises(UserError, match=r"Nothing to resume: .*none"):
        training.open_output(tmp_path / "none", DEFAULTS, NOTHING, resume=True)


def test_a_training_that_saved_nothing_can_begin_anew_or_resume(tmp_path):
    training.begin(tmp_path, BEGUN)
    assert training.open_output(tmp_path, DEFAULTS, NOTHING, resume=True) == BEGUN
    assert training.open_output(tmp_path, DEFAULTS, NOTHING, resume=False) == DEFAULTS


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", '{"no_such_field": 1}', "[]", "null", "{}"),
        json.dumps(dataclasses.asdict(BEGUN) | {"epochs": "7"}),
        json.dumps(dataclasses.asdict(BEGUN) | {"dataset": 3}),
    ],
)
def test_a_damaged_config_is_told(output, content):
    (output / training.CONFIG).write_text(content)
    with pytest.raises(UserError, match=r"config\.json is damaged"):
        training.open_output(output, DEFAULTS, NOTHING, resume=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"class": "zoo.models.Translator"}, "is of a preset, not of a training"),
        (
            dataclasses.asdict(BEGUN) | {"tagged": 1},
            "is of another template's .* 'tagged'",
        ),
    ],
)
def test_what_is_another_templates_or_a_preset_is_told(output, content, message):
    (output / training.CONFIG).write_text(json.dumps(content))
    with pytest.raises(UserError, match=rf"config\.json {message}"):
        training.open_output(output, DEFAULTS, NOTHING, resume=True)


def test_no_two_processes_train_in_a_folder_at_once(tmp_path):
    new, other = tmp_path / "new", tmp_path / "other"
    with folders.held_alone():
        training.begin(new, BEGUN)
        training.begin(new, BEGUN)
        descriptor = os.open(new, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with folders.held_alone():
        with pytest.raises(UserError, match=r"Another process trains in .*/new right"):
            training.begin(new, BEGUN)
        training.begin(other, BEGUN)
    os.close(descriptor)
    with folders.held_alone():
        training.begin(new, BEGUN)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF])
def test_where_there_are_no_locks_a_training_goes_on(number, tmp_path, monkeypatch):
    def flock(file, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    for _ in range(2):
        with folders.held_alone():
            training.begin(tmp_path, BEGUN)
            training.begin(tmp_path, BEGUN)


@pytest.fixture
def constant(tmp_path):
    """The folder of a training at a constant step size, with three epochs done."""
    output = tmp_path / "constant"
    training.begin(output, CONSTANT)
    (output / training.CHECKPOINTS / "latest").mkdir(parents=True)
    rows = "epoch,loss\n" + "1,2\n" * 3
    (output / training.CHECKPOINTS / "history.csv").write_text(rows)
    return output


CONSTANT = PretrainingConfig(epochs=7, schedule="constant", pretrain_split="train")


def resumed(output, **asked):
    config = dataclasses.replace(PretrainingConfig(), **asked)
    return training.open_output(output, config, asked, resume=True)


def test_epochs_at_a_constant_step_size_may_be_more_or_fewer(constant):
    for epochs in (12, 10, 7, 3):  # 10 is the default, but given
        expected = dataclasses.replace(CONSTANT, epochs=epochs)
        assert resumed(constant, epochs=epochs) == expected
    with pytest.raises(UserError, match="has 3 epochs already: give --epochs 3"):
        resumed(constant, epochs=2)
    training.begin(constant, resumed(constant, epochs=12))
    assert resumed(constant).epochs == 12


def test_pretraining_may_be_longer_until_it_is_over(constant):
    with pytest.raises(UserError, match="pretraining is over"):
        resumed(constant, pretrain_epochs=5)
    (constant / training.CHECKPOINTS / "latest").rmdir()
    assert resumed(constant, pretrain_epochs=5).pretrain_epochs == 5


@pytest.mark.parametrize("name", ["epochs", "pretrain_epochs"])
def test_epochs_along_a_cosine_stay_and_why_is_told(tmp_path, name):
    training.begin(tmp_path, PretrainingConfig())
    with pytest.raises(UserError, match=rf"{name} = \d+;.*cosine.*--schedule constant"):
        resumed(tmp_path, **{name: 12})


def test_what_changes_no_result_may_be_another(output):
    for asked in ({"patience": 9}, {"data_dir": "elsewhere"}, {"mirrored": True}):
        config = dataclasses.replace(DEFAULTS, **asked)
        found = training.open_output(output, config, asked, resume=True)
        assert found == dataclasses.replace(BEGUN, **asked)


def write_preset(folder, dropout=0.1, words="a\nb\n", weights="some"):
    """Writes as much of a preset as a training looks at to know it again."""
    config = {"class": "zoo.models.Translator", "config": {"dropout": dropout}}
    for name, content in {
        "config.json": json.dumps(config),
        "saved_model/assets/source.txt": words,
        "saved_model/variables/variables.index": weights,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


@pytest.fixture
def further(tmp_path):
    """The config of a training that began with a preset, and was killed."""
    begun = TrainingConfig(from_preset=str(write_preset(tmp_path / "first")))
    training.begin(tmp_path / "further", begun)
    (tmp_path / "further" / training.CHECKPOINTS).mkdir()
    return begun


def test_a_preset_that_has_changed_meanwhile_is_told(further, tmp_path, capsys):
    output, preset = tmp_path / "further", tmp_path / "first"
    training.begin(output, further)
    write_preset(preset, weights="others")
    with pytest.raises(UserError, match=r"began with has other weights now\. Bring it"):
        training.begin(output, further)
    # Once it has weights of its own, those that it began with don't matter.
    rows = "epoch,loss\n1,2\n"
    (output / training.CHECKPOINTS / "history.csv").write_text(rows)
    training.begin(output, further)
    assert "began with has other weights now: it goes on" in capsys.readouterr().err
    for other in ({"dropout": 0.2}, {"words": "b\na\n"}):
        write_preset(preset, **other)
        with pytest.raises(UserError, match="began with is another model now"):
            training.begin(output, further)


def test_a_preset_may_lie_elsewhere_now(further, tmp_path):
    output = tmp_path / "further"
    shutil.move(tmp_path / "first", tmp_path / "moved")
    asked = TrainingConfig(from_preset=str(tmp_path / "moved"))
    found = training.open_output(output, asked, {"from_preset"}, resume=True)
    assert found == dataclasses.replace(further, from_preset=asked.from_preset)
    training.begin(output, found)
    write_preset(tmp_path / "moved", dropout=0.2)
    with pytest.raises(UserError, match="is another model now"):
        training.begin(output, found)


def test_a_new_model_does_not_begin_with_a_preset_later(output, tmp_path):
    asked = TrainingConfig(from_preset=str(write_preset(tmp_path / "first")))
    with pytest.raises(UserError, match="began with from_preset = None"):
        training.open_output(output, asked, {"from_preset"}, resume=True)


def test_a_training_begun_by_an_older_version_goes_on(further, tmp_path):
    record = tmp_path / "further" / training.DATA
    content = json.loads(record.read_text())
    del content["preset"]
    record.write_text(json.dumps(content))
    training.begin(tmp_path / "further", further)


def test_what_each_worker_has_for_itself_comes_from_its_own_command(tmp_path):
    output = tmp_path / "run"
    training.begin(output, dataclasses.replace(BEGUN, data_dir="/chief/data"))
    for own_folder in (None, "mine"):
        config = dataclasses.replace(DEFAULTS, data_dir=own_folder)
        given = NOTHING if own_folder is None else {"data_dir"}
        found = training.open_output(output, config, given, True, training.OWN)
        assert found == dataclasses.replace(BEGUN, data_dir=own_folder)
    # One process goes on with what it began with.
    assert (
        training.open_output(output, DEFAULTS, NOTHING, True).data_dir == "/chief/data"
    )


def test_only_a_worker_that_starts_again_keeps_its_own(output, monkeypatch):
    found = []
    monkeypatch.setattr(
        training, "open_output", lambda *given: found.append(given) or DEFAULTS
    )
    monkeypatch.setattr(training, "join_workers", lambda *given: None)
    for flags, resume, own in (
        (["--distributed"], True, training.OWN),
        (["--distributed", "--resume"], True, set()),
        (["--resume"], True, set()),
    ):
        argv = ["train", "--output", str(output), *flags]
        template = dataclasses.replace(sentiment.TEMPLATE, train=lambda *given: None)
        assert cli.main(template, argv) == 0
        assert found.pop()[3:] == (resume, own)


def test_other_data_are_told(output):
    (output / training.DATA).unlink()
    parts = {"train": ["a", "b"], "validation": ["c"], "unlabelled": None}
    training.begin(output, BEGUN, **parts)
    training.begin(output, BEGUN, **parts)
    for name, other, told in (
        ("train", ["a"], "train had 2 examples and has 1 now"),
        ("train", ["b", "a"], "train has changed"),
        ("validation", ["d"], "validation has changed"),
        ("validation", None, "validation had 1 examples and has none now"),
        ("unlabelled", ["x"], "unlabelled had none examples and has 1 now"),
    ):
        with pytest.raises(UserError, match=f"began on other data: {told}"):
            training.begin(output, BEGUN, **parts | {name: other})
    (output / training.DATA).unlink()  # as older versions left it
    training.begin(output, BEGUN, **parts)


def test_other_words_are_told(output):
    def knowing(*words):
        vocabulary = types.SimpleNamespace(tokens=words)
        return types.SimpleNamespace(vocabularies={"vocabulary": vocabulary})

    (output / training.DATA).unlink()
    training.begin(output, BEGUN, knowing("a", "b"))
    training.begin(output, BEGUN, knowing("a", "b"))
    with pytest.raises(UserError, match="vocabulary has changed"):
        training.begin(output, BEGUN, knowing("b", "a"))


def test_a_training_that_saved_nothing_may_begin_on_other_data(tmp_path):
    training.begin(tmp_path, BEGUN, train=["a"])
    training.begin(tmp_path, BEGUN, train=["b"])


@dataclasses.dataclass
class Made:
    rows: object
    source: str = "x"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["ab", "c"], ["a", "bc"]),
        ([["a"], ["b"]], [["a", "b"]]),
        ([b"a", b""], [b"a"]),
        (np.array([1, 2]), np.array([2, 1])),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.array(["a", "b"], object), np.array(["ab"], object)),
        (Made(["a"]), Made(["b"])),
        ([1, 2], [12]),
    ],
)
def test_fingerprints_of_other_data_differ(one, other):
    found = fingerprints.of_data
    assert found(one) != found(other)
    assert found(one) == found(copy.deepcopy(one))


def test_fingerprints_do_not_depend_on_where_data_are_from():
    one, other = Made(["a"], "x"), Made(["a"], "y")
    assert fingerprints.of_data(one) == fingerprints.of_data(other)
