"""Trainings that are killed, diverge or stop early, and what they leave on disk."""

import csv
import itertools
import os
import shutil
import signal
import sys
from importlib import metadata
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import zoo
from tasks.cli.config import TrainingConfig
from tasks.errors import InterruptionError, LostWorkerError, TrainingError, UserError
from tasks.reporting import cards
from tasks.training import callbacks, hardware, progress, within_epoch, workers
from tasks.training import fitting as training
from tests.tasks.training.small_training import MOMENTS, train
from tests.warm_interpreter import WarmInterpreter
from zoo import presets

pytestmark = pytest.mark.slow


class KilledError(Exception):
    """Ends a training where a test wants it to end."""


def interrupt_at(epoch):
    """Returns an `at_epoch` that ends the training as an epoch begins."""

    def at_epoch(number):
        if number == epoch:
            raise KilledError

    return at_epoch


def assert_same(found, expected):
    """Checks weights and history, to the bit."""
    for weight, other in zip(found[0], expected[0], strict=True):
        np.testing.assert_array_equal(weight, other)
    assert found[1] == expected[1]


def number_of(folder):
    """Returns the number of the checkpoint in a folder."""
    return int(tf.train.latest_checkpoint(folder).rpartition("-")[2])


@pytest.fixture
def trained_on(monkeypatch):
    """A list of what is trained on, in all trainings: (epoch, batch), from 0."""
    batches, end = [], within_epoch.WithinEpoch.on_train_batch_end

    def on_train_batch_end(within, batch, logs=None):
        batches.append((within._epoch, within._before + batch))
        end(within, batch, logs)

    monkeypatch.setattr(
        within_epoch.WithinEpoch, "on_train_batch_end", on_train_batch_end
    )
    return batches


