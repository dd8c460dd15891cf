"""A file that was written half is gone on with, at a whole line."""

import pytest

from tasks.errors import UserError
from tasks.partial_file import PartialFile


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
