"""The template of translation: train, measure, translate, export."""

import functools
import math
import re

import numpy as np
import pytest
import tensorflow as tf

from tasks import translation
from tasks.translation.config import Config
from tests.tasks import commands, interruption
from tests.tasks.commands import history, read_json
from tests.zoo import plain_tensorflow
from zoo.models import Translator

pytestmark = pytest.mark.slow

TEST = "synthetic/dates/1.0.0/test"
SMALL = """
    --units 32 --embedding-units 16 --dropout 0.1 --batch-size 32 --epochs 2
    --learning-rate 2e-2 --ema-momentum 0.5 --label-smoothing 0.1 --buckets 1
"""

succeed = functools.partial(commands.succeed, translation.TEMPLATE)


@pytest.fixture(scope="module")
def dates_dir(tmp_path_factory):
    """A few of the dates, prepared."""
    pytest.importorskip("babel")
    from tasks.data import builders as data
    from tasks.datasets.synthetic import dates

    folder = tmp_path_factory.mktemp("tfds")
    sizes = {"train": 1200, "validation": 60, "test": 60}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dates, "SIZES", sizes)
        data.load_builder("synthetic/dates", folder)
    return folder


@pytest.fixture(scope="module")
def trained(dates_dir, tmp_path_factory):
    """The folder of a small training on dates, and what it printed."""
    pytest.importorskip("sacrebleu")
    output = tmp_path_factory.mktemp("runs") / "dates"
    where = ("--data-dir", dates_dir, "--output", output)
    return output, succeed("train", *where, *SMALL.split())


@pytest.fixture(scope="module")
def preset(trained):
    return trained[0] / "preset"


def read_dates(folder, split):
    from tasks.data import builders as data
    from tasks.translation import corpus

    builder = data.load_builder("synthetic/dates", folder)
    return corpus.read(builder, split, ("human", "machine"))


def bleu(translations, references):
    import sacrebleu

    return sacrebleu.corpus_bleu(translations, [list(references)]).score


def test_what_was_measured_is_true(trained, preset, dates_dir, tmp_path):
    pairs = read_dates(dates_dir, "test")
    before = read_json(preset / "metrics.json")
    flags = ("--batch-size", 7, "--translations", tmp_path / "found")
    succeed("evaluate", "--model", preset, "--data-dir", dates_dir, *flags)
    metrics = read_json(preset / "metrics.json")
    figures = metrics["evaluations"][TEST]
    first = before["evaluations"][TEST]
    assert figures.keys() == first.keys()
    for name, value in first.items():
        same = value if isinstance(value, str) else pytest.approx(value, rel=1e-4)
        assert figures[name] == same, name
    assert metrics["training"] == before["training"]

    *found, rest = (tmp_path / "found").read_text("utf-8").split("\n")
    assert rest == ""
    assert figures["pairs"] == len(found) == 60
    assert figures["bleu"] == pytest.approx(bleu(found, pairs.translations))
    assert figures["exact_match"] == np.mean(np.array(found) == pairs.translations)
    model = Translator.from_preset(preset)
    sides = (tf.constant(side, tf.string) for side in (pairs.texts, pairs.translations))
    scores = model.score(*sides)
    tokens = scores["lengths"].numpy().sum()
    assert figures["tokens"] == tokens == 60 * len("2009-03-04") + 60
    nats = -scores["log_probability"].numpy().sum() / tokens
    assert figures["nats"] == pytest.approx(nats, rel=1e-4)
    assert figures["perplexity"] == pytest.approx(math.exp(nats), rel=1e-4)
    # It has learnt the form: to guess all the digits costs log 10 for each of 8.
    assert figures["nats"] < 8 / 11 * math.log(10)
    assert f"BLEU        {figures['bleu']:.2f}  nrefs:1|case:mixed" in trained[1]


def test_the_epoch_with_the_best_bleu_is_kept(trained, preset, dates_dir):
    rows = history(trained[0])
    scores = [float(row["val_bleu"]) for row in rows]
    record = read_json(preset / "metrics.json")["training"]
    assert record["best_epoch"] == 1 + int(np.argmax(scores))
    assert record["chosen_on"] == "synthetic/dates/1.0.0/validation"
    # The averages of the weights, which are what is kept, were translated with.
    pairs = read_dates(dates_dir, "validation")
    texts = tf.constant(pairs.texts, tf.string)
    found = Translator.from_preset(preset).translate(texts, 1)["translation"].numpy()
    expected = bleu([text.decode() for text in found], pairs.translations)
    assert max(scores) == pytest.approx(expected, abs=0.5)


