"""Models: strings in, strings out, on the layers of the zoo."""

from zoo.models.bidirectional_language_model import BidirectionalLanguageModel
from zoo.models.classifier import SequenceClassifier
from zoo.models.language_model import DynamicEvaluation, LanguageModel
from zoo.models.music_model import MusicModel
from zoo.models.tagger import SequenceTagger
from zoo.models.translator import Translator

__all__ = [
    "BidirectionalLanguageModel",
    "DynamicEvaluation",
    "LanguageModel",
    "MusicModel",
    "SequenceClassifier",
    "SequenceTagger",
    "Translator",
]