def assert_each_once(trained_on, epochs=4):
    """Checks that no batch was trained on again, nor left out."""
    batches = range(len(trained_on) // epochs)
    assert len(batches) > 5
    assert trained_on == list(itertools.product(range(epochs), batches))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("uninterrupted")


@pytest.fixture(scope="module")
def uninterrupted(folder):
    return train(folder)


@pytest.fixture(scope="module")
def averaged(tmp_path_factory):
    """An uninterrupted training that averages its weights."""
    return train(tmp_path_factory.mktemp("averaged"), ema_momentum=0.9)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of a training that ended as its third epoch began."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.raises(KilledError):
        train(folder, at_epoch=interrupt_at(2))
    return folder


def test_the_small_training_learns_something_and_uses_dropout(uninterrupted):
    """So that the comparisons below would notice a difference."""
    losses = [row["loss"] for row in uninterrupted[1]]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    assert len({row["val_loss"] for row in uninterrupted[1]}) == 4


@pytest.fixture(scope="module")
def mortal():
    """Returns what trains in a process of its own, and dies."""
    imports = "from tests.tasks.training import small_training"
    warm = WarmInterpreter(f"import sys; sys.path = {sys.path}; {imports}")
    program = f"{imports}; small_training.main()"
    yield lambda *argv: warm.run(program, Path.cwd(), "", *argv)
    warm.close()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_training_goes_on_with_the_same_result(
    moment, uninterrupted, mortal, tmp_path
):
    killed = mortal(str(tmp_path), moment)
    assert killed.returncode == -9, killed.stderr[-2000:]
    latest = number_of(tmp_path / "latest")
    assert latest < 3
    if moment == "between best and latest":
        assert number_of(tmp_path / "best") == latest + 1
    # Interrupted once more, for a resumed training must be resumable too.
    with pytest.raises(KilledError):
        train(tmp_path, at_epoch=interrupt_at(3))

    assert_same(train(tmp_path), uninterrupted)


def told_in(epoch, number, batch=4):
    """Returns an `at_batch` that sends this process a signal amid an epoch."""
    seen = []

    def at_batch(now):
        seen.append(now)
        if seen.count(epoch) == batch:
            os.kill(os.getpid(), number)

    return at_batch


def position_in(folder):
    """Returns where a training was left amid an epoch: (epoch, batches), from 0."""
    number = number_of(folder / "latest" / "within_epoch")
    return divmod(number, 10**9)


@pytest.mark.usefixtures("heard")
def test_what_is_told_to_leave_goes_on_at_the_next_batch(
    uninterrupted, tmp_path, trained_on
):
    numbers = signal.SIGTERM, signal.SIGHUP, signal.SIGINT
    handlers = [signal.getsignal(each) for each in numbers]
    places = []
    for epoch, number, batch in [
        (0, signal.SIGTERM, 3),
        (1, signal.SIGINT, 2),
        (1, signal.SIGTERM, 6),
        (3, signal.SIGHUP, 4),
    ]:
        with pytest.raises(InterruptionError, match="saved after batch") as told:
            train(tmp_path, at_batch=told_in(epoch, number, batch))
        assert told.value.exit_code == 128 + number
        places.append(position_in(tmp_path))
        assert places[-1][0] == epoch
        assert f"batch {places[-1][1]} of epoch {epoch + 1}" in told.value.where
    assert sorted({*places}) == places
    assert_same(train(tmp_path), uninterrupted)
    assert_each_once(trained_on)
    assert not (tmp_path / "latest" / "within_epoch").exists()
    assert handlers == [signal.getsignal(each) for each in numbers]


def test_what_is_killed_goes_on_where_it_was_saved_last(
    uninterrupted, tmp_path, monkeypatch, trained_on
):
    monkeypatch.setattr(within_epoch, "SAVE_SECONDS", 0)
    seen = []

    def at_batch(epoch):
        seen.append(epoch)
        if seen.count(2) == 5:
            raise KilledError

    with pytest.raises(tf.errors.OpError, match="KilledError"):
        train(tmp_path, at_batch=at_batch)
    epoch, batches = position_in(tmp_path)
    assert epoch == 2
    assert batches > 0
    assert_same(train(tmp_path), uninterrupted)
    assert_each_once(trained_on)


@pytest.fixture
def told_in_save(monkeypatch):
    """Has signals sent when a checkpoint begins to be written into a folder."""
    save = tf.train.CheckpointManager.save

    def told_in_save(name, number):
        def told(manager, step):
            if manager.directory.endswith(name):
                os.kill(os.getpid(), number)
            return save(manager, step)

        monkeypatch.setattr(tf.train.CheckpointManager, "save", told)

    return told_in_save


def test_the_signal_that_supervisors_repeat_lets_what_is_saved_be_saved(
    tmp_path, told_in_save
):
    told_in_save("within_epoch", signal.SIGTERM)
    with pytest.raises(InterruptionError, match="saved after batch"):
        train(tmp_path, at_batch=told_in(0, signal.SIGTERM))
    assert position_in(tmp_path)[1] > 0


def test_ctrl_c_at_the_second_time_is_obeyed_at_once(
    tmp_path, told_in_save, monkeypatch, capfd
):
    def reentrant(*arguments, **kwargs):
        raise RuntimeError("reentrant call")

    monkeypatch.setattr(within_epoch, "print", reentrant, raising=False)
    told_in_save("within_epoch", signal.SIGINT)
    with pytest.raises(InterruptionError) as told:
        train(tmp_path, at_batch=told_in(0, signal.SIGINT))
    assert (told.value.where, told.value.exit_code) == ("", 130)
    assert tf.train.latest_checkpoint(tmp_path / "latest" / "within_epoch") is None
    assert "Ctrl-C again: at once" in capfd.readouterr().out


def test_an_epoch_that_is_being_saved_is_saved(tmp_path, told_in_save):
    told_in_save("best", signal.SIGTERM)
    with pytest.raises(InterruptionError):
        train(tmp_path)
    assert number_of(tmp_path / "latest") == 0


def told_behind_last_batch(monkeypatch, epoch):
    """Has SIGTERM come behind an epoch's last batch."""
    told, end = [], within_epoch.WithinEpoch.on_train_batch_end

    def on_train_batch_end(within, batch, logs=None):
        place = within._epoch, within._before + batch + 1
        if place == (epoch, within._batches) and not told:
            told.append(place)
            os.kill(os.getpid(), signal.SIGTERM)
        end(within, batch, logs)

    monkeypatch.setattr(
        within_epoch.WithinEpoch, "on_train_batch_end", on_train_batch_end
    )


@pytest.mark.parametrize(("epoch", "averages"), [(1, True), (3, False)])
def test_what_is_left_behind_the_last_batch_goes_on_with_the_validation(
    uninterrupted, averaged, tmp_path, monkeypatch, trained_on, capsys, averages, epoch
):
    settings = {"ema_momentum": 0.9} if averages else {}
    told_behind_last_batch(monkeypatch, epoch)
    with pytest.raises(InterruptionError, match="saved after batch"):
        train(tmp_path, **settings)
    assert number_of(tmp_path / "latest") == epoch - 1
    capsys.readouterr()
    whole = averaged if averages else uninterrupted
    assert_same(train(tmp_path, **settings), whole)
    assert_each_once(trained_on)
    out = capsys.readouterr().out
    told = [f"Epoch {number}/4" in out for number in range(1, 5)]
    assert told == [number > epoch for number in range(1, 5)]


def test_what_metrics_dont_hold_of_an_epoch_its_last_batch_says(
    uninterrupted, tmp_path, monkeypatch
):
    """Of several replicas each has its own: they aren't saved."""
    told_behind_last_batch(monkeypatch, 1)
    monkeypatch.setattr(within_epoch.WithinEpoch, "_metrics", lambda within: [])
    with pytest.raises(InterruptionError):
        train(tmp_path)
    for row, expected in zip(train(tmp_path)[1], uninterrupted[1], strict=True):
        assert row == pytest.approx(expected, rel=1e-6)


def test_the_chief_sees_however_short_epochs_are_that_another_worker_was_told(
    tmp_path, monkeypatch
):
    """Through the folder's list: NFS keeps for a while that a name wasn't there."""
    note, exists = tmp_path / "leaving", Path.exists
    monkeypatch.setattr(workers, "count", lambda: 2)
    monkeypatch.setattr(within_epoch, "_LOOK_SECONDS", 1e9)
    monkeypatch.setattr(Path, "exists", lambda path: path != note and exists(path))
    with pytest.raises(LostWorkerError, match=r"saved after batch \d+ of epoch 1"):
        train(tmp_path, at_batch=lambda epoch: note.touch())
    assert position_in(tmp_path)[0] == 0
    assert note.name not in os.listdir(tmp_path)


def test_another_worker_that_is_told_in_the_last_batch_leaves_before_the_validation(
    tmp_path, monkeypatch
):
    begun = []
    monkeypatch.setattr(workers, "is_chief", lambda: not begun)
    told_behind_last_batch(monkeypatch, 0)
    with pytest.raises(InterruptionError) as told:
        train(tmp_path, at_epoch=begun.append)
    assert told.value.exit_code == 128 + signal.SIGTERM
    assert begun == [0]
    assert "leaving" in os.listdir(tmp_path)
    assert tf.train.latest_checkpoint(tmp_path / "latest") is None


def test_a_validation_is_left_at_once(uninterrupted, tmp_path, monkeypatch):
    def on_test_begin(checkpoints, logs=None):
        if len(checkpoints.history) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        swap(checkpoints, logs)

    swap = callbacks.Checkpoints.on_test_begin
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Checkpoints, "on_test_begin", on_test_begin)
        with pytest.raises(InterruptionError) as told:
            train(tmp_path)
    assert told.value.where == ""
    assert number_of(tmp_path / "latest") == 0
    assert_same(train(tmp_path), uninterrupted)


