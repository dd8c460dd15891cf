"""Old or new and never half, whatever happens while it is written."""

import errno
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests import interruptions
from zoo import files
from zoo.files import (
    is_free,
    locked,
    replaced_file,
    replaced_folder,
    shared_folder,
    whole_folder,
)


@pytest.fixture(autouse=True)
def usual_umask():
    """What is new may be read by all, whoever tests."""
    before = os.umask(0o022)
    yield
    os.umask(before)


KILLED_BEFORE_A_CALL = """
import os, shutil, sys
from zoo import files

kind, path, name, number = sys.argv[1:]
module = os if name == "replace" else shutil
original, calls = getattr(module, name), 0

def kill(*args, **kwargs):
    global calls
    calls += 1
    if calls == int(number):
        os.kill(os.getpid(), 9)
    return original(*args, **kwargs)

setattr(module, name, kill)
if kind == "file":
    with files.replaced_file(path) as file:
        file.write_text("new")
else:
    with files.replaced_folder(path, "one") as folder:
        (folder / "one").write_text("new")
        (folder / "two").write_text("new")
"""


def make_folder(path, content):
    path.mkdir()
    for name in ("one", "two"):
        (path / name).write_text(content)
    return path


def contents(folder):
    return {file.name: file.read_text() for file in folder.iterdir()}


OLD, NEW = ({"one": content, "two": content} for content in ("old", "new"))


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def fail_after(file, error):
    file.write_text("ne")
    raise error


def killed(kind, path, name, number):
    command = [sys.executable, "-c", KILLED_BEFORE_A_CALL, kind, path, name, number]
    process = subprocess.run(list(map(str, command)), capture_output=True)
    assert process.returncode in (0, -signal.SIGKILL), process.stderr
    return process.returncode != 0


@pytest.mark.parametrize("there_already", [True, False])
def test_file_takes_its_place_at_the_end(there_already, tmp_path):
    path = tmp_path / "folder" / "file"
    if there_already:
        path.parent.mkdir()
        path.write_text("old")
    with replaced_file(path) as file:
        file.write_text("new")
        assert path.exists() == there_already
        assert not there_already or path.read_text() == "old"
    assert path.read_text() == "new"
    assert mode_of(path) == 0o644
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_file_stays_when_writing_fails(error, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), replaced_file(path) as file:
        fail_after(file, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("there_already", [True, False])
def test_folder_takes_its_place_at_the_end(there_already, tmp_path):
    path = tmp_path / "above" / "folder"
    if there_already:
        path.parent.mkdir()
        (make_folder(path, "old") / "three").write_text("old")
    with replaced_folder(str(path), "one") as folder:
        assert contents(folder) == {}
        for name in NEW:
            (folder / name).write_text("new")
        assert path.exists() == there_already
    assert contents(path) == NEW
    assert mode_of(path) == 0o755
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_folder_stays_when_writing_fails(error, tmp_path):
    path = make_folder(tmp_path / "folder", "old")
    with pytest.raises(error), replaced_folder(path, "one") as folder:
        fail_after(folder / "one", error)
    assert contents(path) == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_file_is_old_or_new_after_a_kill(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    assert killed("file", path, "replace", 1)
    assert path.read_text() == "old"
    assert not killed("file", path, "replace", 2)
    assert path.read_text() == "new"


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("replace", 1, OLD),  # before the old folder goes aside
        ("replace", 2, OLD),  # before the new one takes its place
        ("rmtree", 1, OLD),
        ("rmtree", 2, NEW),  # before the old one is deleted
        ("rmtree", 3, NEW),
    ],
)
def test_folder_is_old_or_new_after_a_kill(name, number, expected, tmp_path):
    path = make_folder(tmp_path / "folder", "old")

    assert killed("folder", path, name, number)

    assert contents(whole_folder(path)) == expected
    with replaced_folder(path, "one") as folder:  # and it can be replaced again
        (folder / "one").write_text("newer")
    assert contents(path) == {"one": "newer"}
    assert not list(tmp_path.glob("*.old"))


