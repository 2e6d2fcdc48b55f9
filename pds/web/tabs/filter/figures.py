"""The figures of a filter's gain and of noise levels. No torch, no gradio."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pds.web.figures import Array, Layout, Trace, layout, line
from pds.web.sentences import short
from pds.web.server.messages import rounded
from pds.web.theme import FAINT, GAINS, NEUTRAL, OURS, RESPONSE, TUNED, VANILLA

TOP_GAIN = 2.0
"""Top of the gain axis: the bound at alpha = 2. Stronger filters stretch it."""
MAX_POINTS = 200
"""Points of a curve over iterations."""
COLORS = {"tuned": TUNED, "response": RESPONSE}
"""Colors of the tuned samplers, by their kinds."""
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Labeled frequencies: plotly labels only single digits between powers of ten."""
FREQUENCIES = {
    "title": "cycles per pixel, logarithmic", "type": "log", "tickmode": "array",
    "tickvals": TICKS, "ticktext": [f"{tick:g}" for tick in TICKS],
}  # fmt: skip
"""An axis of frequencies."""
GAIN_HOVER = "%{x:.3f} cycles per pixel: gain %{y:.3f}<extra></extra>"
NEAR_ONE = (0.9, 1.1)
"""Gains that the axis of a tuned gain always includes."""


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
class RadialGain:
    """The gain of M by frequency, ready to draw.

    radii, gain: mean of the gain over rings, in cycles per pixel; the images' mean is left out.
    """

    radii: Array
    gain: Array

    @property
    def lowest(self) -> tuple[float, float]:
        """The smallest gain and its frequency."""
        return self._at(int(self.gain.argmin()))

    @property
    def highest(self) -> tuple[float, float]:
        """The largest gain and its frequency."""
        return self._at(int(self.gain.argmax()))

    def _at(self, ring: int) -> tuple[float, float]:
        return float(self.gain[ring]), float(self.radii[ring])


@dataclass(frozen=True)
class Levels:
    """The noise levels of two samplers and the levels of the data, ready to draw.

    published, tuned: sigma at each iteration, (N,).
    weakest, strongest: smallest and largest standard deviation of the data at one frequency.
    mean: of the images' mean on the same scale, (root mean square) sqrt(H W).
    """

    published: Array
    tuned: Array
    weakest: float
    strongest: float
    mean: float

    @property
    def band(self) -> tuple[float, float]:
        """The smallest and the largest level of the data."""
        return self.weakest, max(self.strongest, self.mean)


