"""The summary of a run of `tools/gpu/run.sh`, from the files in its OUT, as markdown.

python -m tools.gpu.summary OUT        everything that OUT holds so far
python -m tools.gpu.summary --machine  the card, the processor and the versions
python -m tools.gpu.summary --sizes    sizes of portraits whose networks are trained on a GPU
"""

import argparse
import csv
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pds.bench import report
from pds.portraits import SIZES

STAGE = re.compile(r"^== (\w+): exit (\d+) after (\d+) s$", re.MULTILINE)
"""A line of log.txt."""

SHIPPED = 64
"""The largest size whose network was trained on a CPU, pixels."""


def summary(out: Path) -> str:
    """Return stages, tests, measured figures, benchmarks and evidence under their titles."""
    parts = [("Stages", stages(out))]
    parts += [(f"Tests: {path.stem}", tests(path)) for path in sorted(out.glob("*.xml"))]
    if (path := out / "bench.json").is_file():
        rows, facts = report.from_json(path.read_text("utf-8"))
        parts.append(("Benchmarks", report.markdown(rows, facts)))
    parts += [(f"Evidence: {path.stem}", grain(path)) for path in sorted(out.glob("*.csv"))]
    return "\n\n".join(["# What was run", *(f"## {title}\n\n{text}" for title, text in parts)])


def machine() -> str:
    """Return one line about the machine."""
    return ", ".join(f"{name} {value}" for name, value in report.machine().items())


def stages(out: Path) -> str:
    """Return the machine, and the outcome of every stage that has ended."""
    log = (out / "log.txt").read_text("utf-8", errors="replace")
    ended = [(name, _outcome(int(status)), f"{s} s") for name, status, s in STAGE.findall(log)]
    return f"{log.partition(chr(10))[0]}\n\n{_table(('stage', 'outcome', 'time'), ended)}"


def _outcome(status: int) -> str:
    return "passed" if status == 0 else "not passed, see log.txt"


def tests(path: Path) -> str:
    """Return how many tests passed, what they measured, and why others did not pass."""
    cases = list(ET.parse(path).iter("testcase"))
    ends = {case: _end(case) for case in cases}
    counts = {kind: sum(end[0] == kind for end in ends.values()) for kind in KINDS}
    lines = [", ".join(f"{count} {kind}" for kind, count in counts.items())]
    failed = [(c.get("name", ""), why) for c, (kind, why) in ends.items() if kind == "failed"]
    if failed:
        lines.append(_table(("failed test", "why"), failed))
    skipped = Counter(why for kind, why in ends.values() if kind == "skipped")
    if skipped:
        lines.append(_table(("skipped", "why"), [(str(n), why) for why, n in skipped.items()]))
    measured = [
        (p.get("name", ""), _number(p.get("value", "")))
        for case in cases
        for p in case.iter("property")
    ]
    if measured:
        lines.append(_table(("figure", "measured"), measured))
    return "\n\n".join(lines)


def _number(value: str) -> str:
    """Return a recorded property with three digits, or as it is."""
    try:
        return f"{float(value):.3g}"
    except ValueError:
        return value


KINDS = ("passed", "failed", "skipped")


def _end(case: ET.Element) -> tuple[str, str]:
    if case.get("name") is None:  # pytest's trace of a test that Ctrl-C ended
        return "failed", "interrupted; later tests did not run"
    for tag, kind in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        found = case.find(tag)
        if found is not None:
            return kind, (found.get("message") or "no message").splitlines()[0][:160]
    return "passed", ""


def grain(path: Path) -> str:
    """Return the grain of each sampler against the network's own pictures, by iterations."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["reference"] == "network"]
    counts = sorted({int(row["N"]) for row in rows})
    found = {(row["arm"], int(row["N"])): _interval(row) for row in rows}
    arms = dict.fromkeys(row["arm"] for row in rows)
    cells = [(arm, *(found.get((arm, n), "") for n in counts)) for arm in arms]
    return "Grain and its 95 % interval.\n\n" + _table(("arm", *map(str, counts)), cells)


def _interval(row: dict[str, str]) -> str:
    value, low, high = (float(row[f"grain{end}"]) for end in ("", "_low", "_high"))
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines: Iterator[Sequence[str]] = iter([titles, ["---"] * len(titles), *rows])
    return "\n".join(
        "| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines
    )


def main() -> None:
    """Print the requested part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--machine", action="store_true")
    parser.add_argument("--sizes", action="store_true")
    arguments = parser.parse_args()
    if arguments.machine:
        print(machine())
    elif arguments.sizes:
        print(*([size for size in SIZES if size > SHIPPED] or [SHIPPED]))
    else:
        print(summary(arguments.out))


if __name__ == "__main__":
    main()
