"""The page's command line."""

import os
import socket
import subprocess
import sys
import time

import pytest

from tasks import __main__ as front
from tasks.demo import __main__ as demo
from tasks.demo import files
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


def test_a_port_that_is_taken_is_told():
    page = pytest.importorskip("tasks.demo.page", exc_type=ImportError)
    from tasks.demo.config import Serving
    from tasks.errors import UserError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port}: Address already in use"):
            page.serve(Serving(port=port))
    with pytest.raises(UserError, match=r"at 203\.0\.113\.1, ports from 7860 on: "):
        page.serve(Serving(host="203.0.113.1"))


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


def test_gradio_is_told_to_report_nothing_before_it_is_imported():
    program = (
        "import os, sys, tasks.demo; assert 'gradio' not in sys.modules;"
        "print(os.environ['GRADIO_ANALYTICS_ENABLED'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.stdout == "False\n"
