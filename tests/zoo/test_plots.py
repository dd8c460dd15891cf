"""Pictures are written whole, or it is said what is missing."""

import struct
import sys

import numpy as np
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


def test_curves_show_the_values_of_each_epoch(tmp_path, figures):
    plots.learning_curves(HISTORY, tmp_path / "curves.png")
    (axes,) = figures[0].axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert lines == {
        "training": [[1, 1], [2, 1 / 2], [3, 1 / 3]],
        "validation": [[1, 2], [2, 1], [3, 2 / 3]],
    }
    assert axes.get_title() == "loss"


TOKENS = ["the", "cat", "costs", "$5"]


def draw_gates(*names, units=3, shape=(4,)):
    random = np.random.default_rng(0)
    return {name: random.uniform(size=(*shape, units)) for name in names}


def test_gates_are_drawn_over_the_tokens(tmp_path, figures):
    gates = draw_gates("update", "memory")
    gates["memory"] -= 2

    plots.gates(gates, TOKENS, tmp_path / "gates.png")

    assert size(tmp_path / "gates.png")[0] > 100
    update, memory, *_bars = figures[0].axes
    assert [axes.get_title() for axes in (update, memory)] == ["update", "memory"]
    order = np.argsort(-gates["update"].mean(axis=0))  # of the units, in both
    for axes, name in ((update, "update"), (memory, "memory")):
        shown = axes.images[0].get_array()
        np.testing.assert_allclose(shown, gates[name][:, order].T, rtol=1e-6)
    assert update.images[0].get_clim() == (0, 1)
    bound = np.abs(gates["memory"]).max()
    np.testing.assert_allclose(memory.images[0].get_clim(), (-bound, bound), rtol=1e-6)
    labels = [label.get_text() for label in memory.get_xticklabels()]
    assert labels == ["the", "cat", "costs", r"\$5"]


def test_tokens_that_the_font_lacks_are_boxes_without_a_warning(tmp_path, recwarn):
    pytest.importorskip("matplotlib")
    plots.gates(
        draw_gates("update"), ["漢", "👍", "字\x00", "a"], tmp_path / "gates.png"
    )
    assert size(tmp_path / "gates.png")
    assert not [str(each.message) for each in recwarn if "Glyph" in str(each.message)]


def test_each_direction_has_a_column(tmp_path, figures):
    gates = {
        "forward": draw_gates("update", "forget", "memory", shape=(1, len(TOKENS))),
        "backward": draw_gates("update", "memory"),
    }
    plots.gates(gates, TOKENS, tmp_path / "gates.png")
    titles = {axes.get_title() for axes in figures[0].axes}
    assert titles >= {"forward: forget", "backward: memory"}
    assert size(tmp_path / "gates.png")[0] > 600


def test_gates_of_a_layer_can_be_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    from zoo import layers

    sequences = np.ones((1, len(TOKENS), 2), "float32")
    for dtype in ("float32", "mixed_bfloat16"):
        layer = layers.Bidirectional(layers.GRU(3, dtype=dtype))
        plots.gates(layer.gates(sequences), TOKENS, tmp_path / "gates.png")
        assert size(tmp_path / "gates.png")


@pytest.mark.parametrize("shape", [(3,), (2, len(TOKENS)), ()])
def test_gates_that_do_not_fit_the_tokens_are_refused(shape, tmp_path):
    gates = draw_gates("update", shape=shape)
    with pytest.raises(ValueError, match=r"'update' must be that of one example"):
        plots.gates(gates, TOKENS, tmp_path / "gates.png")
    assert not list(tmp_path.iterdir())


def test_missing_matplotlib_names_the_extra(tmp_path, monkeypatch):
    for module in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        plots.learning_curves(HISTORY, tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())


def test_attention_is_drawn_from_outputs_to_sources(tmp_path, figures):
    weights = np.random.default_rng(0).uniform(size=(2, len(TOKENS)))
    words = ["ein", "\u6f22\u5b57\x00"]
    plots.attention(weights, words, TOKENS, tmp_path / "attention.png")
    axes, *_bar = figures[0].axes
    np.testing.assert_allclose(axes.images[0].get_array(), weights, rtol=1e-6)
    assert axes.images[0].get_clim() == (0, 1)
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["the", "cat", "costs", r"\$5"]
    assert [label.get_text() for label in axes.get_yticklabels()] == words
    assert size(tmp_path / "attention.png")
    with pytest.raises(ValueError, match=r"must be of the shape \(4, 2\), found"):
        plots.attention(weights, TOKENS, words, tmp_path / "other.png")
