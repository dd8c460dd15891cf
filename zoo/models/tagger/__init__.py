"""A sentence in, a tag for each of its words out."""

from zoo.models.tagger.model import SequenceTagger

__all__ = ["SequenceTagger"]
