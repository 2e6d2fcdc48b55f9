"""Many simultaneous visitors, some of whom leave or stop: `python -m tests.load`."""