@pytest.mark.parametrize("kind", ["file", "folder", "shared folder"])
@pytest.mark.parametrize("there_already", [True, False])
def test_what_is_interrupted_anywhere_is_old_or_new_and_nothing_is_beside_it(
    kind, there_already, tmp_path
):
    path = tmp_path / "made"
    names = ["."] if kind == "file" else ["sign", "other"]

    def fill(folder, content):
        for name in names:
            (folder / name).write_text(content)

    def act():
        made = {
            "file": lambda: replaced_file(path),
            "folder": lambda: replaced_folder(path, "sign"),
            "shared folder": lambda: shared_folder(path, "sign"),
        }[kind]
        with made() as written:
            fill(written, "new")

    def begin():
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        if there_already and kind != "file":
            path.mkdir()
        if there_already:
            fill(path, "old")

    begin()
    for where in interruptions.everywhere(act, files, pathlib, shutil):
        assert [*tmp_path.iterdir()] == [path] * path.exists(), where
        found = {(path / name).read_text() for name in names} if path.exists() else None
        assert found in ([{"old"}, {"new"}] if there_already else [None, {"new"}]), (
            where
        )
        begin()


def test_exchange_that_was_killed_is_undone_before_the_next_one_fails(tmp_path):
    path = make_folder(tmp_path / "folder", "old")
    assert killed("folder", path, "replace", 2)
    assert not path.exists()
    with pytest.raises(ValueError, match="full"), replaced_folder(path, "one"):
        raise ValueError("disk full")
    assert contents(whole_folder(path)) == OLD


def test_a_reader_amid_an_exchange_gets_the_old_folder_and_holds_nobody_up(
    tmp_path, monkeypatch
):
    path = make_folder(tmp_path / "folder", "old")
    replace, readers = os.replace, 3 * [whole_folder]

    def replace_and_read(source, target):
        replace(source, target)
        if Path(source) == path and readers:
            assert contents(readers.pop()(path)) == OLD

    monkeypatch.setattr(os, "replace", replace_and_read)
    with replaced_folder(path, "one") as folder:
        for name in NEW:
            (folder / name).write_text("new")
    assert not readers
    assert contents(path) == NEW
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("quicker", "expected"), [("another reader", OLD), ("the writer", NEW)]
)
def test_an_exchange_may_be_undone_or_done_by_another_meanwhile(
    quicker, expected, tmp_path, monkeypatch
):
    path, old = tmp_path / "folder", make_folder(tmp_path / ".folder.old", "old")
    replace = os.replace

    def replace_after(source, target):
        if quicker == "another reader":
            replace(old, path)
        else:
            make_folder(path, "new")
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_after)
    assert contents(whole_folder(path)) == expected


@pytest.mark.parametrize("name", ["../" * 50, "x/../" + "../" * 50])
def test_the_root_is_no_folder_that_was_exchanged(name, tmp_path):
    assert whole_folder(tmp_path / name) == tmp_path / name


