"""Texts of subwords: trained on files, measured, gone on with, explained."""

import functools
import json
import math

import pytest

from tasks import text
from tasks.errors import UserError
from tasks.text import batches, explanation, template
from tasks.text.config import Config
from tasks.text.corpus import Texts
from tests.cell_by_cell import cell_by_cell
from tests.tasks import commands
from tests.tasks.commands import read_json
from tests.tasks.one_signature import one_signature
from zoo.models import LanguageModel
from zoo.text import Subwords

succeed = functools.partial(commands.succeed, text.TEMPLATE)
LINES = ["The cats were full.", "The cat was full.", "A cat’s <br /> tail", "“No!”"]
SMALL = """
    --level subword --vocabulary-size 320 --min-count 2 --pack 60 --units 12
    --embedding-units 8 --window 8 --batch-size 4 --epochs 2 --tied
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small training on a few files."""
    pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("subwords")
    for place in range(12):
        lines = LINES[place % 4 :] + LINES[: place % 4]
        (folder / f"{place:02}.txt").write_text("\n".join(lines), "utf-8")
    flags = ("--files", folder / "*.txt", "--output", folder / "run")
    with cell_by_cell(), one_signature():
        printed = succeed("train", *flags, *SMALL.split())
    assert "subwords" in printed
    return folder


@pytest.mark.slow
def test_a_file_costs_what_its_text_scores(folder):
    preset = folder / "run" / "preset"
    given = "A cat isn't 😀."
    (folder / "given").write_text(given)
    succeed("evaluate", "--model", preset, "--files", folder / "given")
    [figures] = read_json(preset / "metrics.json")["evaluations"].values()
    row = json.loads(succeed("score", "--model", preset, "--json", given))
    assert figures["unknown"] == 0
    assert row["unknown"] == []
    assert figures["characters"] == len(given)
    bits = pytest.approx(row["bits_per_character"], rel=1e-4)
    assert figures["bits_per_character"] == bits
    assert figures["tokens"] == len(row["tokens"]) == len(row["log_probabilities"])


@pytest.mark.slow
def test_what_it_writes_goes_on_with_the_prompt(folder):
    preset = folder / "run" / "preset"
    flags = ("--seed", 2, "--length", 20, "--model", preset)
    out = succeed("generate", "--prompt", "The cat", *flags)
    [text] = LanguageModel.from_preset(preset).generate(["The cat"], 20, seed=2).numpy()
    assert out == "The cat" + text.decode() + "\n"


@pytest.mark.slow
def test_words_are_compared_with_the_space_before_them(folder):
    model = LanguageModel.from_preset(folder / "run" / "preset")
    prefix, words = explanation.compare(model, "The cats were full.", ["was", "were"])
    assert prefix == "The cats "
    scored = model.score(["The cats was full.", "The cats were full."])
    for place, each in enumerate(words):
        total = float(scored["log_probability"][place])
        assert each.log_probability == pytest.approx(total, rel=1e-5)
    # The word's own tokens count, the space before it among them, and no others.
    before = len(model.vocabulary.encode(["The cats"]).to_list()[0])
    for place, each in enumerate(words):
        end = len(model.vocabulary.encode([f"The cats {each.word}"]).to_list()[0])
        logs = scored["log_probabilities"][place, before:end].numpy()
        assert each.probability == pytest.approx(math.exp(logs.sum()), rel=1e-4)


def test_subwords_are_learnt_of_plain_texts_without_markup():
    pytest.importorskip("tokenizers")
    texts = Texts(tuple(LINES) * 3, "made")
    tokenizer, vocabulary = batches.vocabulary(texts, "subword", 400, 2)
    assert tokenizer is None
    assert isinstance(vocabulary, Subwords)
    learnt = "".join(vocabulary.ordinary_tokens[256:])
    assert not set(learnt) & set("<>/’“”")
    with pytest.raises(UserError, match=r"--vocabulary-size 20 won't do: .*too small"):
        batches.vocabulary(texts, "subword", 20, 2)


def test_short_texts_are_put_together_until_they_are_long_enough():
    texts = Texts(("ab", "cdef", "g", "hijkl", "m"), "made", "cited", "before")
    assert texts.packed(4).texts == ("ab\ncdef", "g\nhijkl", "m")
    assert texts.packed(0).texts == texts.texts
    assert texts.packed(100).texts == ("ab\ncdef\ng\nhijkl\nm",)
    assert texts.packed(4).context == "before"


def test_packing_is_told_to_be_of_streams(tmp_path):
    settings = Config(pack=5, sentences=True)
    with pytest.raises(UserError, match="--pack is of streams"):
        settings.check()


def test_a_column_is_named_for_all_datasets_or_for_each():
    two = {"dataset": ["one", "two"], "text_column": ["text", "en"]}
    Config(**two).check()
    Config(**two | {"text_column": "text"}).check()  # as older trainings have it
    with pytest.raises(UserError, match=r"--text-column takes one .* 2 datasets"):
        Config(**two | {"text_column": ["a", "b", "c"]}).check()


def test_the_card_of_subwords_says_nothing_of_unknown_words():
    command = "python -m tasks.text train --files a.txt --level"
    words = template.limits({"command": f"{command} word"})
    assert words == template.limits({}) == template.LIMITS
    assert "<UNK>" in words
    found = template.limits({"command": f"{command} subword --epochs 2"})
    assert "<UNK>" not in found
    assert "No word is unknown" in found
    assert found.count("\n- ") == words.count("\n- ")
    before = [{"preset": "x", "command": f"{command} subword"}]
    later = {"command": "python -m tasks.text train --from-preset x"}
    assert template.limits(later | {"began_with": before}) == found
