"""`pds bench`: measure speeds, and print one table."""

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
"""What `--only gpu` measures: the cheap and telling first, what compiles last."""

GPU_LIMIT = 6.0
"""Seconds for all runs of a row on a GPU, where that is enough."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    names = (
        f"of {', '.join(BENCHMARKS)}; default all. gpu chooses those that a GPU is judged by, the "
        "telling ones first: planned for 5 minutes on a fast GPU, half of them for torch.compile; "
        "about a minute on a CPU with --quick"
    )
    choices = ("gpu", *BENCHMARKS)
    parser.add_argument("--only", nargs="+", choices=choices, metavar="NAME", help=names)
    parser.add_argument("--quick", action="store_true", help="few runs, small sizes: a check")
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="begin no further row after this time; one may take a minute or two",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the numbers there, too, after every row"
    )
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
        for row in suite.measure(chosen(arguments.only), _effort(arguments), limit=limit):
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
    """Write the rows so far: what is killed keeps them."""
    if path is not None:
        write(path, (report.to_json(rows, facts) + "\n").encode())
