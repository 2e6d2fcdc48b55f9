"""Figures that plotly draws in the browser: traces and layouts. No torch, no gradio.

A layout goes to the page once. What a control moves are traces, lists of plain values in plotly's
own terms, so that axes stay where they are and little travels.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import plotly
import plotly.graph_objects as go
from numpy.typing import NDArray

from pds.web.server.messages import rounded
from pds.web.words import short

Array: TypeAlias = NDArray[np.float64]
Trace: TypeAlias = dict[str, Any]
Layout: TypeAlias = dict[str, Any]

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
"""The script that draws, as the package brings it."""

INK, FAINT = "#868b92", "rgba(134,139,146,0.25)"
VANILLA, OURS, TUNED = "#cf6a3f", "#2389a3", "#8a6fc0"
"""Readable on light and dark paper alike."""
SHADES = [[0, "#f3efe4"], [0.5, "#7fb6bf"], [1, "#0e4a5a"]]
TOP_GAIN = 2.0
"""Top of the gain axis: the bound at alpha = 2. Stronger filters stretch it."""

MOST_POINTS = 200
"""Of a curve over iterations."""


@dataclass(frozen=True)
class Gains:
    """The gains of a frequency and a space filter, ready to draw.

    bound: largest gain that their alpha allows for any data.
    frequency: r on the frequency plane, (H, W), zero frequency in the center.
    rows, columns: its frequencies in cycles per pixel, (H,) and (W,).
    radii, radial: mean of r over rings, in cycles per pixel; the images' mean (k = 0) is left out.
    space: a, (H, W), or None where there is no space filter.
    lowest, highest: of r over all channels and frequencies.
    """

    bound: float
    frequency: Array
    rows: Array
    columns: Array
    radii: Array
    radial: Array
    space: Array | None
    lowest: float
    highest: float


@dataclass(frozen=True)
class Levels:
    """The noise levels of two samplers and the data that they pass, ready to draw.

    published, tuned: sigma at each iteration, (N,).
    weakest, strongest: standard deviation of the data's waves.
    mean: of the images' mean on the same scale, (root mean square) sqrt(H W).
    """

    published: Array
    tuned: Array
    weakest: float
    strongest: float
    mean: float

    @property
    def band(self) -> tuple[float, float]:
        """From the smallest to the largest of what the data hold."""
        return self.weakest, max(self.strongest, self.mean)


def layout(title: str, **more: Any) -> Layout:
    """Return a layout in the page's manner, checked by plotly."""
    axis = {"gridcolor": FAINT, "zeroline": False, "color": INK, "fixedrange": True}
    base = go.Layout(
        title={"text": title, "font": {"size": 15}, "x": 0.5, "y": 0.98}, xaxis=axis, yaxis=axis,
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", dragmode=False,
        font={"family": "Source Sans Pro, sans-serif", "size": 14, "color": INK},
        margin={"l": 52, "r": 12, "t": 34, "b": 42}, showlegend=False,
        hoverlabel={"font": {"family": "Source Sans Pro, sans-serif"}},
    )  # fmt: skip
    checked: Layout = base.update(more).to_plotly_json()
    return checked


def line(x: Array, y: Array, color: str, **more: Any) -> Trace:
    """Return a curve."""
    style = {"color": color, "width": 2.5, **more.pop("line", {})}
    return {
        "type": "scatter", "mode": "lines", "x": rounded(x), "y": rounded(y), "line": style,
        **more,
    }  # fmt: skip


def filter_layouts() -> dict[str, Layout]:
    """Return the layouts of the filter's four figures."""
    return {
        "plane": layout(
            "On the frequency plane",
            xaxis={"title": "cycles per pixel", "constrain": "domain", "showgrid": False},
            yaxis={
                "title": "cycles per pixel", "scaleanchor": "x", "constrain": "domain",
                "showgrid": False,
            },
        ),
        "radial": layout(
            "By frequency",
            xaxis={
                "title": "cycles per pixel, logarithmic", "type": "log",
                "range": log_range(1 / 32), "dtick": "D2",
            },
            yaxis={"title": "gain", "range": gain_range(TOP_GAIN)},
        ),
        "surface": layout(
            "As a surface: drag to turn it",
            dragmode="orbit",
            margin={"l": 0, "r": 0, "t": 34, "b": 0},
            scene={
                "xaxis": {"title": "", "color": INK, "gridcolor": FAINT, "nticks": 3},
                "yaxis": {"title": "", "color": INK, "gridcolor": FAINT, "nticks": 3},
                "zaxis": {"title": "gain", "color": INK, "gridcolor": FAINT, "nticks": 4},
                "aspectratio": {"x": 1, "y": 1, "z": 0.6},
                "camera": {"eye": {"x": 1.25, "y": 1.25, "z": 0.75}},
            },
        ),
        "space": layout(
            "The space filter, by pixel",
            xaxis={"constrain": "domain", "showgrid": False, "ticks": "", "showticklabels": False},
            yaxis={
                "scaleanchor": "x", "constrain": "domain", "showgrid": False,
                "autorange": "reversed", "ticks": "", "showticklabels": False,
            },
        ),
    }  # fmt: skip


def levels_layout() -> Layout:
    """Return the layout of the noise levels by iteration."""
    return layout(
        "Noise level at each iteration",
        xaxis={"title": "iteration"},
        yaxis={
            "title": "sigma", "type": "log", "range": [-2.5, 3.4], "dtick": 1,
            "exponentformat": "power",
        },
        margin={"l": 60, "r": 12, "t": 64, "b": 44},
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
    )  # fmt: skip


