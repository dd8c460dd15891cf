"""Many-to-many: a sentence in, a tag for each word out."""