def test_a_damaged_checkpoint_amid_an_epoch_is_told_and_passed_over(
    uninterrupted, tmp_path, capfd
):
    with pytest.raises(InterruptionError):
        train(tmp_path, at_batch=told_in(1, signal.SIGTERM))
    [path] = (tmp_path / "latest" / "within_epoch").glob("*.data-*")
    path.write_bytes(path.read_bytes()[:-9])
    assert_same(train(tmp_path), uninterrupted)
    assert "is damaged" in capfd.readouterr().err


def test_a_finished_training_is_not_trained_further(uninterrupted, folder):
    assert_same(train(folder, at_epoch=interrupt_at(0)), uninterrupted)


def test_early_stopping_survives_a_resume(tmp_path):
    scores = [0.5, 0.9, 0.9, 0.7, 1.0, 1.0]
    settings = {
        "scores": scores,
        "patience": 2,
        "epochs": 6,
        "schedule": "constant",
    }
    whole = train(tmp_path / "whole", **settings)
    with pytest.raises(KilledError):
        train(tmp_path / "parts", at_epoch=interrupt_at(3), **settings)
    resumed = train(tmp_path / "parts", **settings)
    # The first of equals is the best, and two epochs have passed since.
    assert [row["val_score"] for row in resumed[1]] == pytest.approx(scores[:4])
    assert_same(resumed, whole)
    with pytest.raises(InterruptionError):
        train(tmp_path / "amid", at_batch=told_in(3, signal.SIGTERM), **settings)
    assert_same(train(tmp_path / "amid", **settings), whole)
    # And once more: there is nothing left to do.
    again = train(tmp_path / "parts", at_epoch=interrupt_at(4), **settings)
    assert_same(again, whole)


