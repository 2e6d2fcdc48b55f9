"""`pds bench`: measure speeds, and print them as one table."""

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from pds.bench import page, profile, report, subjects, suite
from pds.bench.rows import Benchmark, Row
from pds.bench.timing import QUICK, Effort
from pds.files.writing import write
from pds.limits import require_positive


def _page_rows(effort: Effort) -> Iterator[Row]:
    from pds.web.tabs.compare import live_comparison

    yield from page.rows(effort, messages=live_comparison.messages)


BENCHMARKS: dict[str, Benchmark] = {**suite.BENCHMARKS, "page": _page_rows}

GPU = (
    "graphs",
    "iteration",
    "layouts",
    "step",
    "engine",
    "cold",
    "precision",
    "kernels",
    "runs",
    "peak",
    "page",
    "compiled",
)
"""The benchmarks of `--only gpu`: cheap and informative ones first, compilation last."""

GPU_LIMIT = 6.0
"""Seconds for all runs of a row on a GPU, where that is enough."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Measures the speed of samplers, networks and page, compares it with targets, and prints "
        "one table. Ctrl-C prints the rows that are measured."
    )
    parser.epilog = """\
examples:
  %(prog)s --quick --only step engine
  %(prog)s --json speeds.json"""
    add = parser.add_argument
    add(
        "--only",
        nargs="+",
        choices=("gpu", *BENCHMARKS),
        metavar="NAME",
        help=f"some of {', '.join(BENCHMARKS)}; or gpu for those that matter on a GPU, the most "
        f"informative first, about 5 minutes on a fast GPU, half of them for torch.compile; "
        f"default all",
    )
    add(
        "--quick",
        action="store_true",
        help="few runs and small sizes, as a check; about a minute on a CPU",
    )
    add(
        "--seconds",
        type=float,
        metavar="S",
        help="begin no row after this time; one row may take a minute or two; default no limit",
    )
    add(
        "--json",
        type=Path,
        metavar="FILE.json",
        help="file for the numbers, written after every row",
    )
    add("--markdown", action="store_true", help="print the table as markdown")
    add("--threads", type=int, metavar="N", help="threads of torch; default its own choice")
    add(
        "--cpu-time",
        action="store_true",
        help="count this program's own CPU time, for a busy machine; best with --threads 1",
    )
    add(
        "--profile",
        action="store_true",
        help="show where the time of an iteration goes, and measure nothing else",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the chosen benchmarks and print their table, after Ctrl-C the rows measured so far."""
    if arguments.threads is not None:
        if arguments.threads < 1:
            raise ValueError(f"--threads must be >= 1, got {arguments.threads}")
        torch.set_num_threads(arguments.threads)
    limit = math.inf
    if arguments.seconds is not None:
        require_positive("--seconds", arguments.seconds)
        limit = arguments.seconds
    if arguments.profile:
        print(profile.tables())
        return
    facts = _facts(arguments)
    rows: list[Row] = []
    try:
        _save(rows, facts, arguments.json)
        for row in suite.run_benchmarks(chosen(arguments.only), _effort(arguments), limit=limit):
            rows.append(row)
            _save(rows, facts, arguments.json)
    finally:
        print((report.markdown if arguments.markdown else report.text)(rows, facts))


def chosen(names: Sequence[str] | None) -> dict[str, Benchmark]:
    """Return benchmarks by name, each once."""
    expanded = [
        each for name in names or BENCHMARKS for each in (GPU if name == "gpu" else (name,))
    ]
    return {name: BENCHMARKS[name] for name in expanded}


def _effort(arguments: argparse.Namespace) -> Effort:
    effort = QUICK if arguments.quick else Effort()
    if subjects.ON_GPU:
        effort = replace(effort, limit_seconds=min(effort.limit_seconds, GPU_LIMIT))
    return replace(effort, clock=time.process_time) if arguments.cpu_time else effort


def _facts(arguments: argparse.Namespace) -> dict[str, str]:
    facts = report.machine()
    if arguments.cpu_time:
        facts["times"] = "CPU time of the process"
    return facts


def _save(rows: Sequence[Row], facts: dict[str, str], path: Path | None) -> None:
    """Write the rows so far, so that a killed process keeps them."""
    if path is not None:
        write(path, (report.to_json(rows, facts) + "\n").encode())
