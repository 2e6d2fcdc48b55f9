"""The colors of the page: defined once, with enough contrast."""

import re

import pytest

from pds.web import layout, theme
from pds.web.theme import COLORS
from tests.support.paths import ROOT

LITERAL = re.compile(
    r"(?<![&\w])#(?:[0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})\b|\b(?:rgb|hsl)a?\(", re.I
)
FILES = [
    path
    for path in sorted((ROOT / "pds" / "web").rglob("*"))
    if path.suffix in (".py", ".js", ".css", ".html") and path.name != "theme.py"
]
STYLES = "\n".join(path.read_text(encoding="utf-8") for path in FILES if path.suffix == ".css")
SCRIPTS = "\n".join(path.read_text(encoding="utf-8") for path in FILES if path.suffix == ".js")


def luminance(color):
    """Relative luminance of a color, as WCAG 2.1 defines it."""
    channels = [value / 255 for value in bytes.fromhex(color[1:])]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_a_color_is_written_in_the_theme_only(path):
    assert LITERAL.findall(path.read_text(encoding="utf-8")) == []


def test_every_color_that_scripts_and_figures_read_is_in_the_theme():
    read = set(re.findall(r'\bcolor\((?:\w+, )?"([a-z-]+)"\)', SCRIPTS))
    assert read and read <= set(COLORS)


def test_every_color_of_the_theme_is_used():
    used = set(re.findall(r"var\(--([\w-]+)", STYLES)) | set(re.findall(r'"([a-z-]+)"', SCRIPTS))
    assert set(COLORS) - used == set()


def test_every_custom_property_of_the_styles_is_set():
    page = theme.css() + STYLES + SCRIPTS
    used = set(re.findall(r"var\((--[\w-]+)\)", STYLES))
    assert {name for name in used if f"{name}:" not in page and f'"{name}"' not in page} == set()


@pytest.mark.parametrize("mode", ["light", "dark", "printed"])
@pytest.mark.parametrize("name", ["ink", "soft", "label", "vanilla", "ours", "bad"])
def test_text_is_readable_on_the_page(name, mode):
    """4.5 is what WCAG 2.1 asks of text."""
    assert contrast(getattr(COLORS[name], mode), getattr(COLORS["paper"], mode)) >= 4.5


def test_the_page_has_the_theme_before_its_other_styles():
    assert layout.options()["css"].startswith(theme.css())
