"""Universal NER: names of persons, organizations and places, as a TFDS builder."""
