"""The nine drums of a drum roll, (steps, 9), and their MIDI pitches.

They are the nine of "Learning to Groove with Inverse Sequence Transformations"
(Gillick et al., ICML 2019), and of Magenta's `GrooveConverter`: to them belong the 22
pitches of the Roland TD-11 kit that the Groove MIDI dataset was played on. The pitches
35 and 41, a second kick and floor tom that the kit lacks and General MIDI has, are
added here.
"""

from zoo.typing import Tensor

DRUMS = {
    "kick": (36, 35),
    "snare": (38, 37, 40),
    "closed hi-hat": (42, 22, 44),
    "open hi-hat": (46, 26),
    "low tom": (43, 58, 41),
    "mid tom": (47, 45),
    "high tom": (50, 48),
    "crash": (49, 52, 55, 57),
    "ride": (51, 53, 59),
}
"""The pitches of each drum, in the order of the columns; it is written as the first."""

PITCHES = tuple(pitches[0] for pitches in DRUMS.values())
COLUMNS = {
    pitch: column for column, pitches in enumerate(DRUMS.values()) for pitch in pitches
}


def check_drums(roll: Tensor) -> None:
    """Raises ValueError unless a roll has the nine drums' columns."""
    if roll.shape[-1] != len(DRUMS):
        raise ValueError(
            f"A drum roll has {len(DRUMS)} columns: {', '.join(DRUMS)}. Found "
            f"{roll.shape[-1]}. Is it a piano roll?"
        )
