"""The tatoeba_deu_eng builder: its dummy data, its real data, and damaged files."""

import os
import zipfile
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.data import builders as data
from tasks.datasets.tatoeba_deu_eng import tatoeba_deu_eng_dataset_builder as tatoeba

DUMMY = Path(__file__).parent / "dummy_data" / "tatoeba_deu_eng" / "deu-eng.zip"


@pytest.mark.slow
@pytest.mark.real_data(raw=["tatoeba_deu_eng"])
def test_no_real_sentence_is_in_two_splits_and_none_is_lost(tmp_path):
    builder = data.load_builder("tatoeba_deu_eng/de_en", tmp_path)
    assert builder.info.supervised_keys == ("de", "en")
    rows = {}
    for split in ("train", "validation", "test"):
        columns = data.read(builder, split, ["en", "de"])
        rows[split] = list(zip(*columns, strict=True))
    sizes = [len(pairs) for pairs in rows.values()]
    assert sum(sizes) == 169_813
    assert min(sizes[1:]) > 3_000
    for side in (0, 1):
        texts = [{pair[side] for pair in pairs} for pairs in rows.values()]
        assert sum(map(len, texts)) == len(set().union(*texts))


@pytest.mark.real_data(raw=["tatoeba_deu_eng"])
def test_real_pairs_are_the_files_lines():
    path = Path(os.environ["ZOO_MANUAL_DIR"], "tatoeba_deu_eng", "deu-eng.zip")
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("deu.txt").decode("utf-8").splitlines()
    assert [f"{en}\t{de}" for en, de in tatoeba.read_pairs(path)] == lines


def test_pairs_that_are_linked_by_any_sentence_are_in_one_split():
    chain = [("a", "x"), ("b", "x"), ("b", "y"), ("c", "y"), ("d", "z")]
    found = tatoeba.splits(chain)
    assert len(set(found[:4])) == 1
    assert found == tatoeba.splits(list(reversed(chain)))[::-1]


def test_dummy_pairs_come_as_they_stand():
    pairs = tatoeba.read_pairs(DUMMY)
    assert pairs[1][1] == "Eine\u00a0Eins."
    assert set(tatoeba.splits(pairs)) == {"train", "validation", "test"}


@pytest.mark.parametrize("line", ["one", "one\t", "\teins", "one\teins\tun"])
def test_line_that_is_malformed_is_named(line, tmp_path):
    path = tmp_path / "deu-eng.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("deu.txt", f"two\tzwei\n{line}\n")
    with pytest.raises(AssertionError, match=r"deu\.txt, line 2: expected a sentence"):
        tatoeba.read_pairs(path)


def test_file_that_is_no_such_zip_is_named(tmp_path):
    path = tmp_path / "deu-eng.zip"
    path.write_bytes(b"plain text")
    with pytest.raises(AssertionError, match=r"deu-eng\.zip: expected a zip"):
        tatoeba.read_pairs(path)


def test_package_describes_the_builder():
    metadata = tatoeba.Builder.get_metadata()
    assert "CC BY 2.0 FR" in metadata.description
    assert "Tatoeba" in metadata.citation
    assert set(metadata.tags) <= set(tfds.core.dataset_metadata.valid_tags())
    [info] = tatoeba.Builder.url_infos.values()
    assert info.filename == "deu-eng.zip"
