"""Sentiment labelled sentences of UCI, as a TFDS builder."""
