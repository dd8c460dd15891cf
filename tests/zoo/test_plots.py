"""Pictures are written whole, or it is said what is missing."""

import struct
import sys

import pytest

from zoo import plots

HISTORY = [
    {"epoch": n, "loss": 1 / n, "accuracy": 0.5, "val_loss": 2 / n, "seconds": 3.0}
    for n in (1, 2, 3)
]


def size(path):
    """Returns a PNG's width and height, from its header."""
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert content[-8:-4] == b"IEND"
    return struct.unpack(">II", content[16:24])


@pytest.mark.parametrize(
    ("dropped", "panels"),
    [
        ((), 1),  # loss alone is validated
        (("val_loss",), 2),  # loss and accuracy, without seconds
        (("val_loss", "accuracy", "seconds"), 1),
    ],
)
def test_learning_curves_have_a_panel_a_metric(dropped, panels, tmp_path):
    pytest.importorskip("matplotlib")
    history = [
        {name: value for name, value in row.items() if name not in dropped}
        for row in HISTORY
    ]
    path = tmp_path / "folder" / "curves.png"

    plots.learning_curves(history, path)

    assert size(path) == (panels * 600, 480)
    assert list(path.parent.iterdir()) == [path]


def test_curves_show_the_values_of_each_epoch(tmp_path, monkeypatch):
    figure_module = pytest.importorskip("matplotlib.figure")
    figures = []

    class Figure(figure_module.Figure):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            figures.append(self)

    monkeypatch.setattr(figure_module, "Figure", Figure)
    plots.learning_curves(HISTORY, tmp_path / "curves.png")
    (axes,) = figures[0].axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert lines == {
        "training": [[1, 1], [2, 1 / 2], [3, 1 / 3]],
        "validation": [[1, 2], [2, 1], [3, 2 / 3]],
    }
    assert axes.get_title() == "loss"


def test_missing_matplotlib_names_the_extra(tmp_path, monkeypatch):
    for module in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'sequence-zoo\[plots\]'"):
        plots.learning_curves(HISTORY, tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())
