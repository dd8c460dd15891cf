"""Texts in, texts out, token by token: generated and scored."""

from zoo.models.language_model.dynamic import DynamicEvaluation
from zoo.models.language_model.model import LanguageModel

__all__ = ["DynamicEvaluation", "LanguageModel"]
