"""The poly_music builder: its dummy data, its real data, and files that are damaged."""

import itertools
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tasks.data import builders as data
from tasks.datasets.poly_music import poly_music_dataset_builder as poly_music
from tasks.errors import UserError
from zoo.music.keys import LOWEST

scipy_io = pytest.importorskip("scipy.io")

DUMMY = Path(__file__).parent / "dummy_data" / "poly_music"
FILES = {config.name: config.file for config in poly_music.CONFIGS}

# As published: Boulanger-Lewandowski et al. (2012).
PIECES = {
    "jsb_chorales": (229, 76, 77),
    "nottingham": (694, 173, 170),
    "musedata": (524, 135, 124),
    "piano_midi": (87, 12, 25),
}
PRELUDE = (  # of BWV 846, from the score: the notes of its first bars' arpeggios
    (60, 64, 67, 72, 76),
    (60, 62, 69, 74, 77),
    (59, 62, 67, 74, 77),
    (60, 64, 67, 72, 76),
)


def real_rolls(name, split="train"):
    path = Path(os.environ["ZOO_MANUAL_DIR"], "poly_music", FILES[name])
    return list(poly_music.read_rolls(path, split))


@pytest.fixture
def dummy_downloads(monkeypatch):
    """Takes downloads from the dummy data; says which files were wanted."""
    wanted = []

    def download(_, url):
        wanted.append(url)
        return DUMMY / Path(url).name

    monkeypatch.setattr(tfds.download.DownloadManager, "download", download)
    monkeypatch.setenv("ZOO_MANUAL_DIR", str(DUMMY.parent))
    return wanted


def cells(*contents):
    array = np.empty((1, len(contents)), object)
    array[0] = contents
    return array


def save(path, **variables):
    scipy_io.savemat(path, variables)
    return path


@pytest.mark.real_data(raw=["poly_music"])
@pytest.mark.parametrize("name", PIECES)
def test_real_rolls_are_the_published_ones(name):
    splits = {split: real_rolls(name, split) for split in poly_music.SPLITS}
    assert tuple(map(len, splits.values())) == PIECES[name]
    for roll in itertools.chain.from_iterable(splits.values()):
        assert roll.dtype == np.uint8
        assert roll.shape == (len(roll), 88)
        assert (roll.min(), roll.max()) == (0, 1)
    if name == "jsb_chorales":  # known from the pickles that the authors give
        chords = [tuple(np.flatnonzero(frame) + 21) for frame in splits["train"][0]]
        assert chords[:3] == [(60, 72, 79, 88), (72, 79, 88), (67, 70, 76, 84)]


@pytest.mark.real_data(raw=["poly_music"])
def test_real_rolls_are_prepared_as_they_stand(tmp_path):
    """Also that the file is the one of the checksums."""
    builder = data.load_builder("poly_music/jsb_chorales", tmp_path)
    rows = [roll for (roll,) in data.read_sequences(builder, "test", ["roll"])]
    expected = real_rolls("jsb_chorales", "test")
    assert sorted(map(bytes, rows)) == sorted(map(bytes, expected))


@pytest.mark.real_data(raw=["poly_music"])
def test_eight_frames_are_a_bar_where_a_frame_is_an_eighth_note():
    prelude = real_rolls("piano_midi", "validation")[1]
    for bar, notes in enumerate(PRELUDE):
        sounding = np.flatnonzero(prelude[8 * bar : 8 * bar + 6].any(axis=0)) + 21
        assert set(sounding) <= set(notes)
        assert len(sounding) >= 3
    # 35 bars; then the fugue, which begins with an eighth rest: c d e f.
    fugue = [tuple(np.flatnonzero(frame) + 21) for frame in prelude[280:284]]
    assert fugue == [(60,), (62,), (64,), (65,)]
    lengths = np.array([len(roll) for roll in real_rolls("nottingham")])
    bars = [np.mean(abs(lengths - 32 * frames) <= 1) for frames in (8, 6)]
    assert sum(bars) > 0.5  # 32 bars of 4/4 or of 6/8


