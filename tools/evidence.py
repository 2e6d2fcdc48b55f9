"""Draw the README's figure and write the tables of the evidence: python -m tools.evidence.

Reads docs/evidence/NAME/*.csv, where NAME is a model or a part of the arms: the files table.csv,
equivalence.csv, equal_grain.csv and classifier.csv of `python -m pds evaluate --classifier`. All
tables of a NAME are written to docs/evidence/NAME.md. The figure needs Chromium, see
requirements-dev.txt.
"""

import csv
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import plotly.graph_objects as go
from playwright.sync_api import sync_playwright
from plotly.subplots import make_subplots

from tools.browser import ROOT, chromium

FOLDER = ROOT / "docs" / "evidence"
FIGURE = ROOT / "docs" / "evidence.png"
DRAWN = {
    "vanilla": ("Vanilla", "#b4442e"),
    "pds:5": ("PDS, alpha 5", "#2a6fb0"),
    "scalar": ("Constant gain: a longer step", "#c98a1b"),
    "tuned": ("Tuned: noise levels and corrector fitted to N", "#7a5bb5"),
    "ode-heun": ("Flow ODE, Heun, as many network calls", "#3c8d50"),
}
PANELS = {
    "grain": "Grain relative to the network's own images",
    "contrast": "Contrast relative to the network's own",
}

FIGURE_COUNTS = (15, 100)
"""Fewest and most N of the figure."""

CONTRASTS = ("contrast", "contrast_1", "contrast_2", "contrast_3")

TABLES = (
    *(("grain", "network"), ("grain", "data"), ("grain_everywhere", "data")),
    *((metric, "network") for metric in CONTRASTS),
    *((metric, "data") for metric in CONTRASTS),
    *(("fine_power", "network"), ("fine_power", "data")),
    *(("frechet", "network"), ("frechet", "data")),
)
"""Metric and reference of each table."""

EQUAL = ("grain", "grain_db", "frechet", "classifier")
"""Metrics of equal quality, one column each."""

TWO_DIGITS = ("grain", "grain_everywhere", "contrast", "fine_power")
"""Prefixes of the metrics with two decimals; the others have one."""

DIVERGED = 1e4

Row = dict[str, str]


def read(name: str, file: str = "table") -> list[Row]:
    """Return the rows of a file of a name, none if the file is missing."""
    path = FOLDER / name / f"{file}.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def table(rows: list[Row], metric: str, reference: str) -> str:
    """Return arms by iterations in Markdown: the metric with its 95 % interval, then its floor."""
    rows = [row for row in rows if row["reference"] == reference]
    digits = 2 if metric.startswith(TWO_DIGITS) else 1
    floors = {int(r["images"]): _floor(r, metric, digits) for r in rows if r[f"{metric}_floor"]}
    scores = "; ".join(f"{floors[count]} for {count} images" for count in sorted(floors))
    lines = _grid(rows, lambda row: _interval(row, metric, digits))
    floor = f"Floor, the score of images of the {reference} itself: {scores}."
    return "\n".join([*lines, "", floor])


def classifier(rows: list[Row]) -> str:
    """Return the accuracy of the classifier in percent."""
    cells = [row for row in rows if not row["arm"].startswith("converged:")]
    lines = list(_grid(cells, _percent))
    for row in rows:
        if row["arm"].startswith("converged:"):
            pairs = "the network's own images against other images of the same network"
            lines += ["", f"Control, {pairs}: {_percent(row)}."]
    return "\n".join(lines)


def equal_quality(rows: list[Row]) -> str:
    """Return vanilla's N at equal quality against the network's own pictures, by metric."""
    found = {(row["arm"], row["N"], row["metric"]): row for row in rows if _is_equal(row)}
    cells = dict.fromkeys((arm, n) for arm, n, _ in found)
    lines = ["| arm | N | " + " | ".join(EQUAL) + " |", "|---" * (len(EQUAL) + 2) + "|"]
    for cell in cells:
        values = [_matched(found.get((*cell, metric))) for metric in EQUAL]
        lines.append(f"| {' | '.join([*cell, *values])} |")
    return "\n".join(lines)


def equal_grain(rows: list[Row]) -> str:
    """Return the contrast of PDS and of a constant gain at equal grain."""
    lines = ["| N | images | grain | PDS | constant gain | ratio |", "|---" * 6 + "|"]
    for row in rows:
        grain = f"{float(row['grain']):.2f}" if row["grain"] else "mean"
        contrasts = (f"{float(row[f'contrast_{kind}']):.3f}" for kind in ("pds", "constant"))
        ratio, low, high = (f"{float(row[name]):.3f}" for name in ("ratio", "low", "high"))
        facts = [row["N"], row["images"], grain, *contrasts, f"{ratio} ({low} to {high})"]
        lines.append(f"| {' | '.join(facts)} |")
    return "\n".join(lines)


def tables(name: str) -> Iterator[tuple[str, str]]:
    """Yield the title of every table of a name, and the table."""
    rows = read(name)
    for metric, reference in TABLES:
        if any(row["reference"] == reference for row in rows):
            yield f"{metric} against the {reference}", table(rows, metric, reference)
    for title, text, file in (
        ("classifier", classifier, "classifier"),
        ("equal quality", equal_quality, "equivalence"),
        ("equal grain", equal_grain, "equal_grain"),
    ):
        if found := read(name, file):
            yield title, text(found)


def document(name: str) -> str:
    """Return all tables of a name as one page of Markdown."""
    parts = [
        f"# Every table of {name}",
        "Written by `python -m tools.evidence`; see ../evidence.md.",
    ]
    for title, text in tables(name):
        parts += [f"## {title[:1].upper()}{title[1:]}", text]
    return "\n\n".join(parts) + "\n"


