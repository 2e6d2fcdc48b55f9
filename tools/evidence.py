"""Draw the README's figure and write the tables of docs/evidence.md: python -m tools.evidence.

Reads docs/evidence/*.csv and docs/evidence/equivalence/*.csv, which `python -m pds evaluate` writes
as table.csv and equivalence.csv. The figure needs Chromium, see requirements-dev.txt; the tables
are printed.
"""

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from playwright.sync_api import sync_playwright
from plotly.subplots import make_subplots

from tools.browser import ROOT, chromium

FOLDER = ROOT / "docs" / "evidence"
FIGURE = ROOT / "docs" / "evidence.png"
DRAWN = {
    "vanilla": ("Vanilla", "#b4442e"),
    "pds:5": ("PDS, alpha 5", "#2a6fb0"),
    "scalar": ("A constant gain, no filter", "#d08a1d"),
    "tuned": ("Tuned: noise levels and corrector fitted to N", "#7a5bb5"),
    "ode-heun": ("Flow ODE, Heun, as many network calls", "#3c8d50"),
}

PANELS = {
    "grain": "Grain: 1 is like the network's own pictures, 2 twice the noise",
    "contrast": "Contrast: 1 is like the network's own pictures, less is paler",
}

FIGURE_COUNTS = (15, 100)
"""Fewest and most N of the figure."""

MAIN = ("portraits32", "portraits64")
"""The tables of the five samplers of the figure."""

TABLES = (
    *(("grain", "network"), ("contrast", "network"), ("frechet", "network"), ("frechet", "data")),
    *(("grain", "data"), ("grain_everywhere", "data"), ("fine_power", "data")),
    *(("contrast_1", "data"), ("contrast_2", "data"), ("contrast_3", "data")),
    ("fine_power", "network"),
)
"""Metric and reference of each table, in the order of the document."""

EQUAL = ("grain", "frechet", "sliced")
"""The metrics by which numbers of iterations of equal quality are told."""

DIVERGED = 1e4

Row = dict[str, str]


def read(name: str, folder: Path = FOLDER) -> list[Row]:
    """Return the rows of a recorded table."""
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(rows: list[Row], metric: str, reference: str) -> str:
    """Return arms by iterations in Markdown: the metric with its 95 % interval, then its floor."""
    rows = [row for row in rows if row["reference"] == reference]
    counts = sorted({int(row["N"]) for row in rows})
    cells = {(row["arm"], int(row["N"])): row for row in rows}
    lines = [
        "| N | images | " + " | ".join(map(str, counts)) + " |",
        "|---" * (len(counts) + 2) + "|",
    ]
    for arm in dict.fromkeys(row["arm"] for row in rows):
        images = sorted({int(row["images"]) for row in rows if row["arm"] == arm})
        values = [_cell(cells.get((arm, n)), metric) for n in counts]
        lines.append(f"| {arm} | {_range(images)} | " + " | ".join(values) + " |")
    return "\n".join([*lines, "", _floor(rows, metric, reference)])


def equal_quality(name: str, reference: str = "network") -> str:
    """Return the N of vanilla of the same quality as each arm and N, by each of `EQUAL`."""
    rows = read(name, FOLDER / "equivalence")
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        if row["reference"] == reference and row["metric"] in EQUAL:
            span = f"{row['vanilla_N']} ({row['low']} to {row['high']})"
            found.setdefault((row["arm"], row["N"]), {})[row["metric"]] = span
    lines = [f"| sampler | N | {' | '.join(EQUAL)} |", "|---" * (len(EQUAL) + 2) + "|"]
    for (arm, num_steps), spans in found.items():
        values = [spans.get(metric, "") for metric in EQUAL]
        lines.append(f"| {arm} | {num_steps} | {' | '.join(values)} |")
    return "\n".join(lines)


def _range(images: list[int]) -> str:
    return str(images[0]) if len(images) == 1 else f"{images[0]} to {images[-1]}"


