"""Piano rolls as sound, made of sines and noise: no sound font is needed."""

import os
import wave
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.files import replaced_file
from zoo.music.drums import COLUMNS, DRUMS, check_drums
from zoo.music.keys import LOWEST, check_range
from zoo.music.midi import STEPS_PER_QUARTER, TEMPO, check_time
from zoo.music.rolls import notes, sounding

RATE = 22_050
TAIL = 0.6
"""How long the last notes may ring on, in seconds."""

PEAK = 0.9

_VELOCITY = 80  # of a roll's notes
_ATTACK = 0.004
_RELEASE = 0.15
_PARTIALS = 8


def write_wav(
    roll: np.ndarray, path: str | os.PathLike, *, rate: int = RATE, **arguments: Any
) -> None:
    """Writes a roll as a WAV file: mono, 16-bit PCM.

    Args:
        roll: (steps, keys), 0 or 1; of drums (steps, 9), as in `zoo.music.DRUMS`.
        path: the file to write.
        rate: samples a second.
        **arguments: the others of `synthesize`.

    Raises:
        ValueError: as `synthesize` does.
    """
    _write(synthesize(roll, rate=rate, **arguments), path, rate)


class Sound(NamedTuple):
    """A note as it is heard.

    Attributes:
        start: the second it begins at.
        end: the second it ends at.
        key: MIDI's number of the key, or of the drum.
        velocity: how hard it is struck, 1 to 127; loudness grows with it.
        is_drum: whether it is a drum's. Of percussion, what is none of
            `zoo.music.DRUMS` sounds like a closed hi-hat.
    """

    start: float
    end: float
    key: int
    velocity: int = 80
    is_drum: bool = False


def write_sounds(
    sounds: Sequence[Sound], path: str | os.PathLike, *, rate: int = RATE
) -> None:
    """Writes notes at any times as a WAV file: mono, 16-bit PCM.

    It is as long as the last note, and 0.6 seconds to ring on. It sounds as a roll
    does: see `synthesize`.

    Args:
        sounds: the notes.
        path: the file to write.
        rate: samples a second.
    """
    seconds = max((sound.end for sound in sounds), default=0)
    keys, hits = {}, []
    for start, end, key, velocity, is_drum in sounds:
        start, end = round(start * rate), round(end * rate)
        if is_drum:
            hits.append((start, COLUMNS.get(key, _TICK), velocity))
        else:
            keys.setdefault(key, []).append((start, end, velocity))
    played = [*_strings(keys, rate), *_hits(hits, rate)]
    _write(_mixed(played, round(seconds * rate) + round(TAIL * rate)), path, rate)


