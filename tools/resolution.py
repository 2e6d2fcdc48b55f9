"""Write the tables and the figure of the law of resolution: python -m tools.resolution.

Reads filters/ and docs/evidence/resolution/*.csv of `python -m pds sizes`, and writes
docs/evidence/resolution.md and docs/resolution.png. The figure needs Chromium, see
requirements-dev.txt.
"""

import csv
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from torch import Tensor

from pds import filters
from tools.browser import ROOT
from tools.evidence import laid_out, photograph

FOLDER = ROOT / "docs" / "evidence" / "resolution"
FIGURE = ROOT / "docs" / "resolution.png"

ARMS = ("vanilla", "pds:5", "scalar", "tuned", "ode-heun")
SCANNED = ("pds:3", "pds:4", "pds:5", "pds:7", "pds:10", "natural:5", "vanilla")
SCAN_COUNTS = (40, 25)
COLORS = ("#2a6fb0", "#3c8d50", "#c98a1b", "#b4442e")
STRENGTHS = (1.0, 1.25, 1.5, 2.0)
"""Columns of the table of survival."""
SMALLEST_SIGMA, LARGEST_SIGMA = 0.02, 0.4
"""Levels of the tables of planted noise."""
FAR = 1024
"""Pixels of the paper's figure, to which the law is extrapolated."""

Row = dict[str, str]


def read(name: str, folder: Path = FOLDER) -> list[Row]:
    """Return the rows of law.csv, alpha.csv, planted.csv or survival.csv; none without the file."""
    path = folder / f"{name}.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def sizes(rows: Iterable[Row]) -> list[int]:
    """Return the sizes of some rows, ascending."""
    return sorted({int(row["size"]) for row in rows})


def by_count(rows: list[Row], text: Callable[[Row], str], arms: Iterable[str] = ARMS) -> str:
    """Return a table of arms and sizes by N."""
    counts = sorted({int(row["N"]) for row in rows if row["arm"] in arms})
    cells = {(row["arm"], int(row["size"]), int(row["N"])): row for row in rows}
    lines = [_line("N", "size", "images", *counts), _line(*["---"] * (3 + len(counts)))]
    for arm in arms:
        for size in sizes(rows):
            found = [cells.get((arm, size, count)) for count in counts]
            images = {row["images"] for row in found if row}
            values = ["" if row is None else text(row) for row in found]
            if any(values):
                lines.append(
                    _line(arm, f"{size} px", " or ".join(sorted(images, key=int)), *values)
                )
    return "\n".join(lines)


def interval(row: Row, metric: str) -> str:
    """Return a metric with its 95 % interval."""
    if not row[metric]:
        return "diverged"
    value, low, high = (float(row[metric + end]) for end in ("", "_low", "_high"))
    digits = 2 if value < 10 else 1
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def matched(row: Row) -> str:
    """Return vanilla's N of equal grain."""
    if not row["vanilla_N"]:
        return ""
    return f"{row['vanilla_N']} ({row['vanilla_N_low']} to {row['vanilla_N_high']})"


def predicted(row: Row) -> str:
    """Return the sampled grain, that of the exact theory, and that of state evolution."""
    values = (row["grain"], row["theory_grain"], row["predicted_grain"])
    return " / ".join(f"{float(value):.2f}" if value else "" for value in values)


def scan(rows: list[Row], best: list[Row]) -> str:
    """Return grain, contrast and Frechet distance by alpha, and the best alpha by each."""
    names = [name.replace("pds:", "alpha ").replace(":5", ", alpha 5") for name in SCANNED]
    lines = [_line("N", "size", "of", *names), _line(*["---"] * (3 + len(names)))]
    for count in SCAN_COUNTS:
        for size in sizes(rows):
            cells = {r["arm"]: r for r in rows if (r["N"], r["size"]) == (str(count), str(size))}
            for metric in ("grain", "contrast", "frechet"):
                found = [cells.get(arm) for arm in SCANNED]
                values = ["" if r is None else interval(r, metric) for r in found]
                lines.append(_line(count, f"{size} px", metric, *values))
    lines += ["", _line("N", "size", "Frechet", "exact W2"), _line(*["---"] * 4)]
    for row in best:
        same = [r for r in rows if (r["N"], r["size"]) == (row["N"], row["size"])]
        lines.append(_line(row["N"], f"{row['size']} px", _best(same), row["theory_alpha"]))
    return "\n".join(lines)


def own(rows: list[Row]) -> str:
    """Return the grain of the network's own pictures and of held-out ones by size, in 1/255."""
    lines = [_line("size", "network's own", "held-out"), _line(*["---"] * 3)]
    for size in sizes(rows):
        row = next(row for row in rows if int(row["size"]) == size and row["grain_data"])
        grain = 255 * float(row["own_grain"])
        data = grain * float(row["grain"]) / float(row["grain_data"])
        lines.append(_line(f"{size} px", f"{grain:.2f}", f"{data:.2f}"))
    return "\n".join(lines)


