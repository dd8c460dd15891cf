"""Datasets by name: what is found, and what is said where nothing is."""

import shutil
import socket
import types

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tasks.data import builders as data
from tasks.errors import UserError

TEXT, LABEL = tfds.features.Text(), tfds.features.ClassLabel(names=["neg", "pos"])


def dataset(features, supervised_keys=None):
    """What `tasks.data.builders` looks at in a builder, without its data."""
    info = types.SimpleNamespace(
        features=tfds.features.FeaturesDict(features),
        supervised_keys=supervised_keys,
        full_name="fake/1.0.0",
    )
    return types.SimpleNamespace(info=info)


def choose_label(builder, chosen=None):
    return data.choose_column(builder, "label", chosen, data.is_class, data.is_integer)


@pytest.fixture
def builder(data_dir):
    return data.load_builder("synthetic/reviews", data_dir)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("imbd_reviews", "imdb_reviews"),
        ("sythetic", "synthetic"),
        ("imbd_reviews/plain_text", "imdb_reviews"),
        ("synthetic/review", "synthetic/reviews"),
        ("glue/sst3", "glue/sst2"),
    ],
)
def test_an_unknown_dataset_or_config_names_the_nearest(name, nearest, tmp_path):
    with pytest.raises(UserError) as caught:
        data.load_builder(name, tmp_path)
    assert str(caught.value) == f"Unknown dataset {name!r}. Did you mean {nearest!r}?"


def test_a_file_is_no_dataset_and_names_are_told_as_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").write_text("x")
    for name in ("reviews.csv", "./reviews.csv", str(tmp_path)):
        with pytest.raises(UserError, match="--dataset takes the name of a dataset"):
            data.load_builder(name, tmp_path)
    with pytest.raises(UserError, match=r"^--pretrain-dataset takes the name"):
        data.load_builder("reviews.csv", tmp_path, "--pretrain-dataset")
    with pytest.raises(UserError, match=r"^Unknown dataset 'others\.csv'"):
        data.load_builder("others.csv", tmp_path)


@pytest.mark.parametrize("name", ["trec/no", "synthetic/reviews:9.9.9", "", "a b/c/d"])
def test_any_name_that_is_none_is_a_users_error(name, tmp_path):
    with pytest.raises(UserError) as caught:
        data.load_builder(name, tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_split_names_the_nearest(builder):
    with pytest.raises(UserError, match=r"split 'tset'. Did you mean 'test'\?"):
        data.read(builder, "tset", ["label"])
    with pytest.raises(UserError, match="There are: train, validation, test"):
        data.check_split(builder, "xyz")


@pytest.mark.parametrize("how", ["damaged", "missing"])
@pytest.mark.parametrize("read", [data.read, data.read_sequences])
def test_data_that_are_damaged_on_disk_are_told(data_dir, tmp_path, how, read):
    shutil.copytree(data_dir / "synthetic", tmp_path / "synthetic")
    [path] = tmp_path.glob("synthetic/reviews/*/*-test.tfrecord*")
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" + content[101:])
    builder = data.load_builder("synthetic/reviews", tmp_path)
    if how == "missing":
        path.unlink()
    with pytest.raises(UserError, match=r"'test' of .* is damaged \(.*\)\. Delete /"):
        list(read(builder, "test", ["label"]))
    assert len(list(data.read(builder, "validation", ["label"])[0]))


def test_an_unknown_split_in_a_sum_names_the_nearest(builder):
    with pytest.raises(UserError, match=r"split .*Did you mean 'train'\?"):
        data.check_split(builder, "test+trian[:10%]")


@pytest.mark.parametrize("split", ["train[:5", "train[a:b]", "train[:200%]"])
def test_a_slice_that_is_none_is_a_users_error(builder, split):
    with pytest.raises(UserError, match="Split"):
        data.read(builder, split, ["label"])


def test_an_empty_slice_is_a_users_error(builder):
    with pytest.raises(UserError, match=r"Split 'train\[:0\]'"):
        data.read(builder, "train[:0]", ["label"])


def test_reading_keeps_order_and_rows_together(builder):
    texts, labels = data.read(builder, "test", ["text", "label"])
    rows = tfds.as_numpy(builder.as_dataset(split="test"))
    expected = [(row["text"], row["label"]) for row in rows]
    assert list(zip(texts, labels, strict=True)) == expected
    assert len(texts) == 500


def test_slices_and_sums_of_splits_are_read(builder):
    ends, train = (
        data.read(builder, split, ["text"])[0]
        for split in ("train[:3]+train[-2:]", "train")
    )
    np.testing.assert_array_equal(ends, [*train[:3], *train[-2:]])


def test_nested_columns_have_paths(data_dir):
    builder = data.load_builder("synthetic/stars", data_dir)
    assert list(data.columns(builder)) == ["data/review_body", "data/star_rating"]
    texts, ratings = data.read(builder, "test", list(data.columns(builder)))
    assert isinstance(texts[0], bytes)
    assert sorted(set(ratings)) == [1, 2, 3, 4, 5]


def test_the_only_column_that_fits_is_chosen():
    builder = dataset({"id": np.float32, "a": {"b": TEXT, "c": LABEL}})
    assert data.choose_column(builder, "text", None, data.is_text) == "a/b"
    assert choose_label(builder) == "a/c"


def test_supervised_keys_settle_which_column():
    builder = dataset({"x": TEXT, "y": TEXT, "p": LABEL, "q": LABEL}, ("y", "q"))
    assert data.choose_column(builder, "text", None, data.is_text) == "y"
    assert choose_label(builder) == "q"


def test_supervised_keys_that_do_not_fit_are_passed_over():
    image = tfds.features.Image()
    builder = dataset({"x": image, "y": TEXT, "p": LABEL}, ("x", "p"))
    assert data.choose_column(builder, "text", None, data.is_text) == "y"


def test_several_classes_as_in_trec_are_listed():
    builder = dataset({"label-coarse": LABEL, "label-fine": LABEL, "text": TEXT})
    with pytest.raises(UserError) as caught:
        choose_label(builder)
    assert "2 columns" in str(caught.value)
    assert "label-coarse, label-fine" in str(caught.value)
    assert "--label-column" in str(caught.value)


def test_several_texts_as_in_amazon_reviews_are_listed():
    names = ("review_body", "review_headline", "product_title")
    builder = dataset({"data": {**dict.fromkeys(names, TEXT), "stars": np.int32}})
    with pytest.raises(UserError) as caught:
        data.choose_column(builder, "text", None, data.is_text)
    assert "3 columns" in str(caught.value)
    assert all(f"data/{name}" in str(caught.value) for name in names)
    assert "--text-column" in str(caught.value)


def test_a_class_is_a_better_label_than_a_number():
    builder = dataset({"stars": np.int32, "label": LABEL, "text": TEXT})
    assert choose_label(builder) == "label"
    assert choose_label(builder, "stars") == "stars"


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("txet", r"Unknown column 'txet'. Did you mean 'text'\?"),
        ("review", r"Unknown column 'review'. There are: text, label"),
        ("text", "'text' of fake/1.0.0 can't be the label. .* can: label"),
    ],
)
def test_a_column_that_does_not_do_is_told_with_those_that_do(chosen, message):
    with pytest.raises(UserError, match=message):
        choose_label(dataset({"text": TEXT, "label": LABEL}), chosen)


