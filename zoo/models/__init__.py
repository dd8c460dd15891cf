"""Models: strings in, strings out, on the layers of the zoo."""

from zoo.models.classifier import SequenceClassifier

__all__ = ["SequenceClassifier"]
