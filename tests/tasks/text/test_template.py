"""The template of texts: train, measure, generate, score, rank, explain, export."""

import functools
import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tasks import text
from tasks.cli import command_line as cli
from tasks.datasets.synthetic import markov
from tasks.text import commands as text_commands
from tasks.text import explanation
from tests.tasks import commands, interruption
from tests.tasks.commands import history, read_json
from tests.zoo.models.language_models import make
from zoo.models import DynamicEvaluation, LanguageModel

TEST = "synthetic/markov/1.0.0/test"
SMALL = """
    --units 48 --embedding-units 12 --window 20 --batch-size 32 --epochs 3
    --learning-rate 3e-2
"""


succeed = functools.partial(commands.succeed, text.TEMPLATE)


@pytest.fixture(scope="module", autouse=True)
def loaded_once():
    """Has each preset be loaded once for all commands, which trace its graphs once."""
    load = functools.cache(LanguageModel.from_preset)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LanguageModel, "from_preset", lambda name: load(os.fspath(name)))
        yield


@pytest.fixture(scope="module")
def trained(data_dir, tmp_path_factory):
    """The folder of a small training on synthetic/markov, and what it printed."""
    output = tmp_path_factory.mktemp("runs") / "markov"
    where = ("--data-dir", data_dir, "--output", output)
    return output, succeed("train", *where, *SMALL.split())


@pytest.fixture(scope="module")
def preset(trained):
    return trained[0] / "preset"


@pytest.mark.slow
def test_it_comes_within_two_percent_of_the_known_entropy(preset):
    figures = read_json(preset / "metrics.json")["evaluations"][TEST]
    assert figures["tokens"] == figures["characters"] == markov.LENGTHS["test"]
    assert figures["nats"] < 1.02 * markov.entropy()
    # No model costs less than the chain itself does, but by chance.
    [example] = markov.generate("test")
    assert figures["nats"] > 0.999 * markov.cost(example["text"])
    assert figures["perplexity"] == pytest.approx(math.exp(figures["nats"]))
    bits = figures["nats"] / math.log(2)
    assert figures["bits_per_character"] == pytest.approx(bits)


@pytest.mark.slow
def test_what_was_trained_is_written_down(trained, preset):
    output, printed = trained
    metrics = read_json(preset / "metrics.json")
    record, figures = metrics["training"], metrics["evaluations"][TEST]
    assert record["chosen_on"] == "synthetic/markov/1.0.0/validation"
    assert record["test_splits"] == ["test"]
    best = min(history(output), key=lambda row: float(row["val_nats"]))
    assert record["best_epoch"] == int(best["epoch"])
    card = (preset / "README.md").read_text("utf-8")
    assert record["command"] in card
    assert "test splits: test" in card
    assert f"{figures['nats']:.4f}" in card
    assert f"{figures['nats']:.4f} nats" in printed
    loaded = tf.saved_model.load(preset / "saved_model")
    [call] = re.findall(r"signatures\S*\]\((\w+)=", card)
    assert call in loaded.signatures["serving_default"].structured_input_signature[1]


@pytest.mark.slow
def test_its_card_shows_a_text_and_the_command_that_writes_it(preset):
    card = (preset / "README.md").read_text("utf-8")
    [(command, text)] = re.findall(r"`(.*generate.*)`:\n\n```text\n(.*)\n```", card)
    named = f"--model {preset.parent.name}"
    *_, flags = command.removesuffix(named).partition("generate")
    assert succeed("generate", "--model", preset, *flags.split()).strip() == text