def planted(rows: list[Row]) -> str:
    """Return what one denoising leaves of the theory's noise, by level and size."""
    return "\n".join(_planted(rows))


def survival(rows: list[Row]) -> str:
    """Return the share of noise that survives, by level, strength and size."""
    every = [(size, c) for c in STRENGTHS for size in sizes(rows)]
    titles = (f"{c:g} x, {size} px" for size, c in every)
    lines = [_line("sigma", *titles), _line(*["---"] * (1 + len(every)))]
    cells = {(int(r["size"]), float(r["strength"]), float(r["sigma"])): r for r in rows}
    for sigma in sorted({float(row["sigma"]) for row in rows}, reverse=True):
        values = (float(cells[size, c, sigma]["survival"]) for size, c in every)
        lines.append(_line(f"{sigma:g}", *(f"{value:.3f}" for value in values)))
    return "\n".join(lines)


def extrapolated(points: dict[int, float], size: int = FAR) -> float:
    """Return a power law of the size, fitted to values by size, at another size."""
    slope, start = np.polyfit(np.log(list(points)), np.log(list(points.values())), 1)
    return float(math.exp(start + slope * math.log(size)))


def far(rows: list[Row]) -> str:
    """Return grain, and vanilla's N of equal grain, by size, and their power laws at 1024 px."""
    every = sizes(rows)
    titles = [*(f"{size} px" for size in every), f"{FAR} px, extrapolated"]
    lines = [_line("of", "arm", "N", *titles), _line(*["---"] * (3 + len(titles)))]
    for name, metric, arm, digits in (
        ("grain", "grain", "vanilla", 2),
        ("grain", "grain", "pds:5", 2),
        ("vanilla's N of equal grain", "vanilla_N", "pds:5", 0),
    ):
        for count in (66, *SCAN_COUNTS):
            points = by_size(rows, arm, count, metric)
            if len(points) == len(every) > 1:
                values = [*points.values(), extrapolated(points)]
                lines.append(_line(name, arm, count, *(f"{v:.{digits}f}" for v in values)))
    return "\n".join(lines)


def by_size(rows: list[Row], arm: str, count: int, metric: str = "grain") -> dict[int, float]:
    """Return a metric of an arm at N by size, without values beyond the table such as >100."""
    found = {int(r["size"]): r[metric] for r in rows if (r["arm"], r["N"]) == (arm, str(count))}
    return {size: float(found[size]) for size in sorted(found) if found[size][:1].isdigit()}


def tables(folder: Path = FOLDER) -> Iterator[tuple[str, str]]:
    """Yield the title of every table, and the table."""
    law = read("law", folder)
    yield "Grain", by_count(law, lambda row: interval(row, "grain"))
    yield "Iterations of vanilla with equal grain", by_count(law, matched)
    yield "Contrast", by_count(law, lambda row: interval(row, "contrast"))
    yield "Fine power", by_count(law, lambda row: interval(row, "fine_power"))
    yield "Grain of the images themselves, in 1/255", own(law)
    yield "Grain, sampled / exact theory / state evolution", by_count(law, predicted)
    yield "Alpha", scan(law, read("alpha", folder))
    yield "Planted noise, denoised once", planted(read("planted", folder))
    yield "Survival", survival(read("survival", folder))
    yield "Extrapolation", far(law)
    yield "The natural filter", natural_filter()
    yield "Grain relative to held-out portraits", by_count(law, lambda r: interval(r, "grain_data"))


def natural_filter() -> str:
    """Compare the gain of the natural filter with that of every shipped one, at alpha = 5."""
    titles = ("images", "gain, measured", "gain, natural", "rms difference", "largest")
    lines = [_line(*titles), _line(*["---"] * len(titles))]
    for path in sorted(ROOT.glob("filters/portraits*_freq.npy"), key=_size):
        shape = (3, _size(path), _size(path))
        masks = filters.load(path, shape, kind="frequency"), filters.natural(shape)
        spans = (_span(filters.gain(mask, 5)) for mask in masks)
        gap = filters.difference(*masks)
        name = f"portraits, {_size(path)} px"
        lines.append(_line(name, *spans, f"{gap.rms:.3f}", f"{gap.largest:.3f}"))
    far = _span(filters.gain(filters.natural((3, FAR, FAR)), 5))
    lines.append(_line(f"193 photographs, {FAR} px", "1.06 to 1.18", far, "", ""))
    return "\n".join(lines)


def _size(path: Path) -> int:
    return int(path.stem.removeprefix("portraits").removesuffix("_freq"))


def _span(gain: Tensor) -> str:
    """Return the gain of the lowest frequency along the rows, and the largest."""
    return f"{float(gain[:, 0, 1].mean()):.3f} to {float(gain.max()):.3f}"


