"""Text to ids and back, as core TensorFlow graph ops.

The same graph runs in training and in an exported SavedModel, which needs
nothing but TensorFlow to load.
"""

from zoo.text.normalization import normalize
from zoo.text.offsets import TokenizerWithOffsets
from zoo.text.subwords import Subwords
from zoo.text.tokenizers import CharacterTokenizer, WordTokenizer
from zoo.text.vectors import read_vectors
from zoo.text.vocabulary import Vocabulary

__all__ = [
    "CharacterTokenizer",
    "Subwords",
    "TokenizerWithOffsets",
    "Vocabulary",
    "WordTokenizer",
    "normalize",
    "read_vectors",
]