def _write(samples, path, rate):
    with replaced_file(path) as file, wave.open(str(file), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(rate)
        audio.writeframes(np.round(samples * 32767).astype("<i2").tobytes())


def synthesize(
    roll: np.ndarray,
    *,
    tempo: float = TEMPO,
    steps_per_quarter: int = STEPS_PER_QUARTER,
    lowest: int = LOWEST,
    drums: bool = False,
    tie: bool = True,
    rate: int = RATE,
) -> np.ndarray:
    """Returns how a roll sounds, as on a plucked string or a drum kit.

    A note is a sum of harmonics that decay, the higher ones faster, until it is
    damped at its end. The same roll always gives the same samples.

    Args:
        roll: (steps, keys), 0 or 1; of drums (steps, 9), as in `zoo.music.DRUMS`.
        tempo: quarter notes a minute.
        steps_per_quarter: the time steps in a quarter note.
        lowest: the MIDI key of the first column. Drums have their own.
        drums: it is a drum roll; each step is a hit.
        tie: equal neighbours are one note, held. If not, each step is struck.
        rate: samples a second.

    Returns:
        float32, (samples,): as long as the roll, and 0.6 seconds to ring on. The
        loudest sample is 0.9 or -0.9; without notes all are 0.

    Raises:
        ValueError: it isn't a roll, its keys aren't MIDI's, or the tempo or grid is
            out of range.
    """
    check_time(tempo, steps_per_quarter)
    sounds = sounding(roll)
    step = rate * 60 / tempo / steps_per_quarter
    if drums:
        check_drums(sounds)
        hits = notes(sounds, tie=False)
        times = ((round(hit.start * step), hit.column, _VELOCITY) for hit in hits)
        played = _hits(times, rate)
    else:
        check_range(lowest, sounds.shape[1])
        keys = {}
        for note in notes(sounds, tie):
            span = round(note.start * step), round(note.end * step), _VELOCITY
            keys.setdefault(lowest + note.column, []).append(span)
        played = _strings(keys, rate)
    return _mixed(played, round(len(sounds) * step) + round(TAIL * rate))


def _mixed(played: Iterable[tuple[int, np.ndarray]], length: int) -> np.ndarray:
    """Returns sounds together, each from its first sample on, at a level."""
    samples = np.zeros(length)
    for start, sound in played:
        sound = sound[: max(0, length - start)]
        samples[start : start + len(sound)] += sound
    peak = np.abs(samples).max(initial=0)
    return (samples * (PEAK / peak if peak else 0)).astype("float32")


def _strings(keys, rate):
    """Yields the first sample of each note, and its samples.

    Args:
        keys: for each key the first and last samples of its notes, and velocities.
        rate: samples a second.
    """
    release = round(_RELEASE * rate)
    damping = np.linspace(1, 0, release)
    for key, times in keys.items():
        # All notes of a key begin alike: the longest has them all.
        longest = max(end - start for start, end, _ in times)
        string = _string(key, longest + release, rate)
        for start, end, velocity in times:
            sound = string[: end - start + release] * (velocity / _VELOCITY)
            sound[end - start :] *= damping
            yield start, sound


def _string(key, length, rate):
    """Returns the samples of a string that is struck and never damped."""
    seconds = np.arange(length) / rate
    pitch = 440 * 2 ** ((key - 69) / 12)
    decay = 0.8 * 2 ** ((key - 60) / 24)
    samples = np.zeros(length)
    for partial in range(1, _PARTIALS + 1):
        if partial * pitch < 0.45 * rate:
            rate_of_decay = decay * (1 + 0.5 * (partial - 1))
            samples += (
                np.sin(2 * np.pi * partial * pitch * seconds)
                * np.exp(-rate_of_decay * seconds)
                / partial**1.5
            )
    return samples * np.minimum(1, seconds / _ATTACK)


class _Drum(NamedTuple):
    """A skin's tone, that falls by some octaves as it decays, and noise."""

    pitch: float = 0.0
    fall: float = 0.0
    tone: float = 0.0
    tone_decay: float = 1.0
    noise: float = 0.0
    noise_decay: float = 1.0
    bright: bool = False


# Levels, and seconds until 1 / e.
_KIT = {
    "kick": _Drum(50, 1.6, 1.0, 0.12, 0.15, 0.006),
    "snare": _Drum(185, 0.3, 0.4, 0.06, 0.5, 0.09),
    "closed hi-hat": _Drum(noise=0.25, noise_decay=0.03, bright=True),
    "open hi-hat": _Drum(noise=0.25, noise_decay=0.15, bright=True),
    "low tom": _Drum(85, 0.5, 0.8, 0.16, 0.08, 0.02),
    "mid tom": _Drum(120, 0.5, 0.8, 0.14, 0.08, 0.02),
    "high tom": _Drum(165, 0.5, 0.8, 0.12, 0.08, 0.02),
    "crash": _Drum(noise=0.4, noise_decay=0.25, bright=True),
    "ride": _Drum(3_150, 0, 0.06, 0.25, 0.15, 0.12, bright=True),
}


_TICK = list(DRUMS).index("closed hi-hat")


def _hits(hits, rate):
    """Yields the first sample of each hit, given with its drum, and its samples."""
    kit = [_drum(_KIT[name], rate) for name in DRUMS]
    for start, column, velocity in hits:
        yield start, kit[column] * (velocity / _VELOCITY)


def _drum(drum, rate):
    seconds = np.arange(round(TAIL * rate)) / rate
    octaves = drum.fall * np.exp(-seconds / 0.03)
    phase = 2 * np.pi * np.cumsum(drum.pitch * 2**octaves) / rate
    noise = np.random.default_rng(0).uniform(-1, 1, len(seconds))
    if drum.bright:
        noise = np.diff(noise, prepend=0)
    samples = drum.tone * np.sin(phase) * np.exp(-seconds / drum.tone_decay)
    samples += drum.noise * noise * np.exp(-seconds / drum.noise_decay)
    # What rings longer than there is time for ends without a click.
    return samples * np.minimum(1, (TAIL - seconds) / 0.1)