def _cell(row: Row | None, metric: str) -> str:
    if row is None:
        return ""
    if not row[metric] or float(row[metric]) > DIVERGED:
        return "diverged"
    value, low, high = (float(row[metric + end]) for end in ("", "_low", "_high"))
    digits = _digits(metric)
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _floor(rows: list[Row], metric: str, reference: str) -> str:
    own = "of the network's own pictures" if reference == "network" else "held-out pictures"
    ends, digits = ("_floor_low", "_floor_high"), _digits(metric)
    floors = {
        int(row["images"]): " to ".join(f"{float(row[metric + end]):.{digits}f}" for end in ends)
        for row in rows
        if row[metric + "_floor"]
    }
    spans = (f"{floors[images]} for {images}" for images in sorted(floors, reverse=True)[:3])
    return f"As many {own} score {', '.join(spans)}."


def _digits(metric: str) -> int:
    return 1 if metric == "frechet" else 2


def figure(rows: list[Row]) -> go.Figure:
    """Return grain and contrast against N with intervals, relative to the network's own."""
    low, high = FIGURE_COUNTS
    shown = [row for row in rows if row["reference"] == "network" and low <= int(row["N"]) <= high]
    counts = sorted({int(row["N"]) for row in shown})
    drawn = make_subplots(1, 2, subplot_titles=list(PANELS.values()), horizontal_spacing=0.07)
    for column, metric in enumerate(PANELS, start=1):
        for trace in _traces(shown, metric):
            drawn.add_scatter(**trace, showlegend=column == 1, row=1, col=column)
        drawn.add_hline(y=1, line={"dash": "dot", "color": "#777"}, row=1, col=column)
    drawn.update_xaxes(type="log", title="iterations N", tickvals=counts)
    ticks = [0.8, 1, 1.5, 2, 3, 4, 6, 8, 10]
    drawn.update_yaxes(type="log", tickvals=ticks, row=1, col=1)
    drawn.update_yaxes(range=[0, 1.2], row=1, col=2)
    drawn.update_layout(
        template="plotly_white",
        width=1240,
        height=470,
        font={"size": 14},
        margin={"l": 40, "r": 10, "t": 40, "b": 110},
        legend={"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.2, "yanchor": "top"},
    )
    return drawn


def _traces(rows: list[Row], metric: str) -> Iterator[dict[str, Any]]:
    for arm, (name, color) in DRAWN.items():
        mine = sorted((int(r["N"]), r) for r in rows if r["arm"] == arm)
        values = [float(r[metric]) for _, r in mine]
        lows, highs = ([float(r[metric + end]) for _, r in mine] for end in ("_low", "_high"))
        yield {
            "x": [n for n, _ in mine], "y": values, "name": name,
            "error_y": {
                "array": [h - v for h, v in zip(highs, values, strict=True)],
                "arrayminus": [v - low for low, v in zip(lows, values, strict=True)],
            },
            "line": {"color": color, "width": 3},
        }  # fmt: skip


def draw(rows: list[Row], out: Path = FIGURE) -> None:
    """Save the figure as a PNG."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_path = Path(folder) / "figure.html"
        page_path.write_text(figure(rows).to_html(include_plotlyjs=True), encoding="utf-8")
        browser = chromium(playwright)
        page = browser.new_page(viewport={"width": 1260, "height": 500}, device_scale_factor=1.5)
        page.goto(page_path.as_uri())
        page.locator(".main-svg").first.wait_for()
        page.locator(".plot-container").screenshot(path=out)
        browser.close()


def main() -> None:
    """Print every table and save the figure."""
    for path in sorted(FOLDER.glob("*.csv")):
        for metric, reference in TABLES:
            title = f"{path.stem}, {metric}, {reference}"
            print(f"\n{title}\n\n{table(read(path.stem), metric, reference)}")
    for name in MAIN:
        print(f"\n{name}, vanilla's N at equal quality\n\n{equal_quality(name)}")
    draw(read("portraits32"))


if __name__ == "__main__":
    main()
