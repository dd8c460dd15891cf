"""Layers without their kernels, where a kernel isn't what is tested."""

import contextlib
from collections.abc import Iterator

import pytest
import tensorflow as tf

from zoo.layers import fused

_OPTION = "disable_meta_optimizer"


@contextlib.contextmanager
def cell_by_cell() -> Iterator[None]:
    """All layers go cell by cell in this context: a kernel takes seconds to compile.

    For each shape that it meets, and in each training anew. Graphs run as they were
    traced, too.
    """
    with pytest.MonkeyPatch.context() as patch, as_traced():
        patch.setattr(fused, "_surroundings", lambda layer: "for the test")
        yield


@contextlib.contextmanager
def as_traced() -> Iterator[None]:
    """Graphs run as they were traced in this context.

    TensorFlow improves them first, in each training anew: it takes up to half of the
    time of a short one, which gains nothing by it.
    """
    before = tf.config.optimizer.get_experimental_options().get(_OPTION, False)
    tf.config.optimizer.set_experimental_options({_OPTION: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_OPTION: before})
