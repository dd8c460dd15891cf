"""Where presets are looked for, and what is said where there is none."""

import importlib
import os
import shutil
import zipfile

import pytest

import zoo
from zoo import presets


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Returns the user's folder and the zoo's, each with two presets."""
    found = tmp_path / "users", tmp_path / "checkouts"
    for place, names in zip(
        found, (["birds", "both"], ["sentiment_imdb", "both"]), strict=True
    ):
        for name in names:
            (place / name).mkdir(parents=True)
            (place / name / "config.json").write_text("{}")
    monkeypatch.setenv("ZOO_PRETRAINED", str(found[0]))
    monkeypatch.setattr(presets, "_SHIPPED", found[1])
    monkeypatch.chdir(tmp_path)
    return found


def test_name_is_looked_up_in_the_user_s_folder_then_among_the_zoo_s(places):
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
def test_the_zoo_s_alone_are_searched_without_a_user_s_folder(
    value, monkeypatch, places
):
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
    monkeypatch.setattr(presets, "_SHIPPED", tmp_path / "nowhere")
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


def unfinished(folder):
    (folder / "checkpoints").mkdir(parents=True)


def finished_in(folder):
    """Makes a folder of trainings, one of which is finished."""
    (folder / "reviews" / "preset").mkdir(parents=True)
    (folder / "reviews" / "preset" / "config.json").write_text("{}")


def saved_model(folder):
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"graph")


def preset_without_config(folder):
    (folder / "saved_model").mkdir(parents=True)


def packed(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", "{}")


def unreadable(folder):
    folder.mkdir()
    (folder / "x").write_text("")
    folder.chmod(0)


GIVEN = {
    "a file": (lambda p: p.write_text("x"), "is a file: give a preset's folder"),
    "a packed preset": (packed, "is a packed file, to be unpacked first: give"),
    "a model of Keras": (lambda p: p.write_text("x"), "a model of Keras, in a file"),
    "nothing": (lambda p: p.mkdir(), "is an empty folder: config.json is missing"),
    "other things": (lambda p: shutil.copytree("users", p / "a" / "b" / "c"),
                     "is no preset: config.json is missing. Give a preset's folder"),
    "presets": (lambda p: shutil.copytree("users", p), "but holds some: give one of"),
    "trainings": (finished_in, "holds some: give one of .*/reviews/preset"),
    "a training": (unfinished, "holds a training that isn't finished"),
    "a SavedModel": (saved_model, "is a SavedModel without its preset"),
    "remains": (preset_without_config, "Damaged preset .* config.json is missing"),
    "a broken link": (lambda p: p.symlink_to("nowhere"), "is a file: give a preset"),
}  # fmt: skip


@pytest.mark.parametrize("kind", GIVEN)
def test_what_is_no_preset_is_told_what_it_is(kind, tmp_path):
    make, message = GIVEN[kind]
    path = tmp_path / ("given.keras" if "Keras" in kind else "given")
    make(path)
    with pytest.raises(presets.PresetError, match=message):
        presets.load(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_that_may_not_be_read_is_told(tmp_path):
    unreadable(tmp_path / "given")
    with pytest.raises(presets.PresetError, match="can't be read"):
        presets.find(tmp_path / "given")


def test_what_may_not_be_looked_into_is_told(places, forbidden, monkeypatch):
    folder = places[0] / "birds"
    forbidden.add(folder)
    with pytest.raises(presets.PresetError, match=f"^'{folder}.* Permission denied"):
        presets.find("birds")
    assert presets.find("both") == places[0] / "both"
    secret = places[0].parent / "secret"
    monkeypatch.setenv("ZOO_PRETRAINED", str(secret / "presets"))
    forbidden.add(secret)
    for find in (presets.list, lambda: presets.find("sentiment_imdb")):
        with pytest.raises(presets.PresetError, match=f"^'{secret}/presets' can't be"):
            find()


def test_working_folder_is_told_what_it_is_and_not_looked_up(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    for name in (".", "./"):
        with pytest.raises(presets.PresetError, match=r"^'\.' is an empty folder"):
            presets.find(name)
    with pytest.raises(presets.PresetError, match=r"^'\.\.' is no preset"):
        presets.find("..")


def test_folder_with_nearly_a_presets_name_hears_of_that_one(tmp_path):
    (tmp_path / "sentiment").mkdir()
    with pytest.raises(presets.PresetError, match="mean 'sentiment_imdb'"):
        presets.find("sentiment")


def test_config_of_something_else_is_no_damage(tmp_path):
    (tmp_path / "given").mkdir()
    for content in ('{"model_type": "bert"}', "[1]"):
        (tmp_path / "given" / "config.json").write_text(content)
        with pytest.raises(presets.PresetError, match=r"config\.json is of something"):
            presets.load(tmp_path / "given")


def test_presets_are_listed_by_name_each_from_where_it_is_found(places):
    card = "# both\n\nTells birds apart.\n\n## Use\n\nAs you like.\n"
    (places[0] / "both" / "README.md").write_text(card)
    (places[0] / "both" / "saved_model").mkdir()
    (places[0] / "both" / "saved_model" / "weights").write_bytes(b"0" * 1_000_000)
    birds, both, sentiment = presets.list()
    assert [birds.name, sentiment.name] == ["birds", "sentiment_imdb"]
    assert both.folder == places[0] / "both"
    assert both.size == len(card) + len("{}") + 1_000_000
    assert str(both).split(maxsplit=3) == ["both", "1", "MB", "Tells birds apart."]
    assert str(birds) == "birds                           0 MB"


def trained(folder):
    """Makes a folder one of a training, and returns that of its preset."""
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "preset").mkdir()
    (folder / "preset" / "config.json").write_text("{}")
    return folder / "preset"


def test_of_a_training_the_preset_is_listed_that_it_made(places):
    for name in ("begun", "both", "done"):
        (places[0] / name / "checkpoints").mkdir(parents=True)
        (places[0] / name / "checkpoints" / "large").write_bytes(bytes(1000))
        (places[0] / name / "config.json").write_text("{}")
    made = trained(places[0] / "done")
    (made / "config.json").write_text('{"a": 1}')
    found = {each.name: (each.folder, each.size) for each in presets.list()}
    assert found["done"] == (made, 8)
    assert found["both"] == (places[1] / "both", 2)  # there one is made
    assert found.keys() == {"birds", "both", "done", "sentiment_imdb"}
    for name, (folder, _) in found.items():
        assert presets.find(name) == folder


def test_damaged_presets_are_listed_with_what_is_wrong(places, forbidden):
    users, checkouts = places
    (users / "birds" / "metrics.json").write_text('{"training": {')
    (users / "both" / "README.md").write_text("# both\n\nTells birds apart.\n")
    forbidden.add(users / "both" / "README.md")
    made = trained(users / "done")
    forbidden.add(made)
    birds, both, done, sentiment = presets.list()
    assert birds.summary.startswith(f"Damaged preset '{users / 'birds'}': its metrics")
    assert f"{users / 'both' / 'README.md'}' can't be read" in both.summary
    assert done.folder == made
    assert "Permission denied" in done.summary
    assert (sentiment.folder, sentiment.summary) == (checkouts / sentiment.name, "")


def test_none_are_listed_where_none_are(monkeypatch, tmp_path):
    monkeypatch.delenv("ZOO_PRETRAINED")
    monkeypatch.setattr(presets, "_SHIPPED", tmp_path / "nowhere")
    assert presets.list() == ()


def test_parts_of_the_zoo_are_there_without_another_import():
    assert set(zoo.__all__) <= set(dir(zoo))
    assert zoo.presets is presets
    assert zoo.layers.LSTM is importlib.import_module("zoo.layers").LSTM
    with pytest.raises(AttributeError, match="no attribute 'birds'"):
        _ = zoo.birds
