"""The page's command line."""

import http.server
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time

import pytest

from tasks import __main__ as front
from tasks.demo import __main__ as demo
from tasks.demo import files
from tasks.demo.config import Serving
from tasks.errors import UserError
from tests.promises.test_readme import DOCUMENTS, blocks
from zoo.version import __version__


@pytest.mark.parametrize("program", ["zoo", "python -m tasks"])
def test_the_page_is_listed_beside_the_templates(capsys, program):
    assert front.main([], program) == 0
    called = "zoo demo" if program == "zoo" else "python -m tasks.demo"
    assert f"  {called}  " in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        front.main(["demo", "--help"], program)
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {called} ")


def test_the_page_is_of_this_machine_alone_unless_told_otherwise():
    settings = demo._parser("x").parse_args([]).config
    assert settings.host == "127.0.0.1"
    assert not settings.share
    assert not settings.inbrowser


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--port", "0"], "--port must be from 1 to 65535, found 0."),
        (["--port", "70000"], "--port must be from 1 to 65535"),
        (["--root-path", "zoo"], "--root-path must begin with /"),
        (["--host", ""], "--host must not be empty"),
    ],
)
def test_where_no_page_can_be_is_told(capsys, argv, told):
    assert demo.main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"python -m tasks.demo: error: {told}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("argv", [["--ports", "1"], ["--port", "x"], ["more"]])
def test_mistakes_in_flags_are_told(capsys, argv):
    with pytest.raises(SystemExit) as stop:
        demo.main(argv)
    assert stop.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit):
        demo.main(["--version"])
    assert capsys.readouterr().out == f"sequence-zoo {__version__}\n"


def test_what_is_missing_is_told_with_what_installs_it(capsys, monkeypatch):
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "gradio" else name
    )
    assert demo.main([]) == 2
    assert capsys.readouterr().err == (
        "python -m tasks.demo: error: The page needs gradio: pip install -e '.[demo]', "
        "where the zoo was checked out.\n"
    )


def test_a_gradio_that_is_too_old_is_told(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "5.49.1")
    assert demo.main([]) == 2
    assert capsys.readouterr().err == (
        "python -m tasks.demo: error: The page needs gradio 6, found 5.49.1: pip "
        "install -e '.[demo]', where the zoo was checked out.\n"
    )


def test_a_port_that_is_taken_is_told():
    page = pytest.importorskip("tasks.demo.page", exc_type=ImportError)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port}: Address already in use"):
            page.serve(Serving(port=port))
    with pytest.raises(UserError, match=r"at 203\.0\.113\.1, ports from 7860 on: "):
        page.serve(Serving(host="203.0.113.1"))


@pytest.mark.parametrize("host", ["a..b", f"{'x' * 64}.example"])
def test_a_host_that_can_not_be_is_told(host):
    page = pytest.importorskip("tasks.demo.page", exc_type=ImportError)
    with pytest.raises(UserError, match="ports from 7860 on: no host can be called so"):
        page.serve(Serving(host=host))


class Answering(http.server.BaseHTTPRequestHandler):
    """Says that the page is there."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""


def _server(host):
    class Server(socketserver.TCPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    return Server((host, 0), Answering)


@pytest.fixture
def launched(monkeypatch):
    """Has the page launched as a server that only answers; returns what was told."""
    page = pytest.importorskip("tasks.demo.page", exc_type=ImportError)
    import httpx

    found = {}

    class Launched:
        share_url = None

        def launch(self, server_name, **told):
            found.update(told, server_name=server_name)
            found["server"] = server = _server(server_name.strip("[]"))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.local_url = f"http://{server_name}:{server.server_address[1]}/"
            found["no_proxy"] = os.environ["no_proxy"]
            found["status"] = httpx.get(self.local_url, timeout=60).status_code

    monkeypatch.setattr(page, "build", Launched)
    monkeypatch.setattr(page, "_refuse_addresses", lambda: None)
    monkeypatch.setattr(page, "keep_uploads", lambda: None)
    yield found
    found["server"].shutdown()
    found["server"].server_close()


@pytest.mark.parametrize("given", [None, "example.com"])
def test_gradio_looks_for_the_page_past_any_proxy(launched, monkeypatch, given):
    import httpx

    from tasks.demo import page

    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
    for name in ("all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "socks5://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    if given:
        monkeypatch.setenv("NO_PROXY", given)
    served = page.serve(Serving(), wait=False)
    assert launched["status"] == 200
    # As it was, for all else.
    assert "no_proxy" not in os.environ
    assert os.environ.get("NO_PROXY") == given
    with pytest.raises((httpx.HTTPError, ImportError)):
        httpx.get(served.local_url)


def test_for_a_tunnel_a_proxy_goes_on_being_asked(launched, monkeypatch):
    from tasks.demo import page

    for name in ("all_proxy", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.com")
    page.serve(Serving(share=True), wait=False)
    assert launched["status"] == 200
    assert launched["no_proxy"] == "example.com,localhost,127.0.0.1,127.0.0.1"
    assert os.environ["no_proxy"] == "example.com"


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_the_page_is_served_by_ipv6(launched, capsys, host):
    from tasks.demo import page

    try:
        page.serve(Serving(host=host), wait=False)
    except UserError as error:
        pytest.skip(str(error))  # this machine has none
    assert launched["server_name"] == "[::1]"
    assert launched["status"] == 200
    assert capsys.readouterr().out.startswith("page        http://[::1]:")


def test_the_browser_is_opened_when_the_page_is_there(launched, monkeypatch):
    from tasks.demo import page

    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    served = page.serve(Serving(), wait=False)
    assert opened == []
    launched["server"].shutdown()
    launched["server"].server_close()
    served = page.serve(Serving(inbrowser=True), wait=False)
    assert opened == [served.local_url]


def test_the_readmes_app_serves_the_page_to_all(monkeypatch):
    page = pytest.importorskip("tasks.demo.page", exc_type=ImportError)
    served = []
    monkeypatch.setattr(page, "serve", served.append)
    _, app = blocks("py", DOCUMENTS["tasks/demo/README.md"])
    assert len(app.split("\n\n")) == 2
    exec(app, {})
    [settings] = served
    settings.check()
    assert (settings.host, settings.port) == ("0.0.0.0", 7860)


def test_what_was_made_is_removed_after_an_hour(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "root", lambda: tmp_path)
    old, new = files.new_folder(), files.new_folder()
    (old / "piece.mid").write_bytes(b"MThd")
    past = time.time() - files.KEPT - 1
    os.utime(old, (past, past))
    assert files.new_folder().is_dir()
    assert not old.exists()
    assert new.is_dir()


def test_gradio_is_told_to_report_and_keep_nothing_before_it_is_imported():
    program = (
        "import os, sys, tasks.demo; assert 'gradio' not in sys.modules;"
        "told = 'GRADIO_ANALYTICS_ENABLED', 'GRADIO_RUN_HISTORY';"
        "print(*(os.environ[name] for name in told))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.stdout == "False False\n"
