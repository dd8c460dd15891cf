"""Presets as archives: what is packed comes back, and nothing else gets out."""

import shutil
import stat
import subprocess
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import interruptions
from zoo import files, preset_archives
from zoo.errors import PresetError
from zoo.preset_archives import pack, read_sums, sha256, unpack

FILES = {
    "config.json": b"{}",
    "README.md": "# Vögel\n".encode(),
    "saved_model/saved_model.pb": bytes(range(256)) * 1000,
    "saved_model/assets/vocabulary.txt": b"",
}


@pytest.fixture
def preset(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / "birds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "birds"


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def unpacked(path, folder):
    folder.mkdir()
    unpack(path, folder, "here")
    return contents(folder)


def test_what_is_packed_comes_back(preset, tmp_path):
    pack(preset, tmp_path / "out" / "other.zip")
    with zipfile.ZipFile(tmp_path / "out" / "other.zip") as archive:
        assert set(archive.namelist()) == {f"other/{name}" for name in FILES}
    assert unpacked(tmp_path / "out" / "other.zip", tmp_path / "new") == FILES


def test_the_same_preset_is_the_same_archive(preset, tmp_path):
    first, second = (tmp_path / name / "birds.zip" for name in "ab")
    digest = pack(preset, first)
    for path in preset.rglob("*"):
        path.touch()
    assert pack(preset, second) == digest == sha256(second)
    assert first.read_bytes() == second.read_bytes()


def test_the_list_of_sums_is_what_sha256sum_checks(preset, tmp_path):
    for name in ("b.zip", "a.zip", "b.zip"):
        pack(preset, tmp_path / "out" / name)
    sums = (tmp_path / "out" / "SHA256SUMS").read_text()
    assert list(read_sums(sums)) == ["a.zip", "b.zip"]
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    subprocess.run(check, cwd=tmp_path / "out", check=True, capture_output=True)
    assert read_sums("AB  *a.zip\r\n\nx\n") == {"a.zip": "ab"}
    assert read_sums("ab  ./a.zip\nCD *./b.zip\n") == {"a.zip": "ab", "b.zip": "cd"}


@pytest.mark.parametrize("name", ["my run.zip", ".zip", "-a.zip", "a.ZIP", "a%2fb.zip"])
def test_no_archive_is_written_that_could_not_be_asked_for(preset, tmp_path, name):
    with pytest.raises(PresetError, match=f"'{name}' can be no archive's name"):
        pack(preset, tmp_path / "out" / name)
    assert not (tmp_path / "out").exists()


def test_what_is_packed_at_the_same_time_is_all_listed(preset, tmp_path, monkeypatch):
    def read_slowly(text):
        found = read_sums(text)
        time.sleep(0.1)
        return found

    monkeypatch.setattr("zoo.preset_archives.read_sums", read_slowly)
    first, *others = (tmp_path / "out" / f"{number}.zip" for number in range(5))
    pack(preset, first)
    with ThreadPoolExecutor(len(others)) as pool:
        digests = [*pool.map(lambda path: pack(preset, path), others)]
    sums = read_sums((tmp_path / "out" / "SHA256SUMS").read_text())
    assert list(sums) == [path.name for path in (first, *others)]
    assert [sums[path.name] for path in others] == digests
    assert len([*(tmp_path / "out").iterdir()]) == 6  # and no lock


NEWER = {name: content + b"newer" for name, content in FILES.items()}


def replacing(preset, monkeypatch, times):
    """Has a preset be replaced amid its packing, so often."""
    copy, newer = shutil.copyfileobj, dict(NEWER)

    def replace_and_copy(source, target):
        copy(source, target)
        if times:
            times.pop()
            with files.replaced_folder(preset, "config.json") as folder:
                for name, content in newer.items():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / name).write_bytes(content)

    monkeypatch.setattr(shutil, "copyfileobj", replace_and_copy)


def test_of_a_preset_that_is_replaced_meanwhile_no_files_are_mixed(
    preset, tmp_path, monkeypatch
):
    replacing(preset, monkeypatch, [1])
    digest = pack(preset, tmp_path / "out" / "birds.zip")
    assert unpacked(tmp_path / "out" / "birds.zip", tmp_path / "new") == NEWER
    assert digest == sha256(tmp_path / "out" / "birds.zip")


