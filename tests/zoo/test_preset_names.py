"""Where presets are looked for, and what is said where there is none."""

import os

import pytest

from zoo import presets


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Returns the user's folder and the checkout's, each with two presets."""
    found = tmp_path / "users", tmp_path / "checkouts"
    for place, names in zip(
        found, (["birds", "both"], ["sentiment_imdb", "both"]), strict=True
    ):
        for name in names:
            (place / name).mkdir(parents=True)
            (place / name / "config.json").write_text("{}")
    monkeypatch.setenv("ZOO_PRETRAINED", str(found[0]))
    monkeypatch.setattr(presets, "_CHECKOUT", found[1])
    monkeypatch.chdir(tmp_path)
    return found


def test_name_is_looked_up_in_the_user_s_folder_then_in_the_checkout(places):
    users, checkouts = places
    assert presets.find("birds") == users / "birds"
    assert presets.find("sentiment_imdb") == checkouts / "sentiment_imdb"
    assert presets.find("both") == users / "both"
    assert presets.folders() == [users, checkouts]


def test_folder_that_is_given_comes_first(places):
    users, checkouts = places
    assert presets.find(checkouts / "both") == checkouts / "both"
    assert presets.find(os.fspath(users / "birds")) == users / "birds"
    assert presets.find("checkouts/both").resolve() == checkouts / "both"


@pytest.mark.parametrize("value", [None, "", "nowhere"])
def test_checkout_alone_is_searched_without_a_user_s_folder(value, monkeypatch, places):
    monkeypatch.delenv("ZOO_PRETRAINED")
    if value is not None:
        monkeypatch.setenv("ZOO_PRETRAINED", value)
    assert presets.folders() == [places[1]]
    with pytest.raises(presets.PresetError):
        presets.find("birds")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sentiment_imbd", r"'sentiment_imbd'\. Did you mean 'sentiment_imdb'\?"),
        ("bird", r"Did you mean 'birds'\?"),
        ("qqq", r"There are: birds, both, .*sentiment_imdb\. Or give a folder"),
    ],
)
def test_unknown_name_hears_of_the_nearest(name, message):
    with pytest.raises(presets.PresetError, match=message):
        presets.load(name)


def test_nothing_installed_asks_for_a_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("ZOO_PRETRAINED")
    monkeypatch.setattr(presets, "_CHECKOUT", tmp_path / "nowhere")
    with pytest.raises(presets.PresetError, match="give a preset's folder"):
        presets.find("birds")


def test_folder_without_a_config_is_called_damaged(places):
    (places[0] / "birds" / "config.json").unlink()
    with pytest.raises(presets.PresetError, match=r"birds'.*config\.json is missing"):
        presets.find("birds")


@pytest.mark.parametrize("name", ["", "."])
def test_no_name_is_no_preset(name):
    with pytest.raises(presets.PresetError):
        presets.find(name)


def test_remains_of_a_killed_save_are_not_proposed(places):
    (places[0] / ".birds.x7f3a").mkdir()
    with pytest.raises(presets.PresetError) as caught:
        presets.find("qqq")
    assert ".birds" not in str(caught.value)
    assert "birds" in str(caught.value)


def test_preset_in_both_folders_is_named_once():
    with pytest.raises(presets.PresetError) as caught:
        presets.find("qqq")
    assert str(caught.value).count("both") == 1
