"""Texts in one language in, texts in another out."""

from zoo.models.translator.model import Translator

__all__ = ["Translator"]
