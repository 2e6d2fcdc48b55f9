"""`pds bench`: measure speeds, and print one table."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from pds.bench import page, profile, report, suite
from pds.bench.rows import Benchmark, Row
from pds.bench.timing import QUICK, Effort
from pds.web.tabs.compare import live_comparison

BENCHMARKS: dict[str, Benchmark] = {
    **suite.BENCHMARKS,
    "page": partial(page.rows, messages=live_comparison.messages),
}


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    names = f"of {', '.join(BENCHMARKS)}; default all"
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME", help=names)
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


def run(arguments: argparse.Namespace) -> None:
    """Run the chosen benchmarks and print their table, after Ctrl-C the rows measured so far."""
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
        for row in suite.measure(chosen, _effort(arguments)):
            rows.append(row)
    finally:
        _print(rows, arguments)


def _effort(arguments: argparse.Namespace) -> Effort:
    effort = QUICK if arguments.quick else Effort()
    return replace(effort, clock=time.process_time) if arguments.cpu_time else effort


def _print(rows: Sequence[Row], arguments: argparse.Namespace) -> None:
    facts = report.machine()
    if arguments.cpu_time:
        facts["times"] = "CPU time of the process"
    print((report.markdown if arguments.markdown else report.text)(rows, facts))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(report.to_json(rows, facts) + "\n", encoding="utf-8")
