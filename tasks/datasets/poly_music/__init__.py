"""The four collections of polyphonic music of the RNN comparison, as a TFDS builder."""
