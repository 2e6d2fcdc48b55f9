"""Waits for what another thread or process does."""

import time

PATIENCE = 60.0
"""Seconds until a test gives up; a machine may be busy with something else."""


def eventually(condition):
    """Wait until a condition holds.

    Raises:
        AssertionError: if it does not in time.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        time.sleep(0.02)
