"""Draw the README's figure and write the tables of docs/evidence.md: python -m tools.evidence.

Reads docs/evidence/*.csv, which `python -m pds evaluate` writes as table.csv. The figure needs
Chromium, see requirements-dev.txt; the tables are printed.
"""

import csv
import tempfile
from pathlib import Path

import plotly.graph_objects as go
from playwright.sync_api import sync_playwright

from tools.browser import ROOT, chromium

FOLDER = ROOT / "docs" / "evidence"
FIGURE = ROOT / "docs" / "evidence.png"
DRAWN = {
    "vanilla": ("Vanilla", "#b4442e"),
    "pds:5": ("PDS, alpha 5", "#2a6fb0"),
    "tuned": ("Tuned: noise levels and corrector fitted to N", "#7a5bb5"),
    "ode-heun": ("Flow ODE, Heun, as many network calls", "#3c8d50"),
}

DIVERGED = 1e4

Row = dict[str, str]


def read(model: str) -> list[Row]:
    """Return the rows of a model's table."""
    with (FOLDER / f"{model}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(rows: list[Row], metric: str) -> str:
    """Return arms by iterations in Markdown: the metric with its 95 % interval, then its floor."""
    counts = sorted({int(row["N"]) for row in rows})
    cells = {(row["arm"], int(row["N"])): row for row in rows}
    lines = [
        "| N | images | " + " | ".join(map(str, counts)) + " |",
        "|---" * (len(counts) + 2) + "|",
    ]
    for arm in dict.fromkeys(row["arm"] for row in rows):
        told = [_cell(cells.get((arm, n)), metric) for n in counts]
        images = sorted({int(row["images"]) for row in rows if row["arm"] == arm})
        drawn = " or ".join(map(str, images))
        lines.append(f"| {arm} | {drawn} | " + " | ".join(told) + " |")
    floors = {int(row["images"]): row[f"{metric}_floor"] for row in rows if row[metric]}
    told = [f"{float(floors[n]):.{_digits(metric)}f} for {n}" for n in sorted(floors)]
    return "\n".join([*lines, "", f"As many images of the data score {', '.join(told)}."])


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


def _digits(metric: str) -> int:
    return 2 if metric == "noise_left" else 1


def figure(rows: list[Row]) -> go.Figure:
    """Return the Frechet distance against N with intervals, both axes logarithmic."""
    drawn = go.Figure()
    for arm, (name, color) in DRAWN.items():
        mine = sorted((int(r["N"]), r) for r in rows if r["arm"] == arm)
        values = [float(r["frechet"]) for _, r in mine]
        drawn.add_scatter(
            x=[n for n, _ in mine],
            y=values,
            error_y={
                "array": [
                    float(r["frechet_high"]) - v for (_, r), v in zip(mine, values, strict=True)
                ],
                "arrayminus": [
                    v - float(r["frechet_low"]) for (_, r), v in zip(mine, values, strict=True)
                ],
            },
            name=name,
            line={"color": color, "width": 3},
        )
    counts = sorted({int(row["N"]) for row in rows})
    floor = next(float(row["frechet_floor"]) for row in rows if row["arm"] == "vanilla")
    drawn.add_scatter(
        x=[counts[0], counts[-1]],
        y=[floor] * 2,
        name="Floor: as many portraits of the data",
        mode="lines",
        line={"dash": "dot", "color": "#777"},
    )
    drawn.update_xaxes(type="log", title="iterations N", tickvals=counts)
    ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    drawn.update_yaxes(type="log", title="Frechet distance to held-out portraits", tickvals=ticks)
    drawn.update_layout(
        template="plotly_white",
        width=960,
        height=480,
        font={"size": 15},
        margin={"l": 70, "r": 20, "t": 20, "b": 60},
        legend={"x": 0.98, "xanchor": "right", "y": 0.98},
    )
    return drawn


def draw(rows: list[Row], out: Path = FIGURE) -> None:
    """Save the figure as a PNG."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_path = Path(folder) / "figure.html"
        page_path.write_text(figure(rows).to_html(include_plotlyjs=True), encoding="utf-8")
        browser = chromium(playwright)
        page = browser.new_page(viewport={"width": 980, "height": 500}, device_scale_factor=1.5)
        page.goto(page_path.as_uri())
        page.locator(".main-svg").first.wait_for()
        page.locator(".plot-container").screenshot(path=out)
        browser.close()


def main() -> None:
    """Print every table and save the figure."""
    for path in sorted(FOLDER.glob("*.csv")):
        for metric in ("frechet", "noise_left"):
            print(f"\n{path.stem}, {metric}\n\n{table(read(path.stem), metric)}")
    draw(read("portraits32"))


if __name__ == "__main__":
    main()
