"""Scores: exact ones, the NCSN++ network, and the files that networks come in."""
