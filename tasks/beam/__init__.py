"""Texts of many files, answered by Apache Beam: on this machine, or on many."""
