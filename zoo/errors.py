"""Errors of the zoo. Knows nothing of TensorFlow, so that catching costs nothing."""


class PresetError(ValueError):
    """A preset that can't be found, or is damaged."""
