"""Presets by URL, from a server on this machine that does all that servers do."""

import http.server
import json
import os
import shutil
import socket
import sys
import threading
import time
import zipfile
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

import zoo
from tests.zoo.cells.units import draw_weights
from zoo import preset_downloads, presets
from zoo.errors import PresetError
from zoo.models import SequenceClassifier
from zoo.preset_archives import pack, sha256


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the files of `server.folder`, or does what `server.trouble` says."""

    timeout = 60  # whatever who asks sets for sockets

    def do_GET(self):
        self.server.asked.append(self.path)
        path = self.server.folder / unquote(self.path).lstrip("/")
        trouble = self.server.trouble.get(self.path)
        if trouble == "stalled":
            self.server.released.wait(20)
            return
        if trouble == "broken":
            return
        if isinstance(trouble, int) or not path.is_file():
            self.send_error(trouble or 404)
            return
        content = path.read_bytes()
        self.send_response(200)
        if trouble != "unmeasured":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if trouble == "slow":
            for start in range(0, len(content), 1 + len(content) // 4):
                time.sleep(0.02)
                self.wfile.write(content[start : start + 1 + len(content) // 4])
            return
        cut_off = trouble in ("cut off", "unmeasured")
        self.wfile.write(content[: len(content) // 2] if cut_off else content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path):
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.folder, served.trouble, served.asked = tmp_path / "served", {}, []
    served.released = threading.Event()
    served.url = f"http://127.0.0.1:{served.server_port}"
    thread = threading.Thread(target=served.serve_forever, args=(0.01,))
    thread.start()
    yield served
    served.released.set()
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """Returns the folder of a small model."""
    model = SequenceClassifier(["a"], ["no", "yes"], embedding_units=2, units=2)
    draw_weights(model)
    folder = tmp_path_factory.mktemp("presets") / "birds"
    model.save_to_preset(folder)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("ZOO_PRETRAINED", "ZOO_PRESETS_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "keras" / "zoo"


@pytest.fixture
def url(server, preset):
    pack(preset, server.folder / "birds.zip")
    return f"{server.url}/birds.zip"


def test_a_preset_is_fetched_once_and_is_the_model(url, server, preset, cache, capsys):
    model = zoo.from_preset(url)
    expected = zoo.from_preset(preset).classify(["a b"])["probabilities"].numpy()
    assert (model.classify(["a b"])["probabilities"].numpy() == expected).all()
    assert presets.find(url).name == "birds"
    assert presets.find(url).parent.parent == cache
    assert server.asked.count("/birds.zip") == 1
    assert [path.name for path in cache.iterdir()] == [presets.find(url).parent.name]
    assert capsys.readouterr() == ("", "")


def test_a_name_is_looked_up_on_the_server_behind_the_local_ones(
    url, server, monkeypatch, tmp_path
):
    monkeypatch.setenv("ZOO_PRESETS_URL", f"{server.url}/")
    assert presets.find("birds").name == "birds"
    with pytest.raises(PresetError, match="Unknown preset 'brids'"):
        presets.find("brids")
    asked = len(server.asked)
    monkeypatch.setenv("ZOO_PRETRAINED", str(tmp_path))
    (tmp_path / "birds").mkdir()
    (tmp_path / "birds" / "config.json").write_text("{}")
    assert presets.find("birds") == tmp_path / "birds"
    assert len(server.asked) == asked


@pytest.mark.parametrize("name", ["vögel", "鳥.v2"])
def test_a_name_may_have_any_letters(server, preset, monkeypatch, name):
    pack(preset, server.folder / f"{name}.zip")
    monkeypatch.setenv("ZOO_PRESETS_URL", server.url)
    found = presets.find(name)
    assert found.name == name
    assert presets.find(f"{server.url}/{name}.zip") == found
    assert presets.find(f"{server.url}/{quote(name)}.zip") == found
    assert f"/{quote(name)}.zip" in server.asked


def test_another_content_is_fetched_anew(url, server, preset):
    first = presets.find(url)
    (server.folder / "birds.zip").unlink()
    (preset / "README.md").write_text("# New")
    pack(preset, server.folder / "birds.zip")
    (preset / "README.md").unlink()
    second = presets.find(url)
    assert first != second
    assert (second / "README.md").read_text() == "# New"


def test_a_url_may_name_its_sum_itself(url, server):
    (server.folder / "SHA256SUMS").unlink()
    digest = sha256(server.folder / "birds.zip")
    assert presets.find(f"{url}#sha256={digest.upper()}").name == "birds"
    with pytest.raises(PresetError, match="isn't what its SHA-256 says"):
        presets.find(f"{url}#sha256={'0' * 64}")
    with pytest.raises(PresetError, match="given as #sha256="):
        presets.find(f"{url}#md5=0")


def test_without_a_sum_nothing_is_fetched(url, server):
    (server.folder / "SHA256SUMS").write_text(f"{'0' * 64}  other.zip\n")
    with pytest.raises(PresetError, match=r"doesn't list birds\.zip.*other\.zip"):
        presets.find(url)
    (server.folder / "SHA256SUMS").unlink()
    with pytest.raises(PresetError, match=r"there is no .*SHA256SUMS.*#sha256="):
        presets.find(url)
    assert "/birds.zip" not in server.asked


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("cut off", "was cut off"),
        ("unmeasured", "isn't what its SHA-256 says"),
        ("broken", "was cut off|can't be fetched"),
        (404, r"404 .*Is the address right\?"),
        (500, "the server says 500"),
    ],
)
def test_trouble_is_told_and_leaves_nothing_behind(
    url, server, cache, trouble, message
):
    server.trouble["/birds.zip"] = trouble
    with pytest.raises(PresetError, match=message) as caught:
        presets.find(url)
    assert "\n" not in str(caught.value)
    assert list(cache.iterdir()) == []
    server.trouble.clear()
    assert presets.find(url).name == "birds"


def test_a_server_that_says_nothing_is_given_up(url, server, cache, monkeypatch):
    # With its sum, so that nothing is asked for but what never comes.
    asked = f"{url}#sha256={sha256(server.folder / 'birds.zip')}"
    server.trouble["/birds.zip"] = "stalled"
    with monkeypatch.context() as patch:
        patch.setattr(preset_downloads, "TIMEOUT", 0.2)
        told = r"the server said nothing for 0\.2 s"
        with pytest.raises(PresetError, match=told) as caught:
            presets.find(asked)
    assert "\n" not in str(caught.value)
    assert list(cache.iterdir()) == []
    server.trouble.clear()
    assert presets.find(asked).name == "birds"


def test_a_slow_server_is_waited_for(url, server):
    server.trouble["/birds.zip"] = "slow"
    assert presets.find(url).name == "birds"


def test_what_was_tampered_with_is_not_used(url, server, cache):
    archive = server.folder / "birds.zip"
    content = bytearray(archive.read_bytes())
    content[100] ^= 1
    archive.write_bytes(content)
    with pytest.raises(PresetError, match="isn't what its SHA-256 says"):
        presets.find(url)
    assert list(cache.iterdir()) == []


def test_an_archive_that_leads_out_of_its_folder_is_not_unpacked(server, cache):
    server.folder.mkdir()
    with zipfile.ZipFile(server.folder / "evil.zip", "w") as archive:
        archive.writestr("evil/config.json", "{}")
        archive.writestr("evil/../../../evil.txt", "x")
    digest = sha256(server.folder / "evil.zip")
    with pytest.raises(PresetError, match="leads out of its folder"):
        presets.find(f"{server.url}/evil.zip#sha256={digest}")
    assert list(cache.iterdir()) == []
    assert not list(cache.parent.parent.rglob("evil.txt"))


def test_without_the_server_what_was_fetched_goes_on_being_used(url, server):
    found = presets.find(url)
    server.trouble["/SHA256SUMS"] = 503
    with pytest.warns(UserWarning, match=r"503.*Taken is what was fetched before"):
        assert presets.find(url) == found
    other = url.replace("birds", "bees")
    with pytest.raises(PresetError, match="503"):
        presets.find(other)


def test_a_server_that_is_not_there_is_told():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # a port that nobody listens at
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/birds.zip"
        told = r"SHA256SUMS can't be fetched: .*refused"
        with pytest.raises(PresetError, match=told):
            presets.find(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://x/birds.zip", "come by https:// or http://"),
        ("file:///birds.zip", "come by https:// or http://"),
        ("http://x/birds.tar.gz", "ends with /NAME.zip"),
        ("http://x/", "ends with /NAME.zip"),
        ("http://x/%2e%2e.zip", "ends with /NAME.zip"),
        ("http://x/a%2fb.zip", "ends with /NAME.zip"),
        ("http://[x/birds.zip", "is no URL: Invalid IPv6"),
        ("http://x:port/birds.zip", "is no URL: nonnumeric port: 'port'"),
    ],
)
def test_other_urls_are_no_presets(url, message):
    with pytest.raises(PresetError, match=message):
        presets.find(url)


def test_a_cache_that_cannot_be_written_is_told(url, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(PresetError, match=r"Set \$KERAS_HOME"):
        presets.find(url)


def only_read(monkeypatch):
    """Has all folders be those of somebody who may only read them."""
    monkeypatch.setattr(os, "access", lambda path, mode, **_: not mode & os.W_OK)


def test_a_user_without_a_home_is_told_what_to_set(url, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(PresetError, match=r"no home folder .* Set \$KERAS_HOME"):
        presets.find(url)


def test_a_cache_that_may_only_be_read_has_what_was_fetched(url, server, monkeypatch):
    found = presets.find(url)
    only_read(monkeypatch)
    assert presets.find(url) == found
    assert server.asked.count("/SHA256SUMS") == 2


def test_a_cache_that_may_only_be_read_takes_nothing(url, server, cache, monkeypatch):
    cache.mkdir(parents=True)
    only_read(monkeypatch)
    with pytest.raises(PresetError, match=r"can't be kept in .*Set \$KERAS_HOME"):
        presets.find(url)
    assert "/birds.zip" not in server.asked


def test_a_cache_may_lie_in_a_folder_that_may_only_be_read(url, cache, monkeypatch):
    def access(path, mode, **_):
        return not mode & os.W_OK or cache in (path, *path.parents)

    cache.mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda p, m, **_: access(Path(p), m))
    assert presets.find(url).parent.parent == cache


def test_what_another_process_fetches_meanwhile_stays(url, cache, monkeypatch):
    unpack, others = preset_downloads.unpack, []

    def unpack_after_another(*arguments):
        monkeypatch.setattr(preset_downloads, "unpack", unpack)
        others.append(presets.find(url).stat().st_ino)
        unpack(*arguments)

    monkeypatch.setattr(preset_downloads, "unpack", unpack_after_another)
    found = presets.find(url)
    assert [found.stat().st_ino] == others
    assert [path.name for path in cache.iterdir()] == [found.parent.name]


def test_what_is_damaged_in_the_cache_is_to_be_deleted_there(url):
    found = presets.find(url)
    (found / "saved_model" / "variables" / "variables.index").unlink()
    told = f"Damaged preset .* Delete {found.parent}: it is fetched anew then"
    with pytest.raises(PresetError, match=told):
        zoo.from_preset(url)
    shutil.rmtree(found.parent)
    assert zoo.from_preset(url)


def test_a_tokenizer_of_another_module_is_not_imported(preset, tmp_path):
    copy = shutil.copytree(preset, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["config"]["tokenizer"] |= {
        "module": "antigravity",
        "registered_name": "antigravity",
    }
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(PresetError, match="no tokenizer 'antigravity', registered"):
        zoo.from_preset(copy)
    assert "antigravity" not in sys.modules
