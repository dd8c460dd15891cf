"""Trainings that begin with a preset."""

import dataclasses
import inspect
import json
import shutil
import types

import numpy as np
import pytest

from tasks import ner, translation
from tasks.cli import templates
from tasks.errors import UserError
from tasks.ner import template as tagging
from tasks.reporting import cards
from tasks.sentiment import template
from tasks.sentiment.config import Config
from tasks.sentiment.corpus import LabelledCorpus, LabelledTexts
from tasks.training import fine_tuning, fitting, workers
from tests.tasks.commands import read_json
from tests.tasks.templates import TEMPLATES
from tests.tasks.training import trainings
from zoo import models, presets
from zoo.errors import PresetError

MODELS = {
    "ner": models.SequenceTagger,
    "sentiment": models.SequenceClassifier,
    "text": models.LanguageModel,
    "music": models.MusicModel,
    "translation": models.Translator,
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)
def test_what_a_new_model_is_built_from_is_known(template):
    config = template.config
    fields = {field.name for field in dataclasses.fields(config)}
    assert set(config.OF_MODEL) <= fields
    built_from = set(inspect.signature(MODELS[template.name]).parameters)
    # The tags' scheme is the data's: a preset's is but their default. A preset can
    # learn to copy.
    assert built_from & fields - {"scheme", "copying"} <= set(config.OF_MODEL)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)
def test_flags_of_a_new_model_are_refused_beside_a_preset(run, template):
    flags = "--from-preset", "mine", "--cell", "gru"
    outcome = run("train", *flags, template=template)
    assert outcome.code == 2
    told = "--cell is of a new model, and --from-preset trains one"
    assert told in outcome.err
    # In Python only what isn't the default is known to have been asked for.
    with pytest.raises(UserError, match=told):
        template.config(from_preset="mine", cell="rnn").check()


@pytest.mark.parametrize("flag", [["--no-copying"], ["--copying", "false"]])
def test_a_preset_that_copies_is_not_asked_to_copy_nothing(run, tmp_path, flag):
    config = {"class": "zoo.models.Translator", "config": {"copying": True}}
    path = tmp_path / presets.CONFIG
    path.write_text(json.dumps(config))
    asked = "train", "--from-preset", tmp_path, *flag, "--output", tmp_path / "run"
    outcome = run(*asked, template=translation.TEMPLATE)
    assert outcome.code == 2
    assert f"--no-copying: {tmp_path} copies, and a preset that" in outcome.err
    further = translation.TEMPLATE.config(from_preset=str(tmp_path))
    further.check_model()  # by default it goes on
    path.write_text(json.dumps(config | {"config": {"copying": False}}))
    further.check_model({"copying"})


def test_an_unknown_preset_is_told_before_data_are_read(run, tmp_path):
    flags = "--from-preset", "sentiment_eng", "--train-file", tmp_path / "none.csv"
    outcome = run("train", *flags, "--output", tmp_path / "run")
    assert outcome.code == 2
    assert "'sentiment_eng'" in outcome.err
    assert not (tmp_path / "run").exists()


def test_a_preset_of_another_template_is_told_before_data_are_read(
    run, preset, tmp_path
):
    flags = "--train-file", tmp_path / "none.conll", "--from-preset", preset
    outcome = run("train", *flags, "--output", tmp_path / "run", template=ner.TEMPLATE)
    assert outcome.code == 2
    told = "holds a SequenceClassifier, not a SequenceTagger: python -m tasks.sentiment"
    assert told in outcome.err
    assert not (tmp_path / "run").exists()


def _corpus(class_names, texts, labels):
    part = LabelledTexts(np.array(texts, object), np.array(labels), class_names, "mine")
    return LabelledCorpus(part, (part,), (), {})


def _changed_layers(model, expected):
    """Returns the names of the layers that have other weights than another model's."""
    changed = set()
    for layer in model.layers:
        other = expected.get_layer(layer.name)
        pairs = zip(layer.get_weights(), other.get_weights(), strict=True)
        if not all(np.array_equal(*pair) for pair in pairs):
            changed.add(layer.name)
    return changed


