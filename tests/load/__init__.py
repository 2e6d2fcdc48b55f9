"""Many visitors at once, some of whom vanish or stop: `python -m tests.load`."""
