"""The figures of the story: fixed layouts, and traces from numbers. No torch, no gradio."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pds.appearance import GRAINY
from pds.evaluation.grain_record import GrainPoint
from pds.web.figures import Array, Layout, Trace, layout, line
from pds.web.server.messages import rounded
from pds.web.theme import (
    ADVANTAGE,
    CLEAR,
    COUNTS,
    DIVERGED_COLOR,
    FAINT,
    GAIN,
    HEUN,
    NEUTRAL,
    OURS,
    SCALE_INK,
    TUNED,
    VANILLA,
)

COLORS = {
    "vanilla": VANILLA,
    "PDS": OURS,
    "tuned": TUNED,
    "best gain": GAIN,
    "best constant": GAIN,
    "inverted": NEUTRAL,
    "shuffled": NEUTRAL,
}
DASHES = {"best constant": "dash", "inverted": "dot", "shuffled": "dashdot"}


class ArmStyle(NamedTuple):
    """Name and color of a recorded sampler."""

    title: str
    color: str


ARMS = {
    "vanilla": ArmStyle("vanilla", VANILLA),
    "pds:5": ArmStyle("PDS at alpha 5", OURS),
    "scalar": ArmStyle("a constant gain", GAIN),
    "tuned": ArmStyle("tuned", TUNED),
    "ode-heun": ArmStyle("Heun", HEUN),
}
"""Recorded samplers by their names, as in `pds.arms.names`."""
LEGEND = {
    "showlegend": True,
    "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
}
TOP = {"margin": {"l": 60, "r": 12, "t": 64, "b": 44}}
DIVERGED = -2
"""log10 of vanilla's error over that of PDS; below it PDS diverges: 100 times worse."""


def _log(title: str, low: float, high: float, **more: Any) -> dict[str, Any]:
    """Return a logarithmic axis from low to high, reversed if high is the smaller."""
    ends = [float(np.log10(low)), float(np.log10(high))]
    return {
        "title": title,
        "type": "log",
        "range": ends,
        "dtick": 1,
        "exponentformat": "power",
    } | more


def layouts() -> dict[str, Layout]:
    """Return the layouts of all figures of the story."""
    sigma = _log("sigma, falling", 1500, 0.008)
    counts = _log("iterations N", 9, 2200, tickvals=[10, 25, 66, 200, 2000], dtick=None)
    return {
        "octaves": layout(
            "Strength of the waves; drag the noise",
            xaxis=_log(
                "cycles per image", 0.9, 100, dtick=None, tickvals=[1, 2, 4, 8, 16, 32, 64],
                ticktext=["1", "2", "4", "8", "16", "32", "64"],
            ),
            yaxis=_log(
                "strength (root of the power)", 0.006, 2000, dtick=None,
                tickvals=[0.01, 0.1, 1, 10, 100, 1000],
                ticktext=["0.01", "0.1", "1", "10", "100", "1,000"],
            ),
            **LEGEND, **TOP,
        ),
        "lag": layout(
            "One frequency, relative to exact",
            xaxis=sigma, yaxis={"title": "times what it should be", "range": [0.85, 2.05]},
            **LEGEND, **TOP,
        ),
        "controls": layout(
            "Error at the end; drag to choose N",
            xaxis=counts, yaxis=_log("distance W2 to the data", 1e-5, 3), **LEGEND, **TOP,
        ),
        "map": layout(
            "Where PDS is better (blue) and where vanilla is (red)",
            xaxis=counts | {"title": "iterations N (gray: PDS diverges)"},
            yaxis=_log(
                "alpha", 0.0708, 55, dtick=None, tickvals=[0.1, 0.3, 1, 4, 10, 50],
                ticktext=["1.1", "1.3", "2", "5", "11", "51"],
            ),
            margin={"l": 52, "r": 12, "t": 34, "b": 54},
        ),
        "clocks": layout(
            "Two schedules; drag along the iterations",
            xaxis={"title": "iterations done", "range": [0, 66]},
            yaxis=_log("sigma", 0.005, 2000), **LEGEND, **TOP,
        ),
        "grain": layout(
            "Grain at the end",
            xaxis=_log(
                "iterations N", 18, 220, tickvals=[20, 25, 33, 40, 50, 66, 100, 200], dtick=None,
                tickangle=0,
            ),
            yaxis=_log(
                "times that of the network's own images", 0.7, 8, dtick=None,
                tickvals=[0.7, 1, 1.5, 2, 3, 4, 6, 8], exponentformat="none",
            ),
            **LEGEND, **TOP,
        ),
    }  # fmt: skip