def test_its_card_shows_the_first_translations_as_the_command_prints_them(preset):
    card = (preset / "README.md").read_text("utf-8")
    shown = card.split("## Examples")[1].split("## ")[0]
    [lines] = re.findall(r"```text\n(.*?)\n```", shown, re.DOTALL)
    pairs = [line.split(" → ") for line in lines.splitlines()]
    assert len(pairs) == 5
    out = succeed("translate", "--model", preset, *(text for text, _ in pairs))
    assert out.splitlines() == [translation for _, translation in pairs]
    assert r"nrefs:1\|case:mixed" in card
    assert read_json(preset / "metrics.json")["training"]["command"] in card


def test_the_saved_model_translates_as_the_command_in_plain_tensorflow(
    preset, tmp_path
):
    succeed("export", "--model", preset, "--output", tmp_path / "saved_model")
    texts = ["4. März 2009", "", "March 4, 2009"]
    calls = {
        "texts": ("saved_model", "serving_default", {"text": (texts, "string")}),
        "none": ("saved_model", "serving_default", {"text": ([], "string")}),
    }
    answers, _ = plain_tensorflow.ask(tmp_path, calls)
    found = [text.decode() for text in answers["texts"]["translation"]]
    out = succeed("translate", "--model", preset, *texts)
    assert out.split("\n") == [*found, ""]
    expected = Translator.from_preset(preset).translate(tf.constant(texts))["score"]
    np.testing.assert_allclose(answers["texts"]["score"], expected, atol=1e-5)
    assert answers["none"]["translation"].shape == (0,)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, "character"),
        ({"dataset": "synthetic/dates:1.0.0"}, "character"),
        ({"level": "subword"}, "subword"),
        ({"files": ["a.de", "a.en"]}, "subword"),
        ({"dataset": "multi30k/de_en"}, "subword"),
        ({"dataset": "multi30k/de_en", "level": "word"}, "word"),
    ],
)
def test_dates_are_read_character_by_character_unless_told(flags, expected):
    settings = Config(**flags)
    assert settings.token_level() == settings.model()["level"] == expected


def test_a_language_that_is_not_in_the_dataset_is_told(run, dates_dir, tmp_path):
    flags = ("--data-dir", dates_dir, "--output", tmp_path / "run")
    outcome = run("train", *flags, "--source", "humam", template=translation.TEMPLATE)
    assert outcome.code == 2
    assert "Unknown language 'humam'. Did you mean 'human'?" in outcome.err


FEW = """
    --units 4 --embedding-units 4 --batch-size 4 --epochs 2 --vocabulary-size 300
    --min-count 1 --dropout 0.3 --scheduled-sampling 0.2 --cell rglru --attention none
    --shared --choose-by nats
"""


@pytest.mark.usefixtures("by_cells")
def test_an_interrupted_training_on_files_goes_on_to_the_bit(tmp_path):
    pytest.importorskip("tokenizers")
    words = [("ein Hund", "a dog"), ("keine Katze", "no cat"), ("Hunde", "dogs")]
    paths = tmp_path / "a.de", tmp_path / "a.en"
    for path, side in zip(paths, zip(*words, strict=True), strict=True):
        path.write_text("".join(f"{line}\n" for line in 5 * side))
    outputs = tmp_path / "one", tmp_path / "two"
    flags = ("--files", *paths, *FEW.split())
    expected = interruption.weights(
        translation.TEMPLATE, outputs[0], *flags, left=outputs[1]
    )
    assert len(history(outputs[1])) == 1
    printed = succeed("train", "--output", outputs[1], "--resume")
    assert "test        none" in printed
    assert history(outputs[0]) == history(outputs[1])
    model = Translator.from_preset(outputs[1] / "preset")
    for weight, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, other)
    config = model.get_config()
    assert (config["normalization"], config["casing"]) == ("plain", "restore")
    command = read_json(outputs[1] / "preset" / "metrics.json")["training"]["command"]
    assert "--files a.de a.en --" in command
