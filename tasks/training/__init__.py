"""Trainings: their folders, epochs, checkpoints and records."""
