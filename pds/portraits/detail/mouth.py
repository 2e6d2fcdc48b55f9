"""The mouth: lips with fine vertical lines and a shine, or an open smile with teeth."""

import numpy as np

from pds.portraits.canvas import Canvas, Field, rgb
from pds.portraits.detail.scene import Scene, bump, soft, tinted
from pds.portraits.geometry import MOUTH_LINE


def paint_mouth(scene: Scene) -> None:
    """Paint the lips, closed or open."""
    person = scene.person
    x, line = person.x, person.y + MOUTH_LINE
    here = scene.canvas.window(x, line, 0.27, 0.2)
    if person.open_mouth:
        _open(scene, here, x, line)
    else:
        _closed(scene, here, x, line)
    for side in (-1, 1):
        at = x + side * (person.mouth_width + 0.008)
        corner = here.spot(at, line + (-0.02 if person.open_mouth else -0.004), 0.022, 0.022)
        here.paint(0.3 * corner, tinted(person.skin, 0.55, 0.4, 0.38))


def _lip(scene: Scene, here: Canvas, lit: Field) -> Field:
    """Return the color of lips, (3, H, W), with fine vertical lines."""
    wrinkles = np.interp(
        here.x, np.linspace(-0.3, 0.3, 130) + scene.person.x, scene.rng.standard_normal(130)
    )
    lit = lit * (1 + 0.035 * wrinkles.astype(np.float32) + 0.02 * here.of(scene.grain))
    return np.clip(scene.person.skin * rgb(0.88, 0.54, 0.51) * lit, 0, 1)


def _closed(scene: Scene, here: Canvas, x: float, line: float) -> None:
    person = scene.person
    w = person.mouth_width
    t = (here.x - x) / w
    arch = np.clip(1 - t**2, 0, 1)
    middle = line + person.smile * arch
    bow = 0.046 * arch**0.6 - 0.012 * bump(t, 0.16)
    fall = 0.06 * arch**0.7
    upper = np.maximum(middle - bow - here.y, here.y - middle)
    lower = np.maximum(middle - here.y, here.y - middle - fall)
    here.paint(
        0.3 * bump(here.y - middle - fall - 0.016, 0.014) * arch,
        tinted(person.skin, 0.6, 0.42, 0.4),
    )
    lips = np.minimum(upper, lower)
    depth = (here.y - middle) / 0.05
    lit = np.where(depth < 0, 0.84 - 0.06 * depth, 1.1 - 0.22 * depth)
    here.paint(0.96 * soft(lips, 0.016) * (np.abs(t) < 1.02), _lip(scene, here, lit))
    shine = here.spot(x + 0.25 * w * scene.side, line + person.smile + 0.017, 0.3 * w, 0.007)
    here.paint(0.42 * shine, np.clip(person.skin * 0.7 + 0.35, 0, 1))
    crease = bump(here.y - middle, 0.0065) * (arch > 0) * np.clip(arch * 4, 0, 1)
    here.paint(0.8 * crease, person.skin * rgb(0.34, 0.16, 0.16))


def _open(scene: Scene, here: Canvas, x: float, line: float) -> None:
    person = scene.person
    w = person.mouth_width
    t = (here.x - x) / w
    arch = np.clip(1 - t**2, 0, 1)
    top = line - 0.025 + 0.012 * (1 - arch)
    bottom = line + (0.03 + 0.6 * person.smile) * arch - 0.02 * (1 - arch)
    lips = np.maximum(top - 0.012 * arch**0.5 - here.y, here.y - bottom - 0.012 * arch**0.5)
    lit = 0.95 + 0.2 * bump(here.y - bottom - 0.002, 0.01)
    here.paint(soft(lips, 0.016) * (np.abs(t) < 1), _lip(scene, here, lit))
    inner = np.maximum(top + 0.006 - here.y, here.y - bottom + 0.014)
    inner = np.maximum(inner, np.abs(here.x - x) - 0.9 * w)
    here.paint(soft(inner), rgb(0.3, 0.1, 0.11))
    teeth = np.maximum(inner, here.y - line - 0.017 + 0.012 * t**2)
    gaps = bump(np.abs(((here.x - x) / 0.034) % 1 - 0.5) - 0.5, 0.09)
    lit = 0.98 - 0.3 * t**2 - 0.13 * gaps - 0.2 * bump(here.y - top, 0.012)
    here.paint(soft(teeth), rgb(0.97, 0.955, 0.93) * lit)
    tongue = soft(inner) * here.spot(x, line + 0.02 + 0.6 * person.smile, 0.5 * w, 0.018)
    here.paint(0.7 * tongue * (here.y > line + 0.02), rgb(0.78, 0.36, 0.37))
