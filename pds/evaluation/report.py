"""The report: curves and tables on one HTML page that needs no network, drawn with plotly.

plotly is imported when a page is written: everything else of an evaluation works without it.
"""

import html
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from pds.evaluation import agreement, equal_grain, validation
from pds.evaluation.equal_grain import AtGrain
from pds.evaluation.equivalence import Match
from pds.evaluation.evidence import REFERENCES, Row
from pds.evaluation.judgments import Judgment
from pds.evaluation.metrics import METRICS, RATIOS
from pds.evaluation.store import Cell
from pds.evaluation.validation import Validation

TITLES = {
    "grain": "Grain: noise in flat places (1 is like the reference)",
    "grain_db": "The same as an error, in decibel",
    "grain_everywhere": "Noise by the median over the whole image, where texture counts too",
    "contrast": "Contrast: power about the mean image, mean of three coarse bands",
    "contrast_1": "Contrast from 1/2 to 3/2 cycles per image",
    "contrast_2": "Contrast from 3/2 to 3 cycles per image",
    "contrast_3": "Contrast from 3 to 6 cycles per image",
    "fine_power": "Power above half Nyquist, noise and texture alike",
    "fine_db": "The same as an error, in decibel",
    "spectrum_db": "Distance of the radial spectrum, in decibel",
    "w2": "Wasserstein-2 distance of the spectrum, per pixel",
    "sliced": "Sliced Wasserstein distance of Haar windows, in the reference's std",
    "frechet": "Frechet distance of the summaries",
}

PREDICTED = {"fine_power": "fine_power", "w2": "w2"}
"""The metrics that the theory predicts."""

RATIO_RANGE = (0.4, 6.0)
"""Initial range of the axis of a ratio."""

NOT_CONVERGED = (
    "Needs twice as many of the network's own images as of a cell, and a cell of the sampler "
    f"that sampled them or of vanilla with N of {agreement.MANY} or more."
)
NO_FAMILIES = "Needs two or more strengths of pds and of scalar at one N."

STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }
td, th { padding: 2px 8px; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
td:first-child, th:first-child { text-align: left; }
pre { overflow-x: auto; }
"""


@dataclass(frozen=True)
class Tables:
    """Everything that a report shows.

    rows: the table.
    matches: vanilla's number of iterations for the quality of each cell, may be empty.
    judgments: the classifier's, may be empty.
    equal_grain: PDS against a constant gain at equal grain, may be empty.
    """

    rows: Sequence[Row]
    matches: Sequence[Match]
    judgments: Sequence[Judgment]
    equal_grain: Sequence[AtGrain]


def can_draw() -> bool:
    """Return whether plotly is installed, which `page` needs."""
    return find_spec("plotly") is not None


def page(title: str, tables: Tables, checked: Validation, converged: Cell) -> str:
    """Return the report as one HTML file that needs no network.

    Args:
        title: of the model.
        tables: the numbers.
        checked: the validation of the metrics.
        converged: the cell of the network's own pictures.
    """
    rows = tables.rows
    kinds = list(dict.fromkeys(row.reference for row in rows))
    against = " and ".join(REFERENCES[kind] for kind in kinds)
    columns = ["arm", "N", "reference", "images", "diverged", "nfe", "seconds"]
    body = [
        f"<h1>{html.escape(title)}: samplers against {against}</h1>",
        "<p>Bars are 95 % bootstrap intervals; image i of every sampler starts from the same noise."
        " Dotted gray is the floor: as many images of the reference itself, mean and range of 39"
        " choices. Dashed is the exact theory for Gaussian data with this spectrum. Click a name to"
        " hide its curve, double-click to isolate it; double-click a figure to include the samplers"
        " that diverge. table.csv has all numbers.</p>",
        "<h2>The network's own images</h2>",
        "<p>They must not depend on the sampler: another sampler with many iterations must give"
        " the same distribution. Of the"
        f" {len(agreement.SHOWN)} numbers of a sentence one lies outside the range by chance in up"
        " to a fifth of all comparisons.</p>",
        *_paragraphs(agreement.sentences(rows, converged), NOT_CONVERGED),
        "<h2>Check of the metrics</h2>",
        f"<pre>{html.escape(validation.text(checked))}</pre>",
        *_figures(rows, kinds),
        "<h2>Acceleration at equal quality</h2>",
        "<p>The N of vanilla that each sampler matches: the smallest N at which vanilla reaches its"
        " score, with 95 % intervals; &lt; and &gt; are outside the table's range. By grain, the"
        " smallest N at which vanilla's grain is as low or no more than the floor.</p>",
        _match_table(tables.matches),
        "<h2>A classifier between each sampler and the network's own images</h2>",
        "<p>Its accuracy on held-out images, with a 95 % interval; 50 % is chance. The control is"
        " the network's own images against other images of the same network.</p>",
        _table(["arm", "N", "images", "accuracy"], map(_judged, tables.judgments)),
        "<h2>PDS and a constant gain at equal grain</h2>",
        *_paragraphs(equal_grain.sentences(tables.equal_grain), NO_FAMILIES),
        "<h2>Table</h2>",
        _table([*columns, *METRICS, "theory w2"], map(_cells, rows)),
    ]  # fmt: skip
    return document(title, body)


def document(title: str, body: Sequence[str]) -> str:
    """Return parts of HTML as one file; the first figure must include the script."""
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{''.join(body)}</body></html>\n"


@dataclass(frozen=True)
class Axes:
    """The axes of a figure, as plotly takes them; y is that of every panel."""

    x: dict[str, Any]
    y: dict[str, Any]


def figure_html(
    title: str, panels: Mapping[str, Iterable[dict[str, Any]]], axes: Axes, *, first: bool
) -> str:
    """Return panels side by side as HTML.

    Args:
        title: of the figure.
        panels: traces of each by its title.
        axes: of all panels.
        first: whether it is the first figure of its page, which carries plotly's script.
    """
    from plotly.subplots import make_subplots

    drawn = make_subplots(cols=len(panels), subplot_titles=list(panels), shared_yaxes=True)
    for column, traces in enumerate(panels.values(), start=1):
        for trace in traces:
            drawn.add_trace(trace, row=1, col=column)
    drawn.update_layout(title=title, template="plotly_white", height=480)
    drawn.update_xaxes(**axes.x)
    drawn.update_yaxes(**axes.y)
    page_part: str = drawn.to_html(full_html=False, include_plotlyjs=first)
    return page_part


def _paragraphs(sentences: Iterator[str], otherwise: str) -> list[str]:
    """Return a paragraph for each sentence, or one that says why there is none."""
    return [f"<p>{html.escape(sentence)}</p>" for sentence in list(sentences) or [otherwise]]


def _figures(rows: Sequence[Row], kinds: Sequence[str]) -> Iterator[str]:
    """Yield a figure for each metric, one panel for each reference."""
    counts = sorted({row.cell.num_steps for row in rows})
    for number, metric in enumerate(METRICS):
        panels = {
            f"against {REFERENCES[kind]}": _traces(
                [row for row in rows if row.reference == kind], metric, named=place == 0
            )
            for place, kind in enumerate(kinds)
        }
        axes = Axes(
            {"type": "log", "title": "iterations N", "tickvals": counts},
            {"type": "log", "range": _decades(rows, metric)},
        )
        yield figure_html(TITLES[metric], panels, axes, first=number == 0)


def _decades(rows: Sequence[Row], metric: str) -> list[float] | None:
    """Return the initial range of the axis, in decades; a diverging sampler would dominate it."""
    if metric in RATIOS:
        return [math.log10(end) for end in RATIO_RANGE]
    floors = [row.floor[metric].value for row in rows if metric in row.floor]
    floors = [floor for floor in floors if floor > 0]
    if not floors:
        return None
    middle = math.log10(min(floors))
    return [middle - 1.3, middle + 2.7]


def _traces(rows: Sequence[Row], metric: str, *, named: bool) -> Iterator[dict[str, Any]]:
    """Yield the curves of one panel; only one panel's are `named` in the legend."""
    from plotly.colors import qualitative

    names = list(dict.fromkeys(row.cell.arm for row in rows))
    for i, name in enumerate(names):
        color = qualitative.Dark24[i % len(qualitative.Dark24)]
        mine = [row for row in rows if row.cell.arm == name]
        scored = [row for row in mine if metric in row.scores]
        values = [row.scores[metric] for row in scored]
        yield {
            "type": "scatter", "mode": "lines+markers", "name": name, "legendgroup": name,
            "showlegend": named,
            "x": [row.cell.num_steps for row in scored], "y": [v.value for v in values],
            "line": {"color": color}, "marker": {"symbol": i % 8, "size": 8},
            "error_y": {
                "symmetric": False, "array": [v.high - v.value for v in values],
                "arrayminus": [v.value - v.low for v in values], "thickness": 1,
            },
        }  # fmt: skip
        known = [row for row in mine if math.isfinite(_predicted(row, metric))]
        if known:
            yield {
                "type": "scatter", "mode": "lines", "legendgroup": name, "showlegend": False,
                "name": f"{name}, theory", "line": {"color": color, "dash": "dash", "width": 1},
                "x": [row.cell.num_steps for row in known],
                "y": [_predicted(row, metric) for row in known],
            }  # fmt: skip
    floors = {row.cell.num_steps: row.floor[metric] for row in rows if metric in row.floor}
    for end, dash in (("value", "dot"), ("low", "1px,4px"), ("high", "1px,4px")):
        yield {
            "type": "scatter", "mode": "lines", "name": "floor", "x": sorted(floors),
            "y": [getattr(floors[n], end) for n in sorted(floors)], "legendgroup": "floor",
            "line": {"color": "gray", "dash": dash}, "showlegend": named and end == "value",
        }  # fmt: skip


def _predicted(row: Row, metric: str) -> float:
    if metric not in PREDICTED:
        return math.nan
    value: float = getattr(row.theory, PREDICTED[metric])
    return value


def _match_table(matches: Sequence[Match]) -> str:
    if not matches:
        return "<p>Needs at least two cells of vanilla that did not diverge.</p>"
    metrics = list(dict.fromkeys(match.metric for match in matches))
    by_cell: dict[tuple[Cell, str], dict[str, Match]] = {}
    for match in matches:
        by_cell.setdefault((match.cell, match.reference), {})[match.metric] = match
    lines = (
        [arm, str(n), kind, *(_matched(scores.get(metric)) for metric in metrics)]
        for ((arm, n), kind), scores in by_cell.items()
    )
    return _table(["arm", "N", "reference", *metrics], lines)


def _matched(match: Match | None) -> str:
    if match is None:
        return ""
    value, low, high = (match.bound(n) for n in (match.value, match.low, match.high))
    return f"{value} ({low} to {high})"


def _judged(judgment: Judgment) -> list[str]:
    value, low, high = (f"{100 * share:.1f} %" for share in judgment.accuracy)
    return [*map(str, judgment.cell), str(judgment.images), f"{value} ({low} to {high})"]


def _cells(row: Row) -> list[str]:
    measured = row.measured
    facts = [row.cell.arm, str(row.cell.num_steps), row.reference, *map(str, measured[:3])]
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