def iterations_axis(num_steps: int) -> dict[str, Any]:
    """Return what an axis of N iterations has of its own: whole numbers, a little room."""
    room = max(0.5, 0.03 * num_steps)
    return {"range": [1 - room, num_steps + room], "dtick": 1 if num_steps <= 10 else None}


def levels_traces(levels: Levels) -> list[Trace]:
    """Draw sigma at each iteration, above the band of what the data hold."""
    num_steps = len(levels.tuned)
    shown = np.unique(np.linspace(0, num_steps - 1, min(num_steps, MOST_POINTS)).round())
    index = shown.astype(int)
    hover = "iteration %{x}: sigma %{y:.3g}"
    more = {"mode": "lines+markers", "marker": {"size": 5}, "hovertemplate": hover}
    curves = [
        line(shown + 1, sigmas[index], color, name=name, **more)
        for name, sigmas, color in (
            ("vanilla and PDS", levels.published, VANILLA),
            ("tuned", levels.tuned, TUNED),
        )
    ]
    return [*_band(levels), *curves]


def _band(levels: Levels) -> list[Trace]:
    """Shade what the data hold and name its parts, where the falling curves leave room."""
    num_steps = len(levels.tuned)
    ends, (low, high) = np.array(iterations_axis(num_steps)["range"]), levels.band
    quiet = {"hoverinfo": "skip", "showlegend": False}
    nothing = {"width": 0}
    edges = [
        line(ends, np.full(2, low), INK, line=nothing, **quiet),
        line(ends, np.full(2, high), INK, line=nothing, fill="tonexty", fillcolor=FAINT, **quiet),
    ]
    named = {
        "mean": (levels.mean, num_steps, "top left"),
        "strongest": (levels.strongest, num_steps, "top left"),
        "weakest": (levels.weakest, 1, "bottom right"),
    }
    dots = [
        line(ends, np.full(2, level), INK, line={"dash": "dot", "width": 1}, **quiet)
        for level, _, _ in named.values()
    ]
    sigmas, places, sides = zip(*named.values(), strict=True)
    names = {
        "type": "scatter", "mode": "text", "x": list(places), "y": rounded(np.array(sigmas)),
        "text": [f"{name} {short(sigma)}" for name, sigma in zip(named, sigmas, strict=True)],
        "textposition": list(sides), "textfont": {"color": INK}, **quiet,
    }  # fmt: skip
    return [*edges, *dots, names]


def convergence_layout() -> Layout:
    """Return the layout of the filter's change as images come in."""
    return layout(
        "Change of the gain with twice the images",
        xaxis={"title": "images", "type": "log", "range": [0.2, 2.8], "dtick": "D2"},
        yaxis={"title": "change in %", "type": "log", "range": [-2.3, 1.7], "dtick": 1},
        showlegend=True,
    )


def convergence_traces(counts: Array, mean: Array, largest: Array) -> list[Trace]:
    """Draw the mean and the largest relative change of the gain at each doubling."""
    hover = "%{x} images: %{y:.2f} %"
    more = {"mode": "lines+markers", "hovertemplate": hover}
    return [
        line(counts, 100 * change, color, name=name, **more)
        for name, change, color in (("largest", largest, VANILLA), ("mean", mean, OURS))
    ]


def gain_range(top: float) -> list[float]:
    """Return the range of a linear gain axis from just below 1 to just above `top`."""
    margin = 0.04 * (top - 1)
    return [1 - margin, top + margin]


def log_range(lowest: float) -> list[float]:
    """Return the range of a logarithmic axis from just below a frequency to just above 1/2."""
    return [float(np.log10(0.85 * lowest)), float(np.log10(0.52))]


def filter_traces(gains: Gains) -> dict[str, list[Trace]]:
    """Draw the gains, colors spread over the range that alpha allows."""
    colors = {"colorscale": SHADES, "colorbar": {"thickness": 10, "outlinewidth": 0, "nticks": 5}}
    plane = {
        "type": "heatmap", "z": rounded(gains.frequency), "x": rounded(gains.columns),
        "y": rounded(gains.rows), "zmin": 1, "zmax": gains.bound, **colors,
        "hovertemplate": "(%{x:.3f}, %{y:.3f}) cycles per pixel: gain %{z:.3f}<extra></extra>",
    }  # fmt: skip
    surface = {
        **plane, "type": "surface", "cmin": 1, "cmax": gains.bound, "showscale": False,
    }  # fmt: skip
    space = {
        "type": "heatmap", "zmin": 1, "zmax": gains.bound, **colors,
        "z": [] if gains.space is None else rounded(gains.space),
        "hovertemplate": "row %{y}, column %{x}: gain %{z:.3f}<extra></extra>",
    }  # fmt: skip
    return {
        "plane": [plane],
        "radial": _radial(gains),
        "surface": [{key: surface[key] for key in surface if key not in ("zmin", "zmax")}],
        "space": [space],
    }


def _radial(gains: Gains) -> list[Trace]:
    ends = np.array([1e-4, 1.0])
    named = {1.0: "vanilla", gains.bound: f"bound α/(α−1) = {gains.bound:.3f}"}  # noqa: RUF001
    levels = [
        line(ends, np.full(2, level), INK, line={"dash": "dot", "width": 1}, hoverinfo="skip")
        for level in named
    ]
    names = {
        "type": "scatter", "mode": "text", "x": [0.5] * len(named), "y": list(named),
        "text": list(named.values()), "textposition": "top left", "hoverinfo": "skip",
        "textfont": {"color": INK},
    }  # fmt: skip
    hover = "%{x:.3f} cycles per pixel: gain %{y:.3f}<extra></extra>"
    return [*levels, names, line(gains.radii, gains.radial, OURS, hovertemplate=hover)]