def test_the_model_ends_with_the_weights_of_the_best_epoch(tmp_path):
    settings = {"scores": [0.1, 0.9, 0.2, 0.9], "schedule": "constant"}
    weights, history = train(tmp_path / "four", **settings)
    best, _ = train(tmp_path / "two", epochs=2, **settings)
    assert len(history) == 4
    for weight, other in zip(weights, best, strict=True):
        np.testing.assert_array_equal(weight, other)
    assert number_of(tmp_path / "four" / "best") == 1


def test_a_loss_that_is_no_number_keeps_the_last_good_epoch(uninterrupted, tmp_path):
    with pytest.raises(TrainingError, match=r"loss is nan .*--learning-rate"):
        train(tmp_path, spoilt_from=2)
    assert number_of(tmp_path / "latest") == 1
    # Restorable: what goes on from there is what would have been.
    assert_same(train(tmp_path), uninterrupted)


def test_a_step_size_far_too_large_is_a_training_error(tmp_path):
    settings = {"learning_rate": 1e30, "clip_norm": None, "schedule": "constant"}
    with pytest.raises(TrainingError, match=r"batch \d|epoch 1"):
        train(tmp_path, **settings)
    assert tf.train.latest_checkpoint(tmp_path / "latest") is None


@pytest.mark.parametrize(
    ("validations", "value"),
    [(0, float("nan")), (0, 3e38), (1, float("nan")), (2, 3e38)],
)
def test_what_an_epochs_last_update_has_spoilt_is_not_saved(
    tmp_path, monkeypatch, validations, value
):
    """The losses of its batches don't tell, which are from before."""
    end = within_epoch.WithinEpoch.on_train_batch_end

    def spoil(within, batch, logs=None):
        end(within, batch, logs)
        if (within._epoch, batch + 1) == (1, within._batches):
            for weight in within.model.trainable_variables:
                weight.assign(tf.fill(weight.shape, value))

    monkeypatch.setattr(within_epoch.WithinEpoch, "on_train_batch_end", spoil)
    with pytest.raises(
        TrainingError, match=r"end of epoch 2\. The checkpoint of .* is"
    ):
        train(tmp_path, validations=validations)
    for name in ("latest", "best"):
        assert number_of(tmp_path / name) == 0


@pytest.mark.parametrize("validations", [0, 1, 2])
def test_what_is_spoilt_from_the_beginning_leaves_nothing(tmp_path, validations):
    with pytest.raises(TrainingError, match="No epoch was saved"):
        train(tmp_path, spoilt_from=0, validations=validations)


@pytest.fixture
def unwritable(monkeypatch):
    """Has checkpoints in a folder not be written, of the numbers that are chosen."""
    save = tf.train.CheckpointManager.save

    def unwritable(name, chosen):
        def failing(manager, number):
            if manager.directory.endswith(name) and chosen(number):
                message = (
                    "{{node x}} /d/ckpt-1.index; No space left on device [Op:SaveV2]"
                )
                raise tf.errors.AbortedError(None, None, message)
            return save(manager, number)

        monkeypatch.setattr(tf.train.CheckpointManager, "save", failing)

    return unwritable