@pytest.mark.real_data(raw=["poly_music"])
def test_four_frames_are_a_bar_where_a_frame_is_a_quarter_note():
    lengths = np.array([len(roll) for roll in real_rolls("jsb_chorales")])
    assert np.mean(np.isin(lengths % 4, (0, 1))) > 0.9


@pytest.mark.parametrize("name", PIECES)
def test_each_config_downloads_its_own_file(name, tmp_path, dummy_downloads):
    builder = data.load_builder(f"poly_music/{name}", tmp_path)
    assert dummy_downloads == [poly_music.URL + FILES[name]]
    sizes = {split: info.num_examples for split, info in builder.info.splits.items()}
    assert sizes == {"train": 3, "validation": 2, "test": 2}


def test_rolls_are_zeros_and_ones_of_88_keys(tmp_path, dummy_downloads):
    builder = data.load_builder("poly_music", tmp_path)
    assert builder.builder_config.name == "jsb_chorales"
    rolls = [roll for (roll,) in data.read_sequences(builder, "test", ["roll"])]
    [roll] = [roll for roll in rolls if len(roll) == 4]
    chords = [list(np.flatnonzero(frame) + LOWEST) for frame in roll]
    assert chords == [[21], [], [60, 64, 67], [108]]
    assert roll.dtype == np.uint8


def test_numbers_of_any_type_become_bytes(tmp_path):
    path = save(tmp_path / "a.mat", testdata=cells(np.ones((2, 88)), np.eye(3, 88)))
    rolls = list(poly_music.read_rolls(path, "test"))
    assert [roll.dtype for roll in rolls] == [np.uint8] * 2
    np.testing.assert_array_equal(rolls[1], np.eye(3, 88))


@pytest.mark.parametrize(
    ("roll", "found"),
    [
        (np.zeros((3, 87)), r"an array of shape \(3, 87\)"),
        (np.zeros((0, 88)), r"an array of shape \(0, \d+\)"),
        (np.full((1, 88), 2), "values that are neither 0 nor 1"),
        (np.full((1, 88), np.nan), "values that are neither 0 nor 1"),
    ],
)
def test_piece_that_is_no_piano_roll_is_named(roll, found, tmp_path):
    path = save(tmp_path / "a.mat", traindata=cells(np.ones((2, 88)), roll))
    message = rf"a\.mat, piece 2 of traindata: expected .*\(steps, 88\), found {found}"
    with pytest.raises(AssertionError, match=message):
        list(poly_music.read_rolls(path, "train"))


def test_file_without_a_split_is_named(tmp_path):
    path = save(tmp_path / "a.mat", traindata=cells(np.ones((2, 88))))
    with pytest.raises(AssertionError, match=r"a\.mat: expected .* 'validdata'"):
        list(poly_music.read_rolls(path, "validation"))


@pytest.mark.parametrize("kept", [0, 100, 300])
def test_file_that_is_cut_off_is_named(kept, tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes((DUMMY / "JSB_Chorales.mat").read_bytes()[:kept])
    with pytest.raises(AssertionError, match=r"a\.mat: expected a file of MATLAB's"):
        list(poly_music.read_rolls(path, "train"))


def test_without_scipy_the_extra_is_named(tmp_path, dummy_downloads, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(UserError) as caught:
        data.load_builder("poly_music/nottingham", tmp_path)
    assert "pip install scipy" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_collection_names_the_nearest(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'poly_music/jsb_chorales'"):
        data.load_builder("poly_music/jsb_chorals", tmp_path)


def test_package_describes_the_builder():
    metadata = poly_music.Builder.get_metadata()
    assert "MIT" in metadata.description
    assert "High-Dimensional Sequences" in metadata.citation
    assert set(metadata.tags) <= set(tfds.core.dataset_metadata.valid_tags())
    for config in poly_music.CONFIGS:
        [row] = [
            r for r in metadata.description.split("\n") if f"| `{config.name}`" in r
        ]
        length = {1.0: "a quarter note", 0.5: "an eighth note"}[config.step]
        assert f"| {length} |" in row
        assert length in config.description
        assert tuple(map(int, row.split("|")[4:7])) == PIECES[config.name]
    files = {info.filename for info in poly_music.Builder.url_infos.values()}
    assert files == set(FILES.values())