def test_no_column_that_fits_lists_the_columns():
    builder = dataset({"image": tfds.features.Image(), "text": TEXT})
    with pytest.raises(UserError, match=r"no column .* the label. .*: image, text"):
        choose_label(builder)


def test_without_a_network_a_download_is_refused_at_once(tmp_path, monkeypatch):
    asked = []

    def unknown(host, *_, **__):
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("ZOO_MANUAL_DIR", raising=False)
    with pytest.raises(UserError) as caught:
        data.load_builder("trec", tmp_path)
    assert asked == ["cogcomp.org"]  # TFDS would ask again and again, for minutes
    message = str(caught.value)
    assert message.startswith("trec is not on this machine and can't be downloaded")
    assert "cogcomp.org" in message
    assert "Leave --dataset out" in message
    assert "--data-dir" in message


def unwritable(folder):
    """A folder that not even root can write into."""
    folder.write_text("in the way")
    return folder / "tfds"


def test_a_data_dir_that_cannot_be_written_is_a_users_error(tmp_path):
    with pytest.raises(UserError, match=r"can't be prepared in .*--data-dir"):
        data.load_builder("synthetic/stars", unwritable(tmp_path / "file"))


@pytest.mark.slow
def test_what_another_process_prepares_at_the_same_time_is_read(tmp_path, monkeypatch):
    prepare = tfds.core.DatasetBuilder.download_and_prepare
    asked = []

    def download_and_prepare(builder, **kwargs):
        asked.append(builder)
        if len(asked) == 1:  # the other process comes in between
            other = tfds.builder("synthetic/dates", data_dir=tmp_path)
            prepare(other, **kwargs)
            raise FileExistsError(17, "already exists", str(builder.data_dir))
        return prepare(builder, **kwargs)

    monkeypatch.setattr(
        tfds.core.DatasetBuilder, "download_and_prepare", download_and_prepare
    )
    found = data.load_builder("synthetic/dates", tmp_path)
    assert len(asked) == 1
    assert found.info.splits["train"].num_examples > 0


def test_own_data_go_elsewhere_where_tfds_data_dir_is_read_only(tmp_path, monkeypatch):
    shared, home = tmp_path / "shared", tmp_path / "home"
    shared.mkdir()
    shared.chmod(0o555)
    monkeypatch.setenv("HOME", str(home))
    # What TFDS makes of TFDS_DATA_DIR when it is imported.
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(shared))
    builder = data.load_builder("synthetic/stars")
    assert builder.info.splits["test"].num_examples == 500
    assert list(shared.iterdir()) == []
    # And found there the next time.
    again = data.load_builder("synthetic/stars")
    assert again.data_dir == builder.data_dir


def test_a_user_without_a_home_is_told_to_name_a_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    # What it is in a container whose users are mere numbers.
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", "~/tensorflow_datasets")
    with pytest.raises(UserError, match=r"no home folder .* --data-dir or \$TFDS_DATA"):
        data.load_builder("synthetic/stars")
    assert list(tmp_path.iterdir()) == []


def test_texts_come_in_batches_in_order():
    texts = np.array([b"a", b"b", b"c"], object)
    batches = [batch.numpy().tolist() for batch in data.in_batches(texts, size=2)]
    assert batches == [[b"a", b"b"], [b"c"]]
