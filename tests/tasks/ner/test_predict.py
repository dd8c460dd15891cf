"""`predict`: what the tagger says of texts, in each of its forms."""

import functools
import io
import json
import sys

import numpy as np
import pytest
import tensorflow as tf

from tasks import ner
from tasks.ner import tagged_texts
from tests.cell_by_cell import cell_by_cell
from zoo.models import SequenceTagger

TEXTS = [
    "Ann Lee met Bob in New York .",
    "",
    "😀 Ann 👩‍👩‍👧 met 👍🏽 Bob in Rome 🇪🇸 ?",
    "ذهبت Ann إلى القاهرة. קראה Bob",
    "re\u0301sume\u0301 in Zu\u0308rich, Rome\u0301 Bob",
    "  tabs\tand  blanks \t Ann",
]
BYTES = [text.encode() for text in TEXTS]


@pytest.fixture(scope="module", autouse=True)
def traced_once():
    """Has each preset be loaded once for all commands, and its functions be traced."""
    load = SequenceTagger.from_preset
    traced = functools.partial(tf.function, autograph=False)

    @functools.cache
    def from_preset(name):
        model = load(name)
        model.tag = traced(model.tag, input_signature=model.text_signature)
        tokens = {"input_signature": model.tokens_signature}
        model.tag_tokens = traced(model.tag_tokens, **tokens)
        return model

    with cell_by_cell(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(SequenceTagger, "from_preset", from_preset)
        yield


@pytest.fixture
def predict(run, tagger, monkeypatch):
    def predict(texts, *argv, model=tagger):
        stdin = io.TextIOWrapper(io.BytesIO(b"\n".join(texts) + b"\n"))
        monkeypatch.setattr("sys.stdin", stdin)
        outcome = run("predict", "--model", model, *argv, template=ner.TEMPLATE)
        assert outcome.code == 0, outcome.err
        assert outcome.err == ""
        return outcome.out

    return predict


@pytest.fixture(scope="module")
def signatures(tagger):
    """The preset's functions, by TensorFlow alone."""
    loaded = tf.saved_model.load(tagger / "saved_model")
    return loaded.signatures


@pytest.fixture(scope="module")
def served(signatures):
    """Returns each text's tokens as (start, end, tag, score)."""

    def tag(texts):
        result = signatures["serving_default"](text=tf.constant(texts))
        names = "starts", "ends", "tags", "scores"
        columns = (result[name].numpy().tolist() for name in names)
        rows = [list(zip(*row, strict=True)) for row in zip(*columns, strict=True)]
        return [
            [(start, end, tag.decode(), score) for start, end, tag, score in row if tag]
            for row in rows
        ]

    return tag


def entities(tokens):
    """Returns the entities of one sentence's IOB2 tags as (start, end, label, score).

    A tag at a time, as one would by hand; of a CRF's tags, each I- goes on.
    """
    found = []
    for start, end, tag, score in tokens:
        prefix, _, label = tag.partition("-")
        if prefix == "B":
            found.append((start, end, label, score))
        elif prefix == "I":
            first, _, before, lowest = found[-1]
            assert before == label
            found[-1] = (first, end, label, min(lowest, score))
    return found


def rows(out):
    """Reads JSON lines; `splitlines` would split at more than line feeds."""
    return [json.loads(line) for line in out.removesuffix("\n").split("\n")]


def check(found, text, expected):
    """Checks rows of JSON against (start, end, label, score) for a text's bytes."""
    text = text.decode("utf-8", "replace")
    assert [(e["start"], e["end"], e["label"]) for e in found] == [
        entity[:3] for entity in expected
    ]
    for entity in found:
        assert text[entity["start"] : entity["end"]] == entity["text"]
    np.testing.assert_allclose(
        [entity["score"] for entity in found], [e[3] for e in expected], atol=1e-6
    )


@pytest.mark.slow
def test_json_has_the_entities_at_their_places_in_the_text(predict, served):
    """Of emoji, text from right to left, combining marks, and bytes that aren't UTF-8.

    Places count code points of the text as it was given.
    """
    texts = BYTES
    found = rows(predict(texts, "--json"))
    assert [row["text"] for row in found] == [
        t.decode("utf-8", "replace") for t in texts
    ]
    for row, text, tokens in zip(found, texts, served(texts), strict=True):
        check(row["entities"], text, entities(tokens))
    assert found[1]["entities"] == []
    assert len({e["label"] for row in found for e in row["entities"]}) == 2


@pytest.mark.slow
def test_texts_for_people_have_their_entities_in_brackets(predict, served):
    lines = predict(BYTES).removesuffix("\n").split("\n")
    for line, text, tokens in zip(lines, TEXTS, served(BYTES), strict=True):
        for start, end, label, _ in reversed(entities(tokens)):
            text = f"{text[:start]}[{text[start:end]} {label}]{text[end:]}"
        assert line == text.replace("\t", "\\t")


@pytest.mark.slow
def test_a_terminal_has_colors_instead(predict, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain = predict(BYTES[:1])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    colored = predict(BYTES[:1])
    assert "[Ann" in plain
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in colored
    assert "[Ann" not in colored


@pytest.mark.slow
def test_columns_have_a_token_and_its_tag_a_line(predict, served):
    out = predict(BYTES, "--conll")
    expected = [
        [f"{text[start:end]} {tag}" for start, end, tag, _ in tokens]
        for text, tokens in zip(TEXTS, served(BYTES), strict=True)
    ]
    # An empty line is behind each, the empty text's too.
    assert out == "".join("".join(f"{line}\n" for line in [*s, ""]) for s in expected)


SPLIT = {
    "Ann met  Bob": ["Ann", "met", "Bob"],
    "New York\tin\tAnn Lee": ["New York", "in", "Ann Lee"],
    "don't. 😀": ["don't.", "😀"],
    "": [],
}


@pytest.mark.slow
def test_tokens_stay_as_they_were_split(predict, signatures):
    found = rows(predict([line.encode() for line in SPLIT], "--tokens", "--json"))
    for row, tokens in zip(found, SPLIT.values(), strict=True):
        assert row["text"] == " ".join(tokens)
        result = signatures["tag_tokens"](tokens=tf.constant([[*tokens, ""]]))
        tags, scores = (result[name][0].numpy() for name in ("tags", "scores"))
        expected, end = [], -1
        for token, tag, score in zip(tokens, tags, scores, strict=False):
            start, end = end + 1, end + 1 + len(token)
            expected.append((start, end, tag.decode(), score))
        check(row["entities"], row["text"].encode(), entities(expected))


@pytest.mark.slow
def test_a_split_token_may_hold_a_space(predict):
    out = predict(["Ann\té x\tBob".encode()], "--tokens", "--conll")
    tokens = [line.rsplit(" ", 1)[0] for line in out.split("\n")[:3]]
    assert tokens == ["Ann", "é\N{NO-BREAK SPACE}x", "Bob"]


COLUMNS = """\
# text = Ann met Bob
1-2\tAnnmet\t_\t_
1\tAnn\t_\tB-PER
2\tmet\t_\tO
3\tNew York\t_\tO

1\tRome\t_\tB-LOC
"""


@pytest.mark.slow
@pytest.mark.parametrize("flags", [["--json"], ["--conll"], []])
def test_tokens_below_each_other_are_those_side_by_side(predict, flags):
    lines = COLUMNS.encode().split(b"\n")
    concatenated = [b"Ann\tmet\tNew York", b"Rome"]
    expected = predict(concatenated, "--tokens", *flags)
    assert predict(lines, "--tokens-column", 1, *flags) == expected
    named = [b"word\tner", *(line[2:] for line in lines if line[1:2] == b"\t"), b""]
    named.insert(4, b"")
    assert predict(named, "--tokens-column", "word", *flags) == expected


@pytest.mark.parametrize(
    "line", [b"Ann B-PER", b"Ann\tN\tO", b"3\tAnn\tN\t_", b"1-2\tdel\t_"]
)
def test_texts_that_look_like_columns_are_noted(line, capsys):
    def note(*texts):
        assert list(tagged_texts.noting_columns(iter(texts))) == list(texts)
        return capsys.readouterr().err

    told = note(b"# text", *[line, b""] * 9)
    assert told.startswith("note: these lines look like a token and its tag each")
    assert told.count("\n") == 1
    assert note(*[line] * 4) == ""
    assert note(b"A text.", *[line] * 9) == ""
    assert note(*[b"Plan B-52 flies."] * 9) == ""


@pytest.mark.slow
@pytest.mark.parametrize("flags", [["--tokens"], []])
def test_batches_change_nothing(predict, flags):
    texts = BYTES * 2
    one, many = (
        rows(predict(texts, "--json", "--batch-size", size, *flags)) for size in (1, 99)
    )
    for first, second in zip(one, many, strict=True):
        assert first["text"] == second["text"]
        expected = [tuple(e.values()) for e in second["entities"]]
        places = [
            (start, end, label, score) for start, end, label, _, score in expected
        ]
        check(first["entities"], first["text"].encode(), places)


@pytest.mark.slow
def test_plain_tags_are_shown_with_their_tokens(predict, plain_tagger):
    texts = ["Ann met Bob.", ""]
    given = [text.encode() for text in texts]
    [row, empty] = rows(predict(given, "--json", model=plain_tagger))
    assert empty == {"text": "", "tags": []}
    assert [tag["text"] for tag in row["tags"]] == ["Ann", "met", "Bob", "."]
    for tag in row["tags"]:
        assert texts[0][tag["start"] : tag["end"]] == tag["text"]
        assert 1 / 3 <= tag["score"] <= 1  # the likeliest of three
        assert tag["label"] in ("NOUN", "VERB", "PUNCT")
    shown = " ".join(f"{tag['text']}/{tag['label']}" for tag in row["tags"])
    assert predict(given, model=plain_tagger) == f"{shown}\n\n"


@pytest.mark.slow
def test_texts_are_taken_a_batch_at_a_time(tagger):
    """A pipe that gives texts slowly gets its answers meanwhile."""
    model = SequenceTagger.from_preset(str(tagger))
    for tag in (tagged_texts.tag, tagged_texts.tag_split):
        texts = iter(BYTES)
        first = next(tag(model, texts, 2))
        assert first.tokens[:2] == ["Ann", "Lee"]
        assert list(texts) == BYTES[2:]
