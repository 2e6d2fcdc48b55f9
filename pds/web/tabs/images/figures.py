"""The figure of a filter's convergence. No torch, no gradio."""

from pds.web.figures import Array, Layout, Trace, layout, line
from pds.web.theme import OURS, VANILLA


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
