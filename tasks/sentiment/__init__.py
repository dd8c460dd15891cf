"""Many-to-one: a text in, its sentiment or any other class out."""
