"""Presets behind a server: TensorFlow Serving, KServe, or KServe's own in Python."""
