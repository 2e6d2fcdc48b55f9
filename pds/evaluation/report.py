"""The report: curves and tables on one HTML page that needs no network."""

import html
import math
from collections.abc import Iterator, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.colors import qualitative

from pds.evaluation import validation
from pds.evaluation.equivalence import Match
from pds.evaluation.evidence import Row
from pds.evaluation.metrics import METRICS
from pds.evaluation.validation import Case

TITLES = {
    "noise_left": "Power above half Nyquist relative to the data (1 is right, more is grain)",
    "noise_db": "The same as an error, in decibel",
    "spectrum_db": "Distance of the radial spectrum, in decibel",
    "w2": "Wasserstein-2 distance of the spectrum, per pixel",
    "sliced": "Sliced Wasserstein distance of Haar windows, in the data's std",
    "frechet": "Frechet distance of the summaries",
}

PREDICTED = {"noise_left": "noise_left", "w2": "w2"}
"""The metrics that the theory predicts."""

STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }
td, th { padding: 2px 8px; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
td:first-child, th:first-child { text-align: left; }
pre { overflow-x: auto; }
"""


def page(title: str, rows: Sequence[Row], matches: Sequence[Match], checked: Sequence[Case]) -> str:
    """Return the report as one HTML file that needs no network.

    Args:
        title: of the model.
        rows: the table.
        matches: vanilla's number of iterations for the quality of each cell, may be empty.
        checked: the validation of the metrics.
    """
    body = [
        f"<h1>{html.escape(title)}: samplers against held-out data</h1>",
        "<p>Bars are 95 % bootstrap intervals; image i of every sampler starts from the same noise."
        " Dotted gray is the floor: as many images of the data. Dashed is the exact theory for"
        " Gaussian data with this spectrum. Click a name to hide its curve, double-click to isolate"
        " it; double-click a figure to include the samplers that diverge. table.csv has all"
        " numbers.</p>",
        "<h2>Check of the metrics</h2>",
        f"<pre>{html.escape(validation.text(list(checked)))}</pre>",
        *_figures(rows),
        "<h2>Acceleration at equal quality</h2>",
        "<p>The N of vanilla that each sampler matches: the smallest N at which vanilla reaches its"
        " score, with 95 % intervals; &lt; and &gt; are outside the table's range.</p>",
        _match_table(matches),
        "<h2>Table</h2>",
        _table(["arm", "N", "images", "diverged", "nfe", "seconds", *METRICS, "theory w2"],
               map(_cells, rows)),
    ]  # fmt: skip
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{''.join(body)}</body></html>\n"


def _figures(rows: Sequence[Row]) -> Iterator[str]:
    script: bool = True
    for metric in METRICS:
        figure = go.Figure(list(_traces(rows, metric)))
        figure.update_layout(title=TITLES[metric], template="plotly_white", height=480)
        counts = sorted({row.cell.num_steps for row in rows})
        figure.update_xaxes(type="log", title="iterations N", tickvals=counts)
        figure.update_yaxes(type="log", range=_decades(rows, metric))
        yield figure.to_html(full_html=False, include_plotlyjs=script)
        script = False


def _decades(rows: Sequence[Row], metric: str) -> list[float] | None:
    """Return the initial range of the axis, in decades; a diverging sampler would dominate it."""
    floors = [row.floor[metric] for row in rows if row.floor.get(metric, 0) > 0]
    if not floors:
        return None
    middle = math.log10(min(floors))
    return [middle - 1.3, middle + 2.7]


def _traces(rows: Sequence[Row], metric: str) -> Iterator[dict[str, Any]]:
    names = list(dict.fromkeys(row.cell.arm for row in rows))
    for i, name in enumerate(names):
        color = qualitative.Dark24[i % len(qualitative.Dark24)]
        mine = [row for row in rows if row.cell.arm == name]
        scored = [row for row in mine if metric in row.scores]
        values = [row.scores[metric] for row in scored]
        yield {
            "type": "scatter", "mode": "lines+markers", "name": name, "legendgroup": name,
            "x": [row.cell.num_steps for row in scored], "y": [v.value for v in values],
            "line": {"color": color}, "marker": {"symbol": i % 8, "size": 8},
            "error_y": {
                "symmetric": False, "array": [v.high - v.value for v in values],
                "arrayminus": [v.value - v.low for v in values], "thickness": 1,
            },
        }  # fmt: skip
        if metric in PREDICTED:
            known = [row for row in mine if math.isfinite(_predicted(row, metric))]
            yield {
                "type": "scatter", "mode": "lines", "legendgroup": name, "showlegend": False,
                "name": f"{name}, theory", "line": {"color": color, "dash": "dash", "width": 1},
                "x": [row.cell.num_steps for row in known],
                "y": [_predicted(row, metric) for row in known],
            }  # fmt: skip
    floors = {row.cell.num_steps: row.floor[metric] for row in rows if metric in row.floor}
    yield {
        "type": "scatter", "mode": "lines", "name": "data", "x": sorted(floors),
        "y": [floors[n] for n in sorted(floors)], "line": {"color": "gray", "dash": "dot"},
    }  # fmt: skip


def _predicted(row: Row, metric: str) -> float:
    value: float = getattr(row.theory, PREDICTED[metric])
    return value


def _match_table(matches: Sequence[Match]) -> str:
    if not matches:
        return "<p>Needs at least two cells of vanilla that did not diverge.</p>"
    metrics = list(dict.fromkeys(match.metric for match in matches))
    by_cell: dict[tuple[str, int], dict[str, Match]] = {}
    for match in matches:
        by_cell.setdefault(match.cell, {})[match.metric] = match
    lines = (
        [arm, str(n), *(_matched(found[metric]) for metric in metrics)]
        for (arm, n), found in by_cell.items()
    )
    return _table(["arm", "N", *metrics], lines)


def _matched(match: Match) -> str:
    value, low, high = (match.bound(n) for n in (match.value, match.low, match.high))
    return f"{value} ({low} to {high})"


def _cells(row: Row) -> list[str]:
    measured = row.measured
    facts = [row.cell.arm, *(str(n) for n in (row.cell.num_steps, *measured[:3]))]
    values = []
    for metric in METRICS:
        score = row.scores.get(metric)
        values.append("" if score is None else f"{score.value:.3g} ({score.low:.3g}"
                      f" to {score.high:.3g})")  # fmt: skip
    theory = "" if math.isnan(row.theory.w2) else f"{row.theory.w2:.3g}"
    return [*facts, f"{measured.seconds:.3g}", *values, theory]


def _table(titles: Sequence[str], lines: Iterator[list[str]]) -> str:
    head = "".join(f"<th>{html.escape(title)}</th>" for title in titles)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in lines
    )
    return f"<table><tr>{head}</tr>{body}</table>"
