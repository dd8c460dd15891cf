"""Presets go to disk and come back; a damaged one says what is wrong with it."""

import importlib
import json
import shutil

import keras
import numpy as np
import pytest

import zoo
from tests.zoo.cells.units import draw_weights
from zoo import export, models, presets
from zoo.models import SequenceClassifier
from zoo.models.base import Model
from zoo.text import CharacterTokenizer
from zoo.version import __version__

TOKENS = ["good", "bad", "\n", "a\\n", " "]
TEXTS = ["good", "bad\n ", "", "👍"]


@pytest.fixture(scope="module")
def model():
    made = SequenceClassifier(
        TOKENS,
        ["no", "yes"],
        embedding_units=3,
        units=2,
        tokenizer=CharacterTokenizer(),
        cell="rnn",
        max_length=9,
    )
    draw_weights(made)
    return made


@pytest.fixture(scope="module")
def original(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("presets") / "original"
    model.save_to_preset(path)
    return path


@pytest.fixture
def preset(original, tmp_path):
    """Returns a preset that may be damaged."""
    return shutil.copytree(original, tmp_path / "preset")


def check_same(copy, model):
    assert type(copy) is type(model)
    assert copy.get_config() == model.get_config()
    for weight, expected in zip(copy.weights, model.weights, strict=True):
        assert weight.path == expected.path
        np.testing.assert_array_equal(weight.numpy(), expected.numpy())


@pytest.mark.slow
@pytest.mark.parametrize("load", [zoo.from_preset, SequenceClassifier.from_preset])
def test_model_comes_back_to_the_bit(load, model, preset):
    copy = load(preset)
    check_same(copy, model)
    np.testing.assert_array_equal(
        copy.classify(TEXTS)["probabilities"], model.classify(TEXTS)["probabilities"]
    )


@pytest.fixture
def policy():
    """Sets Keras' policy of dtypes, for this test."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("name", ["float64", "float16", "mixed_bfloat16"])
def test_weights_have_the_dtype_that_they_were_saved_in(policy, model, preset, name):
    policy(name)
    copy = presets.load(preset)
    assert keras.config.dtype_policy().name == name
    check_same(copy, model)
    assert {weight.dtype for weight in copy.trainable_weights} == {"float32"}


@pytest.mark.slow
def test_a_preset_in_float64_is_loaded_where_float32_is_usual(policy, tmp_path):
    usual = keras.config.dtype_policy()
    policy("float64")
    model = SequenceClassifier(["a"], ["no", "yes"], embedding_units=2, units=2)
    draw_weights(model)
    model.save_to_preset(tmp_path / "preset")
    policy(usual)
    copy = presets.load(tmp_path / "preset")
    check_same(copy, model)
    dtypes = [weight.dtype for weight in copy.weights]
    assert dtypes == [weight.dtype for weight in model.weights]
    assert "float64" in dtypes


def test_preset_is_saved_again_to_the_bit(model, preset):
    zoo.from_preset(preset).save_to_preset(preset)
    check_same(zoo.from_preset(preset), model)


def test_a_model_is_saved_when_temporary_files_were_tidied_away(model, tmp_path):
    for vocabulary in model.vocabularies.values():
        shutil.rmtree(vocabulary._place.parent)
    model.save_to_preset(tmp_path / "preset")
    check_same(zoo.from_preset(tmp_path / "preset"), model)


def hashes(preset):
    files = (path for path in preset.rglob("*") if path.is_file())
    return {str(path.relative_to(preset)): path.read_bytes() for path in files}


def test_a_preset_exported_anew_has_another_graph_and_no_other_file(model, preset):
    presets.write_metrics(preset, {"accuracy": 0.5}, "# Card")
    before = hashes(preset)
    graph = preset / "saved_model" / "saved_model.pb"
    graph.write_bytes(b"of an older zoo")
    presets.export_anew(preset)
    assert hashes(preset) == before
    check_same(zoo.from_preset(preset), model)


def test_a_preset_whose_weights_lie_elsewhere_is_not_exported_anew(
    model, preset, monkeypatch
):
    before = hashes(preset)
    named = export._named
    monkeypatch.setattr(
        export,
        "_named",
        lambda model: {f"{name}.": value for name, value in named(model).items()},
    )
    monkeypatch.setattr(presets, "load", lambda path: model)
    with pytest.raises(presets.PresetError, match=r"stays: .* have other names"):
        presets.export_anew(preset)
    assert hashes(preset) == before
    assert list(preset.parent.iterdir()) == [preset]


def test_new_preset_takes_the_old_one_s_place_with_metrics_and_card(model, preset):
    presets.write_metrics(preset, {"accuracy": 0.5}, "# Old")
    model.save_to_preset(preset)
    assert {path.name for path in preset.iterdir()} == {"config.json", "saved_model"}


def test_vocabulary_is_a_readable_asset(preset):
    text = (preset / "saved_model" / "assets" / "vocabulary.txt").read_text("utf-8")
    lines = ["<PAD>", "<UNK>", "<SOS>", "<EOS>", "good", "bad", r"\n", r"a\\n", " "]
    assert text == "".join(f"{line}\n" for line in lines)
    assert (
        "vocabulary" not in json.loads((preset / "config.json").read_text())["config"]
    )


def test_weights_are_on_disk_once(tmp_path):
    tokens = list(map(str, range(1000)))
    model = SequenceClassifier(tokens, ["a", "b"], embedding_units=1000, cell="rnn")
    model.save_to_preset(tmp_path / "preset")
    files = [path for path in (tmp_path / "preset").rglob("*") if path.is_file()]
    weights = sum(weight.numpy().nbytes for weight in model.weights)
    assert weights > 4_000_000
    assert weights < sum(path.stat().st_size for path in files) < 1.3 * weights


def test_metrics_and_card_come_back(preset):
    assert presets.read_metrics(preset) == {}
    metrics = {"accuracy": 0.9, "Datensätze": ["IMDb"]}
    presets.write_metrics(preset, metrics, "# Karte für 👍\n")
    assert presets.read_metrics(preset) == metrics
    assert (preset / "README.md").read_text("utf-8") == "# Karte für 👍\n"
    zoo.from_preset(preset)


def test_metrics_and_card_tell_of_files_whose_names_are_not_utf8(preset):
    name = b"caf\xe9.csv".decode("utf-8", "surrogateescape")
    presets.write_metrics(preset, {"training": {name: [name]}}, f"# {name}\n")
    assert presets.read_metrics(preset) == {"training": {name: [name]}}
    assert (preset / "README.md").read_text("utf-8") == "# caf\\udce9.csv\n"


def test_metrics_that_are_no_numbers_are_null_in_json(preset):
    nan, infinity = float("nan"), float("inf")
    figures = {"f1": nan, "shares": [0.5, infinity], "classes": ({"f1": -infinity},)}
    presets.write_metrics(preset, {"evaluations": figures, "n": 3}, None)
    text = (preset / "metrics.json").read_text("utf-8")
    strict = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    expected = {"f1": None, "shares": [0.5, None], "classes": [{"f1": None}]}
    assert strict == {"evaluations": expected, "n": 3}
    assert presets.read_metrics(preset) == strict


def test_metrics_that_an_older_zoo_wrote_as_no_numbers_are_read(preset):
    (preset / "metrics.json").write_text('{"a": NaN, "b": [-Infinity, 1.5]}')
    assert presets.read_metrics(preset) == {"a": None, "b": [None, 1.5]}


@pytest.mark.parametrize("content", [b'{"training": {"epo', b"", b"[1]", b"\xff"])
def test_metrics_that_are_damaged_are_told(preset, content):
    (preset / "metrics.json").write_bytes(content)
    told = f"^Damaged preset '{preset}': its metrics.json can't be read .* Train or"
    with pytest.raises(presets.PresetError, match=told):
        presets.read_metrics(preset)


def edit(preset, old, new):
    path = preset / "config.json"
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


CLASS = "zoo.models.SequenceClassifier"
DATA = "saved_model/variables/variables.data-00000-of-00001"
INDEX = "saved_model/variables/variables.index"
VOCABULARY = "saved_model/assets/vocabulary.txt"
DAMAGES = {
    "no config": (lambda p: (p / "config.json").unlink(), "config.json is missing"),
    "broken JSON": (lambda p: cut(p / "config.json"), ".*column"),
    "JSON of something else": (
        lambda p: (p / "config.json").write_text("{}"),
        "config.json has no 'class'",
    ),
    "no weights": (
        lambda p: (p / DATA).unlink(),
        "lacks the file variables.data-00000-of-00001",
    ),
    "no index": (lambda p: (p / INDEX).unlink(), "lacks the file variables.index"),
    "weights cut off": (lambda p: cut(p / DATA), "variables.data.* cut off or damaged"),
    "a bit of the weights": (
        lambda p: flip(p / DATA),
        "variables.data.* cut off or damaged: .*[Cc]hecksum",
    ),
    "index cut off": (lambda p: cut(p / INDEX), "cut off or damaged"),
    "no vocabulary": (
        lambda p: (p / VOCABULARY).unlink(),
        "vocabulary.txt is missing",
    ),
    "vocabulary cut off": (lambda p: cut(p / VOCABULARY), "don't fit|no vocabulary"),
    "foreign vocabulary": (
        lambda p: (p / VOCABULARY).write_text("a\nb\n"),
        "no vocabulary of the zoo",
    ),
    "no SavedModel": (lambda p: shutil.rmtree(p / "saved_model"), "is missing"),
    "another size": (
        lambda p: edit(p, '"units": 2', '"units": 3'),
        "don't fit the configuration.*shape",
    ),
    "another cell": (
        lambda p: edit(p, '"rnn"', '"gru"'),
        "don't fit the configuration",
    ),
    "unknown cell": (lambda p: edit(p, '"rnn"', '"elman"'), "found 'elman'"),
    "foreign class": (
        lambda p: edit(p, CLASS, "os.path.join"),
        "no model of zoo.models: 'os.path.join'",
    ),
    "unknown class": (
        lambda p: edit(p, CLASS, "zoo.models.Bird"),
        "no model of zoo.models: 'zoo.models.Bird'",
    ),
    "a class that is none": (
        lambda p: edit(p, CLASS, "zoo.models.classifier"),
        "no model of zoo.models",
    ),
    "a model that is none": (
        lambda p: edit(p, CLASS, "zoo.models.BidirectionalLanguageModel"),
        "no model of zoo.models",
    ),
    "a class without a name": (
        lambda p: edit(p, f'"{CLASS}"', "3"),
        "no model of zoo.models",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named(damage, preset):
    do_damage, message = DAMAGES[damage]
    do_damage(preset)
    with pytest.raises(
        presets.PresetError, match=f"(?s)Damaged preset '{preset}': .*{message}"
    ) as caught:
        zoo.from_preset(preset)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_weights_of_a_training_that_has_diverged_are_told(preset, tmp_path, value):
    model = zoo.from_preset(preset)
    weight = model.trainable_weights[-1]
    weight.assign([value, *weight.numpy()[1:]])
    model.save_to_preset(tmp_path / "spoilt")
    told = (
        f"^Damaged preset .*spoilt': The weights have NaN or infinity in {weight.path}"
    )
    with pytest.raises(presets.PresetError, match=told):
        zoo.from_preset(tmp_path / "spoilt")


@pytest.mark.parametrize(
    "name", ["config.json", "metrics.json", DATA, INDEX, VOCABULARY]
)
def test_a_file_that_may_not_be_read_is_told(preset, forbidden, name):
    (preset / "metrics.json").write_text("{}")
    forbidden.add(preset / name)
    read = {"metrics.json": presets.read_metrics}.get(name, zoo.from_preset)
    told = f"^'{preset / name}' can't be read: Permission denied. Have its owner"
    for each in [read, presets.config] if name == "config.json" else [read]:
        with pytest.raises(presets.PresetError, match=told):
            each(preset)


def test_a_preset_of_a_newer_zoo_is_not_called_damaged(preset):
    written = f'"zoo": "{__version__}"'
    edit(preset, '"units": 2', '"units": 2, "memory": 7')
    for version in ("99.0.1", "0.99", f"{__version__}.1"):
        edit(preset, written, f'"zoo": "{version}"')
        written = f'"zoo": "{version}"'
        told = f"(?s)^Can't load preset '{preset}': .*'memory'.* of zoo {version}, and "
        told += f"this is zoo {__version__}: pip install -U sequence-zoo"
        with pytest.raises(presets.PresetError, match=told):
            zoo.from_preset(preset)


@pytest.mark.parametrize("version", [__version__, "0.0.9", "", "new"])
def test_a_preset_of_no_newer_zoo_is_called_damaged(version, preset):
    edit(preset, '"units": 2', '"units": 2, "memory": 7')
    edit(preset, f'"zoo": "{__version__}"', f'"zoo": "{version}"')
    with pytest.raises(presets.PresetError, match=r"^Damaged preset .*'memory'"):
        zoo.from_preset(preset)


def test_a_preset_of_a_newer_zoo_is_loaded_if_it_can_be(model, preset):
    edit(preset, f'"zoo": "{__version__}"', '"zoo": "99.0"')
    check_same(zoo.from_preset(preset), model)


def test_what_json_can_not_hold_is_told_before_the_long_export(
    model, tmp_path, monkeypatch
):
    monkeypatch.setattr(export, "save", lambda *_: pytest.fail("it is exported"))
    monkeypatch.setitem(model.config, "units", object())
    with pytest.raises(TypeError, match="not JSON serializable"):
        model.save_to_preset(tmp_path / "preset")
    assert not list(tmp_path.iterdir())


def test_a_class_that_no_preset_can_name_is_told_before_anything_is_written(tmp_path):
    class Mine(SequenceClassifier):
        pass

    class Namesake(SequenceClassifier):
        pass

    Namesake.__name__ = Namesake.__qualname__ = "SequenceClassifier"
    for cls in (Mine, Namesake):
        model = cls(TOKENS, ["no", "yes"], units=2, embedding_units=3)
        message = f"{cls.__name__} is a class of yours"
        with pytest.raises(presets.PresetError, match=message):
            model.save_to_preset(tmp_path / "preset")
    assert not list(tmp_path.iterdir())


def test_preset_names_its_class_by_the_public_path(preset):
    assert json.loads((preset / "config.json").read_text())["class"] == CLASS


def test_preset_that_names_its_class_by_an_older_file_is_loaded(model, preset):
    edit(preset, CLASS, "zoo.models.classifier.SequenceClassifier")
    check_same(zoo.from_preset(preset), model)


@pytest.mark.parametrize(
    "path",
    [
        "zoo.models.classifier.SequenceClassifier",
        "zoo.models.language_model.LanguageModel",
        "zoo.models.music_model.MusicModel",
        "zoo.models.tagger.SequenceTagger",
        "zoo.models.translator.Translator",
    ],
)
def test_classes_are_still_where_presets_and_imports_had_them(path):
    module, _, name = path.rpartition(".")
    assert getattr(importlib.import_module(module), name) is getattr(models, name)
    assert presets._class(path) is getattr(models, name)


def test_model_of_another_class_is_refused(preset):
    class Tagger(Model):
        pass

    message = "holds a SequenceClassifier, not a Tagger"
    with pytest.raises(presets.PresetError, match=message):
        Tagger.from_preset(preset)
