"""The figure of a response: the share of planted noise, and of the picture, that is kept."""

import html
from collections.abc import Iterator
from typing import Any

import numpy as np

from pds.evaluation import report, responses
from pds.spectra import Array
from pds.theory import LinearResponse, MeasuredResponse
from pds.theory.response import Shares

COLORS = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#e0c61c")
"""Colors of ascending strengths or octaves: viridis, with an end that is darker on white."""

SHOWN = (1.0, 2.0)
"""Strengths at which the octaves are drawn."""

AXES = report.Axes(
    {"type": "log", "title": "sigma given to the network"},
    {"type": "log", "range": [-3, 0.05]},
)


def page(title: str, response: MeasuredResponse) -> str:
    """Return the figures of a response as one HTML file that needs no network; needs plotly.

    Args:
        title: of the model.
        response: of its score.
    """
    bands = response.bands
    finest, octaves = bands.num_octaves, range(1, bands.num_octaves)
    shown = [int(np.argmin(np.abs(response.strengths - c))) for c in SHOWN]
    places = {
        f"noise that grows as |k|^-{tilt:g}" if layer else "white noise": _strengths(
            response, layer, finest
        )
        for layer, tilt in enumerate(response.tilts)
    }
    noise, picture = (
        {
            f"white noise of {response.strengths[column]:g} times sigma": _bands(
                response, column, octaves, share
            )
            for column in shown
        }
        for share in ("noise", "picture")
    )
    body = [
        f"<h1>{html.escape(title)}: what one denoising keeps</h1>",
        f"<p>Noise of c sigma was planted in {response.num_pictures} held-out images and "
        f"denoised once by a score that is given sigma. Bars are 95 % intervals over images. "
        f"Dashed is the"
        " linear response, power / (power + sigma^2), which is the same for any c.</p>",
        report.figure_html(
            "Share of the noise that is kept in flat places", places, AXES, first=True
        ),
        report.figure_html("Share of the noise that is kept, by octave", noise, AXES, first=False),
        report.figure_html(
            "Share of the image that is kept, by octave", picture, AXES, first=False
        ),
        f"<pre>{html.escape(responses.table(response))}</pre>",
    ]
    return report.document(f"{title}: response", body)


def _strengths(response: MeasuredResponse, layer: int, band: int) -> Iterator[dict[str, Any]]:
    """Yield rho of a band against sigma for each c, at a tilt, and the linear response."""
    rows = [row for row in range(len(response.sigmas)) if response.planted(row, layer)]
    for column, c in enumerate(response.strengths):
        place = (np.array(rows), column, layer, band)
        color = COLORS[column % len(COLORS)]
        yield {**_curve(response, "noise", place, f"c = {c:g}", color), "showlegend": not layer}
    yield _linear(response, band, "black")


def _bands(
    response: MeasuredResponse, column: int, bands: range, share: str
) -> Iterator[dict[str, Any]]:
    """Yield a share of each band against sigma at one c, and the linear response of each."""
    rows = np.arange(len(response.sigmas))
    for band in bands:
        color = COLORS[band % len(COLORS)]
        place = (rows, column, 0, band)
        curve = _curve(response, share, place, response.bands.names[band], color)
        yield {**curve, "showlegend": bool(response.strengths[column] == SHOWN[0])}
        yield _linear(response, band, color)


def _curve(
    response: MeasuredResponse, share: str, place: tuple[Any, ...], name: str, color: str
) -> dict[str, Any]:
    low, high = (getattr(end, share)[place] for end in responses.intervals(response))
    value: Array = getattr(response.shares, share)[place]
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "legendgroup": name,
        "x": response.sigmas[place[0]].tolist(), "line": {"color": color},
        "y": [share if share > 0 else None for share in value.tolist()],  # the axis is logarithmic
        "error_y": {
            "symmetric": False, "array": (high - value).tolist(),
            "arrayminus": (value - low).tolist(), "thickness": 1,
        },
    }  # fmt: skip


def _linear(response: MeasuredResponse, band: int, color: str) -> dict[str, Any]:
    linear = LinearResponse(response.bands, response.power)
    kept: list[Shares] = [linear.at(sigma, 1.0, 0.0) for sigma in response.sigmas.tolist()]
    return {
        "type": "scatter", "mode": "lines", "name": "linear", "legendgroup": "linear",
        "showlegend": False, "x": response.sigmas.tolist(),
        "y": [float(shares.noise[band]) for shares in kept],
        "line": {"color": color, "dash": "dash", "width": 1},
    }  # fmt: skip
