"""BLEU by length: which pairs are in which bucket, and what is said of them."""

import numpy as np
import pytest
import tensorflow as tf

from tests.benchmarks import bleu_by_length
from tests.benchmarks.bleu_by_length import Bucket, buckets


@pytest.mark.parametrize(
    ("bounds", "least", "expected"),
    [
        ((2, 3), 1, {"1–2": [0, 3, 6], "3": [1, 2], "4–9": [4, 5]}),
        ((3, 2), 1, {"1–2": [0, 3, 6], "3": [1, 2], "4–9": [4, 5]}),
        ((1, 3), 2, {"1–3": [0, 1, 2, 3, 6], "4–9": [4, 5]}),
        ((2, 4), 2, {"1–2": [0, 3, 6], "3–9": [1, 2, 4, 5]}),
        ((0, 9, 20), 1, {"1–9": [0, 1, 2, 3, 4, 5, 6]}),
        ((2, 3), 8, {"1–9": [0, 1, 2, 3, 4, 5, 6]}),
    ],
)
def test_buckets_hold_enough_pairs_within_their_bounds(bounds, least, expected):
    found = buckets([2, 3, 3, 1, 9, 4, 2], bounds, least)
    assert {str(bucket): list(bucket.places) for bucket in found} == expected


def test_table_has_a_row_a_bucket_and_one_of_all():
    groups = [Bucket(1, 7, np.arange(1200)), Bucket(8, 8, np.arange(51))]
    scores = {"with": [30.04, 40.0, 35.06], "without": [29.0, 9.96, 20.0]}
    assert bleu_by_length.table(groups, scores, 1251).split("\n") == [
        "| source words | pairs | with | without |",
        "| --- | --- | --- | --- |",
        "| 1–7 | 1,200 | 30.0 | 29.0 |",
        "| 8 | 51 | 40.0 | 10.0 |",
        "| all | 1,251 | 35.1 | 20.0 |",
    ]


def test_bleu_is_of_the_buckets_own_pairs():
    pytest.importorskip("sacrebleu")
    references = np.array(["a b c d e", "v w x y z", "k l m n o"], object)
    # All its n-grams are right, but it has 4 words for 5: the brevity penalty.
    found = {"good": references, "short": ["a b c d", "v w x y z", "nothing of it"]}
    groups = [Bucket(1, 1, np.array([0])), Bucket(2, 9, np.array([1]))]
    scores, signature = bleu_by_length.measure(found, references, groups)
    assert scores["good"] == pytest.approx([100, 100, 100])
    assert scores["short"][:2] == pytest.approx([100 * np.exp(1 - 5 / 4), 100])
    assert 0 < scores["short"][2] < 80
    assert signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a")


@pytest.fixture(scope="module")
def dates_dir(tmp_path_factory):
    """A few of the dates, prepared."""
    pytest.importorskip("babel")
    from tasks.data import builders as data
    from tasks.datasets.synthetic import dates

    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dates, "SIZES", {"train": 800, "validation": 10, "test": 300})
        data.load_builder("synthetic/dates", folder)
    return folder


def read(folder, split):
    from tasks.data import builders as data
    from tasks.translation import corpus

    builder = data.load_builder("synthetic/dates", folder)
    return corpus.read(builder, split, ("human", "machine"))


@pytest.fixture(scope="module")
def trained(dates_dir, tmp_path_factory):
    """The folders of two small presets, with attention and without."""
    import keras

    from tasks.translation import batches as parallel_batches
    from zoo import kernels, presets
    from zoo.models import Translator

    pairs, folders = read(dates_dir, "train"), []
    known = parallel_batches.vocabularies(pairs, "character", 400, 1, shared=False)
    columns = {"source_column": "human", "target_column": "machine"}
    for attention in ("general", None):
        keras.utils.set_random_seed(0)
        sizes = {"cell": "rnn", "embedding_units": 16, "units": 32}
        sizes |= {"level": "character", "attention": attention}
        model = Translator(*known, **sizes, name="translation")
        model.compile(keras.optimizers.Adam(1e-2))
        batches = parallel_batches.batches(model, pairs, 100, 32, buckets=1, seed=0)
        with kernels.portable():
            model.fit(batches.dataset(), epochs=4, shuffle=False, verbose=0)
        folders.append(tmp_path_factory.mktemp("presets") / str(attention))
        model.save_to_preset(folders[-1])
        record = {"dataset": "synthetic/dates", **columns}
        presets.write_metrics(folders[-1], {"training": record}, "")
    return folders


@pytest.mark.slow
def test_program_prints_and_draws_what_each_preset_reaches(
    trained, dates_dir, tmp_path, capsys, figures
):
    sacrebleu = pytest.importorskip("sacrebleu")
    from zoo.models import Translator

    picture = tmp_path / "bleu.png"
    flags = ["--data-dir", str(dates_dir), "--beam", "1", "--bounds", "1", "3"]
    flags += [f"--model={folder}" for folder in trained]
    bleu_by_length.main([*flags, "--output", str(picture)])
    out = capsys.readouterr().out

    assert picture.read_bytes().startswith(b"\x89PNG")
    rows = [line.strip("| ").split(" | ") for line in out.split("\n") if "|" in line]
    rows = [row for row in rows if len(row) == 4]
    (axes,) = figures[0].axes
    lines = [line.get_ydata() for line in axes.lines]
    assert rows[0] == ["source words", "pairs", *map(str, trained)]
    test = read(dates_dir, "test")
    sizes = np.array([len(text.split()) for text in test.texts])
    parts = {"1": sizes == 1, "3": (sizes > 1) & (sizes <= 3), "more": sizes > 3}
    parts["all"] = sizes > 0
    assert [int(row[1]) for row in rows[2:]] == [sum(part) for part in parts.values()]
    for column, folder in enumerate(trained):
        model = Translator.from_preset(folder)
        texts = tf.constant(test.texts, tf.string)
        found = model.translate(texts, beam=1)["translation"].numpy()
        found = np.array([text.decode() for text in found], object)
        for place, part in enumerate(parts.values()):
            references = [list(test.translations[part])]
            bleu = sacrebleu.corpus_bleu(list(found[part]), references).score
            assert bleu > 1
            assert float(rows[2 + place][2 + column]) == pytest.approx(bleu, abs=0.06)
            if place < 3:
                assert lines[column][place] == pytest.approx(bleu, abs=0.06)


def test_a_preset_that_is_not_there_is_told(capsys):
    with pytest.raises(SystemExit) as stop:
        bleu_by_length.main(["--model", "nowhere", "--output", "x.png"])
    assert stop.value.code == 2
    assert "nowhere" in capsys.readouterr().err
