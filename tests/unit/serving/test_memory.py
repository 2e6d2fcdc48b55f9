"""A process that keeps large blocks has no new page faults, and `release` returns the blocks."""

import json
import platform
import subprocess
import sys

import pytest

from pds.serving import memory
from tests.support.paths import ROOT

CHILD = """
import json, resource, sys, threading
from pds.serving import memory

if sys.argv[1] == "tensors":
    import torch
    block = lambda: torch.ones(12_000_000)
else:
    block = lambda: bytearray(48_000_000)

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def fresh_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block()
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

# 48 MB are 11,700 pages of 4 KB.
plain = measure(int(sys.argv[2]))
kept = memory.keep_large_blocks()
print(json.dumps({"plain": plain, "kept": kept, "keep": measure(int(sys.argv[3]))}))
"""

BLOCKS = [
    ("bytes", 2, 3),
    # It takes about ten tensors until the pool has an aligned place.
    pytest.param(("tensors", 12, 30), marks=pytest.mark.slow),
]
"""What the blocks are, and how many are taken before and after they are kept."""


@pytest.fixture(scope="module", params=BLOCKS, ids=lambda blocks: blocks[0])
def measured(request):
    """What a process of its own finds before and after it keeps its large blocks."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("other C libraries are left alone")
    words = [sys.executable, "-c", CHILD, *map(str, request.param)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    return json.loads(done.stdout)


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