@pytest.mark.parametrize(
    ("class_names", "labels", "known"),
    [
        (("neg", "pos"), [0, 1], True),
        (("ham", "spam"), [0, 1], False),
        (("neg", "pos"), [[0.0, 1.0], [1.0, 1.0]], False),
    ],
)
def test_a_classifier_of_other_classes_decides_anew(preset, class_names, labels, known):
    corpus = _corpus(class_names, [b"good", b"bad"], labels)
    model = template._build(Config(from_preset=str(preset)), corpus, None)
    assert model.class_names == class_names
    assert model.multi_label == corpus.train.multi_label
    expected = models.SequenceClassifier.from_preset(preset)
    assert _changed_layers(model, expected) == (set() if known else {"logits"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tags", "scheme", "known"),
    [
        (("O", "B-LOC"), "iob2", True),
        (("O", "B-ORG", "I-ORG"), "iob2", False),
        (("O", "S-LOC", "B-LOC", "I-LOC", "E-LOC"), "iobes", False),
    ],
)
def test_a_tagger_of_other_tags_decides_anew(tagger, tags, scheme, known):
    train = types.SimpleNamespace(inventory=tags)
    corpus = types.SimpleNamespace(train=train, scheme=scheme)
    model = tagging._build(tagging.Config(from_preset=str(tagger)), corpus)
    expected = models.SequenceTagger.from_preset(tagger)
    assert model.tags == (expected.tags if known else tags)
    assert model.scheme == scheme
    changed = set() if known else {"emissions", "crf"}
    assert _changed_layers(model, expected) == changed


def test_a_preset_that_is_damaged_is_told(tmp_path):
    (tmp_path / "config.json").write_text('{"class": "zoo.models.Translator"}')
    with pytest.raises(PresetError, match="Damaged preset"):
        fine_tuning.arguments(Config(from_preset=str(tmp_path)))


def _trained(folder, **record):
    """Makes a folder look like a preset with a record of its training."""
    folder.mkdir()
    (folder / presets.CONFIG).write_text("{}")
    presets.write_metrics(folder, {"training": record}, None)
    return str(folder)


def test_a_preset_remembers_all_that_it_comes_from(tmp_path):
    record, expected = {}, []
    for name in "abcd":
        made = {"command": f"train {name}", "train": [f"{name}/train"]}
        preset = _trained(tmp_path / name, **made, **record)
        expected.insert(0, {"preset": name} | made)
        record = fine_tuning.record(Config(from_preset=preset))
        assert record == {"began_with": expected}
    trained = {"command": "train e", **record}
    assert fine_tuning.commands(trained) == [f"train {name}" for name in "edcba"]
    assert fine_tuning.record(Config()) == {}


def test_what_a_preset_was_is_told_though_it_has_gone_meanwhile(preset, tmp_path):
    mine, output = shutil.copytree(preset, tmp_path / "mine"), tmp_path / "run"
    config = Config(from_preset=str(mine))
    for command in ("of a training that has saved nothing", "train mine"):
        known = {"training": {"command": command}, "citations": {"a": "@misc{a}"}}
        presets.write_metrics(mine, known, None)
        fitting.begin(output, config, train=["a"])
    (output / fitting.CHECKPOINTS).mkdir()
    presets.write_metrics(mine, {"training": {"command": "evaluated since"}}, None)
    fitting.begin(output, config, train=["a"])  # by --resume
    shutil.rmtree(mine)

    model = types.SimpleNamespace(
        save_to_preset=lambda folder: folder.mkdir(), count_params=lambda: 3
    )
    history = [{"epoch": 1, "loss": 0.5, "seconds": 60.0}]
    card = cards.Card("Reads a text.", "- Knows English.")
    folder = fitting.finish(model, history, {}, config, output, None, card)

    found = presets.read_metrics(folder)
    expected = {"preset": "mine", "command": "train mine"}
    assert found["training"]["began_with"] == [expected]
    assert found["citations"] == {"a": "@misc{a}"}


def test_older_records_of_what_a_preset_comes_from_are_read_and_kept(tmp_path):
    old = {"began_with": "b", "its_command": "train b", "its_train": "b/train"}
    oldest = {"which_began_with": "a"}
    latest = {"preset": "c", "command": "train c"}
    read = {"preset": "b", "command": "train b", "train": "b/train"}
    for more, expected in (({}, [read]), (oldest, [read, {"preset": "a"}])):
        trained = {"command": "train c", **old, **more}
        unknown = [""] if more else []
        assert fine_tuning.commands(trained) == ["train c", "train b", *unknown]
        folder = tmp_path / f"{len(more)}" / "c"
        folder.parent.mkdir()
        record = fine_tuning.record(Config(from_preset=_trained(folder, **trained)))
        assert record == {"began_with": [latest, *expected]}
    assert fine_tuning.commands({}) == [""]


ENTITIES = "Ann B-PER\nmet O\n\nBob B-PER\nran O\n"
IOBES = "Ann S-PER\nmet O\n\nBob S-PER\nran O\n"
PLAIN = "Ann NOUN\nmet VERB\n\nBob NOUN\nran VERB\n"


@pytest.mark.parametrize(
    ("known", "content", "scheme"),
    [
        ("tagger", ENTITIES, "iob2"),
        ("tagger", IOBES, "iob2"),
        ("tagger", PLAIN, "plain"),
        ("plain_tagger", PLAIN, "plain"),
        ("plain_tagger", IOBES, "iobes"),
    ],
)
def test_tags_have_the_presets_scheme_if_they_are_of_its_kind(
    request, tmp_path, known, content, scheme
):
    (tmp_path / "own.conll").write_text(content)
    preset = str(request.getfixturevalue(known))
    settings = tagging.Config(
        from_preset=preset, train_file=str(tmp_path / "own.conll")
    )
    corpus = tagging._read(settings)
    assert corpus.scheme == scheme
    if scheme != "plain":
        asked = dataclasses.replace(settings, scheme="iobes")
        assert tagging._read(asked).scheme == "iobes"


def test_a_preset_with_nothing_to_pre_train_is_told(monkeypatch, tmp_path):
    known = {"class_names": ["a", "b"], "pooling": "last", "layers": 1, "units": 3}
    monkeypatch.setattr(fine_tuning, "arguments", lambda _: known)
    settings = Config(from_preset="mine", pretrain_split=["train"])
    settings.check()
    with pytest.raises(UserError, match="mine is such a model: leave out --pretrain-"):
        template.train(settings, tmp_path)


def test_the_minutes_of_all_that_a_preset_comes_from_are_added_up(tmp_path):
    first = {"minutes": 5.5, "pretraining_minutes": 10.1}
    assert fine_tuning.own_minutes(first) == 15.6
    assert fine_tuning.minutes_on_record(first) == (15.6, True)
    preset = _trained(tmp_path / "first", **first)
    second = {"minutes": 20.2, **fine_tuning.record(Config(from_preset=preset))}
    assert fine_tuning.minutes_on_record(second) == (35.8, True)
    preset = _trained(tmp_path / "second", **second)
    third = {"minutes": 1.0, **fine_tuning.record(Config(from_preset=preset))}
    assert [each["minutes"] for each in third["began_with"]] == [20.2, 15.6]
    assert fine_tuning.own_minutes(third) == 1.0
    assert fine_tuning.minutes_on_record(third) == (36.8, True)
    preset = _trained(tmp_path / "unknown", command="train")
    for unknown in (
        {"began_with": "b", "its_command": "train b"},
        {"began_with": "b", "which_began_with": "a"},
        fine_tuning.record(Config(from_preset=preset)),
    ):
        trained = {"minutes": 1.0, **unknown}
        assert fine_tuning.minutes_on_record(trained) == (1.0, False)


@pytest.mark.parametrize("workers", [(), ("--workers", 2)])
def test_a_preset_is_no_trainings_folder(run, preset, tmp_path, workers):
    """What is trained goes beside it, and nothing is lost of it."""
    mine = shutil.copytree(preset, tmp_path / "mine")
    before = (mine / "config.json").read_bytes()
    outcome = run("train", "--from-preset", mine, "--output", mine, *workers)
    assert outcome.code == 2
    assert "config.json is of something else, a preset perhaps" in outcome.err
    assert (mine / "config.json").read_bytes() == before
    assert sorted(p.name for p in mine.iterdir()) == ["config.json", "saved_model"]


def test_a_preset_that_would_be_replaced_is_told(run, preset, tmp_path):
    mine = shutil.copytree(preset, tmp_path / "run" / "preset")
    outcome = run("train", "--from-preset", mine, "--output", tmp_path / "run")
    assert outcome.code == 2
    assert "lies where this training's own preset goes" in outcome.err


def test_workers_have_to_begin_with_the_same_preset(preset, monkeypatch):
    others = [{}, {}]
    monkeypatch.setattr(workers, "_joined", [object()])
    monkeypatch.setattr(workers, "_of_all", lambda own: [own | each for each in others])
    config = Config(from_preset=str(preset))
    assert fitting.strategy(config, train=["a"]) is workers.strategy()
    others.append({"preset": "of another machine"})
    with pytest.raises(UserError, match=r"Worker 2 has read other data.*: preset\."):
        fitting.strategy(config, train=["a"])
    fitting.strategy(Config(), train=["a"])


@pytest.fixture
def made(data_dir, tmp_path, by_cells, one_signature):
    """Makes a template's preset of weights drawn at random; returns its config.

    It is what a training leaves, which takes several times as long.
    """
    pytest.importorskip("pretty_midi")
    pytest.importorskip("sacrebleu")
    trainings.write_files(tmp_path)

    def fit(model, batches, validation, config, folder, *arguments):
        folder.mkdir(parents=True)
        drawn = np.random.default_rng(0)
        for weight in model.trainable_variables:
            weight.assign(drawn.normal(size=weight.shape))
        figures = "loss", "val_loss", "val_accuracy", "val_f1", "val_nats"
        return [{"epoch": 1, "seconds": 60.0, **dict.fromkeys(figures, 0.5)}]

    def made(name, **settings):
        config = trainings.config(name, tmp_path, data_dir)
        config = dataclasses.replace(config, **settings, epochs=1, ema_momentum=0.0)
        train = templates.function(trainings.TEMPLATES[name].train)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fitting, "fit", fit)
            train(config, tmp_path / "first")
        # A new model would have the defaults' sizes.
        own = {
            field.name: field.default
            for field in dataclasses.fields(config)
            if field.name in config.OF_MODEL
        }
        return dataclasses.replace(config, **own, from_preset=str(tmp_path / "first"))

    return made