@pytest.mark.parametrize("name", ["latest", "best"])
def test_an_epoch_that_cannot_be_saved_ends_a_training_that_can_go_on(
    uninterrupted, tmp_path, unwritable, monkeypatch, name
):
    unwritable(name, lambda number: number == 1)
    told = r"written: /d/ckpt-1\.index; No space left on device\. .*--resume"
    with pytest.raises(OSError, match=told) as caught:
        train(tmp_path)
    assert caught.value.filename == str(tmp_path / name)
    monkeypatch.undo()
    assert number_of(tmp_path / "latest") == 0
    assert_same(train(tmp_path), uninterrupted)


def test_what_cannot_be_saved_amid_an_epoch_is_a_note(
    uninterrupted, tmp_path, unwritable, monkeypatch, capfd
):
    monkeypatch.setattr(within_epoch, "SAVE_SECONDS", 0)
    unwritable("within_epoch", lambda number: number % 2)
    assert_same(train(tmp_path / "whole"), uninterrupted)
    assert "note: " in capfd.readouterr().err
    # Before it leaves: what was saved before is there, and gone on from.
    unwritable("within_epoch", lambda number: number > 10**9)
    with pytest.raises(InterruptionError) as told:
        train(tmp_path / "left", at_batch=told_in(1, signal.SIGTERM))
    assert told.value.where == ""
    assert "No space left on device. When it can" in capfd.readouterr().err
    assert position_in(tmp_path / "left")[0] == 0
    assert_same(train(tmp_path / "left"), uninterrupted)


def test_an_epoch_that_its_history_lacks_is_written_there(
    uninterrupted, tmp_path, monkeypatch
):
    """Where a training is killed behind the checkpoint of its last epoch."""
    write = callbacks.Checkpoints._write_csv

    def dying(checkpoints):
        if len(checkpoints.history) == 4:
            raise KilledError
        write(checkpoints)

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Checkpoints, "_write_csv", dying)
        with pytest.raises(KilledError):
            train(tmp_path)
    assert progress.epochs_done(tmp_path) == 3
    assert number_of(tmp_path / "latest") == 3
    assert_same(train(tmp_path, at_epoch=interrupt_at(0)), uninterrupted)
    assert progress.epochs_done(tmp_path) == 4


def test_history_is_written_as_csv(uninterrupted, folder):
    with (folder / "history.csv").open(newline="") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    assert all(row.pop("seconds") >= 0 for row in rows)
    assert rows == uninterrupted[1]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]


def test_tensorboard_logs_have_each_epochs_loss(uninterrupted, folder):
    for part, name in (("train", "loss"), ("validation", "val_loss")):
        [path] = (folder / "tensorboard" / part).glob("events.out.tfevents.*")
        values = {
            event.step: tf.make_ndarray(value.tensor).item()
            for event in tf.compat.v1.train.summary_iterator(str(path))
            for value in event.summary.value
            if value.tag == "epoch_loss"
        }
        expected = {row["epoch"] - 1: row[name] for row in uninterrupted[1]}
        assert values == pytest.approx(expected, rel=1e-6)


def damage(path, how):
    """Damages a checkpoint's data as a full disk or a bad one does."""
    data = path.with_name(f"{path.name}.data-00000-of-00001")
    if how == "missing":
        data.unlink()
    elif how == "cut off":
        data.write_bytes(data.read_bytes()[:-20])
    elif how == "flipped":
        content = bytearray(data.read_bytes())
        content[len(content) // 2] ^= 0xFF
        data.write_bytes(bytes(content))
    else:
        path.with_name(f"{path.name}.index").write_bytes(b"")


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        *(("latest", how) for how in ("missing", "cut off", "flipped", "no index")),
        *(("best", how) for how in ("flipped", "no index")),
    ],
)
def test_a_damaged_checkpoint_is_told_and_the_one_before_it_taken(
    uninterrupted, killed, tmp_path, capsys, kind, how
):
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    damage(tmp_path / kind / "ckpt-1", how)  # the second epoch's, the best so far
    begun = []
    assert_same(train(tmp_path, at_epoch=begun.append), uninterrupted)
    assert begun == [1, 2, 3]
    assert f"{tmp_path / 'latest' / 'ckpt-1'} is damaged" in capsys.readouterr().err


