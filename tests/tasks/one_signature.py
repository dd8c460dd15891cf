"""Presets whose SavedModels have one function, where others aren't what is tested."""

import contextlib
from collections.abc import Iterator

import pytest

from zoo import export


@contextlib.contextmanager
def one_signature() -> Iterator[None]:
    """Models are exported with `serving_default` alone in this context.

    To trace and write all that a model can do takes several times as long as to train
    a tiny one.
    """
    save = export.save

    def save_one(model, path, **options):
        signatures = type(model).signatures

        def of_one(model):
            name = "serving_default"
            return {name: signatures(model)[name]}

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(model), "signatures", of_one)
            save(model, path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "save", save_one)
        yield