def test_a_preset_that_is_replaced_again_and_again_is_told(
    preset, tmp_path, monkeypatch
):
    replacing(preset, monkeypatch, 9 * [1])
    with pytest.raises(PresetError, match="birds' is being written by another process"):
        pack(preset, tmp_path / "out" / "birds.zip")
    assert list((tmp_path / "out").iterdir()) == []


@interruptions.leaving_files_open
def test_an_interruption_leaves_no_archive_without_its_sum(preset, tmp_path):
    path = tmp_path / "out" / "birds.zip"
    sums = path.with_name("SHA256SUMS")
    path.parent.mkdir()

    def begin():
        path.write_text("old")
        sums.write_text(f"{sha256(path)}  birds.zip\n0  other.zip\n")

    begin()
    watched = files, preset_archives
    for where in interruptions.everywhere(lambda: pack(preset, path), *watched):
        assert sorted(path.parent.iterdir()) == [sums, path], where
        assert [*read_sums(sums.read_text())] == ["birds.zip", "other.zip"], where
        assert read_sums(sums.read_text())["birds.zip"] == sha256(path), where
        begin()


def archive(path, entries, mode=stat.S_IFREG | 0o644):
    with zipfile.ZipFile(path, "w") as written:
        for name in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            written.writestr(entry, b"{}")
    return path


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["a/config.json", "../evil"], "'../evil' in it leads out of its folder"),
        (["a/config.json", "a/../../evil"], "leads out of its folder"),
        (["a/config.json", "/evil"], "leads out of its folder"),
        (["a/config.json", "..\\evil"], "leads out of its folder|can't be"),
        (["a/config.json", "C:/evil"], "leads out of its folder"),
        (["a/config.json", "b/evil"], "'b/evil' in it lies beside the preset, a"),
        (["a/config.json", "a/CONFIG.json"], "is there twice"),
        (["a/config.json", "."], "'.' in it is no file's name"),
        (["a/config.json", ""], "'' in it is no file's name"),
        (["a/config.json", "b/config.json"], "holds 2 presets"),
        (["a/b/config.json"], "holds no presets"),
        ([], "holds no presets"),
    ],
)
def test_what_leads_out_of_its_folder_is_refused(tmp_path, entries, message):
    path = archive(tmp_path / "evil.zip", entries)
    with pytest.raises(PresetError, match=message):
        unpacked(path, tmp_path / "new")
    outside = {*tmp_path.rglob("*evil*"), *tmp_path.parent.glob("*evil*")} - {path}
    assert not outside


def test_links_are_refused(tmp_path):
    path = archive(tmp_path / "a.zip", ["a/config.json"], stat.S_IFLNK | 0o777)
    with pytest.raises(PresetError, match="is no plain file"):
        unpacked(path, tmp_path / "new")


def test_an_archive_without_a_folder_is_one(tmp_path):
    path = archive(tmp_path / "a.zip", ["config.json", "saved_model/x"])
    found = unpacked(path, tmp_path / "new")
    assert set(found) == {"config.json", "saved_model/x"}


@pytest.mark.parametrize("damage", ["cut", "flip", "none"])
def test_what_is_no_whole_archive_is_told(preset, tmp_path, damage):
    path = tmp_path / "birds.zip"
    pack(preset, path)
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[content.index(b"saved_model.pb") + 40] ^= 1
    path.write_bytes({"cut": content[:300], "flip": content, "none": b""}[damage])
    with pytest.raises(PresetError, match="here can't be unpacked: "):
        unpacked(path, tmp_path / "new")


def test_a_name_that_is_not_utf_8_as_it_says_is_told(tmp_path):
    path = tmp_path / "birds.zip"
    archive(path, ["birds/config.json", "birds/é"])
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xfe"))
    with pytest.raises(PresetError, match="birds can't be unpacked: 'utf-8' codec"):
        unpack(path, tmp_path, "birds")


def test_an_archive_larger_than_the_disk_is_refused(tmp_path, monkeypatch):
    path = archive(tmp_path / "a.zip", ["a/config.json"])
    free = type("Usage", (), {"free": 1})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: free)
    with pytest.raises(PresetError, match="more than is free"):
        unpacked(path, tmp_path / "new")
