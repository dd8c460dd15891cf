"""The task templates: `python -m tasks` lists them."""
