"""Layers without their kernels, where a kernel isn't what is tested."""

import contextlib
from collections.abc import Iterator

import pytest

from zoo.layers import fused


@contextlib.contextmanager
def cell_by_cell() -> Iterator[None]:
    """All layers go cell by cell in this context: a kernel takes seconds to compile.

    For each shape that it meets, and in each training anew.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "_surroundings", lambda layer: "for the test")
        yield
