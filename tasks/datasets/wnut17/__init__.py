"""WNUT 2017: emerging and rare entities in noisy text, as a TFDS builder."""
