"""Tatoeba's everyday sentences in German and English, as a TFDS builder."""
