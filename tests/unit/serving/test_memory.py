"""A process that keeps large blocks has no new page faults, and `release` returns the blocks."""

import json
import platform
import subprocess
import sys

import pytest

from pds.serving import memory
from tests.support.paths import ROOT

CHILD = """
import json, resource, sys, threading, torch
from pds.serving import memory
keep = sys.argv[1] == "keep"

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def fresh_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(12_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def fewest():
    found.append(min(fresh_pages() for _ in range(30)))

found, kept = [], keep and memory.keep_large_blocks()
fewest()
thread = threading.Thread(target=fewest)
thread.start()
thread.join()
before = resident()
memory.release()
print(json.dumps({"kept": kept, "fresh": found, "released": before - resident()}))
"""


def child(mode):
    done = subprocess.run(
        [sys.executable, "-c", CHILD, mode], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_kept_blocks_meet_no_fresh_pages_in_any_thread_until_they_are_released():
    # 48 MB are 11,700 pages of 4 KB; it takes about ten until the pool has an aligned place.
    found = child("keep")
    assert found["kept"]
    assert max(found["fresh"]) < 10
    assert found["released"] > 40e6


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_without_it_every_block_is_fresh():
    found = child("plain")
    assert min(found["fresh"]) > 100
    assert found["released"] < 40e6


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(memory.ctypes, "CDLL", None)
    assert not memory.keep_large_blocks()
    memory.release()