def test_whole_folder_leaves_what_is_whole(tmp_path):
    path = make_folder(tmp_path / "folder", "new")
    make_folder(tmp_path / ".folder.old", "old")
    assert whole_folder(str(path)) == path
    assert contents(path) == NEW
    assert whole_folder(tmp_path / "nothing") == Path(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("kind", ["a file", "a folder of other things"])
def test_something_else_in_the_way_is_left_alone(kind, tmp_path):
    path = tmp_path / "thesis"
    if kind == "a file":
        path.write_text("years of work")
    else:
        path.mkdir()
        (path / "chapter").write_text("years of work")
    with (
        pytest.raises(FileExistsError, match="in the way: it has no one"),
        replaced_folder(path, "one"),
    ):
        raise AssertionError("nothing is written")
    kept = path if kind == "a file" else path / "chapter"
    assert kept.read_text() == "years of work"


@pytest.mark.parametrize("made", [replaced_file, replaced_folder, shared_folder])
@pytest.mark.parametrize("kind", ["a file", "a folder of other things"])
def test_what_comes_into_the_way_meanwhile_is_left_alone(made, kind, tmp_path):
    path = tmp_path / "thesis"
    kept = path if kind == "a file" else path / "chapter"

    def write():
        with made(path) if made is replaced_file else made(path, "one") as written:
            new = written if made is replaced_file else written / "one"
            new.write_text("new")
            kept.parent.mkdir(exist_ok=True)
            kept.write_text("years of work")

    if made is replaced_file and kind == "a file":
        write()
        assert path.read_text() == "new"
    else:
        with pytest.raises(FileExistsError, match=r"in the way|is no file"):
            write()
        assert kept.read_text() == "years of work"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", [1, 2])
def test_of_exchanges_at_the_same_time_one_is_the_last(call, tmp_path, monkeypatch):
    path = make_folder(tmp_path / "folder", "old")
    replace, calls = os.replace, []

    def replace_amid_another(source, target):
        calls.append(source)
        if len(calls) == call:
            for other, content in ((tmp_path / ".folder.old", "old"), (path, "other")):
                if not other.exists():
                    make_folder(other, content)
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_amid_another)
    with replaced_folder(path, "one") as folder:
        (folder / "one").write_text("new")
    assert len(calls) > call
    assert contents(path) == {"one": "new"}
    assert list(tmp_path.iterdir()) == [path]


def test_several_processes_replace_a_folder_at_the_same_time(tmp_path):
    program = """
import sys
from zoo.files import replaced_folder
for number in range(20):
    with replaced_folder(sys.argv[1], "one") as folder:
        for name in ("one", "two"):
            (folder / name).write_text(f"{sys.argv[2]} {number}")
"""
    path = tmp_path / "folder"
    started = [
        subprocess.Popen([sys.executable, "-c", program, path, each]) for each in "abc"
    ]
    assert [process.wait() for process in started] == [0, 0, 0]
    found = contents(path)
    assert found["one"] == found["two"]
    assert found["one"].endswith(" 19")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF])
