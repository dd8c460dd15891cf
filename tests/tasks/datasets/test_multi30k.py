"""The multi30k builder: its dummy data, its real data, and files that are damaged."""

import gzip
import itertools
import os
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.data import builders as data
from tasks.datasets.multi30k import multi30k_dataset_builder as multi30k
from tasks.errors import UserError

DUMMY = Path(__file__).parent / "dummy_data" / "multi30k"
SENTENCES = {"train": 29_000, "validation": 1014, "test": 1000}


@pytest.fixture
def dummy_downloads(monkeypatch):
    """Takes downloads from the dummy data; says which files were wanted."""
    wanted = []

    def download(_, urls):
        wanted.extend(url for files in urls.values() for url in files.values())
        return {
            split: {language: DUMMY / Path(url).name for language, url in files.items()}
            for split, files in urls.items()
        }

    monkeypatch.setattr(tfds.download.DownloadManager, "download", download)
    monkeypatch.setenv("ZOO_MANUAL_DIR", str(DUMMY.parent))
    return wanted


def sentences(builder, split, *languages):
    columns = data.read(builder, split, list(languages))
    return [tuple(text.decode() for text in row) for row in zip(*columns, strict=True)]


def write(path, text):
    path.write_bytes(gzip.compress(text if isinstance(text, bytes) else text.encode()))
    return path


@pytest.mark.slow
@pytest.mark.real_data(raw=["multi30k"])
def test_real_sentences_are_prepared_as_they_stand(tmp_path):
    builder = data.load_builder("multi30k/de_en", tmp_path)
    folder = Path(os.environ["ZOO_MANUAL_DIR"], "multi30k")
    for split, file in multi30k.FILES.items():
        texts = [
            gzip.decompress((folder / f"{file}.{language}.gz").read_bytes()).decode()
            for language in ("de", "en")
        ]
        lines = zip(*(text.splitlines() for text in texts), strict=True)
        pairs = sentences(builder, split, "de", "en")
        assert len(pairs) == SENTENCES[split]
        assert sorted(pairs) == sorted(lines)


@pytest.mark.real_data(raw=["multi30k"])
def test_real_files_of_all_languages_have_the_published_sentences():
    folder = Path(os.environ["ZOO_MANUAL_DIR"], "multi30k")
    for split, file in multi30k.FILES.items():
        names = multi30k.LANGUAGES
        paths = {name: folder / f"{file}.{name}.gz" for name in names}
        examples = list(multi30k.read_pairs(paths))
        assert len(examples) == SENTENCES[split]
        assert all(text.strip() for row in examples for text in row.values())


def test_there_is_a_config_for_each_two_languages_in_both_orders():
    names = {config.name for config in multi30k.CONFIGS}
    assert names == {
        f"{source}_{target}"
        for source, target in itertools.product(("en", "de", "fr", "cs"), repeat=2)
        if source != target
    }


@pytest.mark.parametrize(("source", "target"), [("de", "en"), ("en", "de")])
def test_a_config_names_the_source_first(source, target, tmp_path, dummy_downloads):
    builder = data.load_builder(f"multi30k/{source}_{target}", tmp_path)
    assert isinstance(builder.info.features, tfds.features.Translation)
    assert sorted(builder.info.features.languages) == ["de", "en"]
    assert builder.info.supervised_keys == (source, target)


def test_only_the_files_of_the_two_languages_are_downloaded(tmp_path, dummy_downloads):
    data.load_builder("multi30k/fr_cs", tmp_path)
    assert sorted(dummy_downloads) == sorted(
        f"{multi30k.URL}{file}.{language}.gz"
        for file in ("train", "val", "test_2016_flickr")
        for language in ("fr", "cs")
    )


def test_files_become_splits_of_sentences_that_belong_together(
    tmp_path, dummy_downloads
):
    builder = data.load_builder("multi30k/de_en", tmp_path)
    assert sorted(sentences(builder, "train", "de", "en")) == [
        ("Ein Mann schläft.", "A man is sleeping."),
        ("Eine Frau\u00a0singt.", "A woman  sings."),
        ("Zwei Hunde rennen am Strand.", "Two dogs run on the beach."),
    ]
    assert sorted(sentences(builder, "validation", "de", "en")) == [
        (" Kinder spielen. ", " Children play."),
        ("Ein Junge springt.", "A boy jumps."),
    ]
    assert sorted(sentences(builder, "test", "de", "en")) == [
        ("Eine Katze sitzt\u2028auf einem Stuhl.", "A cat sits on a chair."),
        ("Niemand ist da.", "Nobody is there."),
    ]


def test_a_blank_line_keeps_its_place(tmp_path):
    paths = {
        "en": write(tmp_path / "a.en.gz", "one\n\nthree"),
        "cs": write(tmp_path / "a.cs.gz", "jeden\ndva\n\n"),
    }
    assert list(multi30k.read_pairs(paths)) == [
        {"en": "one", "cs": "jeden"},
        {"en": "", "cs": "dva"},
        {"en": "three", "cs": ""},
    ]


@pytest.mark.parametrize(("text", "count"), [("jeden\ndva\n", 2), ("", 0)])
def test_files_with_unequal_line_counts_are_named(text, count, tmp_path):
    paths = {
        "en": write(tmp_path / "a.en.gz", "one\ntwo\nthree\n"),
        "cs": write(tmp_path / "a.cs.gz", text),
    }
    message = rf"found 3 in .*a\.en\.gz, {count} in .*a\.cs\.gz"
    with pytest.raises(AssertionError, match=message):
        list(multi30k.read_pairs(paths))


@pytest.mark.parametrize(
    "damaged",
    [
        b"plain text\n",
        gzip.compress(b"some text\n" * 9, mtime=0)[:-12],
        gzip.compress("tr\u00e8s".encode("latin-1"), mtime=0),
    ],
    ids=["not gzip", "cut off", "not UTF-8"],
)
def test_file_that_is_damaged_is_named(damaged, tmp_path):
    path = tmp_path / "a.fr.gz"
    path.write_bytes(damaged)
    paths = {"fr": path, "en": write(tmp_path / "a.en.gz", "very\n")}
    with pytest.raises(AssertionError, match=r"a\.fr\.gz: expected UTF-8 text"):
        list(multi30k.read_pairs(paths))


def test_unknown_pair_names_the_nearest(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'multi30k/"):
        data.load_builder("multi30k/de_es", tmp_path)


def test_package_describes_the_builder():
    metadata = multi30k.Builder.get_metadata()
    assert "non-commercial research" in metadata.description
    assert "{M}ulti30{K}" in metadata.citation
    assert set(metadata.tags) <= set(tfds.core.dataset_metadata.valid_tags())
    files = {info.filename for info in multi30k.Builder.url_infos.values()}
    assert files == {
        f"{file}.{language}.gz"
        for file in multi30k.FILES.values()
        for language in multi30k.LANGUAGES
    }