def filter_layouts() -> dict[str, Layout]:
    """Return the layouts of the filter's four figures."""
    return {
        "plane": layout(
            "On the frequency plane",
            margin={"l": 52, "r": 12, "t": 34, "b": 50},
            xaxis={
                "title": {"text": "cycles per pixel", "standoff": 4}, "constrain": "domain",
                "showgrid": False,
            },
            yaxis={
                "title": "cycles per pixel", "scaleanchor": "x", "constrain": "domain",
                "showgrid": False,
            },
        ),
        "radial": layout(
            "By frequency",
            xaxis={**FREQUENCIES, "range": log_range(1 / 32)},
            yaxis={"title": "gain", "range": gain_range(TOP_GAIN)},
        ),
        "surface": layout(
            "As a surface: drag to turn it",
            dragmode="orbit",
            margin={"l": 0, "r": 0, "t": 34, "b": 0},
            scene={
                "xaxis": {"title": "", "color": NEUTRAL, "gridcolor": FAINT, "nticks": 3},
                "yaxis": {"title": "", "color": NEUTRAL, "gridcolor": FAINT, "nticks": 3},
                "zaxis": {"title": "gain", "color": NEUTRAL, "gridcolor": FAINT, "nticks": 4},
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


def tuned_layouts() -> dict[str, Layout]:
    """Return the layouts of a tuned sampler's figures: its noise levels and its gain."""
    levels = layout(
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
    gain = layout("Gain by frequency", xaxis=FREQUENCIES, yaxis={"title": "gain"})
    return {"levels": levels, "gain": gain}


def iterations_axis(num_steps: int) -> dict[str, Any]:
    """Return the range and the ticks of an axis of N iterations."""
    room = max(0.5, 0.03 * num_steps)
    return {"range": [1 - room, num_steps + room], "dtick": 1 if num_steps <= 10 else None}


def levels_traces(levels: Levels, kind: str) -> list[Trace]:
    """Draw sigma at each iteration, above the band of the data's levels.

    Args:
        levels: of the published sampler and the tuned one.
        kind: of the tuned one, one of `COLORS`.
    """
    num_steps = len(levels.tuned)
    shown = np.unique(np.linspace(0, num_steps - 1, min(num_steps, MAX_POINTS)).round())
    index = shown.astype(int)
    hover = "iteration %{x}: sigma %{y:.3g}"
    more = {"mode": "lines+markers", "marker": {"size": 5}, "hovertemplate": hover}
    curves = [
        line(shown + 1, sigmas[index], color, name=name, **more)
        for name, sigmas, color in (
            ("vanilla and PDS", levels.published, VANILLA),
            ("tuned", levels.tuned, COLORS[kind]),
        )
    ]
    return [*_band(levels), *curves]


def _band(levels: Levels) -> list[Trace]:
    """Shade the band of the data's levels and label them where the curves leave room."""
    num_steps = len(levels.tuned)
    ends, (low, high) = np.array(iterations_axis(num_steps)["range"]), levels.band
    quiet = {"hoverinfo": "skip", "showlegend": False}
    edges = [
        line(ends, np.full(2, low), NEUTRAL, line={"width": 0}, **quiet),
        line(
            ends,
            np.full(2, high),
            NEUTRAL,
            line={"width": 0},
            fill="tonexty",
            fillcolor=FAINT,
            **quiet,
        ),
    ]
    named = {
        "mean": (levels.mean, num_steps, "top left"),
        "strongest": (levels.strongest, num_steps, "top left"),
        "weakest": (levels.weakest, 1, "bottom right"),
    }
    dots = [
        line(ends, np.full(2, level), NEUTRAL, line={"dash": "dot", "width": 1}, **quiet)
        for level, _, _ in named.values()
    ]
    sigmas, places, sides = zip(*named.values(), strict=True)
    names = {
        "type": "scatter", "mode": "text", "x": list(places), "y": rounded(np.array(sigmas)),
        "text": [f"{name} {short(sigma)}" for name, sigma in zip(named, sigmas, strict=True)],
        "textposition": list(sides), "textfont": {"color": NEUTRAL}, **quiet,
    }  # fmt: skip
    return [*edges, *dots, names]


def tuned_gain_axes(gain: RadialGain) -> Layout:
    """Return the ranges of the axes of a tuned sampler's gain, which may be below 1."""
    low, high = min(NEAR_ONE[0], gain.lowest[0]), max(NEAR_ONE[1], gain.highest[0])
    margin = 0.04 * (high - low)
    return {
        "xaxis": {"range": log_range(float(gain.radii[0]))},
        "yaxis": {"range": [low - margin, high + margin]},
    }


def tuned_gain_traces(gain: RadialGain) -> list[Trace]:
    """Draw the gain of the sampler that is tuned to the network, beside that of vanilla."""
    curve = line(gain.radii, gain.gain, RESPONSE, hovertemplate=GAIN_HOVER)
    return [*_marked({1.0: "vanilla"}, float(gain.radii[0]), "top right"), curve]


def gain_range(top: float) -> list[float]:
    """Return the range of a linear gain axis from just below 1 to just above `top`."""
    margin = 0.04 * (top - 1)
    return [1 - margin, top + margin]


def log_range(lowest: float) -> list[float]:
    """Return the range of a logarithmic axis from just below a frequency to just above 1/2."""
    return [float(np.log10(0.85 * lowest)), float(np.log10(0.52))]


def filter_traces(gains: Gains) -> dict[str, list[Trace]]:
    """Draw the gains, colors spread over the range that alpha allows."""
    colors = {"colorscale": GAINS, "colorbar": {"thickness": 10, "outlinewidth": 0, "nticks": 5}}
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
    named = {1.0: "vanilla", gains.bound: f"bound α/(α−1) = {gains.bound:.3f}"}  # noqa: RUF001
    return [
        *_marked(named, 0.5, "top left"),
        line(gains.radii, gains.radial, OURS, hovertemplate=GAIN_HOVER),
    ]


def _marked(named: Mapping[float, str], frequency: float, side: str) -> list[Trace]:
    """Draw a dotted line at each of some gains, with its name beside a frequency."""
    ends = np.array([1e-4, 1.0])
    lines = [
        line(ends, np.full(2, level), NEUTRAL, line={"dash": "dot", "width": 1}, hoverinfo="skip")
        for level in named
    ]
    names = {
        "type": "scatter", "mode": "text", "x": [frequency] * len(named), "y": list(named),
        "text": list(named.values()), "textposition": side, "hoverinfo": "skip",
        "textfont": {"color": NEUTRAL},
    }  # fmt: skip
    return [*lines, names]
