"""What reading and writing MIDI share: its time, and the library."""

from typing import Any

TEMPO = 120.0
STEPS_PER_QUARTER = 4

_TEMPI = (4, 1000)  # a quarter note of MIDI lasts 17 seconds at most


def check_time(tempo: float, steps_per_quarter: int) -> None:
    """Raises ValueError unless MIDI can tell this tempo and this grid."""
    slowest, fastest = _TEMPI
    if not slowest <= tempo <= fastest:
        raise ValueError(
            f"A tempo is from {slowest} to {fastest} quarter notes a minute. Found "
            f"{tempo}."
        )
    if steps_per_quarter != int(steps_per_quarter) or not 1 <= steps_per_quarter <= 960:
        raise ValueError(
            "A quarter note has a whole number of time steps, from 1 to 960. Found "
            f"{steps_per_quarter}."
        )


def load_pretty_midi() -> Any:
    """Returns the library, or says what to install."""
    try:
        import pretty_midi
    except ImportError as error:
        raise ImportError(
            "MIDI needs pretty_midi, of the extra 'music': pip install pretty_midi."
        ) from error
    return pretty_midi
