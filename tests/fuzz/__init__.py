"""Hostile requests against the real server: `python -m tests.fuzz --cases 10000`."""
