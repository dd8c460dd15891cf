"""A file that was written half is gone on with, at a whole line."""

import pathlib
import stat
from pathlib import Path

import pytest

from tasks.errors import UserError
from tasks.translation import partial_file
from tasks.translation.partial_file import PartialFile
from tests import interruptions
from zoo import files


def interrupted(path, lines):
    def write():
        with PartialFile(path, resume=False) as file:
            for line in lines:
                file.write(line)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()


def test_a_file_has_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "folder" / "out"
    interrupted(path, ["é", ""])
    assert not path.exists()
    with PartialFile(path, resume=True) as file:
        assert file.done == 2
        file.write("c\u2028")
    assert path.read_bytes() == "é\n\nc\u2028\n".encode()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("left", "group", "done", "kept"),
    [
        (b"a\nb\nha", 1, 2, b"a\nb\n"),
        (b"ha", 1, 0, b""),
        (b"", 1, 0, b""),
        (b"a1\na2\nb1\nb2\nc1\n", 2, 2, b"a1\na2\nb1\nb2\n"),
        (b"a1\na2\nb1\nb", 2, 1, b"a1\na2\n"),
    ],
)
def test_what_is_no_whole_line_or_group_is_cut_off(tmp_path, left, group, done, kept):
    (tmp_path / "out.partial").write_bytes(left)
    (tmp_path / "out.partial.record").write_text("{}\n" + "0\n" * 9)
    with PartialFile(tmp_path / "out", resume=True, group=group) as file:
        assert file.done == done
        file.write("new")
    assert (tmp_path / "out").read_bytes() == kept + b"new\n"


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    interrupted(path, ["new"])
    assert path.read_text() == "old"
    with pytest.raises(UserError, match=r"out.partial is of an interrupted run.*--res"):
        PartialFile(path, resume=False)
    with PartialFile(path, resume=True):
        pass
    assert path.read_text() == "new\n"
    with pytest.raises(UserError, match=r"Nothing to resume: there is no .*partial"):
        PartialFile(path, resume=True)
    with pytest.raises(UserError, match="is a folder"):
        PartialFile(tmp_path, resume=False)


def test_a_private_file_stays_private(tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    path.chmod(0o600)
    with PartialFile(path, resume=False) as file:
        file.write("new")
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("there", [True, False])
def test_of_a_link_it_is_the_file_that_it_points_to(tmp_path, there):
    folder = tmp_path / "other"
    folder.mkdir()
    if there:
        (folder / "target").write_text("old")
    link = tmp_path / "link"
    link.symlink_to(Path("other", "target"))
    interrupted(link, ["new"])
    assert (folder / "target.partial").exists()
    with PartialFile(link, resume=True) as file:
        file.write("line")
    assert link.is_symlink()
    assert (folder / "target").read_text() == "new\nline\n"
    assert {*tmp_path.iterdir()} == {folder, link}
    assert [*folder.iterdir()] == [folder / "target"]


def translated(path, texts, resume=False, die_at=None, **made_with):
    """Writes two lines for each text; returns the texts that there was work for."""
    worked = []
    with PartialFile(path, resume, 2, made_with) as file:
        for number, text in enumerate(file.remaining(iter(texts))):
            worked.append(text)
            file.write(f"{text.decode()} 1")
            if number == die_at:
                raise KeyboardInterrupt
            file.write(f"{text.decode()} 2")
    return worked


TEXTS = [b"a", "é".encode(), b"", b"a", b"last"]


@pytest.mark.parametrize("done", range(len(TEXTS)))
def test_texts_that_are_done_are_known_again(tmp_path, done):
    path = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        translated(path, TEXTS, die_at=done, beam=4)
    for place in range(done):
        others = [*TEXTS[:place], b"other", *TEXTS[place + 1 :]]
        with pytest.raises(UserError, match=f"line {place + 1} has changed"):
            translated(path, others, resume=True, beam=4)
    assert translated(path, TEXTS, resume=True, beam=4) == TEXTS[done:]
    lines = [f"{text.decode()} {n}\n" for text in TEXTS for n in (1, 2)]
    assert path.read_text("utf-8") == "".join(lines)
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_file_is_made_with_stays_the_same(tmp_path):
    path = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        translated(path, TEXTS, die_at=2, **{"--beam": 4, "model": "x"})
    for others, told in (
        ({"--beam": 5, "model": "x"}, "began with --beam 4, not 5"),
        ({"model": "x"}, "began with --beam 4, not None"),
        ({"--beam": 4, "model": "y"}, "began with another model"),
        ({"--beam": 4, "model": "x", "--new": 1}, "--new None, not 1"),
    ):
        with pytest.raises(UserError, match=told):
            translated(path, TEXTS, resume=True, **others)
    assert translated(path, TEXTS, resume=True, **{"--beam": 4, "model": "x"})


@pytest.mark.parametrize("record", [None, b"", b"{", b"\xff\n", b"{}\n", b"{}\nhalf"])
def test_a_record_that_is_missing_or_damaged_is_told(tmp_path, record):
    path = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        translated(path, TEXTS, die_at=2)
    (tmp_path / "out.partial.record").unlink()
    if record is not None:
        (tmp_path / "out.partial.record").write_bytes(record)
    with pytest.raises(UserError, match=r"out.partial can't be gone on with"):
        translated(path, TEXTS, resume=True)


@interruptions.leaving_files_open
def test_what_is_interrupted_anywhere_is_whole_or_can_be_gone_on_with(tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    whole = "".join(f"{text.decode()} {n}\n" for text in TEXTS for n in (1, 2))
    watched = partial_file, files, pathlib
    for where in interruptions.everywhere(lambda: translated(path, TEXTS), *watched):
        left = {*tmp_path.iterdir()} - {path}
        if path.read_text("utf-8") == "old" and path.with_name("out.partial") in left:
            translated(path, TEXTS, resume=True)
            left = {*tmp_path.iterdir()} - {path}
        assert not left, where
        assert path.read_text("utf-8") in ("old", whole), where
        path.write_text("old")


@pytest.mark.parametrize("resume", [True, False])
def test_two_at_a_time_do_not_write_one_file(tmp_path, resume):
    path = tmp_path / "out"
    with PartialFile(path, resume=False) as file:
        file.write("a")
        with pytest.raises(UserError, match=r"out.partial is being written by another"):
            PartialFile(path, resume)
        file.write("b")
    assert path.read_text() == "a\nb\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("length", [240, 241, 247, 248, 255])
def test_the_longest_of_names_are_gone_on_with(length, tmp_path):
    path, other = (tmp_path / ((length - 1) * "a" + ending) for ending in "bc")
    interrupted(path, ["1"])
    interrupted(other, ["2"])
    with PartialFile(path, resume=True) as file:
        assert file.done == 1
    with PartialFile(other, resume=True) as file:
        assert file.done == 1
    assert (path.read_text(), other.read_text()) == ("1\n", "2\n")
    assert {*tmp_path.iterdir()} == {path, other}
