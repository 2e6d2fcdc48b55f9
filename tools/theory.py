"""Write the tables and figures of docs/theory.md: python -m tools.theory.

A table stands between <!-- NAME --> and <!-- end -->, and is replaced by that of
`tools.theory_tables` or `tools.experiment_tables`. The figures need Chromium, see
requirements-dev.txt.

With --responses FOLDER the measured responses portraitsSIZE.npz of a folder become the evidence.
They are kept small: pictures are averaged in groups, which leaves the means as they are, and of
which intervals are taken.
"""

import argparse
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from pds.files.arrays import read_npz
from pds.theory import MeasuredResponse, response_file
from tools import experiment_tables
from tools import theory_tables as tables
from tools.browser import ROOT
from tools.evidence import DRAWN, laid_out, photograph

DOCUMENT = ROOT / "docs" / "theory.md"
RESPONSE = ROOT / "docs" / "theory_response.png"
ACCURACY = ROOT / "docs" / "theory.png"

TABLES: dict[str, Callable[[], str]] = {
    "survival": tables.survival,
    "coarse": tables.coarse,
    "grain": partial(tables.accuracy, "grain"),
    "contrast": partial(tables.accuracy, "contrast"),
    "within": tables.within,
    "cause": tables.cause,
    "along": experiment_tables.along,
    "faded": experiment_tables.faded,
    "strengths": tables.strengths,
    "pairs": experiment_tables.pairs,
    "kept": experiment_tables.kept,
    "scales": experiment_tables.scales,
    "closed": experiment_tables.closed,
    "flat": experiment_tables.flat,
    "tuned": tables.tuned_by_network,
    "few": tables.few,
    "resolution": tables.resolution,
}

SIGMAS = ((0.3, "#b4442e"), (0.1, "#c98a1b"), (0.03, "#2a6fb0"))
COARSE_SIGMAS = ((4.0, "#7a5bb5"), (2.0, "#3c8d50"), (1.0, "#4a4a4a"))
DRAWN_SIZE = 64
"""Pixels of the network of the figures."""
LARGEST_STRENGTH = 3.0
NUM_GROUPS = 8
"""Groups of pictures that the evidence keeps of a response."""
GRID = tuple(range(20, 101, 2))


def filled(document: str) -> str:
    """Return the document with every table as it is computed now.

    Raises:
        ValueError: if a table has no place in it, or a place no table.
    """
    places = re.findall(r"<!-- (?!end)(\w+) -->", document)
    if sorted(places) != sorted(TABLES):
        raise ValueError(f"the document must have a place for each of {', '.join(TABLES)}")
    for name, table in TABLES.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        document = place.sub(rf"\1\n{table()}\n\n\2", document)
    return document


def response_figure() -> go.Figure:
    """Return rho in the finest flat places, and tau of the coarsest octave but one, against c."""
    titles = ("Share of noise that is kept, rho", "Share of the coarse image that is kept, tau")
    drawn = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.08)
    for trace in _rho():
        drawn.add_trace(trace, 1, 1)
    for trace in _tau():
        drawn.add_trace(trace, 1, 2)
    drawn.update_xaxes(title="noise in the image / sigma given to the network")
    drawn.update_yaxes(rangemode="tozero")
    return laid_out(drawn, height=520, bottom=130)


def _rho() -> Iterator[go.Scatter]:
    response, linear = tables.measured()[DRAWN_SIZE], tables.gaussian(DRAWN_SIZE).response
    finest = response.bands.num_octaves
    c = np.geomspace(0.8, LARGEST_STRENGTH, 40)
    for sigma, color in SIGMAS:
        for of, dash, name in ((response, "solid", "network"), (linear, "dot", "linear")):
            y = [of.at(sigma, strength, 0.0).noise[finest] for strength in c]
            yield _line(c, y, f"rho, {name}, sigma {sigma:g}", color, dash)


def _tau() -> Iterator[go.Scatter]:
    response, linear = tables.measured()[DRAWN_SIZE], tables.gaussian(DRAWN_SIZE).response
    c = np.geomspace(0.8, LARGEST_STRENGTH, 40)
    for sigma, color in COARSE_SIGMAS:
        for of, dash, name in ((response, "solid", "network"), (linear, "dot", "linear")):
            y = [of.at(sigma, strength, 0.0).picture[1:4].mean() for strength in c]
            yield _line(c, y, f"tau, {name}, sigma {sigma:g}", color, dash)


def accuracy_figure() -> go.Figure:
    """Return predicted grain and contrast as lines against N, and sampled ones as points."""
    titles = ("Grain", "Contrast")
    drawn = make_subplots(cols=2, subplot_titles=titles, horizontal_spacing=0.08)
    for column, metric in enumerate(("grain", "contrast"), 1):
        for trace in _predicted(metric):
            drawn.add_trace(trace, 1, column)
    drawn.update_xaxes(type="log", title="iterations N", tickvals=[20, 25, 33, 40, 50, 66, 100])
    drawn.update_yaxes(type="log", tickvals=[0.5, 0.75, 1, 1.5, 2, 3, 4], col=1)
    drawn.update_yaxes(rangemode="tozero", col=2)
    return laid_out(drawn, height=520, bottom=130)


def _predicted(metric: str) -> Iterator[go.Scatter]:
    shown = metric == "grain"
    for arm in tables.ARMS:
        name, color = DRAWN[arm]
        y = [getattr(tables.predicted(DRAWN_SIZE, arm, n), metric) for n in GRID]
        yield _line(GRID, y, f"{name.split(':')[0]}, predicted", color, "solid", shown)
        cells = {
            n: row for (s, a, n), row in tables.sampled().items() if (s, a) == (DRAWN_SIZE, arm)
        }
        known = sorted(n for n in cells if GRID[0] <= n <= GRID[-1])
        value, low, high = (
            np.array([float(cells[n][metric + end]) for n in known])
            for end in ("", "_low", "_high")
        )
        error = {"array": high - value, "arrayminus": value - low}
        mark = {"color": color, "size": 9}
        yield go.Scatter(
            x=known, y=value, error_y=error, mode="markers", marker=mark, showlegend=False
        )


def _line(
    x: object, y: object, name: str, color: str, dash: str, legend: bool = True
) -> go.Scatter:
    line = {"color": color, "dash": dash, "width": 3 if dash == "solid" else 2}
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=line, showlegend=legend)


def grouped(response: MeasuredResponse, num_groups: int = NUM_GROUPS) -> MeasuredResponse:
    """Return the response with the moments of groups of pictures, as many in each."""
    groups = response.moments.reshape(6, num_groups, -1, *response.moments.shape[2:])
    return replace(response, moments=groups.mean(2))


def ship(folder: Path) -> None:
    """Make the responses of a folder the evidence."""
    for size in tables.SIZES:
        path = folder / tables.response_path(size).name
        response, fingerprint = response_file.load(path), str(read_npz(path)["fingerprint"])
        response_file.save(tables.response_path(size), grouped(response), fingerprint)


def main() -> None:
    """Fill the tables and save the figures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--responses", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    if arguments.responses:
        ship(arguments.responses)
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    print(DOCUMENT)
    photograph(response_figure(), RESPONSE)
    photograph(accuracy_figure(), ACCURACY)


if __name__ == "__main__":
    main()
