"""The unit tests pass with tensors on another device than the CPU, in a separate process.

A device that was registered stays, and torch asks it for more than the imitated one can do.
"""

import subprocess
import sys

import pytest

from tests.support.imitated_device import NAME
from tests.support.placed import TESTS

QUICK = """
    capturable filters flow imitated_device integrations_elsewhere parity preconditioners sampling
    without_float64 worker
""".split()
"""Test modules of seconds; `pytest --device imitated` runs all of `placed.MODULES`."""


@pytest.mark.slow
def test_the_units_pass_with_their_tensors_on_an_imitated_device():
    names = [str(next(TESTS.rglob(f"test_{name}.py"))) for name in QUICK]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--device", NAME, *names]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