def octave_traces(cycles: Array, strength: Array, sigma: float) -> list[Trace]:
    """Draw the strength of the data's waves and of the noise; shade the drowned waves.

    Args:
        cycles: |k| in cycles per picture, (K,).
        strength: root of the data's power there, (K,).
    """
    hover = "%{x:.3g} cycles per image: %{y:.3g}"
    shade = line(
        cycles, np.maximum(strength, sigma), CLEAR, fill="tonexty", fillcolor=FAINT,
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    noise = line(
        np.array([0.9, 100.0]), np.full(2, sigma), VANILLA, name="noise (sigma)",
        hovertemplate=hover,
    )  # fmt: skip
    both = line(
        cycles, np.hypot(strength, sigma), OURS, name="both", line={"dash": "dot", "width": 1.5},
        hovertemplate=hover,
    )  # fmt: skip
    return [line(cycles, strength, NEUTRAL, name="data", hovertemplate=hover), shade, noise, both]


def lag_traces(runs: Sequence[tuple[int, Array, Array]], wall: float) -> list[Trace]:
    """Draw a frequency's standard deviation relative to the exact one for each N.

    Args:
        runs: N, sigma and the ratio after each iteration that is shown.
        wall: sigma at which the noise is as strong as the frequency.
    """
    curves = [
        line(
            sigma, ratio, COUNTS[n], name=f"N = {n:,}", mode="lines+markers",
            marker={"size": 4}, hovertemplate="sigma %{x:.3g}: %{y:.3f} times",
        )
        for n, sigma, ratio in runs
    ]  # fmt: skip
    right = line(
        np.array([1500.0, 0.008]), np.ones(2), NEUTRAL, line={"width": 1}, hoverinfo="skip",
        showlegend=False,
    )  # fmt: skip
    label = {
        "type": "scatter", "mode": "text", "x": [wall], "y": [1.98], "text": [" its strength"],
        "textposition": "middle right", "hoverinfo": "skip", "showlegend": False,
        "textfont": {"color": NEUTRAL},
    }  # fmt: skip
    return [right, *curves, _upright(wall, (0.85, 2.05)), label]


def control_traces(
    counts: Sequence[int], curves: Mapping[str, Array], crossings: Sequence[float], chosen: int
) -> list[Trace]:
    """Draw the error curves, the crossings of vanilla and PDS, and the chosen N."""
    n = np.array(counts, dtype=float)
    drawn = [
        line(
            n, curve, COLORS[name], name=name, hovertemplate="N = %{x}: %{y:.4f}",
            line={"dash": DASHES.get(name, "solid"), "width": 1.5 if name in DASHES else 2.5},
        )
        for name, curve in curves.items()
    ]  # fmt: skip
    heights = np.exp(np.interp(np.log(crossings), np.log(n), np.log(curves["vanilla"])))
    marks = {
        "type": "scatter", "mode": "markers", "x": rounded(np.array(crossings)),
        "y": rounded(heights), "name": "crossover", "showlegend": bool(len(crossings)),
        "marker": {"symbol": "circle-open", "size": 11, "color": NEUTRAL, "line": {"width": 2}},
        "hovertemplate": "vanilla and PDS are equal at N = %{x:.0f}<extra></extra>",
    }  # fmt: skip
    return [*drawn, marks, _upright(chosen, (1e-5, 3))]


def map_traces(
    counts: Sequence[int], alphas: Sequence[float], advantage: Array, chosen: tuple[int, float]
) -> list[Trace]:
    """Draw log10 of vanilla's error over that of PDS, with the chosen N and alpha.

    Args:
        advantage: for each alpha and N, (len(alphas), len(counts)); gray where below `DIVERGED`.
    """
    strengths = np.array(alphas) - 1
    diverged = advantage < DIVERGED
    heat = {
        "type": "heatmap", "x": list(counts), "y": rounded(strengths),
        "z": rounded(np.where(diverged, np.nan, advantage)),
        "zmin": -1.2, "zmax": 1.2, "colorscale": ADVANTAGE,
        "customdata": rounded(np.clip(10**advantage, 0, 1e6)),
        "colorbar": {
            "thickness": 10, "outlinewidth": 0, "tickvals": [-1, -0.5, 0, 0.5, 1],
            "ticktext": ["10 × worse", "3 ×", "equal", "3 ×", "10 × better"],  # noqa: RUF001
        },
        "hovertemplate": "N = %{x}: error of vanilla / PDS = %{customdata:.2f}<extra></extra>",
    }  # fmt: skip
    even = {
        "type": "contour", "x": list(counts), "y": rounded(strengths),
        "z": rounded(np.clip(advantage, -3, 3)), "showscale": False, "hoverinfo": "skip",
        "contours": {"start": 0, "end": 0, "size": 1, "coloring": "none"},
        "line": {"color": SCALE_INK, "width": 2},
    }  # fmt: skip
    mark = {
        "type": "scatter", "mode": "markers", "x": [chosen[0]], "y": [chosen[1] - 1],
        "marker": {"symbol": "cross-thin", "size": 15, "line": {"width": 3, "color": SCALE_INK}},
        "hoverinfo": "skip", "cliponaxis": False,
    }  # fmt: skip
    return [heat, _divergence(counts, strengths, diverged), even, mark]


def _divergence(counts: Sequence[int], strengths: Array, diverged: NDArray[np.bool_]) -> Trace:
    """Draw the region where PDS diverges in gray; the axis says what gray is."""
    return {
        "type": "heatmap", "x": list(counts), "y": rounded(strengths),
        "z": rounded(np.where(diverged, 1.0, np.nan)), "showscale": False,
        "colorscale": [[0, DIVERGED_COLOR], [1, DIVERGED_COLOR]],
        "hovertemplate": "N = %{x}: PDS diverges<extra></extra>",
    }  # fmt: skip


def clock_traces(sigmas: Sequence[Array], names: Sequence[str], iteration: int) -> list[Trace]:
    """Draw sigma after each iteration of both runs, and the moment that is compared."""
    hover = "after iteration %{x}: sigma %{y:.3g}"
    curves = []
    for sigma, name, color in zip(sigmas, names, (VANILLA, OURS), strict=True):
        done = np.unique(np.linspace(1, len(sigma), min(len(sigma), 120)).round())
        shown = np.maximum(sigma, 0.006)[done.astype(int) - 1]
        mode, marker = "lines+markers", {"size": 4 if len(sigma) <= 120 else 2}
        curves.append(
            line(done, shown, color, name=name, hovertemplate=hover, mode=mode, marker=marker)
        )
    return [*curves, _upright(iteration, (0.005, 2000))]


def grain_traces(curves: Mapping[str, Sequence[GrainPoint]]) -> list[Trace]:
    """Draw grain against N, a line as predicted and points with intervals as measured.

    Args:
        curves: of the samplers of `ARMS`; others are left out.
    """
    ends = line(
        np.array([18.0, 220.0]), np.full(2, GRAINY), NEUTRAL, name="grainy above",
        line={"dash": "dot", "width": 1.5}, hoverinfo="skip",
    )  # fmt: skip
    return [ends, *(trace for arm in ARMS if arm in curves for trace in _arm(arm, curves[arm]))]


def _arm(arm: str, points: Sequence[GrainPoint]) -> list[Trace]:
    title, color = ARMS[arm]
    n, grain, low, high, predicted = np.array([astuple(point) for point in points]).T
    error = {
        "type": "data", "symmetric": False, "array": rounded(high - grain),
        "arrayminus": rounded(grain - low), "thickness": 1.5, "width": 0, "color": color,
    }  # fmt: skip
    measured = {
        "type": "scatter", "mode": "markers", "x": rounded(n), "y": rounded(grain),
        "name": title, "showlegend": False, "error_y": error,
        "marker": {"size": 7, "color": color}, "hovertemplate": "N = %{x}: %{y:.2f} measured",
    }  # fmt: skip
    expected = line(n, predicted, color, name=title, hovertemplate="N = %{x}: %{y:.2f} predicted")
    return [expected, measured]


def _upright(x: float, ends: tuple[float, float]) -> Trace:
    style = {"dash": "dot", "width": 1.5}
    return line(
        np.full(2, float(x)),
        np.array(ends),
        NEUTRAL,
        line=style,
        hoverinfo="skip",
        showlegend=False,
    )
