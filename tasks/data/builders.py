"""Datasets by name: finding, preparing, their columns and their splits.

Beside `tasks.datasets` the only place that knows of TFDS.
"""

import os
import re
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import requests
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from tasks import datasets
from tasks.errors import UserError, did_you_mean, tensorflow_says

_PROBE_SECONDS = 4
# dataset, dataset/config, dataset:1.2.3, dataset/config:1.2.3
_NAME = re.compile(r"\w+(?:/[^/:]+)?(?::[\w.*]+)?")
# Features that say no more than their type does.
_PLAIN = "Tensor", "Scalar"


def load_builder(
    name: str, data_dir: str | os.PathLike | None = None, flag: str = "--dataset"
):
    """Returns a dataset's builder, its data prepared.

    Args:
        name: what TFDS calls it, `dataset`, `dataset/config` or
            `dataset/config:1.2.3`, or one of `tasks.datasets`.
        data_dir: where prepared data lies or goes; by default `$TFDS_DATA_DIR`,
            then TFDS' own default.
        flag: what it was given with, for messages.

    Raises:
        UserError: there is no such dataset, or it can't be downloaded.
    """
    if not _NAME.fullmatch(name):
        raise UserError(_no_name(name, flag))
    ours = datasets.register(name.split("/")[0].split(":")[0])
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.registered.DatasetNotFoundError as error:
        raise UserError(_unknown_dataset(name)) from error
    except (ValueError, AssertionError) as error:
        raise UserError(_unknown_config(name, error)) from error
    if builder.info.splits:
        return builder
    _check_home(builder.data_dir_root)
    if data_dir is None and ours:
        data_dir = _writable(builder)
        builder = tfds.builder(name, data_dir=data_dir)
        if builder.info.splits:
            return builder
    try:
        _prepare(builder, name, flag)
    except UserError:
        # Another worker, which does the same at the same time, may have been faster.
        builder = tfds.builder(name, data_dir=data_dir)
        if not builder.info.splits:
            raise
    return builder


def _no_name(name, flag):
    """Says what is wrong with what can't be a dataset's name."""
    if os.path.exists(name):
        return (
            f"{flag} takes the name of a dataset, and {name!r} is a file or folder. "
            "The templates that train on files of your own have flags for them: see "
            "train --help."
        )
    return _unknown_dataset(name)


def _unknown_dataset(name):
    known = [*datasets.names(), *tfds.list_builders()]
    return did_you_mean("dataset", name, known, name.split("/")[0].split(":")[0])


def _unknown_config(name, error):
    """Says what is wrong with the part of a name behind the dataset's."""
    dataset, _, config = name.partition("/")
    try:
        configs = list(tfds.builder_cls(dataset.split(":")[0]).builder_configs)
    except (ValueError, AttributeError):
        configs = []
    if config and config.split(":")[0] not in configs:
        if not configs:
            return f"Unknown dataset {name!r}: {dataset!r} has no configurations."
        known = [f"{dataset}/{known}" for known in configs]
        return did_you_mean("dataset", name, known)
    reason = str(error).strip().splitlines()[-1]
    return f"Dataset {name!r} can't be loaded: {reason}"


def _writable(builder):
    """Returns a data folder to prepare in where the chosen one is read-only."""
    folder = Path(os.path.expanduser(builder.data_dir_root))
    while not folder.exists():
        folder = folder.parent
    # By its permission bits: os.access says yes to root, whatever they are.
    if folder.stat().st_mode & 0o222 and os.access(folder, os.W_OK):
        return builder.data_dir_root
    folder = os.path.expanduser(os.path.join("~", "tensorflow_datasets"))
    _check_home(folder)
    return folder


def _check_home(folder):
    """Raises a UserError where a folder is in the home of a user who has none.

    As in a container, whose users may have no more than a number.
    """
    if os.path.expanduser(os.fspath(folder)).startswith("~"):
        raise UserError(
            "There is no home folder for datasets to be kept in. Name a folder with "
            "--data-dir or $TFDS_DATA_DIR."
        )


