"""`python -m pds bench`: measure, and print one table.

The page's own measurement is here and not in `pds.bench`, which knows nothing of the web.
"""

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from pds.bench import filters, gpu, joint, networks, profile, report, steps
from pds.bench.rows import Benchmark, Row, at_most
from pds.bench.timing import QUICK, Effort, versus
from pds.models import Request, compare_request
from pds.web.tabs.compare import live_comparison


def add_bench(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME", help=_names())
    parser.add_argument("--quick", action="store_true", help="few runs, small sizes: a check")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    parser.add_argument("--markdown", action="store_true", help="print the table as markdown")
    parser.add_argument("--threads", type=int, metavar="N", help="of torch; default its own choice")
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="count this program's own CPU time, for a busy machine; best with --threads 1",
    )
    parser.add_argument(
        "--profile", action="store_true", help="instead, show where an iteration's time goes"
    )
    parser.set_defaults(run=_bench)


def _names() -> str:
    return f"of {', '.join(BENCHMARKS)}; default all"


def _bench(arguments: argparse.Namespace) -> None:
    if arguments.threads is not None:
        if arguments.threads < 1:
            raise ValueError(f"--threads must be >= 1, got {arguments.threads}")
        torch.set_num_threads(arguments.threads)
    if arguments.profile:
        print(profile.tables())
        return
    chosen = {name: BENCHMARKS[name] for name in arguments.only or BENCHMARKS}
    rows: list[Row] = []
    try:
        for row in measure(chosen, _effort(arguments)):
            rows.append(row)
    finally:
        # Also what was measured before somebody pressed Ctrl-C.
        _print(rows, arguments)


def _effort(arguments: argparse.Namespace) -> Effort:
    effort = QUICK if arguments.quick else Effort()
    return replace(effort, clock=time.process_time) if arguments.cpu_time else effort


def measure(chosen: Mapping[str, Benchmark], effort: Effort) -> Iterator[Row]:
    """Yield the rows of these benchmarks as they are measured; progress goes to stderr."""
    with tqdm(chosen.items(), unit="benchmark", file=sys.stderr) as progress:
        for name, benchmark in progress:
            progress.set_description(name)
            for row in benchmark(effort):
                progress.set_postfix_str(row.name)
                yield row


def _print(rows: Sequence[Row], arguments: argparse.Namespace) -> None:
    facts = report.machine()
    if arguments.cpu_time:
        facts["times"] = "CPU time of the process"
    print((report.markdown if arguments.markdown else report.text)(rows, facts))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(report.to_json(rows, facts) + "\n", encoding="utf-8")


def frame_rows(effort: Effort) -> Iterator[Row]:
    """Yield a page run with all its frames / the sampler alone."""
    request = Request(num_steps=2 if effort.quick else 20)
    clocks = {"as streamed": None, "every step a frame": _Racing()}
    for name, clock in clocks.items():

        def page(clock: live_comparison.Clock | None = clock) -> None:
            shown = (
                live_comparison.messages(request, clock=clock)
                if clock
                else live_comparison.messages(request)
            )
            deque(shown, maxlen=0)

        yield Row(
            f"page, {name}",
            "frames streamed / sampler alone",
            versus(page, lambda: deque(compare_request(request), maxlen=0), effort),
            at_most(1.05),
            note=f"N = {request.num_steps}, {request.num_images} + {request.num_images} portraits",
        )


class _Racing:
    """A clock so fast that every step is due."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 1e6
        return self._now


BENCHMARKS: dict[str, Benchmark] = {
    "step": steps.rows,
    "kernels": steps.kernel_rows,
    "filter": filters.rows,
    "network": networks.rows,
    "compare": steps.compare_rows,
    "engine": joint.rows,
    "scaling": networks.scaling_rows,
    "peak": networks.peak_rows,
    "page": frame_rows,
    "gpu": gpu.rows,
}
"""What can be measured, by the name that `--only` takes."""
