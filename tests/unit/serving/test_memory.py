"""A process that keeps large blocks has no new page faults, and `release` returns the blocks."""

import json
import platform
import subprocess
import sys

import pytest

from pds.serving import memory
from tests.support.paths import ROOT

CHILD = """
import json, resource, threading, torch
from pds.serving import memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def fresh_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(12_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def measure(num_blocks):
    fresh = []

    def fewest():
        fresh.append(min(fresh_pages() for _ in range(num_blocks)))

    fewest()
    thread = threading.Thread(target=fewest)
    thread.start()
    thread.join()
    before = resident()
    memory.release()
    return {"fresh": fresh, "released": before - resident()}

# 48 MB are 11,700 pages of 4 KB; it takes about ten blocks until the pool has an aligned place.
plain = measure(12)
print(json.dumps({"plain": plain, "kept": memory.keep_large_blocks(), "keep": measure(30)}))
"""


@pytest.fixture(scope="module")
def measured():
    """What a process of its own finds before and after it keeps its large blocks."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("other C libraries are left alone")
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.slow
def test_kept_blocks_meet_no_fresh_pages_in_any_thread_until_they_are_released(measured):
    assert measured["kept"]
    found = measured["keep"]
    assert max(found["fresh"]) < 10
    assert found["released"] > 40e6


def test_without_it_every_block_is_fresh(measured):
    found = measured["plain"]
    assert min(found["fresh"]) > 100
    assert found["released"] < 40e6


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(memory.ctypes, "CDLL", None)
    assert not memory.keep_large_blocks()
    memory.release()
