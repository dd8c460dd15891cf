"""Errors of the zoo. Knows nothing of TensorFlow, so that catching costs nothing."""


class PresetError(ValueError):
    """A preset that can't be found, or is damaged."""


class MidiError(ValueError):
    """A MIDI file that can't be read, or made a piano roll."""
