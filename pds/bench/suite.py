"""All benchmarks by name, and the loop that runs them."""

import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from tqdm import tqdm

from pds.bench import (
    cold,
    filters,
    graphs,
    iteration,
    joint,
    layouts,
    networks,
    precision,
    quality,
    runs,
    steps,
)
from pds.bench.rows import Benchmark, Row, guarded, skipped
from pds.bench.timing import Clock, Effort

BENCHMARKS: dict[str, Benchmark] = {
    "step": steps.rows,
    "kernels": steps.kernel_rows,
    "filter": filters.rows,
    "network": networks.rows,
    "compare": steps.compare_rows,
    "quality": quality.rows,
    "engine": joint.rows,
    "scaling": networks.scaling_rows,
    "peak": networks.peak_rows,
    "graphs": graphs.rows,
    "iteration": iteration.rows,
    "layouts": layouts.rows,
    "precision": precision.rows,
    "cold": cold.rows,
    "runs": runs.rows,
    "compiled": graphs.compiled_rows,
}
"""Benchmarks by their names in `pds bench --only`; `pds.commands.bench` adds `pds.bench.page`."""

NO_TIME = "no time left"


def run_benchmarks(
    chosen: Mapping[str, Benchmark],
    effort: Effort,
    *,
    limit: float = math.inf,
    clock: Clock = time.monotonic,
) -> Iterator[Row]:
    """Yield the rows of these benchmarks as they are measured; progress goes to stderr.

    Args:
        chosen: by name, in the order in which they run.
        effort: of each row.
        limit: seconds after which no further row is begun; a skipped row says so.
        clock: of the limit.
    """
    deadline = clock() + limit
    progress = tqdm(chosen.items(), unit="benchmark", file=sys.stderr)
    with precision.as_the_page(), _empty_cache(), progress:
        for name, benchmark in progress:
            progress.set_description(name)
            if clock() >= deadline:
                yield skipped(name, "all its rows", NO_TIME)
                continue
            with closing(guarded(name, benchmark(effort))) as rows:
                for row in rows:
                    progress.set_postfix_str(row.name)
                    yield row
                    if clock() >= deadline:
                        yield skipped(name, "further rows, if any", NO_TIME)
                        break


@contextmanager
def _empty_cache() -> Iterator[None]:
    """Let torch.compile cache in an empty folder, so that its times are those of a new machine."""
    name = "TORCHINDUCTOR_CACHE_DIR"
    kept = os.environ.get(name)
    with tempfile.TemporaryDirectory(prefix="pds-bench-", ignore_cleanup_errors=True) as folder:
        os.environ[name] = folder
        try:
            yield
        finally:
            os.environ.pop(name)
            if kept is not None:
                os.environ[name] = kept
