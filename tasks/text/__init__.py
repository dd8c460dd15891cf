"""One-to-many: a few words in, a text out, or how probable it is."""