def _grid(rows: list[Row], text: Callable[[Row], str]) -> Iterator[str]:
    """Yield the lines of a table of arms by iterations."""
    counts = sorted({int(row["N"]) for row in rows})
    cells = {(row["arm"], int(row["N"])): text(row) for row in rows}
    yield "| N | images | " + " | ".join(map(str, counts)) + " |"
    yield "|---" * (len(counts) + 2) + "|"
    for arm in dict.fromkeys(row["arm"] for row in rows):
        images = sorted({int(row["images"]) for row in rows if row["arm"] == arm})
        values = [" or ".join(map(str, images)), *(cells.get((arm, n), "") for n in counts)]
        yield f"| {arm} | {' | '.join(values)} |"


def _interval(row: Row, metric: str, digits: int) -> str:
    if not row[metric] or float(row[metric]) > DIVERGED:
        return "diverged"
    value, low, high = (float(row[metric + end]) for end in ("", "_low", "_high"))
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _floor(row: Row, metric: str, digits: int) -> str:
    low, high = (float(row[f"{metric}_floor{end}"]) for end in ("_low", "_high"))
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _percent(row: Row) -> str:
    value, low, high = (100 * float(row[name]) for name in ("accuracy", "low", "high"))
    return f"{value:.0f} % ({low:.0f} to {high:.0f})"


def _is_equal(row: Row) -> bool:
    return row["reference"] == "network" and row["metric"] in EQUAL


def _matched(row: Row | None) -> str:
    return "" if row is None else f"{row['vanilla_N']} ({row['low']} to {row['high']})"


def figure(rows: list[Row]) -> go.Figure:
    """Return grain and contrast relative to the network's own pictures against N."""
    fewest, most = FIGURE_COUNTS
    rows = [
        row
        for row in rows
        if row["reference"] == "network" and row["grain"] and fewest <= int(row["N"]) <= most
    ]
    counts = sorted({int(row["N"]) for row in rows})
    drawn = make_subplots(cols=2, subplot_titles=list(PANELS.values()), horizontal_spacing=0.08)
    for column, metric in enumerate(PANELS, start=1):
        for trace in (*_floor_band(rows, metric, counts), *_curves(rows, metric)):
            drawn.add_trace(trace.update(showlegend=column == 1 and bool(trace.name)), 1, column)
    drawn.update_xaxes(type="log", title="iterations N", tickvals=counts)
    drawn.update_yaxes(
        type="log", tickvals=[0.8, 1, 1.5, 2, 3, 4, 6, 10], range=[-0.12, 1.05], col=1
    )
    drawn.update_yaxes(range=[0, 1.3], col=2)
    return laid_out(drawn, height=500, bottom=110)


def laid_out(drawn: go.Figure, *, height: int, bottom: int) -> go.Figure:
    """Return a figure of two panels as the documents show it; sizes in pixels."""
    return drawn.update_layout(
        template="plotly_white",
        width=1200,
        height=height,
        font={"size": 15},
        margin={"l": 50, "r": 20, "t": 40, "b": bottom},
        legend={"orientation": "h", "y": -0.2, "x": 0.5, "xanchor": "center"},
    )


def _curves(rows: list[Row], metric: str) -> Iterator[go.Scatter]:
    for arm, (name, color) in DRAWN.items():
        mine = sorted((row for row in rows if row["arm"] == arm), key=lambda row: int(row["N"]))
        values, lows, highs = (
            [float(row[metric + end]) for row in mine] for end in ("", "_low", "_high")
        )
        yield go.Scatter(
            x=[int(row["N"]) for row in mine],
            y=values,
            error_y={
                "array": [high - v for high, v in zip(highs, values, strict=True)],
                "arrayminus": [v - low for low, v in zip(lows, values, strict=True)],
            },
            name=name,
            line={"color": color, "width": 3},
        )


def _floor_band(rows: list[Row], metric: str, counts: list[int]) -> Iterator[go.Scatter]:
    """Yield the two edges of the floor of the least number of images."""
    known = [row for row in rows if row[f"{metric}_floor"]]
    if not known:
        return
    fewest = min(known, key=lambda row: int(row["images"]))
    ends = [float(fewest[f"{metric}_floor{end}"]) for end in ("_low", "_high")]
    names = (None, f"{fewest['images']} of the network's own images")
    for end, name, fill in zip(ends, names, (None, "tonexty"), strict=True):
        yield go.Scatter(
            x=[counts[0], counts[-1]],
            y=[end, end],
            name=name,
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor="rgba(120, 120, 120, 0.25)",
        )


def photograph(drawn: go.Figure, out: Path) -> None:
    """Save a figure as a PNG."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_path = Path(folder) / "figure.html"
        page_path.write_text(drawn.to_html(include_plotlyjs=True), encoding="utf-8")
        browser = chromium(playwright)
        page = browser.new_page(viewport={"width": 1220, "height": 540}, device_scale_factor=1.5)
        page.goto(page_path.as_uri())
        page.locator(".main-svg").first.wait_for()
        page.locator(".plot-container").screenshot(path=out)
        browser.close()


def main() -> None:
    """Write every table and save the figure."""
    for folder in sorted(path.parent for path in FOLDER.glob("*/table.csv")):
        page = folder.with_suffix(".md")
        page.write_text(document(folder.name), encoding="utf-8")
        print(page)
    photograph(figure(read("portraits32")), FIGURE)


if __name__ == "__main__":
    main()
