"""Eyes: whites in shade, irises of radial fibers, lids with lashes, brows of single hairs."""

import numpy as np

from pds.portraits.canvas import Canvas, Field, rgb
from pds.portraits.detail.lines import along, covered, lines, uniform
from pds.portraits.detail.scene import Scene, bump, soft, tinted
from pds.portraits.geometry import EYE_LINE, EYE_X

IRIS, PUPIL = 0.052, 0.023
DARK = rgb(0.07, 0.05, 0.06)


def paint_eyes(scene: Scene) -> None:
    """Paint both eyes with their brows."""
    for side in (-1, 1):
        x = scene.person.x + side * EYE_X
        y = scene.person.y + EYE_LINE
        here = scene.canvas.window(x, y - 0.01, 0.16, 0.13)
        upper, lower = _lids(here, x, y)
        opening = np.maximum(upper - here.y, here.y - lower)
        _socket(scene, here, opening, upper)
        _ball(scene, here, x, y, opening, upper)
        _lashes(scene, here, x, y, side)
        _brow(scene, x, y, side)


def _lids(here: Canvas, x: float, y: float) -> tuple[Field, Field]:
    """Return the y of the edges of both lids at each column, (1, W)."""
    arch = 1 - ((here.x - x) / 0.096) ** 2
    return y - 0.008 - 0.041 * arch, y - 0.008 + 0.058 * arch


def _socket(scene: Scene, here: Canvas, opening: Field, upper: Field) -> None:
    skin = scene.person.skin
    here.paint(0.35 * bump(opening, 0.03), tinted(skin, 0.7, 0.5, 0.46))
    crease = bump(here.y - upper + 0.028, 0.0065) * soft(opening - 0.03, 0.03)
    here.paint(0.5 * crease, tinted(skin, 0.5, 0.34, 0.3))
    lid = bump(here.y - upper + 0.015, 0.009) * soft(opening - 0.02, 0.02)
    here.paint(0.25 * lid, np.clip(skin * 1.15 + 0.03, 0, 1))


def _ball(scene: Scene, here: Canvas, x: float, y: float, opening: Field, upper: Field) -> None:
    person = scene.person
    look, cover = x + person.gaze, soft(opening)
    shade = 0.66 + 0.3 * np.clip((here.y - upper) / 0.045, 0, 1)
    shade = shade - 3.2 * (here.x - x) ** 2 / 0.1
    here.paint(cover, rgb(0.97, 0.95, 0.93) * shade)
    corner = bump(np.abs(here.x - x) - 0.09, 0.018)
    here.paint(0.4 * cover * corner, tinted(person.skin, 0.9, 0.55, 0.52))
    dx, dy = here.x - look, here.y - y
    radius = np.sqrt(dx**2 + dy**2)
    around = np.arctan2(dy, dx)
    fibers = np.interp(around, np.linspace(-np.pi, np.pi, 72), scene.rng.standard_normal(72))
    lower_glow = np.clip((dx * -scene.side * 0.6 + dy) / IRIS, -0.4, 1)
    glow = 0.8 + 0.65 * lower_glow * np.clip(radius / 0.04, 0, 1) + 0.16 * fibers
    iris = np.clip(
        person.eyes * 1.15 * glow + 0.12 * bump(radius - 0.03, 0.008) * person.eyes, 0, 1
    )
    limbus = 1 - 0.65 * bump(radius - IRIS, 0.011)
    lid_shadow = 0.5 + 0.5 * np.clip((here.y - upper) / 0.035, 0, 1)
    here.paint(cover * soft(radius - IRIS, 0.014), iris * limbus * lid_shadow)
    here.paint(cover * soft(radius - PUPIL, 0.01), DARK)
    glint = here.ellipse(look + 0.02 * scene.side, y - 0.02, 0.0135, 0.0135)
    here.paint(soft(glint), rgb(1, 1, 1))
    faint = here.ellipse(look - 0.02 * scene.side, y + 0.022, 0.008, 0.007)
    here.paint(0.45 * soft(faint), rgb(1, 1, 1))


def _lashes(scene: Scene, here: Canvas, x: float, y: float, side: int) -> None:
    arch = 1 - ((here.x - x) / 0.104) ** 2
    top = y - 0.008 - 0.043 * arch
    line = soft(np.abs(here.y - top) - 0.009 * np.sqrt(np.clip(arch, 0, None)))
    here.paint(0.92 * line * (arch > 0), DARK)
    low = bump(here.y - (y - 0.008 + 0.058 * arch), 0.006) * (arch > 0.1)
    here.paint(0.45 * low, tinted(scene.person.skin, 0.4, 0.27, 0.26))
    count = 26
    root = np.linspace(-0.95, 1, count, dtype=np.float32)[:, None]
    t, length = along(10), uniform(scene.rng, 0.018, 0.03, count)
    lean = root * 0.7 + side * 0.35
    px = x + 0.1 * root + length * t * lean
    py = y - 0.008 - 0.044 * (1 - root**2) - length * (t - 0.35 * t**2 * np.abs(lean))
    here.paint(covered(lines(here, px, py, 0.75 * (1 - t) ** 0.5)), DARK)
    count = 16
    root = np.linspace(-0.7, 0.8, count, dtype=np.float32)[:, None]
    length = uniform(scene.rng, 0.006, 0.013, count)
    px = x + 0.09 * root + length * along(6) * root
    py = y - 0.006 + 0.058 * (1 - root**2) + length * along(6)
    here.paint(covered(lines(here, px, py, 0.35)), DARK)


def _brow(scene: Scene, x: float, y: float, side: int) -> None:
    person, count = scene.person, 130
    here = scene.canvas.window(x + side * 0.01, y - 0.14 - person.brow, 0.16, 0.08)
    middle, half = x + side * 0.01, 0.125
    root = uniform(scene.rng, -1, 1, count)
    bend = y - 0.13 - person.brow + 0.03 * (root**2 - 1)
    thick = 0.024 * np.sqrt(np.clip(1 - root**2, 0, 1)) * (1 - 0.25 * root * side)
    level = uniform(scene.rng, -1, 1, count)
    t, length = along(12), uniform(scene.rng, 0.03, 0.05, count)
    px = middle + half * root * 0.94 + side * length * t * 0.85
    py = bend + level * thick + length * (0.06 * root * side - 0.3 * (1 - np.abs(root))) * t
    px = px - side * 0.015
    color = np.clip(person.hair * 0.6, 0, 1)
    base = here.stroke(middle, y - 0.13 - person.brow, half, bend=0.03, thickness=0.022)
    here.paint(0.35 * base, color)
    here.paint(0.95 * covered(lines(here, px, py, 0.6 * (1 - 0.7 * t))), color)
