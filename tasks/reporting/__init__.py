"""What models are measured on, and what is told of it."""