def test_where_there_are_no_locks_nobody_waits(number, tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(file, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with locked(tmp_path), locked(tmp_path), (tmp_path / "file").open("w") as file:
        assert is_free(file)


def test_empty_folder_is_filled(tmp_path):
    with replaced_folder(tmp_path / "empty", "one") as folder:
        (folder / "one").write_text("new")
    assert contents(tmp_path / "empty") == {"one": "new"}


def test_link_stays_and_its_file_is_replaced(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with replaced_file(link) as file:
        file.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.parametrize("target", ["there", "empty", "nothing"])
def test_link_stays_and_its_folder_is_replaced_again_and_again(target, tmp_path):
    folder, link = tmp_path / "runs" / "target", tmp_path / "link"
    folder.parent.mkdir()
    link.symlink_to(folder)
    if target != "nothing":
        folder.mkdir()
    if target == "there":
        (folder / "one").write_text("old")
    for content in "123":
        with replaced_folder(link, "one") as new:
            (new / "one").write_text(content)
        assert link.readlink() == folder
        assert contents(folder) == {"one": content}
    assert list(folder.parent.iterdir()) == [folder]
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "link"}


def test_an_exchange_behind_a_link_is_undone(tmp_path):
    folder, link = make_folder(tmp_path / "folder", "old"), tmp_path / "link"
    link.symlink_to(folder)
    assert killed("folder", link, "replace", 2)
    assert not folder.exists()
    assert contents(whole_folder(link)) == OLD
    assert link.readlink() == folder


def test_a_link_that_older_versions_left_is_no_hindrance(tmp_path):
    make_folder(tmp_path / "run", "old")
    folder = make_folder(tmp_path / "latest", "old")
    (tmp_path / ".latest.old").symlink_to(tmp_path / "run")
    with replaced_folder(folder, "one") as new:
        (new / "one").write_text("new")
    assert contents(folder) == {"one": "new"}
    assert contents(tmp_path / "run") == OLD
    assert {path.name for path in tmp_path.iterdir()} == {"run", "latest"}


@pytest.mark.parametrize("path", [".", "..", "link", "there"])
def test_the_folder_that_one_is_in_is_left_alone(path, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "folder", "old")
    (folder / "within").mkdir()
    (folder / "within" / "there").symlink_to(folder)
    (folder / "link").symlink_to(".")
    monkeypatch.chdir(folder / "within" if path in ("..", "there") else folder)
    with (
        pytest.raises(FileExistsError, match="is the folder that you are in"),
        replaced_folder(path, "one"),
    ):
        pytest.fail("it is written")
    assert (folder / "one").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_is_no_file_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with (
        pytest.raises(FileExistsError, match="is no file"),
        replaced_file(tmp_path / "pipe"),
    ):
        pytest.fail("it is written")
    assert (tmp_path / "pipe").is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_pipe_without_a_path_of_its_own_is_left_alone():
    ends = os.pipe()
    path = f"/dev/fd/{ends[1]}"  # as /dev/stdout is, in a pipeline
    with pytest.raises(FileExistsError, match=path), replaced_file(path):
        pytest.fail("it is written")
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_what_is_new_has_the_mode_that_the_umask_leaves(mask, tmp_path):
    before = os.umask(mask)
    try:
        with replaced_file(tmp_path / "file") as file:
            file.write_text("new")
        for made in (replaced_folder, shared_folder):
            with made(tmp_path / made.__name__, "one") as folder:
                (folder / "one").write_text("new")
    finally:
        os.umask(before)
    found = {path.name: mode_of(path) for path in tmp_path.iterdir()}
    folders = dict.fromkeys(["replaced_folder", "shared_folder"], 0o777 & ~mask)
    assert found == {"file": 0o666 & ~mask} | folders


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_a_file_keeps_the_mode_of_the_one_whose_place_it_takes(mode, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    with replaced_file(path) as file:
        assert mode_of(file) & 0o077 == mode & 0o077  # nobody else reads it meanwhile
        assert mode_of(file) & stat.S_IWUSR
        file.write_text("new")
    assert (path.read_text(), mode_of(path)) == ("new", mode)


@pytest.mark.parametrize("mode", [0o700, 0o775])
def test_a_folder_keeps_the_mode_of_the_one_whose_place_it_takes(mode, tmp_path):
    path = make_folder(tmp_path / "folder", "old")
    path.chmod(mode)
    with replaced_folder(path, "one") as folder:
        assert mode_of(folder) == mode
        (folder / "one").write_text("new")
    assert (contents(path), mode_of(path)) == ({"one": "new"}, mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only a superuser gives files away")
def test_a_superuser_leaves_a_users_file_to_its_user(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    os.chown(path, 1234, 5678)
    with replaced_file(path) as file:
        file.write_text("new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 5678)


def test_what_replaces_another_users_file_stays_in_its_group(tmp_path, monkeypatch):
    path, given = tmp_path / "file", []
    path.write_text("old")

    def chown(path, user, group):
        """As for somebody who is in the file's group, and not its owner."""
        if user != -1:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        given.append(group)

    monkeypatch.setattr(os, "chown", chown)
    with replaced_file(path) as file:
        file.write_text("new")
    assert path.read_text() == "new"
    assert set(given) == {path.stat().st_gid}


def mount(path, monkeypatch):
    """Has a path be one that is mounted: it can't be renamed, nor replaced."""
    replace = os.replace

    def replace_others(source, target):
        if path in (Path(source), Path(target)):
            raise OSError(errno.EBUSY, "Device or resource busy")
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_others)
    monkeypatch.setattr(os.path, "ismount", lambda place: Path(place) == path)


def test_a_file_that_is_mounted_is_written_over(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old and longer")
    mount(path, monkeypatch)
    with pytest.raises(ValueError, match="full"), replaced_file(path) as file:
        fail_after(file, ValueError("disk full"))
    assert path.read_text() == "old and longer"
    with replaced_file(path) as file:
        file.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("there", ["nothing", "an old one"])
def test_a_folder_that_is_mounted_is_filled_anew(there, tmp_path, monkeypatch):
    path = tmp_path / "folder"
    if there == "nothing":
        path.mkdir()
    else:
        make_folder(path, "old")
        make_folder(path / "three", "old")
        (path / "link").symlink_to(path / "three")
    before = sorted(path.rglob("*"))
    mount(path, monkeypatch)
    with pytest.raises(ValueError, match="full"), replaced_folder(path, "one") as new:
        fail_after(new / "one", ValueError("disk full"))
    assert sorted(path.rglob("*")) == before
    with replaced_folder(path, "one") as folder:
        (folder / "one").write_text("new")
        make_folder(folder / "four", "new")
    assert sorted(each.name for each in path.iterdir()) == ["four", "one"]
    assert contents(path / "four") == NEW
    assert list(tmp_path.iterdir()) == [path]


LONGEST = [length * "a" for length in (250, 251, 255)] + [
    85 * "\N{HIRAGANA LETTER A}",  # 255 bytes
    83 * "\N{HIRAGANA LETTER A}" + "aa",
]


@pytest.mark.parametrize("name", LONGEST, ids=range(len(LONGEST)))
def test_the_longest_of_names_are_written(name, tmp_path):
    path = tmp_path / name
    assert whole_folder(path) == path
    for content in "12":
        with replaced_file(path) as file:
            file.write_text(content)
        assert path.read_text() == content
    path.unlink()
    for content in "12":
        with replaced_folder(path, "one") as folder:
            (folder / "one").write_text(content)
        assert contents(path) == {"one": content}
    with shared_folder(path, "one") as folder:
        (folder / "one").write_text("3")
    assert contents(path) == {"one": "2"}
    assert list(tmp_path.iterdir()) == [path]


def test_exchanges_of_long_names_that_were_killed_are_undone(tmp_path):
    for ending, content in (("b", "old"), ("c", "older")):
        path = make_folder(tmp_path / (254 * "a" + ending), content)
        assert killed("folder", path, "replace", 2)
    for ending, content in (("b", "old"), ("c", "older")):
        path = whole_folder(tmp_path / (254 * "a" + ending))
        assert contents(path) == {"one": content, "two": content}


@pytest.mark.parametrize("made", [replaced_file, replaced_folder, shared_folder])
@pytest.mark.parametrize("url", ["gs://bucket/run", "hdfs://host:9000/a/b", "s3://x/"])
def test_a_url_is_no_place_to_write_to(made, url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (url, Path(url)):
        told = url if path is url else url.rstrip("/")
        arguments = [path] if made is replaced_file else [path, "one"]
        with pytest.raises(ValueError, match=f"^{told} is a URL"), made(*arguments):
            pytest.fail("it is written")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["./gs:/run", "a:/run", "12:30/run", "run:1/x"])
def test_a_path_may_have_colons(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with replaced_file(name) as file:
        file.write_text("new")
    assert (tmp_path / name).read_text() == "new"


def test_of_a_shared_folder_the_first_one_stays(tmp_path):
    path = tmp_path / "above" / "folder"
    with shared_folder(path, "one") as folder:
        (folder / "one").write_text("slow")
        with shared_folder(path, "one") as other:
            (other / "one").write_text("fast")
        assert contents(path) == {"one": "fast"}
        first = path.stat().st_ino
    assert contents(path) == {"one": "fast"}
    assert path.stat().st_ino == first
    assert list(path.parent.iterdir()) == [path]


def test_a_shared_folder_leaves_other_things_alone(tmp_path):
    path = make_folder(tmp_path / "folder", "old")
    with (
        pytest.raises(FileExistsError, match="in the way: it has no three"),
        shared_folder(path, "three") as folder,
    ):
        (folder / "three").write_text("new")
    with pytest.raises(ValueError, match="full"), shared_folder(path, "one"):
        raise ValueError("disk full")
    assert contents(path) == OLD
    assert list(tmp_path.iterdir()) == [path]
