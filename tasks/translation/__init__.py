"""Many-to-many: a text in, its translation of any length out."""