@pytest.mark.slow
def test_a_translator_trained_further_can_have_subwords_of_the_new_texts(
    made, tmp_path
):
    pytest.importorskip("tokenizers")
    learnt = {"vocabulary_size": 280, "min_count": 1}
    config = made("translation", choose_by="nats", level="subword", **learnt)
    (tmp_path / "own.de").write_text("Ente 19.\nde\nAha!\nde\nja.\nEnte.\nde\n")
    further = dataclasses.replace(
        config, new_vocabulary=True, split_punctuation=True, **learnt
    )
    further.check()
    train = templates.function(trainings.TEMPLATES["translation"].train)
    train(further, tmp_path / "further")
    first, found = (presets.load(tmp_path / run) for run in ("first", "further"))
    assert {"E", "!"} <= set(found.source.vocabulary.tokens)
    assert not {"E", "!"} & set(first.source.vocabulary.tokens)
    assert found.config["units"] == first.config["units"]
    trained = read_json(tmp_path / "further" / "preset" / presets.METRICS)["training"]
    flags = "--vocabulary-size 280", "--split-punctuation", "--new-vocabulary"
    assert all(flag in trained["command"] for flag in flags)


# No more than is trained further, and nothing that is measured besides.
ALONE = {
    "ner": {"test_file": None},
    "sentiment": {"test_file": None, "pretrain_split": None, "pretrain_dataset": None}
    | {"ngrams": 1},
    "translation": {"choose_by": "nats"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MODELS))
def test_each_template_trains_a_preset_further(made, name, tmp_path):
    """From its weights, and what it is stays: steps of no size change nothing."""
    further = dataclasses.replace(
        made(name, **ALONE.get(name, {})), learning_rate=1e-12
    )
    train = templates.function(trainings.TEMPLATES[name].train)
    train(further, tmp_path / "further")
    found, expected = (presets.load(tmp_path / run) for run in ("further", "first"))
    for one, other in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-8)
    assert found.get_config() == expected.get_config()
    trained = read_json(tmp_path / "further" / "preset" / presets.METRICS)["training"]
    assert "--from-preset first" in trained["command"]
    first = read_json(tmp_path / "first" / "preset" / presets.METRICS)["training"]
    expected = {name: first[name] for name in ("command", "train", "minutes")}
    assert trained["began_with"] == [{"preset": "first"} | expected]
