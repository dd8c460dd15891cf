"""Workers that a command starts on this machine, here of a few lines of Python."""

import json
import os
import signal
import textwrap
import threading
import time

import pytest

from tasks import sentiment
from tasks.cli import command_line as cli
from tasks.cli import launching


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """Returns what launches two workers that run some lines.

    These have `index`, `starts`, how often this worker was started, and `folder`.
    """
    before = """
        import json, os, pathlib, signal, sys, time
        folder = pathlib.Path(sys.argv[4])
        index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
        with (folder / f"starts-{index}").open("a") as file:
            file.write("x")
        starts = len((folder / f"starts-{index}").read_text())
        first = folder / "starts-0"  # it may be slower, and is counted
        while not (first.exists() and first.read_text()):
            time.sleep(0.01)
    """

    def launch(lines, workers=2):
        program = textwrap.dedent(before) + textwrap.dedent(lines)
        escaped = program.replace("{", "{{").replace("}", "}}")
        monkeypatch.setattr(launching, "_PROGRAM", escaped)
        argv = [str(tmp_path)]
        return launching.launch("text", "program", argv, workers, tmp_path / "out")

    return launch


def starts(folder, index):
    return len((folder / f"starts-{index}").read_text())


def test_all_are_started_once_and_the_others_have_logs(launch, tmp_path, capfd):
    assert launch("print('here is', index)", workers=3) == 0
    out = capfd.readouterr().out
    assert "here is 0" in out
    for index in (1, 2):
        log = tmp_path / "out" / "logs" / f"worker-{index}.log"
        assert f"worker {index}    {log}" in out
        assert log.read_text() == f"here is {index}\n"


def test_what_is_killed_starts_again_with_all_others(launch, tmp_path, capfd):
    code = launch("""
        if starts == 1 and index == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if starts == 1:
            time.sleep(60)  # would wait for the other
    """)
    assert code == 0
    assert starts(tmp_path, 0) == starts(tmp_path, 1) == 2
    assert "worker 1 ended by signal 9. All start again" in capfd.readouterr().err


def test_starting_again_has_an_end(launch, tmp_path, capfd):
    assert launch("sys.exit(75)", workers=1) == 1
    assert starts(tmp_path, 0) == 1 + launching.MOST_RESTARTS
    err = capfd.readouterr().err
    assert f"the {launching.MOST_RESTARTS + 1}th end with no more saved" in err


EPOCHS = """
    history = where / "history.csv"
    history.write_text("epoch\\n" + starts * "1\\n")
"""
BATCHES = """
    (where / "history.csv").write_text("epoch\\n1\\n")
    within = where / "latest" / "within_epoch"
    within.mkdir(parents=True, exist_ok=True)
    (within / f"ckpt-{10**9 + starts - 1}.index").unlink(missing_ok=True)
    (within / f"ckpt-{10**9 + starts}.index").touch()
"""


@pytest.mark.slow
@pytest.mark.parametrize("saved", [EPOCHS, BATCHES])
@pytest.mark.parametrize("part", [".", "pretraining"])
def test_what_is_saved_in_between_begins_the_count_anew(
    launch, tmp_path, capfd, part, saved
):
    code = launch(
        f"""
where = folder / "out" / "checkpoints" / "{part}"
where.mkdir(parents=True, exist_ok=True)
{textwrap.dedent(saved)}
sys.exit(75 if starts < 9 else 0)
""",
        workers=1,
    )
    assert code == 0
    assert starts(tmp_path, 0) == 9 > launching.MOST_RESTARTS
    told = "epoch 1 and 8 batches" if saved == BATCHES else "epoch 8 and 0 batches"
    err = capfd.readouterr().err
    assert f"All start again, after {told} of the next (1 of 5" in err


def test_a_checkpoint_of_an_epoch_that_is_over_is_no_progress(tmp_path):
    within = tmp_path / "checkpoints" / "latest" / "within_epoch"
    within.mkdir(parents=True)
    (within / "ckpt-7.index").touch()
    assert launching.saved(tmp_path) == (0, 7)
    (tmp_path / "checkpoints" / "history.csv").write_text("epoch\n1\n")
    assert launching.saved(tmp_path) == (1, 0)


