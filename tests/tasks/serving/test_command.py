"""The command that serves, where KServe is missing."""

from tasks.cli import extras
from tasks.serving.__main__ import main


def test_without_kserve_a_sentence_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda name: None)
    assert main() == 2
    told = capsys.readouterr().err
    assert "needs kserve, of the extra 'serving': pip install kserve." in told
