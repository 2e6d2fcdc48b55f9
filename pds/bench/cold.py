"""A cold start: a visitor's first iterations in a new process, while the network is compiled."""

import statistics
import threading
import time
from collections.abc import Iterator

import torch

from pds.bench import subjects
from pds.bench.apart import rows_apart
from pds.bench.rows import Row, at_most, skipped
from pds.bench.timing import Effort, Work, seconds, single
from pds.preconditioners import Identity
from pds.request import Request
from pds.serving.acceleration import Background, accelerate
from pds.serving.batcher import Batcher

IMAGES = 4
PATIENCE = 150.0
"""Most seconds to wait for the compiler."""
NOT_COMPILED = "on a CPU nothing is compiled"
NAME = f"cold start, embedded network, {IMAGES} + {IMAGES} images"
WHILE = "longest iteration while the network is compiled"
READY = "seconds until it is compiled"
AFTER = "longest of 100 iterations once compiled"
GAIN = "an iteration while compiling / once compiled"


def rows(effort: Effort) -> Iterator[Row]:
    """Yield the seconds of the first iteration, and the longest ones while compiling and after."""
    yield from rows_apart(_rows, effort)


def _rows(effort: Effort) -> Iterator[Row]:
    model, started = subjects.embedded(), time.perf_counter()
    both = (Identity(), model.method(Request()).m)
    run = subjects.run(model.sde, (IMAGES, *model.image_shape), both)
    score = accelerate(model.score, torch.device(model.device))
    batcher = subjects.batcher(score, run)
    seconds(lambda: subjects.iterate(batcher))
    first = single(time.perf_counter() - started, "s")
    note = "new process, weights already loaded"
    yield Row(NAME, "seconds from the request to its first iteration", first, at_most(5), note)
    if isinstance(score, Background):
        yield from _compiling(score, batcher, started)
    else:
        yield from (skipped(NAME, what, NOT_COMPILED) for what in (WHILE, READY, AFTER, GAIN))


def _compiling(score: Background, batcher: Batcher, started: float) -> Iterator[Row]:
    compiler = threading.Thread(target=score.wait, daemon=True)
    compiler.start()
    eager = [_iteration(batcher)]
    while compiler.is_alive() and time.perf_counter() - started < PATIENCE:
        eager.append(_iteration(batcher))
    ready = time.perf_counter() - started
    yield _longest(WHILE, eager)
    if compiler.is_alive():
        why = f"not compiled after {PATIENCE:.0f} s"
        yield from (skipped(NAME, what, why) for what in (READY, AFTER, GAIN))
        return
    yield Row(NAME, READY, single(ready, "s"), note="the cache of compiled kernels was empty")
    compiled = [_iteration(batcher) for _ in range(100)]
    yield _longest(AFTER, compiled)
    gain = statistics.median(eager) / statistics.median(compiled)
    yield Row(NAME, GAIN, single(gain, "x"), note="about 1 if compiling failed, see stderr")


def _iteration(batcher: Batcher) -> float:
    work: Work = lambda: subjects.iterate(batcher)  # noqa: E731
    return seconds(work)


def _longest(what: str, times: list[float]) -> Row:
    median = 1e3 * statistics.median(times)
    note = f"median of {len(times)} {median:.3g} ms"
    return Row(NAME, what, single(1e3 * max(times), "ms"), note=note)
