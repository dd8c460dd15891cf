"""Broad Twitter Corpus: names in tweets, as a TFDS builder."""
