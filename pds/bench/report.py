"""The table of a benchmark, as aligned text or as markdown, and the same as JSON."""

import dataclasses
import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from pds.bench.rows import Row, Target
from pds.bench.timing import Measurement

TITLES = ("what", "compared", "median", "min to max", "runs", "target", "met", "note")


def machine() -> dict[str, str]:
    """Return what the numbers belong to: processor, threads, versions, date, GPU if any."""
    facts = {
        "CPU": _processor(),
        "cores": str(os.cpu_count()),
        "torch threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties().total_memory / 2**30
        facts["GPU"] = f"{torch.cuda.get_device_name()}, {memory:.0f} GiB"
        facts["CUDA"] = str(torch.version.cuda)
        facts["float32 products"] = "TF32, as the page computes, where no row says otherwise"
    return facts


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def text(rows: Sequence[Row], facts: dict[str, str]) -> str:
    """Return the table in aligned columns under a line about the machine."""
    lines = [TITLES, *map(columns, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(TITLES))]
    table = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    return "\n".join([_header(facts), "", *table])


def markdown(rows: Sequence[Row], facts: dict[str, str]) -> str:
    """Return the table as Markdown, as docs/performance.md has it."""
    lines = [TITLES, ("---",) * len(TITLES), *map(columns, rows)]
    return "\n".join([_header(facts), "", *(f"| {' | '.join(line)} |" for line in lines)])


def _header(facts: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def columns(row: Row) -> tuple[str, ...]:
    """Return the columns of a row."""
    target = str(row.target or "")
    met = {True: "yes", False: "NO", None: ""}[row.met]
    if row.measured is None:
        return row.name, row.what, "skipped", "", "", target, met, row.note
    m = row.measured
    unit = "" if m.unit == "x" else f" {m.unit}"
    span = f"{format_value(m.low)} to {format_value(m.high)}"
    return (
        row.name,
        row.what,
        format_value(m.median) + unit,
        span,
        str(m.num_runs),
        target,
        met,
        row.note,
    )


def format_value(value: float) -> str:
    """Return three decimals near one, and no more than four digits elsewhere."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3f}" if value < 2 else f"{value:.2f}"


def to_json(rows: Sequence[Row], facts: dict[str, str]) -> str:
    """Return machine and rows, and whether each target is met, as JSON; `from_json` reads it."""
    listing = [{**dataclasses.asdict(row), "met": row.met} for row in rows]
    return json.dumps({"machine": facts, "rows": listing}, indent=1, allow_nan=False)


def from_json(written: str) -> tuple[list[Row], dict[str, str]]:
    """Return the rows and the machine of a file, to compare it with another."""
    found = json.loads(written)
    return [_row(values) for values in found["rows"]], found["machine"]


def _row(values: dict[str, Any]) -> Row:
    measured, target = values["measured"], values["target"]
    return Row(
        values["name"],
        values["what"],
        None if measured is None else Measurement(**measured),
        None if target is None else Target(**target),
        values["note"],
    )
