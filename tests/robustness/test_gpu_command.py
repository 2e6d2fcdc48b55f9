"""tools/gpu/run.sh with its stages replaced, and the summary of its output."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.placed import TESTS
from tools.gpu import summary

ROOT = TESTS.parent

LOG = """GPU of a test, torch 2.11
$ python -m pytest
== tests: exit 1 after 12 s
== bench: exit 0 after 7 s
"""
XML = """<testsuites><testsuite>
<testcase name="test_one"><properties>
<property name="largest difference" value="1.23456e-06"/>
<property name="card" value="of a test"/>
</properties></testcase>
<testcase name="test_two"><failure message="assert 1 &lt; 0&#10;and a | story"/></testcase>
<testcase name="test_three"><skipped message="no card"/></testcase>
<testcase name="test_four"><skipped message="no card"/></testcase>
</testsuite></testsuites>"""
TABLE = """arm,N,reference,grain,grain_low,grain_high
vanilla,40,data,2,2,2
vanilla,40,network,1.5,1.4,1.6
vanilla,25,network,3,2.9,3.125
pds:5,40,network,1,0.96,1.04
"""


def run(out, *words, **environment):
    return subprocess.run(
        ["bash", "tools/gpu/run.sh", *words],
        cwd=ROOT,
        env={**os.environ, "OUT": str(out), "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
    )


def rehearse(out, *words, **environment):
    return run(out, "--rehearse", *words, **environment)


@pytest.mark.parametrize("imitated", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_without_a_gpu_it_says_so_and_names_the_rehearsal(tmp_path, imitated):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")  # as one whose torch finds no device
    python.chmod(0o755)
    chosen = str(python) if imitated else sys.executable
    done = run(tmp_path / "out", "tests", PYTHON=chosen, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    assert done.stderr == (
        "torch finds no CUDA device here; --rehearse runs what can run without one\n"
    )


def test_a_stage_that_does_not_exist_is_one_sentence(tmp_path):
    done = rehearse(tmp_path / "out", "tests", "dance")
    assert done.returncode == 2
    assert done.stderr == (
        "there is no stage dance; they are tests, bench, faults, train and evidence\n"
    )


@pytest.mark.slow
def test_a_stage_leaves_its_rows_its_log_and_a_summary(tmp_path):
    out = tmp_path / "out"
    done = rehearse(out, "bench", BUDGET="bench=400", ONLY="kernels", OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((out / "bench.json").read_text())["rows"]
    assert any(row["measured"] is not None for row in rows)
    assert "| bench | passed |" in (out / "summary.md").read_text()
    assert "$ " in (out / "log.txt").read_text()


def test_the_summary_says_that_a_test_was_interrupted(tmp_path):
    path = tmp_path / "tests.xml"
    path.write_text('<testsuites><testcase name="test_one"/><testcase time="1"/></testsuites>')
    assert "interrupted; later tests did not run" in summary.tests(path)
    assert summary.tests(path).startswith("1 passed, 1 failed")


@pytest.mark.slow
def test_a_stage_that_is_stopped_is_not_passed(tmp_path):
    out = tmp_path / "out"
    done = rehearse(out, "tests", BUDGET="tests=1")
    assert done.returncode == 1
    assert "| tests | not passed, see log.txt |" in (out / "summary.md").read_text()


def test_the_summary_lists_stages_failures_figures_and_grain(tmp_path):
    (tmp_path / "log.txt").write_text(LOG)
    (tmp_path / "tests.xml").write_text(XML)
    (tmp_path / "portraits32.csv").write_text(TABLE)
    lines = summary.summary(tmp_path).splitlines()
    expected = [
        "GPU of a test, torch 2.11",
        "| tests | not passed, see log.txt | 12 s |",
        "| bench | passed | 7 s |",
        "1 passed, 1 failed, 2 skipped",
        "| test_two | assert 1 < 0 |",
        "| 2 | no card |",
        "| largest difference | 1.23e-06 |",
        "| card | of a test |",
        "| arm | 25 | 40 |",
        "| vanilla | 3.00 (2.90 to 3.12) | 1.50 (1.40 to 1.60) |",
        "| pds:5 |  | 1.00 (0.96 to 1.04) |",
    ]
    assert [line for line in lines if line in expected] == expected


def test_a_run_that_left_nothing_but_its_log_has_a_summary(tmp_path):
    (tmp_path / "log.txt").write_text("GPU of a test\n")
    assert summary.summary(tmp_path).startswith("# What was run")
