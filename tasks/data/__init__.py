"""Data that templates are trained and measured on: finding, reading, batching."""
