"""Which tests can run here, and what they leave behind."""

import ctypes
import errno
import gc
import math
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Several processes share the cores: threads of each would wait for the others'. Before
# TensorFlow is imported; what tests start takes it over.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

# The cases are the same in every run; `--hypothesis-profile search` draws new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile("same")


# What takes longest, first: beside the last of several processes the others are idle.
LONGEST = (
    "promises/test_strange_inputs.py",
    "tasks/training/test_workers.py",
    "zoo/layers/test_higher_order.py",
    "zoo/layers/test_elementwise.py",
    "zoo/layers/test_fused.py",
    "promises/test_served_presets.py",
    "tasks/training/test_fitting.py",
    "tasks/text/test_template.py",
    "tasks/demo/test_browser.py",
    "tasks/training/test_resume.py",
    "promises/test_installed.py",
    "promises/test_readme.py",
    "tasks/training/test_fine_tuning.py",
    "tasks/training/test_devices.py",
    "promises/test_pretrained.py",
)


def pytest_configure(config):
    """Has xdist keep this order, not begin with the files of most tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Puts the files that take longest first; each file's tests stay as they are."""
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def pytest_collection_finish(session):
    """Has tests trace quickly, once all that they import is there.

    Tracing makes so many objects that the collector of garbage would look through all
    libraries and tests again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    if "tensorflow" in sys.modules:
        from tests.quick_tracing import trace_quickly

        trace_quickly()


@pytest.fixture(autouse=True, scope="module")
def freed():
    """Gives back, after a file of tests, what graphs and kernels took.

    If that is enough since it was given back last: to look through all takes a while.
    """
    global _kept
    yield
    if _resident() < _kept + 100:
        return
    gc.collect()
    if hasattr(_LIBC, "malloc_trim"):  # glibc keeps what is freed
        _LIBC.malloc_trim(0)
    _kept = _resident()


def _resident():
    """Returns this process' memory in MB, or infinity where no `/proc` tells it."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return math.inf
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


_kept = 0
_LIBC = ctypes.CDLL(None)


def pytest_runtest_setup(item):
    """Skips a test whose real data are not on this machine.

    `@pytest.mark.real_data("glue/sst2")` needs datasets prepared in
    `$TFDS_DATA_DIR`; `@pytest.mark.real_data(raw=["wnut17"])` needs folders of
    downloaded files in `$ZOO_MANUAL_DIR`.
    """
    for marker in item.iter_markers("real_data"):
        _require("TFDS_DATA_DIR", marker.args)
        _require("ZOO_MANUAL_DIR", marker.kwargs.get("raw", ()))


def _require(variable, folders):
    if not folders:
        return
    place = os.environ.get(variable)
    if not place:
        pytest.skip(f"{variable} is not set")
    for folder in folders:
        if not Path(place, folder).is_dir():
            pytest.skip(f"{variable} lacks {folder}")


@pytest.fixture
def figures(monkeypatch):
    """The figures that a test draws."""
    figure_module = pytest.importorskip("matplotlib.figure")
    drawn = []

    class Figure(figure_module.Figure):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            drawn.append(self)

    monkeypatch.setattr(figure_module, "Figure", Figure)
    return drawn


@pytest.fixture
def forbidden(monkeypatch):
    """Files that may not be read, and folders that may not be looked into.

    Whoever tests may be root, who may do anything.
    """
    places, opened, looked = set(), Path.open, Path.stat

    def check(path, *own):
        if not places.isdisjoint([*own, *path.parents]):
            told = os.strerror(errno.EACCES)
            raise PermissionError(errno.EACCES, told, os.fspath(path))

    def open_(path, *args, **kwargs):
        check(path, path)
        return opened(path, *args, **kwargs)

    def stat(path, **kwargs):
        check(path)
        return looked(path, **kwargs)

    monkeypatch.setattr(Path, "open", open_)
    monkeypatch.setattr(Path, "stat", stat)
    return places


@pytest.fixture
def by_cells():
    """Has all layers go cell by cell: see `tests.cell_by_cell`."""
    from tests.cell_by_cell import cell_by_cell

    with cell_by_cell():
        yield


@pytest.fixture
def lean():
    """Has inference be traced without kernels: a branch that tests hardly ever take.

    They are taken where calls of a shape have gone on for seconds.
    """
    from zoo import kernels

    with kernels.portable():
        yield
