"""What all figures share: a layout and a curve. No torch, no gradio.

plotly draws in the browser. A layout is sent to the page once; the controls update traces only, as
lists of plain values in plotly's format, so that axes stay fixed and messages are small.
"""

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import plotly
import plotly.graph_objects as go
from numpy.typing import NDArray

from pds.web.server.messages import rounded
from pds.web.theme import CLEAR, FAINT, NEUTRAL

Array: TypeAlias = NDArray[np.float64]
Trace: TypeAlias = dict[str, Any]
Layout: TypeAlias = dict[str, Any]

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
"""The script that draws in the browser, from the package."""


def layout(title: str, **more: Any) -> Layout:
    """Return a layout in the style of the page, validated by plotly."""
    axis = {"gridcolor": FAINT, "zeroline": False, "color": NEUTRAL, "fixedrange": True}
    base = go.Layout(
        title={"text": title, "font": {"size": 15}, "x": 0.5, "y": 0.98}, xaxis=axis, yaxis=axis,
        paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, dragmode=False,
        font={"family": "Source Sans Pro, sans-serif", "size": 14, "color": NEUTRAL},
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
