"""One-to-many: a chord, some bars or nothing in, a piece of music out."""
