"""Texts and translations: which columns, which splits, which files; batches of them."""

import types

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tasks.errors import UserError
from tasks.translation import batches as parallel_batches
from tasks.translation import corpus as parallel_corpus
from tasks.translation.corpus import Pairs
from tests.zoo.models.translators import make
from zoo.text import Subwords
from zoo.text.vocabulary import END_ID

TEXT = tfds.features.Text()


def two(*languages):
    return tfds.features.Translation(languages=languages)


class Builder:
    """What is read of a TFDS builder: features, and splits of rows."""

    name, version, builder_config = "made", "1.0.0", None

    def __init__(self, features, keys=None, splits=()):
        self._splits = dict(splits)
        self.info = types.SimpleNamespace(
            features=tfds.features.FeaturesDict(features)
            if isinstance(features, dict)
            else features,
            full_name="made/1.0.0",
            citation="@misc{made}",
            splits=dict.fromkeys(self._splits),
            supervised_keys=keys,
        )

    def as_dataset(self, split, decoders=None):
        rows = self._splits[split.partition("[")[0]]
        names = list(self.info.features)
        columns = zip(*rows, strict=True)
        return tf.data.Dataset.from_tensor_slices(
            dict(zip(names, map(list, columns), strict=True))
        )


MANY = Builder(two("cs", "de", "en"))
PLAIN = Builder({"id": TEXT, "one": TEXT, "other": TEXT})
NONE = (None, None)


@pytest.mark.parametrize(
    ("builder", "languages", "chosen", "expected"),
    [
        (Builder(two("de", "en")), NONE, NONE, ("de", "en")),
        (Builder(two("de", "en"), ("en", "de")), NONE, NONE, ("en", "de")),
        (Builder(two("de", "en")), ("en", None), NONE, ("en", "de")),
        (Builder(two("de", "en")), (None, "de"), NONE, ("en", "de")),
        (Builder({"both": two("de", "en"), "id": TEXT}), ("en", None), NONE, "ed"),
        (MANY, ("en", "cs"), NONE, ("en", "cs")),
        (PLAIN, NONE, ("other", "one"), ("other", "one")),
        (Builder({"a": TEXT, "b": TEXT}, ("b", "a")), NONE, NONE, ("b", "a")),
        (Builder({"a": TEXT, "b": TEXT}), NONE, (None, "a"), ("b", "a")),
    ],
)
def test_columns_are_those_that_languages_name(builder, languages, chosen, expected):
    expected = ("both/en", "both/de") if expected == "ed" else expected
    assert parallel_corpus.columns(builder, languages, chosen) == expected


@pytest.mark.parametrize(
    ("builder", "languages", "chosen", "told"),
    [
        (MANY, ("dee", "en"), NONE, r"Unknown language 'dee'. Did you mean 'de'\?"),
        (MANY, ("fr", "en"), NONE, "There are: cs, de, en. Looked in made/1.0.0"),
        (MANY, ("en", "en"), NONE, "--source and --target are both en"),
        (MANY, ("en", None), NONE, "Give --target too: made/1.0.0 has the languages"),
        (MANY, NONE, NONE, "has 3 languages: cs, de, en. Choose two with --source"),
        (MANY, ("en", "de"), ("en", "de"), "not both"),
        (PLAIN, NONE, NONE, "--source-column .* with texts: id, one, other"),
        (PLAIN, ("en", "de"), NONE, "columns with texts: id, one, other"),
        (PLAIN, NONE, ("one", "othr"), "Unknown column 'othr'. Did you mean 'other'"),
        (PLAIN, NONE, (None, "one"), "Give --source-column too"),
    ],
)
def test_languages_and_columns_that_do_not_fit_are_told(
    builder, languages, chosen, told
):
    with pytest.raises(UserError, match=told):
        parallel_corpus.columns(builder, languages, chosen)


def rows(name, count):
    return [(f"{name} {place}", f"{place} {name}") for place in range(count)]


def test_a_tenth_of_train_is_chosen_on_unless_validation_and_test_are_there():
    splits = {"train": rows("a", 20), "validation": rows("v", 2), "test": rows("t", 3)}
    features = {"a": TEXT, "b": TEXT}
    corpus = parallel_corpus.read_corpus(
        Builder(features, None, splits), "train", ("a", "b")
    )
    assert corpus.train.texts.tolist() == [f"a {place}" for place in range(20)]
    assert corpus.validation.translations.tolist() == ["0 v", "1 v"]
    assert [test.source for test in corpus.tests] == ["made/1.0.0/test"]
    assert corpus.record["test_splits"] == ["test"]
    assert "columns     a → b" in corpus.describe()

    for missing, test in (("validation", "test"), ("test", "validation")):
        fewer = {name: split for name, split in splits.items() if name != missing}
        builder = Builder(features, None, fewer)
        corpus = parallel_corpus.read_corpus(builder, "train", ("a", "b"))
        assert (len(corpus.train), len(corpus.validation)) == (18, 2)
        assert corpus.record["test_splits"] == [test]
        texts = {*corpus.train.texts, *corpus.validation.texts}
        assert texts == {f"a {place}" for place in range(20)}
    alone = Builder(features, None, {"train": splits["train"]})
    corpus = parallel_corpus.read_corpus(alone, "train", ("a", "b"))
    assert corpus.tests == ()
    assert "test        none" in corpus.describe()


