"""Pieces of words, against `tokenizers` and against merging one pair after another."""

import collections
import functools
import gzip
import itertools
import json
import os
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.zoo import plain_tensorflow
from zoo.text import Subwords
from zoo.text import subwords as subwords_module
from zoo.text.subwords import LONGEST_MERGED

SPECIAL = ["<PAD>", "<UNK>", "<SOS>", "<EOS>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
CORPUS = [
    "A man in a blue shirt is standing on a ladder cleaning a window.",
    "Ein Mann in einem blauen Hemd steht auf einer Leiter und putzt ein Fenster.",
    "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche.",
    "aaaa aaa aaaaa aa abab ababab a\\b a\\b a\nb a\nb a\rb a\rb",
    " two  spaces   three ",
    "été cafe\u0301 мама мыла раму",
]
AWKWARD = [
    *("", " ", "  ", " a", "a ", "  a   man ", "\n", "\t a\r\n", "\\n \\\n \\", "a\0b"),
    *("▁", "▁a", "a▁ ▁", "\u2581\u2581", "<EOS>", "<0x41><PAD> <UNK>", "<0xE2>▁"),
    *(
        "cafe\u0301",
        "e\u0301\u0302",
        "👍🏽",
        "👨\u200d👩\u200d👧",
        "日本語",
        "\U0010ffff",
    ),
    *("a" * 999, "ab" * 500, "=" * 100, "\ufeffa", "\ufffd", "\u3000a\u00a0b"),
]
PIECES = [*"aabinmer .,<>\\\n\r\0▁äé日👍\u0301", "man", "ein", "  ", "<EOS>", "<0x41>"]
texts = st.lists(st.sampled_from(PIECES), max_size=15).map("".join) | st.text(
    st.characters(codec="utf-8"), max_size=6
)


def library(stream, max_size, split=()):
    """Returns the subwords that `tokenizers` learns and applies by itself.

    `split` is what it does to words besides, before it learns and before it applies.

    Its mark before a text is not put where one begins with a space, and then the space
    is lost: it is given a space more, and puts none.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<UNK>"))
    space = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([space, *split])
    trainer = trainers.BpeTrainer(
        vocab_size=max_size,
        min_frequency=1,
        special_tokens=SPECIAL + BYTES,
        show_progress=False,
    )
    tokenizer.train_from_iterator([f" {text}" for text in stream], trainer)
    # The special tokens are meant for the vocabulary; in a text they are only text.
    model = json.loads(tokenizer.to_str())["model"]
    plain = Tokenizer(
        models.BPE(
            model["vocab"],
            [tuple(pair) for pair in model["merges"]],
            byte_fallback=True,
            unk_token="<UNK>",
        )
    )
    plain.pre_tokenizer = tokenizer.pre_tokenizer
    return plain


def library_ids(of, rows):
    encoded = of.encode_batch([f" {row}" if row else "" for row in rows])
    return [row.ids for row in encoded]


def merged(subwords, text, most=100):
    """Returns the pieces of `text`, merging one pair at a time."""
    ids = {token: place for place, token in enumerate(subwords.tokens)}
    found = []
    words = text.split(" ") if text else []
    parts = [
        ("▁" * (not start), word[start : start + most])
        for word in words
        for start in range(0, max(len(word), 1), most)
    ]
    for space, part in parts:
        symbols = [*space]
        for character in part:
            if character in ids and character != "▁":
                symbols.append(character)
            else:
                symbols += [BYTES[byte] for byte in character.encode()]
        while True:
            pairs = [ids.get(a + b, 0) for a, b in itertools.pairwise(symbols)]
            pairs = [(place, n) for n, place in enumerate(pairs) if place >= 260]
            if not pairs:
                break
            _, n = min(pairs)
            symbols[n : n + 2] = [symbols[n] + symbols[n + 1]]
        found += symbols
    return found


@functools.cache
def graph(function):
    return tf.function(function, input_signature=[tf.TensorSpec([None], tf.string)])


def pieces(subwords, rows):
    tokens = graph(subwords.tokenize)(tf.constant(rows, tf.string))
    return [[token.decode() for token in row] for row in tokens.to_list()]


@functools.cache
def turned_back(subwords):
    return tf.function(
        lambda rows: subwords.decode(subwords.encode(rows)),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )


def there_and_back(subwords, rows):
    back = turned_back(subwords)(tf.constant(rows, tf.string))
    return [text.decode() for text in back.numpy()]


@pytest.fixture(scope="module")
def subwords():
    return Subwords.fit(CORPUS, max_size=420)


@pytest.fixture(scope="module")
def subwords_and_library():
    return Subwords.fit(CORPUS, max_size=460, min_count=1), library(CORPUS, 460)


def test_ids_are_of_special_tokens_bytes_characters_and_merges(subwords):
    tokens = subwords.tokens
    assert list(tokens[:260]) == SPECIAL + BYTES
    characters = [token for token in tokens[260:] if len(token) == 1]
    often = collections.Counter("".join(CORPUS))
    expected = {c for c in often if often[c] >= 2 and c != " "} | {"▁"}
    assert characters == list(tokens[260 : 260 + len(characters)]) == sorted(expected)
    assert len(tokens) <= 420
    for place, token in enumerate(tokens[260 + len(characters) :], start=260):
        halves = [(token[:n], token[n:]) for n in range(1, len(token))]
        before = set(tokens[260 : place + len(characters)])
        assert any(before.issuperset(pair) for pair in halves)


def test_most_frequent_pairs_are_merged_first():
    learned = Subwords.fit(["ab ab ab", "abc abc xbc"], max_size=269)
    # "ab" 5 times, then "▁ab" 5 times, then "▁abc" twice; "c" is left of "bc"
    assert learned.ordinary_tokens[256:] == ["a", "b", "c", "▁", "ab", "▁ab", "▁abc"]
    assert pieces(learned, ["abc ab xbc cab"]) == [
        ["▁abc", "▁ab", "▁", "<0x78>", "b", "c", "▁", "c", "ab"]
    ]


def test_learned_subwords_are_the_librarys(subwords_and_library):
    ours, theirs = subwords_and_library
    vocabulary = theirs.get_vocab()
    assert list(ours.tokens) == sorted(vocabulary, key=vocabulary.get)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(texts.filter(lambda text: "▁" not in text), max_size=4))
@example([text for text in AWKWARD if "▁" not in text and len(text) <= 100])
def test_pieces_are_the_librarys(subwords_and_library, rows):
    ours, theirs = subwords_and_library
    ids = graph(ours.encode)(tf.constant(rows, tf.string))
    assert ids.dtype == tf.int32
    assert ids.to_list() == library_ids(theirs, rows)


@pytest.fixture(scope="module")
def split_subwords_and_library():
    from tokenizers import Regex, pre_tokenizers

    stream = [*CORPUS, 'ab. ab, ab! aa." 19 1984 19:84 a19 1a9 (ab) ab... ab...']
    # What they are cut before: a kind of character after another one.
    letter, digit, other = r"[\p{L}\p{M}]", r"\p{N}", r"[^\p{L}\p{M}\p{N}▁]"
    split = [
        pre_tokenizers.Split(Regex(f"(?<={before})(?={after})"), "isolated")
        for before, after in (
            *((letter, digit), (letter, other), (other, letter), (other, digit)),
            *((digit, letter), (digit, other)),
        )
    ]
    ours = Subwords.fit(stream, max_size=460, min_count=1, split_punctuation=True)
    return ours, library(stream, 460, split)


def test_letters_digits_and_other_characters_are_kept_apart(split_subwords_and_library):
    ours, theirs = split_subwords_and_library
    vocabulary = theirs.get_vocab()
    assert list(ours.tokens) == sorted(vocabulary, key=vocabulary.get)
    tokens = ours.tokens[260:]
    assert {"▁ab", "...", "▁1"} <= set(tokens)
    for token in tokens:
        kinds = {(c.isalpha(), c.isdigit()) for c in token if c not in "▁\u0301"}
        assert len(kinds) < 2
    assert any(sum(map(str.isdigit, token)) == 2 for token in tokens)
    assert pieces(ours, ["ab.", "aba 19:84"]) == [
        ["▁ab", "."],
        [*pieces(ours, ["aba"])[0], "▁19", ":", "84"],
    ]


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(texts.filter(lambda text: "▁" not in text), max_size=4))
@example(["ab.", "a19b", "1984", "e\u0301.e", "(ab)", "ab...!", "日本1"])
def test_split_pieces_are_the_librarys(split_subwords_and_library, rows):
    ours, theirs = split_subwords_and_library
    ids = graph(ours.encode)(tf.constant(rows, tf.string))
    assert ids.to_list() == library_ids(theirs, rows)


@settings(max_examples=40, deadline=None)
@given(word=texts.filter(lambda text: 0 < len(text) <= 100 and " " not in text))
@example("man")
@example("▁日本")
def test_parts_of_a_piece_are_what_it_is_cut_into(subwords, word):
    piece = f"▁{word}"
    if piece in BYTES:
        return
    [found] = subwords.parts([piece])
    if "▁" not in word:
        assert [found] == pieces(subwords, [word])
    assert set(found) <= set(subwords.tokens)
    assert subwords.parts(["<0x41>"]) == [["<0x41>"]]


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(texts, min_size=1, max_size=4))
@example(AWKWARD)
def test_pieces_are_those_of_merging_pair_after_pair(subwords, rows):
    assert pieces(subwords, rows) == [merged(subwords, row) for row in rows]


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(texts, min_size=1, max_size=4))
@example(AWKWARD)
@example(CORPUS)
def test_every_text_comes_back(subwords, rows):
    assert there_and_back(subwords, rows) == rows


@pytest.mark.slow
@pytest.mark.real_data(raw=["multi30k"])
def test_real_sentences_are_cut_as_the_library_cuts_them():
    folder = Path(os.environ["ZOO_MANUAL_DIR"], "multi30k")
    sentences = [
        gzip.decompress((folder / f"train.{language}.gz").read_bytes())
        .decode("utf-8")
        .split("\n")[:10_000]
        for language in ("en", "de")
    ]
    stream = [text for pair in zip(*sentences, strict=True) for text in pair]
    ours = Subwords.fit(stream[:10_000], max_size=4000, min_count=1)
    rows = stream[-10_000:]  # others than those learned from
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(512)
    ids = [graph(ours.encode)(batch) for batch in batches]
    assert [row for batch in ids for row in batch.to_list()] == library_ids(
        library(stream[:10_000], 4000), rows
    )
    back = [text.decode() for batch in ids for text in ours.decode(batch).numpy()]
    assert back == rows


def test_block_that_marks_spaces_is_spelled_by_its_bytes(subwords):
    learned = Subwords.fit(["▁a ▁a a▁ a▁"], max_size=300)
    for of in (learned, subwords):
        block = ["<0xE2>", "<0x96>", "<0x81>"]
        assert pieces(of, ["▁ a▁"]) == [["▁", *block, "▁a", *block]]


def test_rare_characters_are_spelled_by_their_bytes():
    learned = Subwords.fit(["aé aé", "xaé x日é x"], max_size=300, min_count=3)
    assert pieces(learned, ["x日"]) == [["▁x", "<0xE6>", "<0x97>", "<0xA5>"]]
    assert not [token for token in learned.tokens[260:] if "xé" in token]


def test_special_tokens_in_a_text_are_text():
    stream = 5 * [" ".join([*SPECIAL, "<0x41>", "<0xff>"])]
    learned = Subwords.fit(stream, max_size=330)
    assert min(learned.encode(tf.constant(stream)).flat_values) >= 260
    assert there_and_back(learned, stream) == stream


def test_bytes_that_are_not_utf_8_become_replacement_characters(subwords):
    rows = [b"caf\xe9 \xff", b"\xed\xa0\x80", b"a\xe2\x82"]
    back = subwords.decode(subwords.encode(tf.constant(rows))).numpy().tolist()
    assert back == [row.decode("utf-8", "replace").encode() for row in rows]


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(st.binary(max_size=5), max_size=3), min_size=1))
@example([[b"\xe2\x82"], [b"\xff\xc0\xaf"], [b"\xe2\x96\x81"], [b" a", b"\xf0\x9f"]])
def test_any_bytes_of_a_model_are_decoded(subwords, rows):
    ids, expected = [], []
    for row in rows:
        between = subwords.tokens.index("▁ein")
        ids.append([i for part in row for i in [between, *(4 + b for b in part)]])
        spelled = b"".join(b" ein" + part for part in row)[1:]
        expected.append(spelled.decode("utf-8", "ignore").encode())
    ids = tf.ragged.constant(ids, tf.int32, ragged_rank=1)
    assert subwords.decode(ids).numpy().tolist() == expected
    assert subwords.decode(ids.to_tensor(0)).numpy().tolist() == expected


def test_bytes_that_end_amid_a_character_are_told(subwords):
    a, *parts = subwords.tokens.index("▁ein"), *(4 + byte for byte in "é€".encode())
    rows = [[a], [a, *parts[:1]], [a, *parts[:2]], [a, *parts[:4]], [a, *parts], []]
    ids = tf.ragged.constant(rows, tf.int32, ragged_rank=1)
    expected = [False, True, False, True, False, False]
    assert subwords.ends_amid_character(ids).numpy().tolist() == expected
    assert subwords.ends_amid_character(ids.to_tensor(0)).numpy().tolist() == expected


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_what_is_no_piece_is_decoded_too(subwords, dtype):
    man = subwords.tokens.index("▁in")
    ids = tf.constant([[2, man, 3, man, 0], [1, -5, 9999, 3, 0]], dtype)
    assert subwords.decode(ids).numpy().tolist() == [b"in in", b"<UNK><UNK><UNK>"]
    assert subwords.decode(ids[:, :0]).numpy().tolist() == [b"", b""]
    assert subwords.decode(ids[:0]).shape == (0,)


def test_graph_gives_what_eager_execution_gives(subwords):
    ids = subwords.encode(tf.constant(CORPUS))
    assert ids.to_list() == graph(subwords.encode)(tf.constant(CORPUS)).to_list()


def test_no_text_gives_no_row(subwords):
    ids = subwords.encode(tf.constant([], tf.string))
    assert ids.shape.as_list() == [0, None]
    assert subwords.decode(ids).shape == (0,)


def test_long_words_are_cut_in_a_moment(subwords):
    rows = ["".join(CORPUS).replace(" ", "") * 15, "=" * 5000]
    assert pieces(subwords, ["a", *rows])[1:] == [merged(subwords, row) for row in rows]


def sizes_of_steps(monkeypatch, subwords, rows):
    """Returns how many symbols each step of the merging goes over."""
    sizes, merged_once = [], subwords_module._merged_once

    def counted(symbols, *arguments):
        sizes.append(len(symbols))
        return merged_once(symbols, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(subwords_module, "_merged_once", counted)
        subwords.encode(tf.constant(rows))
    return sizes


def test_time_grows_with_a_words_length_and_not_with_its_square(monkeypatch, subwords):
    unspaced = "".join(CORPUS).replace(" ", "")
    short, long = (
        sizes_of_steps(monkeypatch, subwords, [unspaced * times]) for times in (2, 40)
    )
    assert len(long) <= LONGEST_MERGED + 1
    assert sum(long) <= 21 * sum(short)


def test_one_words_merges_cost_the_others_nothing(monkeypatch, subwords):
    many = [f"{n}" for n in range(1000)]
    long = "".join(CORPUS).replace(" ", "")[:LONGEST_MERGED]
    alone = sizes_of_steps(monkeypatch, subwords, [long])
    others = sizes_of_steps(monkeypatch, subwords, many)
    together = sizes_of_steps(monkeypatch, subwords, [*many, long])
    assert sum(together) == sum(alone) + sum(others)
    assert len(alone) > len(others)


def chances(subwords, symbols, dropout):
    """Returns how probable each outcome of the dropout is, (Provilkov et al. 2020)."""
    ids = {token: place for place, token in enumerate(subwords.tokens)}
    pairs = [ids.get(a + b, 0) for a, b in itertools.pairwise(symbols)]
    pairs = sorted((place, n) for n, place in enumerate(pairs) if place >= 260)
    found = collections.Counter({symbols: dropout ** len(pairs)})
    for left_out, (_, n) in enumerate(pairs):
        chance = dropout**left_out * (1 - dropout)
        after = (*symbols[:n], symbols[n] + symbols[n + 1], *symbols[n + 2 :])
        for outcome, share in chances(subwords, after, dropout).items():
            found[outcome] += chance * share
    return found


def test_dropout_leaves_out_merges_as_often_as_told():
    learned = Subwords.fit(["abcd abcd abc bcd cd"], max_size=280)
    ids = learned.encode(tf.constant(4000 * ["abcd"] + ["a a"]), 0.3, seed=[1, 2])
    rows = [tuple(t.decode() for t in row) for row in learned.lookup(ids).to_list()]
    found = collections.Counter(rows[:-1])
    expected = chances(learned, tuple("▁abcd"), 0.3)
    assert len(expected) == 5
    for outcome in expected | found:
        deviation = (expected[outcome] * (1 - expected[outcome]) / 4000) ** 0.5
        assert abs(found[outcome] / 4000 - expected[outcome]) < 4.5 * deviation


def test_dropout_hangs_on_the_seed_and_loses_nothing(subwords):
    encode = tf.function(lambda rows, seed: subwords.encode(rows, 0.4, seed))
    rows = tf.constant([*CORPUS, "", " x▁"])
    first, again, other = (encode(rows, tf.constant([7, n])) for n in (1, 1, 2))
    assert first.to_list() == again.to_list() != other.to_list()
    assert subwords.decode(other).numpy().tolist() == rows.numpy().tolist()
    assert other.flat_values.shape[0] > subwords.encode(rows).flat_values.shape[0]


@pytest.mark.parametrize(("dropout", "seed"), [(0.1, None), (1.0, [1, 2]), (-0.1, 3)])
def test_impossible_dropout_is_named(subwords, dropout, seed):
    with pytest.raises(ValueError, match=rf"dropout must be in .*{dropout}"):
        subwords.encode(tf.constant(["a"]), dropout, seed)


def stream_of(form):
    if form == "dataset":
        return tf.data.Dataset.from_tensor_slices(CORPUS)
    if form == "batched dataset":
        return tf.data.Dataset.from_tensor_slices(CORPUS).batch(4)
    encoded = [text.encode() for text in CORPUS]
    return {
        "generator": iter(CORPUS),
        "lists": [CORPUS[:2], CORPUS[2:]],
        "bytes": encoded,
        "lists of bytes": [encoded[:2], encoded[2:]],
        "arrays": [np.array([CORPUS[:1]]), np.array(encoded[1:], object)],
    }[form]


@pytest.mark.parametrize(
    "form",
    [
        *("dataset", "batched dataset", "generator", "lists"),
        *("bytes", "lists of bytes", "arrays"),
    ],
)
def test_texts_are_learned_from_in_whatever_form(subwords, form):
    assert Subwords.fit(stream_of(form), max_size=420).tokens == subwords.tokens


@pytest.mark.parametrize("stream", [[], ["", ""]])
def test_no_text_to_learn_from_is_named(stream):
    with pytest.raises(ValueError, match="no text to learn subwords from"):
        Subwords.fit(stream)


@pytest.mark.parametrize("stream", ["corpus.txt", b"a text"])
def test_one_string_is_no_texts_to_learn_from(stream):
    with pytest.raises(TypeError, match=r"several texts, found the string .*\[text\]"):
        Subwords.fit(stream)


def test_size_that_is_too_small_is_named():
    assert len(Subwords.fit(["abc abc"], max_size=264)) == 264
    with pytest.raises(ValueError, match=r"max_size=263 .* 4 characters are 264"):
        Subwords.fit(["abc abc"], max_size=263)


def test_tokens_without_the_bytes_are_no_subwords():
    with pytest.raises(ValueError, match=r"256 tokens <0x00> .* found \['a'"):
        Subwords(["a", "b"])
    with pytest.raises(ValueError, match=r"and have '▁'"):
        Subwords(BYTES)


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match="pip install tokenizers"):
        Subwords.fit(CORPUS)


@pytest.mark.slow
def test_subwords_survive_serialization_and_files(subwords, tmp_path):
    config = json.dumps(keras.saving.serialize_keras_object(subwords))
    subwords.save(tmp_path / "vocabulary.txt")
    for copy in (
        keras.saving.deserialize_keras_object(json.loads(config)),
        Subwords.load(tmp_path / "vocabulary.txt"),
    ):
        assert isinstance(copy, Subwords)
        assert copy.get_config() == subwords.get_config()
        assert pieces(copy, AWKWARD) == pieces(subwords, AWKWARD)


class Served(tf.Module):
    """What a model has of subwords, and what it does with them."""

    def __init__(self, subwords):
        super().__init__()
        self.subwords = subwords

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def encode(self, text):
        return {"ids": self.subwords.encode(text).to_tensor(0)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name="ids")])
    def decode(self, ids):
        return {"text": self.subwords.decode(ids)}


@pytest.mark.slow
def test_plain_tensorflow_cuts_and_joins_with_one_copy_of_the_pieces(
    subwords, tmp_path
):
    served = Served(subwords)
    signatures = {"encode": served.encode, "decode": served.decode}
    tf.saved_model.save(served, str(tmp_path / "model"), signatures=signatures)
    ids = subwords.encode(tf.constant(AWKWARD)).to_tensor(0).numpy()
    answers, _ = plain_tensorflow.ask(
        tmp_path,
        {
            "ids": ("model", "encode", {"text": (AWKWARD, "string")}),
            "none": ("model", "encode", {"text": ([], "string")}),
            "texts": ("model", "decode", {"ids": (ids, "int32")}),
        },
    )
    assert answers["ids"]["ids"].tolist() == ids.tolist()
    assert answers["none"]["ids"].shape[0] == 0
    assert [text.decode() for text in answers["texts"]["text"]] == AWKWARD

    (asset,) = (tmp_path / "model" / "assets").iterdir()
    assert Subwords.load(asset).tokens == subwords.tokens
    graph = (tmp_path / "model" / "saved_model.pb").read_bytes()
    assert "▁Mann".encode() not in graph