def test_checkpoints_that_are_all_damaged_are_told(killed, tmp_path):
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    for number in (0, 1):
        damage(tmp_path / "latest" / f"ckpt-{number}", "cut off")
    with pytest.raises(UserError, match=r"are damaged, all of them.*--output"):
        train(tmp_path)


def test_more_epochs_give_what_they_would_have_from_the_beginning(tmp_path):
    settings = {"schedule": "constant", "weight_decay": 0.1}
    whole = train(tmp_path / "whole", **settings)
    for epochs in (1, 2, 4):  # each time a training that is finished
        parts = train(tmp_path / "parts", epochs=epochs, **settings)
    assert_same(parts, whole)


def test_more_patience_gives_what_it_would_have_from_the_beginning(tmp_path, capsys):
    settings = {"scores": [0.9, 0.1, 0.1, 1.0]}
    whole = train(tmp_path / "whole", **settings)
    stopped = train(tmp_path / "parts", patience=1, **settings)
    assert len(stopped[1]) == 2
    train(tmp_path / "parts", patience=1, **settings)
    assert "after epoch 2, for none of the last 1 was better" in capsys.readouterr().out
    assert_same(train(tmp_path / "parts", **settings), whole)


def test_checkpoints_of_another_model_are_told(tmp_path, monkeypatch):
    train(tmp_path, epochs=1)
    monkeypatch.setattr("tests.tasks.training.small_training.TOKENS", 11)
    with pytest.raises(UserError, match=r"doesn't fit the model.*--output"):
        train(tmp_path)


def test_what_is_waited_for_is_told_once(tmp_path, capsys):
    train(tmp_path, epochs=2)
    out = capsys.readouterr().out
    assert out.count("compiling   the training step") == 1
    assert out.index("compiling") < out.index("Epoch 1/2")
    train(tmp_path, epochs=2)  # there is nothing left to compile
    assert "compiling" not in capsys.readouterr().out


def test_the_time_left_does_not_count_what_is_compiled_once(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = callbacks.Progress(1000, shapes=3, seconds=60)
    progress.on_train_begin()
    assert "first batch of each of the 3 shapes" in capsys.readouterr().out
    progress.on_epoch_begin(0)
    for batch, seconds in enumerate([50, 20, *[3] * 38]):
        now[0] += seconds
        progress.on_train_batch_end(batch, {"loss": 1.0})
    lines = capsys.readouterr().out.splitlines()
    # 978 batches of 3 s; by the mean it would be 96 minutes.
    assert lines == [
        "  2/1,000  loss 1.0000  582 min left",
        "  22/1,000  loss 1.0000  49 min left",
    ]


def test_minutes_add_up_the_epochs():
    assert training.minutes([{"seconds": 50.0}, {"seconds": 40.0}]) == 1.5


@pytest.mark.parametrize(
    ("settings", "norm", "value"),
    [
        ({}, 1.0, None),
        ({"clip_norm": 0.25}, 0.25, None),
        ({"clip_norm": 0.0}, None, None),
        ({"clip_norm": 0.0, "clip_value": 0.5}, None, 0.5),
    ],
)
def test_gradients_are_clipped_as_asked(settings, norm, value):
    config = TrainingConfig(**settings)
    config.check()
    optimizer = training.optimizer(config, 100)
    assert (optimizer.global_clipnorm, optimizer.clipvalue) == (norm, value)
    assert optimizer.clipnorm is None


def test_clipping_by_norm_and_by_value_is_refused():
    with pytest.raises(UserError, match="--clip-norm 0"):
        TrainingConfig(clip_norm=1.0, clip_value=0.5).check()


def test_the_first_update_is_the_clipped_gradient():
    """Adam's first moment after a step is a tenth of the gradient that it took."""
    gradients = [tf.constant([3.0, 0.0]), tf.constant([4.0])]
    for settings, expected in (
        ({"clip_norm": 1.0}, [0.6, 0.0, 0.8]),
        ({"clip_norm": 0, "clip_value": 3.5}, [3.0, 0.0, 3.5]),
        ({"clip_norm": 0}, [3.0, 0.0, 4.0]),
    ):
        variables = [keras.Variable([0.0, 0.0]), keras.Variable([0.0])]
        optimizer = training.optimizer(TrainingConfig(**settings), 100)
        optimizer.apply(gradients, variables)
        moments = np.concatenate([m.numpy() for m in optimizer._momentums])
        np.testing.assert_allclose(moments, 0.1 * np.array(expected), rtol=1e-5)


def adam_with_decay(weight, gradients, rate, decay):
    """Returns a weight after AdamW's steps (Loshchilov & Hutter 2019, algorithm 2)."""
    m = v = 0.0
    for t, gradient in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        step = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-12)
        weight = weight - rate * (step + decay * weight)
    return weight


