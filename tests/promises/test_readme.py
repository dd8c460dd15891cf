"""The promises of the README, and of those beside the code."""

import functools
import re
import subprocess
from pathlib import Path

import pytest

from tests.benchmarks import leaderboard
from tests.conftest import LONGEST
from tests.warm_interpreter import WarmInterpreter

ROOT = Path(__file__).parents[2]
_PARTS = ("zoo", "tasks", "tests")
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for pattern in ("README.md", *(f"{part}/**/README.md" for part in _PARTS))
    for path in sorted(ROOT.glob(pattern))
}
"""Every README by its path, but the model cards, which are tested as such."""
README = DOCUMENTS["README.md"]


def blocks(language, document):
    """Returns a document's fenced blocks of a language."""
    fenced = rf"^```{language}\n(.*?)^```"
    return re.findall(fenced, document, re.MULTILINE | re.DOTALL)


SNIPPETS = [
    pytest.param(snippet, id=f"{name}-{number}")
    for name, document in DOCUMENTS.items()
    for number, snippet in enumerate(blocks("python", document))
]
COMMANDS = blocks("bash", README)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a snippet, once, in a folder from where `pretrained/` can be seen."""
    warm = WarmInterpreter("import keras, tensorflow")

    @functools.cache
    def run(snippet):
        folder = tmp_path_factory.mktemp("reader")
        (folder / "pretrained").symlink_to(ROOT / "pretrained")
        return warm.run(snippet, folder)

    yield run
    warm.close()


def anchors(document):
    """Returns the names by which a document's headings are linked to."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.slow
@pytest.mark.parametrize("snippet", SNIPPETS)
def test_every_snippet_runs(snippet, run):
    for library in ("apache_beam", "tensorflow_serving"):  # of extras not in `all`
        if re.search(rf"^(import|from) {library}\b", snippet, re.MULTILINE):
            pytest.importorskip(library)
    result = run(snippet)
    assert result.returncode == 0, result.stderr[-2000:]


@pytest.mark.slow
def test_saved_model_snippet_tells_dull_from_loved(run):
    (snippet,) = (text for text in blocks("python", README) if "from_preset" in text)
    assert "[b'negative' b'positive']" in run(snippet).stdout


def test_readmes_stand_beside_what_they_explain():
    beside = {"zoo", "zoo/layers", "zoo/kernels", "zoo/models", "tasks"}
    expected = {f"{folder}/README.md" for folder in (*beside, "tests/benchmarks")}
    assert expected | {"README.md"} <= set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_readme_links_to_is_there(name):
    prose = re.sub(r"^```.*?^```", "", DOCUMENTS[name], flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"\w+:", target):
            continue
        path, _, heading = target.partition("#")
        found = (ROOT / name).parent / path if path else ROOT / name
        assert found.exists(), target
        if heading:
            assert heading in anchors(found.read_text("utf-8")), target


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_modules_that_a_readme_names_are_there(name):
    for module in re.findall(r"python -m ((?:tests|zoo)[\w.]*)", DOCUMENTS[name]):
        path = ROOT.joinpath(*module.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def test_every_part_of_the_zoo_stands_on_a_floor():
    parts = {path.name for path in (ROOT / "zoo").glob("[!_]*") if path.suffix != ".md"}
    parts -= {"py.typed", "pretrained"}
    named = set(re.findall(r"`(\w+(?:\.py)?)/?`", DOCUMENTS["zoo/README.md"]))
    assert parts <= named


def test_every_benchmark_is_listed_that_is_not_started_by_another():
    listed = DOCUMENTS["tests/benchmarks/README.md"]
    paths = (ROOT / "tests" / "benchmarks").glob("[!_]*.py")
    names = {path.stem for path in paths if "__main__" in path.read_text("utf-8")}
    for name in names - {"fresh_process", "ner_step", "worker"}:
        assert f"python -m tests.benchmarks.{name}" in listed


def test_the_documents_that_a_file_names_come_with_it():
    there = {Path(name).name for name in DOCUMENTS} | {"CHANGELOG.md"}
    files = [path for part in _PARTS for path in (ROOT / part).rglob("*.py")]
    texts = {path: path.read_text("utf-8") for path in files} | DOCUMENTS
    for path, text in texts.items():
        named = set(re.findall(r"(?<![\w/.-])[A-Z][A-Z_]+\.md\b", text))
        assert named <= there, path


def test_the_readme_is_a_page():
    assert 100 <= len(README.splitlines()) <= 250


def test_the_table_of_presets_is_what_the_program_prints():
    assert f"\n{leaderboard.table()}\n" in README


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


def test_ci_runs_the_slow_tests_that_the_readmes_command_leaves_out():
    assert COMMANDS[1].rstrip().endswith('-m "not slow"')
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    (slow,) = (line for line in lines if line.endswith("-m slow"))
    assert lines.index(slow) == lines.index('eval "$command"') + 1
    assert ".venv/bin/python -m pytest" in slow


def test_the_files_that_are_tested_first_are_there():
    assert all((ROOT / "tests" / name).is_file() for name in LONGEST)