@pytest.fixture
def files(tmp_path):
    """Writes two files, and returns their paths."""

    def write(*contents):
        paths = [tmp_path / name for name in ("a.de", "a.en")]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        return list(map(str, paths))

    return write


def test_files_are_paired_line_by_line(files):
    found = parallel_corpus.read_files(
        files(b"\xef\xbb\xbfeins\r\n\nzw\xe2\x80\xa8ei", b"one\n\ntw\x0co\n")
    )
    assert found.texts.tolist() == ["eins", "", "zw\u2028ei"]
    assert found.translations.tolist() == ["one", "", "tw\x0co"]


def test_it_is_told_where_files_get_out_of_step(files):
    paths = files(b"eins\n\ndrei\nvier\n", b"one\ntwo\nthree\n")
    with pytest.raises(UserError) as told:
        parallel_corpus.read_files(paths)
    assert f"{paths[0]} has 4 lines and {paths[1]} has 3" in str(told.value)
    assert f"Line 4 of {paths[0]}, 'vier', has no partner." in str(told.value)
    assert "Line 2 is the first that is empty in only one" in str(told.value)
    with pytest.raises(UserError, match=r"Line 1 of \S*a.en, 'x{39}…', has no"):
        parallel_corpus.read_files(files(b"", b"x" * 50))


def test_files_that_are_empty_missing_or_not_utf8_are_named(files, tmp_path):
    with pytest.raises(UserError, match="are empty"):
        parallel_corpus.read_files(files(b"", b""))
    with pytest.raises(UserError, match=r"a.en is not UTF-8: .* byte 1 of .* \(0xff\)"):
        parallel_corpus.read_files(files(b"a", b"b\xff"))
    missing = str(tmp_path / "missing")
    with pytest.raises(UserError, match="missing can't be read: No such file"):
        parallel_corpus.read_files([missing, missing])


def pairs(*rows):
    texts, translations = (np.array(side, object) for side in zip(*rows, strict=True))
    return Pairs(texts, translations, "made")


def test_batches_hold_each_pair_that_can_be_trained_on_once(capsys):
    model = make()
    made = pairs(
        *[("abc"[: 1 + n % 3] * (1 + n % 2), "xyz"[: 1 + n % 2]) for n in range(20)],
        ("", "x"),
        ("a", ""),
        ("a" * 9, "x"),
        ("a", "y" * 8),
    )
    batches = parallel_batches.batches(model, made, 8, 4, buckets=3, seed=1)
    out = capsys.readouterr().out
    assert "2 pairs of made are empty on a side" in out
    assert "1 pairs of made have more than 8 tokens" in out
    found = []
    for (texts, inputs), targets in batches.dataset():
        assert texts.shape[1] == targets.shape[1]
        tf.debugging.assert_equal(inputs, model.inputs(targets))
        sides = model.source.decode(texts), model.target.decode(targets)
        found += zip(*(side.numpy().tolist() for side in sides), strict=True)
        assert (targets.numpy() == END_ID).sum(axis=1).tolist() == [1] * len(targets)
    # The last one is kept: with `<EOS>` it has one token more than is allowed.
    kept = [*range(20), 23]
    expected = zip(made.texts[kept], made.translations[kept], strict=True)
    assert sorted(found) == sorted((t.encode(), y.encode()) for t, y in expected)
    with pytest.raises(UserError, match="No pair of made is left"):
        parallel_batches.batches(model, pairs(("", "x")), 8, 4)


def test_vocabularies_are_learnt_of_each_language_or_of_both():
    made = pairs(("ein Hund", "a dog"), ("kein Hund", "no dog"))
    source, target = parallel_batches.vocabularies(made, "word", 100, 1, False)
    assert source.ordinary_tokens == ["Hund", "ein", "kein"]
    assert target.ordinary_tokens == ["dog", "a", "no"]
    one, other = parallel_batches.vocabularies(made, "character", 100, 2, True)
    assert one is other
    assert {*one.ordinary_tokens} == {*"ein Hudgo"}  # but a and k occur once
    pytest.importorskip("tokenizers")
    subwords, _ = parallel_batches.vocabularies(made, "subword", 290, 1, False)
    assert isinstance(subwords, Subwords)
    with pytest.raises(UserError, match=r"--vocabulary-size 20 won't do: .*too small"):
        parallel_batches.vocabularies(made, "subword", 20, 1, False)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("level", ["word", "character"])
def test_a_language_without_a_token_that_is_frequent_enough_is_told(level, side):
    rare, frequent = "ab", "c c"
    made = pairs((rare, frequent) if side == 0 else (frequent, rare))
    told = rf"^No {level} occurs 2 times in the training texts.* Lower --min-count"
    with pytest.raises(UserError, match=told):
        parallel_batches.vocabularies(made, level, 100, 2, False)
    assert parallel_batches.vocabularies(made, level, 100, 2, True)


def test_some_pairs_are_spread_evenly_over_all():
    made = pairs(*[(str(n), str(-n)) for n in range(10)])
    assert made.spread(4).texts.tolist() == ["0", "3", "6", "9"]
    assert made.spread(4).translations.tolist() == ["0", "-3", "-6", "-9"]
    assert made.spread(1).texts.tolist() == ["0"]
    assert made.spread(10).texts.tolist() == made.texts.tolist()
    assert len(made.spread(100)) == 10
