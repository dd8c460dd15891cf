"""The card of a preset that comes with the zoo is written on demand only."""

import shutil

import pytest

from zoo import presets


@pytest.fixture
def pretrained(monkeypatch, tmp_path):
    """A folder that counts as the one that comes with the zoo."""
    folder = tmp_path / "pretrained"
    folder.mkdir()
    monkeypatch.setattr(presets, "_SHIPPED", folder.resolve())
    return folder


def content(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sentiment", "ner", "text", "music", "translation"])
def test_a_card_that_comes_with_the_zoo_is_left_unless_asked_for(
    run, monkeypatch, pretrained, measured, name
):
    template, own, flags = measured[name]()
    shipped = shutil.copytree(own, pretrained / "shipped")
    before = content(shipped)

    def evaluate(*argv):
        outcome = run("evaluate", *argv, *flags, template=template)
        assert outcome.code == 0, outcome.err
        return outcome.out

    monkeypatch.chdir(pretrained.parent)
    printed = evaluate("--model", "shipped").splitlines()
    assert content(shipped) == before
    [line] = [line for line in printed if line.startswith("card ")]
    assert line == (
        "card        left as it is: shipped comes with the zoo. --write-card writes "
        "its card and metrics."
    )
    figures = next(line for line in printed if not line.startswith("measuring"))
    printed = evaluate("--model", shipped, "--write-card")
    assert figures in printed  # they are the same
    assert f"metrics     {shipped / presets.METRICS}" in printed
    assert "## Measured" in (shipped / presets.CARD).read_text("utf-8")
    evaluate("--model", own)
    card = (own / presets.CARD).read_text("utf-8")
    assert "## Measured" in card
    assert 'load("own/saved_model")' in card  # not "pretrained/own"
    assert presets.read_metrics(own)["evaluations"]


def test_a_training_in_the_zoos_own_folder_is_its_users(monkeypatch, pretrained):
    monkeypatch.chdir(pretrained.parent)
    for folder in (pretrained / "shipped", "pretrained/shipped", "./pretrained/a/../b"):
        assert presets.is_shipped(folder)
    assert not presets.is_shipped(pretrained / "mine" / "preset")
    assert not presets.is_shipped(pretrained.parent / "mine")
    (pretrained.parent / "link").symlink_to(pretrained)
    assert presets.is_shipped(pretrained.parent / "link" / "shipped")
