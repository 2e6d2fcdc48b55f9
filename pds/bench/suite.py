"""All benchmarks by name, and the loop that runs them."""

import sys
from collections.abc import Iterator, Mapping

from tqdm import tqdm

from pds.bench import filters, gpu, joint, networks, quality, steps
from pds.bench.rows import Benchmark, Row
from pds.bench.timing import Effort

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
    "gpu": gpu.rows,
}
"""By their names in `pds bench --only`; `pds.commands.bench` adds `pds.bench.page`."""


def measure(chosen: Mapping[str, Benchmark], effort: Effort) -> Iterator[Row]:
    """Yield the rows of these benchmarks as they are measured; progress goes to stderr."""
    with tqdm(chosen.items(), unit="benchmark", file=sys.stderr) as progress:
        for name, benchmark in progress:
            progress.set_description(name)
            for row in benchmark(effort):
                progress.set_postfix_str(row.name)
                yield row
