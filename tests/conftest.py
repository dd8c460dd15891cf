"""Which tests can run here."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The cases are the same in every run; `--hypothesis-profile search` draws new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile("same")


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