@pytest.mark.parametrize(
    "settings", [{"clip_norm": 0.5}, {"clip_norm": 0, "clip_value": 0.5}]
)
def test_a_tables_gradient_is_clipped_however_often_a_row_was_looked_up(settings):
    parts = tf.IndexedSlices(
        tf.constant([[0.4, -0.1], [0.3, 0.2], [0.1, 0.1]]), [1, 1, 0], [3, 2]
    )
    steps = []
    for gradient in (parts, tf.constant([[0.1, 0.1], [0.7, 0.1], [0.0, 0.0]])):
        table = keras.Variable(tf.zeros([3, 2]))
        optimizer = training.optimizer(TrainingConfig(**settings), 100)
        optimizer.apply([gradient], [table])
        steps.append(optimizer._momentums[0].numpy())
    np.testing.assert_allclose(*steps, rtol=1e-6)
    assert steps[0].max() > 0.04


def test_weights_decay_by_the_step_size_but_biases_and_gains_do_not():
    config = TrainingConfig(
        weight_decay=0.3, learning_rate=0.1, schedule="constant", clip_norm=0
    )
    config.check()
    random = np.random.default_rng(0)
    shapes = {"kernel": (3, 4), "embeddings": (5, 2), "bias": (2, 6), "gain": (4,)}
    starts = {name: random.normal(size=shape) for name, shape in shapes.items()}
    # A matrix in a layer that is called a bias is a matrix still.
    with keras.name_scope("visible_bias"):
        variables = [keras.Variable(starts[name], name=name) for name in shapes]
    gradients = {
        name: random.choice([-1, 1], [3, *shape]) * random.uniform(1, 2, [3, *shape])
        for name, shape in shapes.items()
    }
    gradients["embeddings"][:, [0, 2, 4]] = 0  # rows that no batch has

    optimizer = training.optimizer(config, 100)
    for step in range(3):
        given = [tf.constant(each[step], tf.float32) for each in gradients.values()]
        given[1] = tf.IndexedSlices(tf.gather(given[1], [1, 3]), [1, 3], [5, 2])
        optimizer.apply(given, variables)

    for (name, start), variable in zip(starts.items(), variables, strict=True):
        decay = 0.3 if name in ("kernel", "embeddings") else 0.0
        expected = adam_with_decay(start, gradients[name], 0.1, decay)
        np.testing.assert_allclose(variable, expected, rtol=1e-4, atol=1e-6)
    unseen = starts["embeddings"][0] * (1 - 0.1 * 0.3) ** 3
    np.testing.assert_allclose(variables[1][0], unseen, rtol=1e-5)


def test_no_decay_is_plain_adam():
    random = np.random.default_rng(0)
    settings = {"schedule": "constant", "clip_norm": 0, "learning_rate": 0.1}
    optimizers = (
        training.optimizer(TrainingConfig(**settings), 100),
        keras.optimizers.Adam(0.1),
    )
    start, gradients = random.normal(size=[3, 4]), random.normal(size=[4, 3, 4])
    found = [keras.Variable(start, name="kernel") for _ in optimizers]
    for gradient in gradients.astype("float32"):
        for optimizer, variable in zip(optimizers, found, strict=True):
            optimizer.apply([tf.constant(gradient)], [variable])
    np.testing.assert_array_equal(*found)


