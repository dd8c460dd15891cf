"""The version of the distribution `sequence-zoo`."""

__version__ = "0.1.0"
