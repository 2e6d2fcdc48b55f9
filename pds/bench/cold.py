"""A cold start: a visitor's first iterations in a new process, while CUDA graphs are captured."""

import statistics
import time
from collections.abc import Iterator

import torch

from pds.bench import subjects
from pds.bench.apart import rows_apart
from pds.bench.rows import Row, at_most
from pds.bench.timing import Effort, seconds, single
from pds.preconditioners import Identity
from pds.serving.acceleration import accelerate

IMAGES = 4
NAME = f"cold start, embedded network, {IMAGES} + {IMAGES} images"


def rows(effort: Effort) -> Iterator[Row]:
    """Yield the seconds of the first iteration, and the longest of the next."""
    yield from rows_apart(_rows, effort)


def _rows(effort: Effort) -> Iterator[Row]:
    model, started = subjects.embedded(), time.perf_counter()
    both = (Identity(), subjects.published_m(model))
    run = subjects.run(model.sde, (IMAGES, *model.image_shape), both)
    batcher = subjects.batcher(accelerate(model.score, torch.device(model.device)), run)

    def iterate() -> None:
        subjects.iterate(batcher)

    seconds(iterate)
    first = single(time.perf_counter() - started, "s")
    note = "new process, weights already loaded"
    yield Row(NAME, "seconds from the request to its first iteration", first, at_most(5), note)
    times = [seconds(iterate) for _ in range(3 if effort.quick else 100)]
    what, median = f"longest of the next {len(times)} iterations", 1e3 * statistics.median(times)
    yield Row(NAME, what, single(1e3 * max(times), "ms"), note=f"median {median:.3g} ms")
