"""Piano rolls in, piano rolls out, frame by frame: generated and scored."""

from zoo.models.music_model.model import MusicModel

__all__ = ["MusicModel"]