@pytest.mark.slow
@pytest.mark.parametrize("others", ["", "cdefgh"], ids=["few", "many"])
def test_its_card_shows_what_short_texts_cost_as_score_says(preset, tmp_path, others):
    texts = ["abab", "b", *others]
    for place, line in enumerate([*texts, "a" * 90, "a\tb"]):
        (tmp_path / f"{others}{place}.txt").write_text(line)
    given = tmp_path / "*.txt"
    succeed("evaluate", "--model", preset, "--files", given, "--batch-size", 2)
    *_, found = read_json(preset / "metrics.json")["examples"].values()
    rows = succeed("score", "--model", preset, "--json", *texts).splitlines()
    bits = {row["text"]: row["bits_per_character"] for row in map(json.loads, rows)}
    shown = {text: f"{text} → {bits[text]:.2f} bits a character" for text in texts}
    assert found["short"] == len(texts)
    assert found["first"] == [shown[text] for text in texts[:5]]
    worst = sorted(texts, key=lambda text: -bits[text])[:5] if others else []
    assert found["worst"] == [shown[text] for text in worst]
    assert shown["b"] in (preset / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_evaluate_measures_the_same_in_windows_of_any_size(preset, data_dir):
    before = read_json(preset / "metrics.json")
    flags = ("--window", 150, "--batch-size", 3)
    succeed("evaluate", "--model", preset, "--data-dir", data_dir, *flags)
    after = read_json(preset / "metrics.json")
    assert after["training"] == before["training"]
    expected, found = (each["evaluations"][TEST] for each in (before, after))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_a_file_costs_what_its_text_scores(preset, tmp_path):
    [example] = markov.generate("validation")
    given = example["text"][:300]
    (tmp_path / "a.txt").write_text(given)
    succeed("evaluate", "--model", preset, "--files", tmp_path / "*.txt")
    figures = read_json(preset / "metrics.json")["evaluations"]
    [row] = map(
        json.loads,
        succeed("score", "--model", preset, "--json", given).split("\n")[:-1],
    )
    assert figures["a.txt"]["nats"] == pytest.approx(
        -row["log_probability"] / 300, rel=1e-5
    )
    assert row["text"] == given
    assert row["tokens"] == list(given)
    total = sum(row["log_probabilities"])
    assert row["log_probability"] == pytest.approx(total, rel=1e-5)
    expected = LanguageModel.from_preset(preset).score(tf.constant([given]))
    for name in ("log_probability", "perplexity", "bits_per_character"):
        assert row[name] == pytest.approx(float(expected[name][0]), rel=1e-5)


@pytest.mark.slow
def test_a_model_may_learn_from_what_it_measures(preset, tmp_path):
    [example] = markov.generate("validation")
    given = "".join(example["text"][:9] for _ in range(30))  # which recurs
    (tmp_path / "a.txt").write_text(given)
    flags = ("--dynamic", "--dynamic-rate", 0.01, "--dynamic-window", 10)
    succeed("evaluate", "--model", preset, "--files", tmp_path / "a.txt")
    succeed("evaluate", "--model", preset, "--files", tmp_path / "a.txt", *flags)
    figures = read_json(preset / "metrics.json")["evaluations"]
    named = "a.txt, dynamic evaluation (η 0.01, λ 0.002, 10 tokens)"
    assert figures[named]["nats"] < figures["a.txt"]["nats"]
    assert named in (preset / "README.md").read_text("utf-8")
    out = succeed("score", "--model", preset, "--json", *flags, given, given[:20])
    rows = [json.loads(line) for line in out.splitlines()]
    assert rows[0]["log_probability"] == pytest.approx(
        -270 * figures[named]["nats"], rel=1e-4
    )
    with DynamicEvaluation(
        LanguageModel.from_preset(preset), 0.01, window=10
    ) as reader:
        expected = reader.score(given[:20])["log_probability"][0]
    assert rows[1]["log_probability"] == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.slow
def test_texts_rank_as_the_chain_itself_would_have_them(preset):
    [example] = markov.generate("test")
    chain = example["text"][:40]
    texts = [chain[::-1], chain, "".join(sorted(chain))]
    expected = sorted(texts, key=markov.cost)
    assert expected[0] == chain
    out = succeed("rank", "--model", preset, "--json", *texts)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["text"] for row in rows] == expected
    assert [row["rank"] for row in rows] == [1, 2, 3]
    logs = [row["log_probability"] for row in rows]
    assert logs == sorted(logs, reverse=True)
    shown = succeed("rank", "--model", preset, *texts).splitlines()
    for place, (line, each) in enumerate(zip(shown, expected, strict=True), start=1):
        assert line.startswith(f"  {place}  log P")
        assert line.endswith(each)


@pytest.mark.slow
def test_generated_texts_go_on_with_the_prompt(preset):
    flags = ("--model", preset, "--prompt", "abc", "--length", 50, "--seed", 3)
    model = LanguageModel.from_preset(preset)
    expected = model.generate(tf.constant(["abc"] * 3), 50, seed=3).numpy()
    expected = [b"abc".decode() + each.decode() for each in expected]
    assert succeed("generate", *flags) == expected[0] + "\n"
    several = succeed("generate", *flags, "--count", 3)
    lines = several.splitlines()
    assert lines[0::2] == [f"--- {number} of 3" for number in (1, 2, 3)]
    assert lines[1::2] == expected
    greedy = [succeed("generate", *flags, "--temperature", 0) for _ in range(2)]
    assert greedy[0] == greedy[1] != expected[0] + "\n"
    filtered = succeed("generate", *flags, "--top-k", 1)
    assert filtered == greedy[0]
    assert succeed("generate", *flags[:4], "--length", 0) == "abc\n"
    empty = succeed("generate", "--model", preset, "--length", 9)
    assert len(empty) == 10