def _prepare(builder, name, flag):
    """Downloads and prepares a dataset, or says why it can't."""
    manual = os.environ.get("ZOO_MANUAL_DIR")
    manual = Path(manual, builder.name) if manual else None
    if manual is None or not manual.is_dir():
        manual = None
        _probe(builder, name, flag)
    config = tfds.download.DownloadConfig(manual_dir=manual)
    try:
        builder.download_and_prepare(download_config=config)
    except requests.exceptions.RequestException as error:
        raise UserError(_no_download(name, error, flag)) from error
    except NonMatchingChecksumError as error:
        raise UserError(
            f"{name} can't be prepared: {str(error).splitlines()[0].rstrip(':')}. "
            "Download that file again."
        ) from error
    except (AssertionError, ImportError, tfds.download.DownloadError) as error:
        raise UserError(f"{name} can't be prepared: {error}") from error
    except OSError as error:
        raise UserError(
            f"{name} can't be prepared in {builder.data_dir}: {error}. "
            "Choose another folder with --data-dir."
        ) from error


def _probe(builder, name, flag):
    """Finds out in seconds whether a download can begin: TFDS tries for minutes."""
    url = next(iter(builder.url_infos or ()), "")
    if not url.startswith("http"):
        return
    try:
        requests.head(url, timeout=_PROBE_SECONDS, allow_redirects=False)
    except requests.exceptions.RequestException as error:
        raise UserError(_no_download(name, error, flag, url)) from error


def _no_download(name, error, flag, url=""):
    host = urllib.parse.urlsplit(url).hostname or "its source"
    instead = " for a generated one, which needs no download"
    return (
        f"{name} is not on this machine and can't be downloaded: {host} can't be "
        f"reached ({type(error).__name__}). Leave {flag} out"
        f"{instead if flag == '--dataset' else ''}, or give the folder of prepared "
        "data with --data-dir."
    )


def name(builder) -> str:
    """Returns the name by which `load_builder` finds a builder's data again."""
    config = builder.builder_config
    name = f"{builder.name}/{config.name}" if config else builder.name
    return f"{name}:{builder.version}"


def columns(builder) -> dict:
    """Returns a dataset's features by the path of their names, `data/text`."""
    found = {}

    def walk(feature, path):
        if isinstance(feature, tfds.features.FeaturesDict):
            for name, inner in feature.items():
                walk(inner, [*path, name])
        else:
            found["/".join(path)] = feature

    walk(builder.info.features, [])
    return found


def languages(builder) -> dict[str, str]:
    """Returns the paths of a dataset's translations by language; there may be none."""

    def holder(path):
        feature = builder.info.features
        for name in path.split("/")[:-1]:
            feature = feature[name]
        return feature

    return {
        path.rpartition("/")[2]: path
        for path in columns(builder)
        if isinstance(holder(path), tfds.features.Translation)
    }


def is_text(feature) -> bool:
    """Says whether a feature is one string."""
    return feature.shape == () and feature.tf_dtype == tf.string


def is_class(feature) -> bool:
    """Says whether a feature is one of several named classes."""
    return isinstance(feature, tfds.features.ClassLabel)


def is_integer(feature) -> bool:
    """Says whether a feature is a single whole number, as a rating is."""
    return feature.shape == () and np.issubdtype(feature.np_dtype, np.integer)


def is_bool(feature) -> bool:
    """Says whether a feature is one truth value."""
    return feature.shape == () and feature.np_dtype == np.bool_


def is_float(feature) -> bool:
    """Says whether a feature is a single floating-point number."""
    return feature.shape == () and np.issubdtype(feature.np_dtype, np.floating)


def is_sequence(feature, fits) -> bool:
    """Says whether a feature is a sequence of what `fits`, a function, says yes to."""
    return isinstance(feature, tfds.features.Sequence) and fits(feature.feature)


def choose_column(
    builder,
    role: str,
    chosen: str | None,
    *fits,
    usual: Sequence[str] = (),
    without: str | None = None,
    accepted: str = "",
    flag: str | None = None,
) -> str:
    """Returns the path of the feature that plays a role.

    Args:
        builder: a TFDS builder.
        role: what the feature is for, "text" or "label".
        chosen: what the user chose, if anything.
        *fits: which features fit, as functions of a feature, the best fit first.
        usual: names that the feature usually has, the most likely first.
        without: a column that plays another role already.
        accepted: what fits, a sentence without its full stop, for messages.
        flag: what it is chosen with, for messages; by default `--text-column` and so
            on, after the role.

    Returns:
        The chosen feature; else the first that fits of `supervised_keys`, then of
        the usual names; else the only one that fits.

    Raises:
        UserError: the chosen one isn't there or doesn't fit, none fits, or
            several do.
    """
    features = columns(builder)
    accepted = accepted and f" {accepted}."
    fitting = [
        [path for path in features if path != without and fit(features[path])]
        for fit in fits
    ]
    candidates = list(dict.fromkeys(path for paths in fitting for path in paths))
    if chosen:
        if chosen in candidates:
            return chosen
        if chosen in features:
            raise UserError(
                f"Column {chosen!r} of {builder.info.full_name} can't be the {role}. "
                f"Columns that can: {', '.join(candidates) or 'none'}. It is "
                f"{_described(features[chosen])}.{accepted}"
            )
        raise UserError(did_you_mean("column", chosen, list(features)))
    for path in (*(builder.info.supervised_keys or ()), *usual):
        if path in candidates:
            return path
    best = next((paths for paths in fitting if paths), [])
    if len(best) == 1:
        return best[0]
    if not best:
        raise UserError(
            f"{builder.info.full_name} has no column that can be the {role}."
            f"{accepted} Its columns: {', '.join(features)}."
        )
    raise UserError(
        f"{builder.info.full_name} has {len(best)} columns that can be the {role}: "
        f"{', '.join(best)}. Choose one with {flag or f'--{role}-column'}."
    )


