"""What kernels and TensorFlow's improvements of graphs are left out by, and when."""

import tensorflow as tf

from tests.cell_by_cell import as_traced, cell_by_cell
from zoo import layers


def improves():
    options = tf.config.optimizer.get_experimental_options()
    return not options.get("disable_meta_optimizer", False)


def test_layers_go_by_their_cells_and_graphs_as_traced_in_the_context_alone():
    layer = layers.GRU(2)
    assert (layer.fused_path, improves()) == ("fused", True)
    with cell_by_cell():
        assert (layer.fused_path, improves()) == ("cell: for the test", False)
        with as_traced():
            assert not improves()
        assert not improves()
    assert (layer.fused_path, improves()) == ("fused", True)