@pytest.mark.slow
def test_unknown_characters_of_a_prompt_are_told_and_kept(preset, capsys):
    code = cli.main(
        text.TEMPLATE,
        [*f"generate --length 5 --seed 1 --model {preset} --prompt".split(), "a☃ ☃é"],
    )
    out, err = capsys.readouterr()
    assert code == 0
    assert out.startswith("a☃ ☃é")
    assert len(out) == len("a☃ ☃é") + 5 + 1
    assert err == "note: the model knows no '☃', 'é': all one to it.\n"


@pytest.mark.slow
def test_a_million_characters_begin_at_once(preset):
    command = [sys.executable, "-m", "tasks.text", "generate", "--model", str(preset)]
    process = subprocess.Popen(
        [*command, "--length", "1000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    found = process.stdout.read(2000)
    assert process.poll() is None
    process.stdout.close()
    assert set(found.decode()) <= set(markov.ALPHABET)
    # The reader has had enough, which is no error.
    assert process.wait(600) == 0
    assert process.stderr.read() == b""


@pytest.mark.slow
def test_an_explanation_is_drawn_and_compared(preset, tmp_path):
    given = "abcd fa deb"
    out = succeed(
        *("explain", "--model", preset, "--output", tmp_path, given),
        *("--alternatives", "fa", "ga"),
    )
    assert (tmp_path / "gates.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "explanation.html").read_text("utf-8")
    for shown in (given, "<th>&lt;SOS&gt;</th>", "1: update", "1: memory", "ga"):
        assert shown in page
    model = LanguageModel.from_preset(preset)
    for word in ("fa", "ga"):
        texts = ["abcd ", f"abcd {word} "]
        before, after = model.score(tf.constant(texts))["log_probability"].numpy()
        [line] = [line for line in out.splitlines() if line.startswith(f"  {word} ")]
        assert f"P {math.exp(after - before):.6f}" in line
        assert line.endswith("(in the text)") == (word == "fa")


@pytest.mark.slow
def test_the_saved_model_writes_and_scores_as_the_commands_do(preset):
    loaded = tf.saved_model.load(preset / "saved_model")
    found = loaded.generate(tf.constant(["ab"]), seed=7)["text"]
    flags = ("--prompt", "ab", "--length", 200, "--seed", 7)
    printed = succeed("generate", "--model", preset, *flags)
    assert printed == "ab" + found.numpy()[0].decode() + "\n"


FEW = """
    --units 3 --embedding-units 4 --window 8 --batch-size 4 --epochs 2 --hold-out 0.2
"""


@pytest.fixture
def files(tmp_path):
    """A glob of files of a few sentences."""
    for number in range(3):
        lines = [f"The {word} number {number}." for word in ("cat", "dog", "fish")]
        (tmp_path / f"{number}.txt").write_text("\n".join(lines))
    return tmp_path / "*.txt"


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells", "one_signature")
def test_an_interrupted_training_on_words_goes_on_to_the_bit(files, tmp_path):
    flags = ("--files", files, "--level", "word", "--cell", "rnn", "--dropout", "0.3")
    flags += ("--recurrent-weight-dropout", "0.4", "--cache", "20")
    outputs = tmp_path / "one", tmp_path / "two"
    expected = interruption.weights(
        text.TEMPLATE, outputs[0], *flags, *FEW.split(), left=outputs[1]
    )
    assert len(history(outputs[1])) == 1
    printed = succeed("train", "--output", outputs[1], "--resume")
    assert "test        none" in printed
    assert history(outputs[0]) == history(outputs[1])
    model = LanguageModel.from_preset(outputs[1] / "preset")
    for weight, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, other)
    assert "cat" in model.vocabulary.tokens
    assert model.tokenizer.normalization == "plain"
    assert model.recurrent.layers[0].recurrent_weight_dropout == 0.4
    assert model.cache.places == 20
    command = read_json(outputs[1] / "preset" / "metrics.json")["training"]["command"]
    assert f"--files '{files.name}'" in command
    assert "--dataset" not in command


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells", "one_signature")
def test_without_validation_the_last_epoch_is_kept(files, tmp_path):
    flags = ("--files", files, *FEW.split(), "--hold-out", 0, "--ema-momentum", 0.5)
    printed = succeed("train", "--output", tmp_path / "run", *flags)
    assert "validation  none: the last epoch is kept" in printed
    record = read_json(tmp_path / "run" / "preset" / "metrics.json")["training"]
    assert record["best_epoch"] == record["epochs"] == 2
    assert not any(name.startswith("val_") for name in history(tmp_path / "run")[0])


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells", "one_signature")
def test_sentences_of_files_are_learnt_with_their_ends(files, tmp_path):
    flags = ("--files", files, "--sentences", "--cell", "lstm", "--tied")
    few = FEW.replace("--window 8", "").split()  # which streams have
    printed = succeed("train", "--output", tmp_path / "run", *flags, *few)
    assert "7 texts" in printed
    preset = tmp_path / "run" / "preset"
    assert LanguageModel.from_preset(preset).sentences
    succeed("evaluate", "--model", preset, "--files", files)
    [figures] = read_json(preset / "metrics.json")["evaluations"].values()
    assert figures["texts"] == 9
    assert figures["tokens"] == figures["characters"] + 9


@pytest.mark.slow
@pytest.mark.usefixtures("by_cells", "one_signature")
def test_unknown_words_are_named_and_rank_behind_known_ones(tmp_path):
    make(["i", "like", "tea", "."], level="word").save_to_preset(tmp_path)
    texts = "I like zxqv, zxqv.", "I like tea."
    out = succeed("rank", "--model", tmp_path, *texts).splitlines()
    assert out[0].endswith("  I like tea.")
    assert out[1].endswith("  I like zxqv, zxqv.  (unknown: 'zxqv', ',')")
    out = succeed("score", "--model", tmp_path, "--json", *texts).splitlines()
    unknown, known = map(json.loads, out)
    assert unknown["unknown"] == ["zxqv", ",", "zxqv"]
    assert known["unknown"] == []
    many = " ".join(f"x{letter}" for letter in "abcdefghijkl")
    assert succeed("score", "--model", tmp_path, many).endswith(" 'xj', …)\n")


def test_words_follow_a_prompt_with_a_space_where_one_belongs(capsys):
    pieces = [tf.constant(piece) for piece in (["", "cat"], [", cat", ""], [" a", "."])]
    text_commands._write_all(iter(pieces), "the", 2, "word")
    assert capsys.readouterr().out == "--- 1 of 2\nthe, cat a\n--- 2 of 2\nthe cat.\n"
    for prompt, more in (("the ", "cat"), ("", "cat"), ("(", "cat"), ("the", "!")):
        text_commands._write_all(iter([tf.constant([more])]), prompt, 1, "word")
        assert capsys.readouterr().out == prompt + more + "\n"


def test_words_that_a_text_has_are_compared_in_their_place():
    model = make(["the", "cats", ",", "were", "was", "full"], level="word")
    given = "The cats were, the cats were full"
    prefix, words = explanation.compare(model, given, ["was", "were"])
    assert prefix == "The cats were, the cats "
    assert [each.is_there for each in words] == [False, True]
    for each in words:
        texts = [prefix, prefix + each.word, prefix + each.word + " full"]
        before, after, whole = model.score(tf.constant(texts))["log_probability"]
        assert each.probability == pytest.approx(
            float(tf.exp(after - before)), rel=1e-4
        )
        assert each.log_probability == pytest.approx(float(whole), rel=1e-5)


def test_words_that_a_text_has_not_are_compared_at_its_end():
    model = make(["the", "cats", "were", "was"], level="word")
    for given in ("the cats", "the wereguild"):
        prefix, words = explanation.compare(model, given, ["was", "were"])
        assert prefix == given + " "
        assert not any(each.is_there for each in words)
    assert explanation.compare(model, "the", []) == ("the", [])


def test_gates_are_those_of_all_tokens_in_all_layers():
    model = make(cell="lstm", layers=2)
    tokens, logs, gates = explanation.read(model, "ab?")
    assert tokens == ["<SOS>", "a", "b", "<UNK>"]
    expected = model.score(tf.constant(["ab?"]))["log_probabilities"][0]
    np.testing.assert_allclose(logs, [0, *expected])
    assert [set(layer) for layer in gates] == 2 * [
        {"update", "forget", "output", "candidate", "memory"}
    ]
    assert {gate.shape for layer in gates for gate in layer.values()} == {(4, 4)}
    _, state = model.run(tf.constant([[2, 4, 5, 1]]))
    np.testing.assert_allclose(gates[1]["memory"][-1], state[3][0], atol=1e-5)


@pytest.mark.real_data("tiny_shakespeare")
def test_shakespeare_is_cut_as_others_cut_it():
    from tasks.data import builders as data
    from tasks.text import corpus as text_corpus

    builder = data.load_builder("tiny_shakespeare", os.environ["TFDS_DATA_DIR"])
    corpus = text_corpus.read_corpus(builder, "train", "text", 0.05)
    train, validation = corpus.train, corpus.validation
    both, test = corpus.tests
    sizes = [texts.characters for texts in (train, validation, both, test)]
    assert sizes == [953_661, 50_193, 111_540, 55_770]
    whole = train.texts[0] + validation.texts[0] + both.texts[0]
    assert len(whole) == 1_115_394
    assert whole.startswith("First Citizen:")
    assert both.texts[0].endswith(test.texts[0])
    assert validation.texts[0].endswith(both.context[-1000:])
