"""Presets that can be chosen, and their models, each loaded once."""

import json
import threading
import time

import pytest

from tasks.demo.models import Models, Preset, installed
from tasks.errors import UserError
from zoo import kernels, presets


def preset(folder, kind, **training):
    folder.mkdir(parents=True)
    config = {"class": f"zoo.models.any.{kind}", "config": {"tags": ["O"]}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "metrics.json").write_text(json.dumps({"training": training}))
    return folder


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """A user's own folder, and the checkout's."""
    own, checkout = tmp_path / "own", tmp_path / "checkout"
    monkeypatch.setattr(presets, "folders", lambda: [own, checkout])
    return own, checkout


def test_presets_are_found_by_their_models_and_ones_own_come_first(folders):
    own, checkout = folders
    preset(own / "b", "MusicModel")
    preset(checkout / "b", "Translator")
    preset(checkout / "a", "SequenceTagger", train=["x/train", "y/train"])
    preset(checkout / ".c.old", "Translator")
    preset(checkout / "d", "BidirectionalLanguageModel")
    (preset(checkout / "e", "Translator") / "config.json").write_text("{")
    (preset(checkout / "f", "Translator") / "config.json").write_text("[]")
    found = installed()
    assert [(p.name, p.folder.parent, p.template) for p in found] == [
        ("a", checkout, "ner"),
        ("b", own, "music"),
    ]
    assert found[0].trained_on == "x/train and y/train"
    assert found[1].trained_on == ""
    assert found[0].config == {"tags": ["O"]}
    assert "no card" in found[0].card
    (own / "b" / "README.md").write_text("# B\n")
    (own / "b" / "big").write_bytes(bytes(2_000_000))
    assert found[1].card == "# B\n"
    assert found[1].megabytes == pytest.approx(2, abs=0.1)


def test_the_presets_that_trainings_made_are_found_by_these(folders):
    own, checkout = folders
    for name in ("done", "begun"):
        (own / name / "checkpoints").mkdir(parents=True)
        (own / name / "config.json").write_text('{"epochs": 10}')
    preset(own / "done" / "preset", "Translator", train="x/train")
    preset(checkout / "begun", "LanguageModel")
    assert [(p.name, p.folder, p.template) for p in installed()] == [
        ("begun", checkout / "begun", "text"),
        ("done", own / "done" / "preset", "translation"),
    ]


def test_a_card_that_is_not_utf_8_is_shown_as_far_as_it_is(folders):
    own, _ = folders
    card = preset(own / "a", "Translator") / "README.md"
    card.write_bytes("# Für mich".encode("latin-1"))
    [found] = installed()
    assert found.card == "# F\N{REPLACEMENT CHARACTER}r mich"


def test_presets_that_can_not_be_read_are_told_and_left_out(folders, capsys, forbidden):
    own, checkout = folders
    (preset(own / "cut", "Translator") / "metrics.json").write_text('{"training": {')
    (preset(own / "none", "Translator") / "config.json").write_text("")
    forbidden.add(preset(own / "others", "MusicModel") / "metrics.json")
    whole = preset(checkout / "whole", "Translator", train="x/train")
    (whole / "README.md").write_text("# Whole\n")
    [found] = installed()
    assert (found.name, found.trained_on) == ("whole", "x/train")
    told = capsys.readouterr().err.splitlines()
    for line, name in zip(told, ("cut", "none", "others"), strict=True):
        assert line.startswith(f"note: {name} isn't on the page. ")
        assert "can't be read" in line
    forbidden.add(whole / "README.md")
    assert found.card == "Its card can't be read: Permission denied."


def test_a_model_is_loaded_once_however_many_ask():
    loaded = []

    def load(folder):
        assert kernels.is_portable()
        loaded.append(folder)
        time.sleep(0.05)
        return object()

    models = Models([Preset("a", "A", "ner"), Preset("b", "B", "ner")])
    models.register("ner", load)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(models.get("a", "ner")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loaded == ["A"]
    assert len(found) == 8
    assert len(set(map(id, found))) == 1
    assert models.seconds("a") >= 0.05
    assert models.seconds("b") is None


def test_a_model_that_fails_to_load_is_tried_again():
    results = iter([OSError("busy"), "model"])

    def load(folder):
        result = next(results)
        if isinstance(result, OSError):
            raise result
        return result

    models = Models([Preset("a", "A", "ner")])
    models.register("ner", load)
    with pytest.raises(OSError, match="busy"):
        models.get("a", "ner")
    assert models.get("a", "ner") == "model"


def test_answers_of_one_model_wait_for_each_other():
    models = Models([Preset("a", "A", "ner")])
    models.register("ner", lambda folder: [])
    busy = []

    def answer():
        with models.answering("a", "ner") as model:
            model.append(1)
            busy.append(len(model))
            time.sleep(0.01)
            model.pop()

    threads = [threading.Thread(target=answer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert busy == [1] * 8


@pytest.mark.parametrize("name", ["../a", "/etc", "", "other", None])
def test_only_presets_of_the_list_can_be_asked(name):
    models = Models([Preset("one", "A", "ner"), Preset("other", "B", "text")])
    models.register("ner", lambda folder: 1)
    with pytest.raises(UserError, match="Unknown preset"):
        models.get(name, "ner")