def test_decaying_training_goes_on_with_the_same_result(uninterrupted, tmp_path):
    whole = train(tmp_path / "whole", weight_decay=0.5)
    with pytest.raises(KilledError):
        train(tmp_path / "parts", at_epoch=interrupt_at(2), weight_decay=0.5)
    assert_same(train(tmp_path / "parts", weight_decay=0.5), whole)
    embeddings, larger = whole[0][0], uninterrupted[0][0]
    assert np.linalg.norm(embeddings) < np.linalg.norm(larger)


@pytest.mark.parametrize("decay", [-0.1, float("inf")])
def test_decay_below_zero_is_refused(decay):
    with pytest.raises(UserError, match=r"--weight-decay must be at least 0"):
        TrainingConfig(weight_decay=decay).check()


def test_cosine_rises_over_a_twentieth_and_falls_to_zero():
    config = TrainingConfig(learning_rate=0.4, schedule="cosine")
    schedule = training.optimizer(config, 200)._learning_rate
    rates = [float(schedule(step)) for step in (0, 5, 10, 105, 200)]
    np.testing.assert_allclose(rates, [0, 0.2, 0.4, 0.2, 0], atol=1e-6)


def test_cosine_of_few_steps_begins_at_its_highest():
    config = TrainingConfig(learning_rate=0.4, schedule="cosine")
    schedule = training.optimizer(config, 10)._learning_rate
    np.testing.assert_allclose(schedule(0), 0.4)
    np.testing.assert_allclose(schedule(5), 0.2, rtol=1e-6)


def test_constant_keeps_the_step_size():
    config = TrainingConfig(learning_rate=0.4, schedule="constant")
    optimizer = training.optimizer(config, 10)
    assert float(optimizer.learning_rate) == pytest.approx(0.4)


def test_best_epoch_keeps_the_average_of_the_weights(tmp_path):
    """Against the average by hand, of a run whose weights are seen at each batch."""
    seen = []
    update = keras.optimizers.Adam.apply

    def watched(optimizer, gradients, variables=None):
        result = update(optimizer, gradients, variables)
        tf.py_function(
            lambda *values: seen.append([value.numpy() for value in values]),
            [variable.value for variable in variables or []],
            [],
        )
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.optimizers.Adam, "apply", watched)
        weights, _ = train(tmp_path, epochs=1, ema_momentum=0.9, schedule="constant")
    average = seen[0]
    for values in seen[1:]:
        average = [0.9 * a + 0.1 * v for a, v in zip(average, values, strict=True)]
    assert len(seen) > 5
    for weight, expected, last in zip(weights, average, seen[-1], strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-5)
        assert np.abs(weight - last).max() > 1e-3


def test_averaging_training_goes_on_with_the_same_result(averaged, tmp_path):
    with pytest.raises(KilledError):
        train(tmp_path, at_epoch=interrupt_at(2), ema_momentum=0.9)
    assert_same(train(tmp_path, ema_momentum=0.9), averaged)


def test_versions_are_told_by_whatever_name_a_library_is_installed(monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    found = hardware.versions()
    assert (found["tensorflow"], found["keras"]) == (tf.__version__, keras.__version__)
    assert found["tensorflow-datasets"] == tfds.__version__
    assert {"python", "numpy"} < found.keys()


def test_a_finished_training_has_a_card(preset, tmp_path):
    model = zoo.from_preset(preset)
    history = [{"epoch": 1, "loss": 0.5, "val_loss": 0.5, "seconds": 60.0}]
    card = cards.Card("Reads a text.", "- Knows English.")
    extras = {"sample": {"command": "zoo sentiment predict x", "text": "pos"}}
    record, config = {"command": "zoo sentiment train"}, TrainingConfig()
    folder = training.finish(
        model, history, record, config, tmp_path, None, card, extras
    )
    written = (folder / presets.CARD).read_text("utf-8")
    for part in ("Reads a text.", "- Knows English.", "zoo sentiment train", "pos"):
        assert part in written
    assert presets.read_metrics(folder)["training"]["best_epoch"] == 1
