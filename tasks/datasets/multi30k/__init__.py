"""Multi30k: descriptions of pictures in four languages, as a TFDS builder."""
