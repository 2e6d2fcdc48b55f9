"""Figures that change when a person moves something, drawn with plotly. No torch, no gradio."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

Figure: TypeAlias = go.Figure

INK, HUE, FAINT = "#868b92", "#2389a3", "rgba(134,139,146,0.25)"
"""Readable on light and dark paper alike."""
SHADES = [[0, "#f3efe4"], [0.5, "#7fb6bf"], [1, "#0e4a5a"]]


@dataclass(frozen=True)
class Gains:
    """The gain r of a frequency filter, ready to draw.

    alpha: strength that it was made with.
    grid: mean over channels, (H, W), zero frequency in the center.
    radii, radial: mean over rings, in cycles per pixel; the mean of an image (k = 0) is left out.
    lowest, highest: over all channels and frequencies.
    """

    alpha: float
    grid: NDArray[np.float64]
    radii: NDArray[np.float64]
    radial: NDArray[np.float64]
    lowest: float
    highest: float

    @property
    def bound(self) -> float:
        """Largest gain that this alpha allows for any data, alpha / (alpha - 1)."""
        return self.alpha / (self.alpha - 1)


def filter_sentence(gains: Gains) -> str:
    """Say what the filter does, in numbers."""
    return (
        f"At alpha = {gains.alpha:g} the gain runs from {gains.lowest:.3f} to {gains.highest:.3f} "
        f"(no data could make it exceed {gains.bound:.3f}). Noise is multiplied by the gain, the "
        f"score by its square: at most {gains.highest**2:.3f}."
    )


def plane_figure(gains: Gains) -> Figure:
    """Draw the gain on the frequency plane, colors spread over the range that alpha allows."""
    rows, columns = (_frequencies(size) for size in gains.grid.shape)
    heat_map = go.Heatmap(
        z=gains.grid, x=columns, y=rows, zmin=1, zmax=gains.bound, colorscale=SHADES,
        colorbar={"thickness": 10, "outlinewidth": 0},
        hovertemplate="(%{x:.3f}, %{y:.3f}) cycles per pixel: gain %{z:.3f}<extra></extra>",
    )  # fmt: skip
    figure = _figure(heat_map, "Gain on the frequency plane")
    figure.update_xaxes(title="cycles per pixel", constrain="domain", showgrid=False)
    figure.update_yaxes(scaleanchor="x", constrain="domain", showgrid=False)
    return figure


def radial_figure(gains: Gains) -> Figure:
    """Draw the gain by radius on its true range, from vanilla's 1 to the bound."""
    curve = go.Scatter(
        x=gains.radii, y=gains.radial, mode="lines", line={"color": HUE, "width": 2.5},
        hovertemplate="%{x:.3f} cycles per pixel: gain %{y:.3f}<extra></extra>",
    )  # fmt: skip
    figure = _figure(curve, "Gain by frequency")
    for height, label in ((gains.bound, "bound α/(α−1)"), (1.0, "vanilla")):  # noqa: RUF001
        figure.add_hline(
            height,
            line={"color": INK, "dash": "dot", "width": 1},
            annotation={"text": label, "xanchor": "right", "yanchor": "bottom"},
        )
    margin = 0.12 * (gains.bound - 1)
    figure.update_xaxes(title="cycles per pixel", rangemode="tozero")
    figure.update_yaxes(range=[1 - margin, gains.bound + margin])
    return figure


def _figure(trace: go.Heatmap | go.Scatter, title: str) -> Figure:
    axis = {"gridcolor": FAINT, "zeroline": False, "color": INK}
    return Figure(
        trace,
        go.Layout(
            title={"text": title, "font": {"size": 16}, "x": 0.5}, xaxis=axis, yaxis=axis,
            height=330, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
            font={"family": "Source Sans Pro, sans-serif", "size": 14, "color": INK},
            margin={"l": 44, "r": 16, "t": 44, "b": 48},
        ),
    )  # fmt: skip


def _frequencies(size: int) -> NDArray[np.float64]:
    return np.fft.fftshift(np.fft.fftfreq(size))
