"""What several tests of the templates need: data, a model, a command line."""

import dataclasses
import fcntl
import os
import signal

import numpy as np
import pytest

from tasks import sentiment
from tasks.cli import command_line as cli

DATASETS = tuple(
    f"synthetic/{name}" for name in ("reviews", "stars", "entities", "markov", "scales")
)
WORDS = ["a", "the", "film", "plot", "music", "was", "good", "bad", "not", ",", "."]


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    """The generated datasets, prepared; TFDS_DATA_DIR is not for writing.

    By one process for all, where several of them test.
    """
    from tasks.data import builders as data

    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    with (place / "tfds.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in DATASETS:
            data.load_builder(name, place / "tfds")
    return place / "tfds"


@pytest.fixture(scope="session")
def preset(tmp_path_factory):
    """A small classifier with weights drawn at random, saved as a preset."""
    from zoo.models import SequenceClassifier

    model = SequenceClassifier(
        WORDS, ["neg", "pos"], embedding_units=4, units=3, name="sentiment"
    )
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=w.shape) for w in model.get_weights()])
    folder = tmp_path_factory.mktemp("presets") / "small"
    model.save_to_preset(folder)
    return folder


NAMES = ["Ann", "Lee", "Bob", "met", "in", "New", "York", "Rome", "😀", "?", "."]


@pytest.fixture(scope="session")
def tagger(tmp_path_factory):
    """A small tagger of names with weights drawn at random, saved as a preset."""
    tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    return _tagger(tmp_path_factory.mktemp("presets") / "names", tags, "iob2")


@pytest.fixture(scope="session")
def plain_tagger(tmp_path_factory):
    """The same of parts of speech, without a CRF."""
    tags = ["NOUN", "VERB", "PUNCT"]
    folder = tmp_path_factory.mktemp("presets") / "parts_of_speech"
    return _tagger(folder, tags, "plain", crf=False)


def _tagger(folder, tags, scheme, **arguments):
    from zoo.models import SequenceTagger

    model = SequenceTagger(
        NAMES,
        [],
        [],
        tags,
        scheme,
        word_units=4,
        lowercase_units=1,
        character_features="none",
        cell="rnn",
        units=3,
        name="ner",
        **arguments,
    )
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=w.shape) for w in model.get_weights()])
    model.save_to_preset(folder)
    return folder


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def one_signature():
    """Has presets be exported with one function: see `tests.tasks.one_signature`."""
    from tests.tasks.one_signature import one_signature

    with one_signature():
        yield


@pytest.fixture
def run(capsys):
    """Runs a template's command line in this process."""

    def run(*argv, template=sentiment.TEMPLATE):
        capsys.readouterr()
        try:
            code = cli.main(template, list(map(str, argv)))
        except SystemExit as stop:
            code = stop.code
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def heard():
    """Has signals be heard that are ignored where tests run by `nohup`, or by `&`.

    What the test starts hears them too.
    """
    usual = {
        signal.SIGHUP: signal.SIG_DFL,
        signal.SIGINT: signal.default_int_handler,
    }
    before = {number: signal.signal(number, own) for number, own in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
