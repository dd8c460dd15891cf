"""The wnut17 builder: its dummy data, its real data, and files that are damaged."""

import collections
import os
import shutil
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tasks.data import builders as data
from tasks.datasets.wnut17 import wnut17_dataset_builder as wnut17
from tasks.errors import UserError

DUMMY = Path(__file__).parent / "dummy_data" / "wnut17"

# As published: Derczynski et al. (2017).
SENTENCES = {"train": 3394, "validation": 1009, "test": 1287}
KINDS = ("corporation", "creative-work", "group", "location", "person", "product")
ENTITIES = {
    "train": (221, 140, 264, 548, 660, 142),
    "validation": (34, 105, 39, 74, 470, 114),
    "test": (66, 142, 165, 150, 429, 127),
}
TOKENS = {"train": 62730, "validation": 15733, "test": 23394}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Reads the real data as prepared: {split: [[(token, tag), …], …]}."""
    builder = data.load_builder("wnut17", tmp_path_factory.mktemp("tfds"))
    name = builder.info.features["tags"].feature.int2str
    return {
        split: [
            [
                (token.decode("utf-8"), name(tag))
                for token, tag in zip(row["tokens"], row["tags"], strict=True)
            ]
            for row in tfds.as_numpy(builder.as_dataset(split=split))
        ]
        for split in builder.info.splits
    }


def raw_lines(split):
    """Returns the lines of a real file that hold a token."""
    path = Path(os.environ["ZOO_MANUAL_DIR"], "wnut17", wnut17.FILES[split])
    lines = path.read_bytes().decode("utf-8").split("\n")
    return [line for line in lines if line.strip("\t")]


def write(folder, *lines):
    path = folder / "some.conll"
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.slow
@pytest.mark.real_data(raw=["wnut17"])
def test_real_splits_have_the_published_sentences_and_entities(prepared):
    for split, sentences in prepared.items():
        tags = [tag for sentence in sentences for _, tag in sentence]
        began = collections.Counter(tag[2:] for tag in tags if tag[0] == "B")
        assert len(sentences) == SENTENCES[split]
        assert len(tags) == TOKENS[split]
        assert began == dict(zip(KINDS, ENTITIES[split], strict=True))
    assert list(prepared) == list(SENTENCES)


@pytest.mark.slow
@pytest.mark.real_data(raw=["wnut17"])
@pytest.mark.parametrize("split", SENTENCES)
def test_every_real_line_comes_back_as_it_stands(split, prepared):
    lines = [
        f"{token}\t{tag}" for sentence in prepared[split] for token, tag in sentence
    ]
    assert sorted(lines) == sorted(raw_lines(split))


@pytest.mark.slow
@pytest.mark.real_data(raw=["wnut17"])
def test_no_real_sentence_is_in_two_splits(prepared):
    sentences = [
        {tuple(token for token, _ in sentence) for sentence in split}
        for split in prepared.values()
    ]
    assert sum(map(len, sentences)) == len(set().union(*sentences))


@pytest.mark.real_data(raw=["wnut17"])
def test_tampered_file_is_a_users_error(tmp_path, monkeypatch):
    copy = tmp_path / "raw" / "wnut17"
    shutil.copytree(Path(os.environ["ZOO_MANUAL_DIR"], "wnut17"), copy)
    file = copy / "emerging.dev.conll"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes().replace(b"B-person", b"B-parson", 1))
    monkeypatch.setenv("ZOO_MANUAL_DIR", str(tmp_path / "raw"))
    with pytest.raises(UserError) as caught:
        data.load_builder("wnut17", tmp_path / "tfds")
    message = str(caught.value)
    assert message.startswith("wnut17 can't be prepared: ")
    assert f"{file}, has wrong checksum. Download that file again." in message
    assert "\n" not in message


def test_sentences_end_at_lines_with_nothing_or_a_tab(tmp_path):
    path = write(tmp_path, "a\tO", "\t", "b\tB-group", "c\tI-group", "", "", "d\tO")
    assert list(wnut17.read_sentences(path)) == [
        (["a"], ["O"]),
        (["b", "c"], ["B-group", "I-group"]),
        (["d"], ["O"]),
    ]


def test_token_keeps_what_other_files_would_end_a_line_at(tmp_path):
    odd = ["a\u2028b", "a\x85b", "a\u200bb", "a\ufeff", "a b", "a\rb"]
    path = tmp_path / "some.conll"
    path.write_bytes("".join(f"{token}\tO\n" for token in odd).encode("utf-8"))
    assert list(wnut17.read_sentences(path)) == [(odd, ["O"] * len(odd))]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("\tO", r"expected a token, a tab and a tag, found '\\tO'"),
        ("\u00a0\tO", "expected a token, a tab and a tag, found"),
        ("\t\t", "expected a token, a tab and a tag, found"),
        ("word", "the tag must be one of O, B-corporation, .*, found 'word'"),
        ("word\t\tO", "the tag must be one of .*"),
        ("word\tO ", "the tag must be one of .*"),
        ("word\tB-parson", r"the tag must be one of .*, found 'word\\tB-parson'"),
        ("word\tI-person", r"I-person can't follow B-group, found"),
    ],
)
def test_line_that_is_malformed_is_named(line, message, tmp_path):
    path = write(tmp_path, "a\tO", "", "b\tB-group", line, "d\tO")
    with pytest.raises(AssertionError, match=rf"some\.conll, line 4: {message}"):
        list(wnut17.read_sentences(path))


def test_entity_does_not_go_on_across_sentences(tmp_path):
    path = write(tmp_path, "a\tB-person", "", "b\tI-person")
    with pytest.raises(AssertionError, match="line 3: I-person can't follow O"):
        list(wnut17.read_sentences(path))


def test_tags_are_o_and_a_pair_for_each_type():
    pairs = [f"{prefix}-{kind}" for kind in KINDS for prefix in "BI"]
    assert list(wnut17.TAGS) == ["O", *pairs]


def test_files_become_splits_of_tokens_and_tags(tmp_path, monkeypatch):
    monkeypatch.setattr(
        tfds.download.DownloadManager,
        "download",
        lambda _, urls: {split: DUMMY / Path(url).name for split, url in urls.items()},
    )
    monkeypatch.setenv("ZOO_MANUAL_DIR", str(DUMMY.parent))
    builder = data.load_builder("wnut17", tmp_path)
    sizes = {split: info.num_examples for split, info in builder.info.splits.items()}
    assert sizes == {"train": 3, "validation": 2, "test": 2}
    assert data.columns(builder).keys() == {"tokens", "tags"}
    rows = list(tfds.as_numpy(builder.as_dataset(split="test")))
    [row] = [row for row in rows if len(row["tokens"]) == 4]
    assert [token.decode("utf-8") for token in row["tokens"]] == [
        *("Zed", "Yarrow", "&amp;", "Mo\ufeff"),
    ]
    assert [wnut17.TAGS[tag] for tag in row["tags"]] == [
        *("B-person", "I-person", "O", "B-person"),
    ]


def test_package_describes_the_builder():
    metadata = wnut17.Builder.get_metadata()
    assert "CC BY 4.0" in metadata.description
    assert "Novel and Emerging Entity Recognition" in metadata.citation
    assert wnut17.Builder.name == "wnut17"
    assert {info.filename for info in wnut17.Builder.url_infos.values()} == set(
        wnut17.FILES.values()
    )