def document(folder: Path = FOLDER) -> str:
    """Return all tables as one page of Markdown."""
    parts = [
        "# Every table of the law of resolution",
        "Written by `python -m tools.resolution`; see ../evidence.md.",
    ]
    for title, text in tables(folder):
        parts += [f"## {title}", text]
    return "\n\n".join(parts) + "\n"


def figure(rows: list[Row]) -> go.Figure:
    """Return grain against N for every size, and against the size, up to `FAR`."""
    titles = ("Grain against N", "Grain against the size")
    drawn = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.08)
    for trace in _against_count(rows):
        drawn.add_trace(trace, 1, 1)
    for trace in _against_size(rows):
        drawn.add_trace(trace, 1, 2)
    counts = sorted({int(row["N"]) for row in rows if row["arm"] in ARMS})
    every = [*sizes(rows), FAR]
    drawn.update_xaxes(type="log", title="iterations N", tickvals=counts, col=1)
    drawn.update_xaxes(type="log", title="pixels a side", tickvals=every, col=2)
    drawn.update_yaxes(type="log", tickvals=[0.8, 1, 1.5, 2, 3, 4, 6, 10])
    return laid_out(drawn, height=520, bottom=130)


def _against_count(rows: list[Row]) -> Iterator[go.Scatter]:
    for size, color in zip(sizes(rows), COLORS, strict=False):
        for arm, dash in (("vanilla", "solid"), ("pds:5", "dash")):
            mine = [r for r in rows if r["arm"] == arm and int(r["size"]) == size and r["grain"]]
            mine.sort(key=lambda row: int(row["N"]))
            name = "Vanilla" if arm == "vanilla" else "PDS, alpha 5"
            x = [int(row["N"]) for row in mine]
            line = {"color": color, "dash": dash, "width": 3}
            y = [float(row["grain"]) for row in mine]
            yield go.Scatter(x=x, y=y, name=f"{name}, {size} px", line=line)
    exact = [r for r in rows if r["arm"] == "vanilla" and int(r["size"]) == sizes(rows)[0]]
    exact.sort(key=lambda row: int(row["N"]))
    x = [int(row["N"]) for row in exact]
    y = [float(row["theory_grain"]) for row in exact]
    gray = {"color": "gray", "dash": "dot"}
    yield go.Scatter(x=x, y=y, name="Vanilla, exact theory", line=gray, mode="lines")


def _against_size(rows: list[Row]) -> Iterator[go.Scatter]:
    for arm, color in (("vanilla", "#b4442e"), ("pds:5", "#2a6fb0")):
        for count, dash in zip(SCAN_COUNTS, ("solid", "dash"), strict=True):
            points = by_size(rows, arm, count)
            name = f"{'Vanilla' if arm == 'vanilla' else 'PDS'}, N = {count}"
            line = {"color": color, "dash": dash, "width": 3}
            yield go.Scatter(x=list(points), y=list(points.values()), name=name, line=line)
            if len(points) > 1:
                last = max(points)
                faint = {"color": color, "dash": "dot", "width": 1}
                end = [points[last], extrapolated(points)]
                yield go.Scatter(x=[last, FAR], y=end, line=faint, showlegend=False)


def _best(rows: list[Row]) -> str:
    """Return the alpha of the least Frechet distance."""
    found = [row for row in rows if row["arm"].startswith("pds:") and row["frechet"]]
    if len(found) < 2:
        return ""
    return min(found, key=lambda row: float(row["frechet"]))["arm"].removeprefix("pds:")


def _planted(rows: list[Row]) -> Iterator[str]:
    every = sizes(rows)
    kinds = [f"{kind}, {size} px" for kind in ("c", "network", "linear") for size in every]
    yield _line("N", "sigma", *kinds)
    yield _line(*["---"] * (2 + len(kinds)))
    keys = dict.fromkeys((row["N"], row["sigma"]) for row in rows)
    cells = {(row["N"], row["sigma"], int(row["size"])): row for row in rows}
    for n, sigma in keys:
        if SMALLEST_SIGMA <= float(sigma) <= LARGEST_SIGMA:
            found = [cells[n, sigma, size] for size in every]
            strength = [f"{float(row['strength']):.2f}" for row in found]
            network, linear = (
                [interval(row, kind) for row in found] for kind in ("network", "gaussian")
            )
            yield _line(n, f"{float(sigma):.3f}", *strength, *network, *linear)


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |".replace("| --- |", "|---|").replace(
        " --- |", "---|"
    )


def main() -> None:
    """Write every table and save the figure."""
    page = FOLDER.with_suffix(".md")
    page.write_text(document(), encoding="utf-8")
    print(page)
    photograph(figure(read("law")), FIGURE)


if __name__ == "__main__":
    main()