def _described(feature):
    """Returns what a feature is, in a few words."""
    kind = type(feature).__name__
    if isinstance(feature, tfds.features.Sequence):
        inner = feature.feature
        if isinstance(inner, tfds.features.FeaturesDict):
            return f"a list of {', '.join(inner)}"
        return f"a list of {_described(inner)}"
    if feature.shape == ():
        return np.dtype(feature.np_dtype).name if kind in _PLAIN else kind
    return f"{kind} of shape {feature.shape}"


def read(builder, split: str, paths: list[str]) -> list[np.ndarray]:
    """Reads some columns of a split into memory.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name, or a slice of one, `train[:10%]`.
        paths: the columns' paths, as `columns` has them.

    Returns:
        One array a column, in the data set's order; of objects for strings.

    Raises:
        UserError: there is no such split, or it is damaged on disk.
    """
    examples = _examples(builder, split, paths).batch(1000)
    parts = list(zip(*_whole(examples, builder, split), strict=True))
    if not parts:
        raise UserError(f"Split {split!r} of {builder.info.full_name} is empty.")
    return [np.concatenate(part) for part in parts]


def read_sequences(builder, split: str, paths: list[str]) -> Iterator[tuple]:
    """Reads some columns of a split, whose values are sequences.

    Args:
        builder: a prepared TFDS builder.
        split: a split's name, or a slice of one, `train[:10%]`.
        paths: the columns' paths, as `columns` has them.

    Returns:
        An iterator of the examples, each a tuple of NumPy arrays.

    Raises:
        UserError: there is no such split, or, where it is found, it is damaged on disk.
    """
    return _whole(_examples(builder, split, paths), builder, split)


def _whole(examples, builder, split):
    """Yields a dataset's examples; a UserError where its files are damaged."""
    try:
        yield from examples.as_numpy_iterator()
    except (tf.errors.DataLossError, tf.errors.NotFoundError) as error:
        raise UserError(
            f"Split {split!r} of {builder.info.full_name} is damaged "
            f"({tensorflow_says(error.message)}). Delete {builder.data_dir}: it is "
            "prepared anew then."
        ) from error


def _examples(builder, split, paths):
    """Returns a split as a dataset of tuples, the values at `paths`."""
    check_split(builder, split)

    def select(example):
        return tuple(_at(example, path) for path in paths)

    try:
        examples = builder.as_dataset(split=split, decoders=None)
    except (ValueError, AssertionError) as error:
        raise UserError(f"Split {split!r} can't be read: {error}") from error
    return examples.map(select)


def _at(example, path):
    for name in path.split("/"):
        example = example[name]
    return example


def has_split(builder, split: str) -> bool:
    """Says whether a builder has a split, or all those that a sum of them names."""
    return set(split_names(split)) <= set(builder.info.splits)


def split_names(split: str) -> list[str]:
    """Returns the names of the splits that a split, a slice or a sum of them is of."""
    return [part.partition("[")[0].strip() for part in split.split("+")]


def check_split(builder, split: str) -> None:
    """Raises a UserError where a builder has no such split."""
    known = list(builder.info.splits)
    for name in split_names(split):
        if name not in known:
            raise UserError(did_you_mean("split", name, known))


def in_batches(texts: np.ndarray, size: int = 256) -> Iterator[tf.Tensor]:
    """Yields texts as string tensors of at most `size`."""
    for start in range(0, len(texts), size):
        yield tf.constant(texts[start : start + size], tf.string)
