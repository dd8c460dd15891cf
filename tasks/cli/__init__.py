"""The command line that all templates share."""
