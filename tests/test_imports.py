"""Who may import whom, the floors of `zoo/README.md`, by the import statements."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

BASEMENT = {
    "errors",
    "files",
    "json_numbers",
    "keras_private",
    "reproducible",
    "tag_spellings",
    "tags",
    "typing",
    "version",
}
SIDE = {"text", "music", "decoding", "metrics"}
MAY_IMPORT = {
    "cells": {"keras_private", "typing"},
    "kernels": {"typing"},
    "layers": {"cells", "kernels", "keras_private", "tags", "typing"},
    **dict.fromkeys(SIDE, SIDE | BASEMENT),
    "music": {"plots"} | SIDE | BASEMENT,
    "equal_operations": {"operation_names"},
    "errors": set(),
    "files": set(),
    "json_numbers": set(),
    "keras_private": {"typing"},
    "operation_names": set(),
    "reproducible": set(),
    "tag_spellings": {"tags"},
    "tags": set(),
    "typing": set(),
    "version": set(),
    "warm_up": set(),
    "plots": BASEMENT,
    "export": {"equal_operations", "kernels", "operation_names", "warm_up"}
    | SIDE
    | BASEMENT,
    "preset_archives": BASEMENT,
    "preset_downloads": {"preset_archives"} | BASEMENT,
    "preset_mistakes": BASEMENT,
    "presets": {"export", "preset_downloads", "preset_mistakes"} | SIDE | BASEMENT,
    "models": {"cells", "kernels", "layers", "export", "presets"} | SIDE | BASEMENT,
    "beam": {"presets"},
    "__init__": {"cells", "layers", "models", "presets", "plots", "tags", "version"}
    | SIDE
    | {"errors"},
}
"""What each part of zoo/ may import of zoo/, beside itself."""

APARTMENTS = {"sentiment", "ner", "text", "music", "translation"}
DOOR = "demo"
"""The page on which all templates are tried: it may import them, they not it."""
SHARED = {
    "beam",
    "cli",
    "data",
    "datasets",
    "errors",
    "reporting",
    "serving",
    "training",
}


def imports(source, package=""):
    """Returns the modules, and what is taken from them, that a source imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                module = ".".join([*above, *filter(None, [module])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def imports_of(file):
    package = ".".join(file.relative_to(ROOT).parent.parts)
    return imports(file.read_text("utf-8"), package)


def within(name, module):
    return name == module or name.startswith(f"{module}.")


def files(*parts):
    found = [path for part in parts for path in sorted((ROOT / part).rglob("*.py"))]
    assert found
    return found


def part(file):
    return file.relative_to(ROOT / "zoo").with_suffix("").parts[0]


@pytest.mark.parametrize("file", files("zoo"), ids=lambda f: str(f.relative_to(ROOT)))
def test_each_part_of_the_zoo_is_built_from_those_below_it(file):
    name = part(file)
    assert name in MAY_IMPORT, f"zoo.{name} stands on no floor of zoo/README.md"
    parts = {module.split(".")[1] for module in imports_of(file) if "zoo." in module}
    parts -= {"__version__"}
    assert parts <= MAY_IMPORT[name] | {name}


def test_nothing_of_the_zoo_imports_tasks_or_their_libraries():
    for file in files("zoo"):
        for name in imports_of(file):
            assert not within(name, "tasks"), file
            assert not within(name, "tensorflow_datasets"), file
            assert not within(name, "simple_parsing"), file
            assert not within(name, "torch"), file


@pytest.mark.parametrize("file", files("tasks"), ids=lambda f: str(f.relative_to(ROOT)))
def test_no_template_imports_another_and_what_they_share_imports_none(file):
    room = file.relative_to(ROOT / "tasks").with_suffix("").parts[0]
    found = {name.split(".")[1] for name in imports_of(file) if within(name, "tasks")}
    if room in APARTMENTS:
        assert found <= SHARED | {room}
    elif room == DOOR:
        assert found <= SHARED | APARTMENTS | {room}
    else:
        assert room in SHARED | {"__init__", "__main__"}, f"Whose is tasks.{room}?"
        assert found <= SHARED


def test_presets_and_export_know_no_concrete_model():
    for name in ("presets", "export"):
        found = imports_of(ROOT / "zoo" / f"{name}.py")
        assert not [module for module in found if within(module, "zoo.models")]


def test_cells_import_nothing_of_tensorflow():
    for file in files("zoo/cells"):
        assert not [name for name in imports_of(file) if within(name, "tensorflow")]


def test_decoding_imports_neither_keras_nor_the_rest_of_the_zoo():
    for file in files("zoo/decoding"):
        for name in imports_of(file):
            assert not within(name, "keras"), file
            assert (
                not within(name, "zoo")
                or within(name, "zoo.decoding")
                or within(name, "zoo.typing")
            ), file


def test_only_data_and_datasets_import_tfds():
    found = {
        file.relative_to(ROOT / "tasks").parts[0]
        for file in files("tasks")
        if any(within(name, "tensorflow_datasets") for name in imports_of(file))
    }
    assert found == {"data", "datasets"}


@pytest.mark.parametrize(
    ("source", "package", "expected"),
    [
        ("import zoo.models as m, os", "", {"zoo.models", "os"}),
        ("from zoo import models", "", {"zoo.models"}),
        ("from zoo.models.base import Model", "", {"zoo.models.base.Model"}),
        ("def f():\n  if x:\n    import tasks", "", {"tasks"}),
        ("from . import kernels", "zoo.cells", {"zoo.cells.kernels"}),
        ("from .. import kernels", "zoo.cells", {"zoo.kernels"}),
        ("from ..kernels.lstm import run", "zoo.cells", {"zoo.kernels.lstm.run"}),
    ],
)
def test_import_is_found_however_it_is_written(source, package, expected):
    assert imports(source, package) == expected


@pytest.mark.parametrize(
    "module",
    [
        *("zoo", "zoo.files", "zoo.music", "zoo.presets", "zoo.tags"),
        *("tasks.cli.command_line", "tasks.ner.entities"),
        *("tasks.ner", "tasks.sentiment", "tasks.text", "tasks.music"),
        *("tasks.translation", "tasks.demo", "tasks.demo.__main__"),
    ],
)
def test_import_that_should_be_quick_waits_for_no_big_library(module):
    script = f"import sys, {module}; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = done.stdout.split()
    assert module in loaded
    big = {"tensorflow", "keras", "tensorflow_datasets", "matplotlib", "pretty_midi"}
    assert not {*big, "gradio"} & set(loaded)


@pytest.mark.slow
def test_an_answer_of_a_preset_waits_for_no_datasets():
    modules = [f"tasks.{name}.commands" for name in sorted(APARTMENTS)]
    script = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = done.stdout.split()
    assert {*modules} <= {*loaded}
    assert "tensorflow_datasets" not in loaded


def test_every_package_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("zoo", "tasks")
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert set(project["tool"]["setuptools"]["packages"]) == found | {"zoo.pretrained"}


def test_the_top_level_holds_what_it_should_and_no_more():
    there = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True
    )
    if there.returncode:
        pytest.skip("no checkout by git")
    names = {line.split("/")[0] for line in there.stdout.splitlines()}
    assert {name for name in names if not name.startswith(".")} == {
        "zoo",
        "tasks",
        "pretrained",
        "tests",
        "setup.cfg",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    }
