"""The colors of the page: one table, which its styles, scripts and figures read.

Styles and scripts read a color as a custom property, `var(--ink)`. Figures are drawn once for light
and dark pages, so that their colors must be readable on both.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

CLEAR = "rgba(0,0,0,0)"
NEUTRAL, FAINT = "#868b92", "rgba(134,139,146,0.25)"
"""Text and axes of figures, and their grid. The page draws `label` in place of the first."""
VANILLA, OURS, TUNED, RESPONSE = "#cf6a3f", "#2389a3", "#8a6fc0", "#5f9641"
"""Curves of the samplers."""
GAIN, HEUN = "#a08a2e", "#5b9a55"
"""Curves of a best gain and of Heun's sampler."""
SCALE_INK, SCALE_PAPER = "#1c1e21", "#f3efe4"
"""Marks on a color scale, and its lightest color."""
DIVERGED_COLOR = "#a39f98"
"""Region of a map where a sampler diverges."""
COUNTS = {2000: "#b9c4c9", 200: "#7fa8b8", 66: "#3f7f97", 25: "#cf6a3f"}
"""Curves of numbers of iterations, from many to few."""

Scale = Sequence[tuple[float, str]]

GAINS: Scale = [(0, SCALE_PAPER), (0.5, "#7fb6bf"), (1, "#0e4a5a")]
"""Gains from 1 to their bound."""


class Color(NamedTuple):
    """A color of light pages, dark pages, and paper."""

    light: str
    dark: str
    printed: str


def _same(color: str) -> Color:
    return Color(color, color, color)


COLORS: Mapping[str, Color] = {
    "paper": Color("#faf9f6", "#131518", "#ffffff"),
    "card": Color("#ffffff", "#1b1e22", "#ffffff"),
    "ink": Color("#1c1e21", "#ecebe7", "#1c1e21"),
    "soft": Color("#5d6269", "#a2a7ae", "#5d6269"),
    "label": Color("#5d6269", "#a2a7ae", "#3c4147"),
    "line": Color("#dddad2", "#33373d", "#c9c6be"),
    "vanilla": Color("#b4481f", "#f0905f", "#b4481f"),
    "ours": Color("#14697f", "#5cc3d9", "#14697f"),
    "data": Color("#6a6e74", "#8f949b", "#6a6e74"),
    "bad": Color("#b3261e", "#ff8a80", "#b3261e"),
    "on-ink": Color("#ffffff", "#131518", "#ffffff"),
    "neutral": _same(NEUTRAL),
    "tuned": _same(TUNED),
    "response": _same(RESPONSE),
    "scale-ink": _same(SCALE_INK),
    "scale-paper": _same(SCALE_PAPER),
    "white": _same("#ffffff"),
    "black": _same("#000000"),
}
"""The custom properties of the page."""

ADVANTAGE: Scale = [
    (0, COLORS["vanilla"].light),
    (0.35, "#e8b598"),
    (0.5, SCALE_PAPER),
    (0.65, "#9cc7cf"),
    (1, COLORS["ours"].light),
]
"""Comparison of two samplers, from vanilla's advantage to that of PDS."""


def css() -> str:
    """Return the colors as CSS; print.js sets the classes of paper while the page is printed."""
    changing = {name: color for name, color in COLORS.items() if len(set(color)) > 1}
    light = {name: color.light for name, color in COLORS.items()}
    dark = {name: color.dark for name, color in changing.items()}
    printed = {name: color.printed for name, color in changing.items()}
    rules = (
        f":root {{ {_properties(light)} }}",
        f".dark {{ {_properties(dark)} }}",
        f".pds-printing, .pds-printing body {{ --paper: {printed['paper']} !important; }}",
        f".pds-on-paper {{ {_properties(printed)} }}",
    )
    return "\n".join([*rules, _redrawn("soft"), _redrawn("ink")])


def _properties(colors: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {color};" for name, color in colors.items())


def _redrawn(name: str) -> str:
    """Print the lines of a figure that was drawn on a dark page, which would fade on paper."""
    channels = ", ".join(str(value) for value in bytes.fromhex(COLORS[name].dark[1:]))
    lines = f".pds-on-paper .js-plotly-plot [style*='stroke: rgb({channels})']"
    return f"{lines} {{ stroke: var(--{name}) !important; }}"
