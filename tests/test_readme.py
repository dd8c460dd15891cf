"""The README's promises."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```bash\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def run(program, folder):
    """Runs a snippet in a folder from where `pretrained/` can be seen."""
    (folder / "pretrained").symlink_to(ROOT / "pretrained")
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.split()[1])
def test_every_snippet_runs(snippet, tmp_path):
    result = run(snippet, tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]


@pytest.mark.slow
def test_saved_model_snippet_tells_dull_from_loved(tmp_path):
    (snippet,) = (text for text in SNIPPETS if "zoo.from_preset" in text)
    assert "[b'neg' b'pos']" in run(snippet, tmp_path).stdout


def test_there_are_two_commands_an_installing_and_a_testing_one():
    use, test = COMMANDS
    assert "pip install" in use
    assert "python -m tasks.sentiment predict" in use
    assert "pip install" in test
    assert "python -m pytest" in test


def test_ci_runs_the_readmes_own_test_command():
    script = (ROOT / ".ci" / "run").read_text()
    extract = script[script.index("command=$(") : script.index('echo "$command"')]
    printed = subprocess.run(
        ["bash", "-c", f'{extract}printf "%s\\n" "$command"'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout == COMMANDS[1]