@pytest.mark.parametrize("code", [1, 2])
def test_a_mistake_isnt_made_again(launch, tmp_path, capfd, code):
    lines = f"""
        if index == 1:
            print("what was wrong")
            sys.exit({code})
        time.sleep(60)
    """
    assert launch(lines) == code
    assert starts(tmp_path, 0) == starts(tmp_path, 1) == 1
    assert f"worker 1 ended with exit code {code}: what was wrong" in (
        capfd.readouterr().err
    )


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_whoever_is_told_to_leave_tells_the_workers(launch, tmp_path, capfd, number):
    def tell():
        while not (tmp_path / "starts-0").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    threading.Thread(target=tell).start()
    began = time.monotonic()
    assert launch("time.sleep(60)") == 128 + number
    assert time.monotonic() - began < 30
    assert "interrupted. Go on with --resume." in capfd.readouterr().err


def test_what_the_chief_has_told_isnt_told_again(launch, tmp_path, capfd):
    """Where to go on it says by itself."""

    def tell():
        while not (tmp_path / "listens").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=tell).start()
    code = launch(
        """
        def leave(*_):
            print("saved after batch 3. Go on with --resume.", file=sys.stderr)
            sys.exit(143)
        signal.signal(signal.SIGTERM, leave)
        (folder / "listens").touch()
        time.sleep(60)
    """,
        workers=1,
    )
    assert code == 128 + signal.SIGINT
    assert capfd.readouterr().err == "saved after batch 3. Go on with --resume.\n"


def test_each_has_its_part_of_the_machine(monkeypatch):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    found = launching.environments(3, [5, 6, 7], gpus=7)
    assert [each["CUDA_VISIBLE_DEVICES"] for each in found] == ["0,1", "2,3", "4,5,6"]
    assert {each["TF_NUM_INTRAOP_THREADS"] for each in found} == {"2"}
    config = json.loads(found[1]["TF_CONFIG"])
    assert config["task"] == {"type": "worker", "index": 1}
    addresses = [f"localhost:{port}" for port in (5, 6, 7)]
    assert config["cluster"] == {"worker": addresses}
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    assert set(launching.environments(2, [5, 6], gpus=1)[0]) == {"TF_CONFIG"}


@pytest.mark.parametrize("flag", [["--workers", "3"], ["--workers=3"]])
def test_workers_get_the_command_without_its_number_of_workers(
    monkeypatch, tmp_path, flag
):
    given = []
    monkeypatch.setattr(launching, "launch", lambda *all_: given.append(all_) or 0)
    where = ["--output", str(tmp_path)]
    argv = ["train", *flag, "--epochs", "2", *where]
    assert cli.main(sentiment.TEMPLATE, argv, "program") == 0
    expected = ["train", "--epochs", "2", *where, "--distributed"]
    assert given == [("sentiment", "program", expected, 3, tmp_path)]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--workers", "0"], "--workers must be at least 1, found 0"),
        (["--workers", "2", "--distributed"], "give one of them"),
        (["--workers", "2", "--mirrored"], "--mirrored is for one process"),
        (["--workers", "2", "--epochs", "0"], "--epochs must be above 0"),
        (["--distributed"], "--distributed needs TF_CONFIG"),
        (["--join-timeout", "inf"], "--join-timeout must be above 0 and finite"),
        (["--join-timeout", "nan"], "--join-timeout must be above 0, found nan"),
        (["--join-timeout", "0"], "--join-timeout must be above 0, found 0"),
        (["--workers", "2", "--join-timeout", "1e9"], "must be in [0, 1000000)"),
    ],
)
def test_what_doesnt_go_together_is_told(run, tmp_path, monkeypatch, flags, told):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    outcome = run("train", "--output", tmp_path, *flags, template=sentiment.TEMPLATE)
    assert outcome.code == 2
    [line] = outcome.err.splitlines()
    assert told in line
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_is_there_is_gone_on_with_by_resume(run, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    argv = ("train", "--output", tmp_path, "--workers", 2)
    outcome = run(*argv, template=sentiment.TEMPLATE)
    assert outcome.code == 2
    assert "holds a training already. Go on with it by --resume" in outcome.err


def test_no_two_launch_workers_in_a_folder_at_once(run, tmp_path, monkeypatch):
    codes = []

    def launch(*given):
        argv = ("train", "--output", tmp_path, "--workers", 2)
        codes.append(run(*argv, template=sentiment.TEMPLATE))
        return 0

    monkeypatch.setattr(launching, "launch", launch)
    argv = ["train", "--output", str(tmp_path), "--workers", "2"]
    for _ in range(2):
        assert cli.main(sentiment.TEMPLATE, argv) == 0
    for outcome in codes:
        assert outcome.code == 2
        assert "Another process trains in" in outcome.err
    assert len(codes) == 2
