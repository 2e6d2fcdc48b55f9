"""The head: a relief of the face in key, fill and rim light, ears, nose and freckles."""

import numpy as np

from pds.portraits.canvas import Canvas, Field, rgb
from pds.portraits.detail.lines import covered, points
from pds.portraits.detail.scene import Scene, bump, normals, soft, tinted
from pds.portraits.geometry import EYE_X, MOUTH_LINE, outline

KEY = (0.6, -0.42, 0.68)
SCATTER = (0.55, 0.34, 0.28)
"""How far red, green and blue light creeps around into the shade of skin."""


def paint_head(scene: Scene) -> None:
    """Paint the ears, the face and its nose."""
    if scene.person.style != "curly":
        _ears(scene)
    _face(scene)
    _nostrils(scene)
    if scene.person.freckles:
        _freckles(scene)


def _ears(scene: Scene) -> None:
    person = scene.person
    x, y, w = person.x, person.y, person.width
    for side in (-1, 1):
        here = scene.canvas.window(x + side * w, y + 0.05, 0.12, 0.17)
        ear = here.ellipse(x + side * w, y + 0.05, 0.075, 0.13)
        inner = here.ellipse(x + side * (w + 0.012), y + 0.04, 0.042, 0.085)
        ridge = here.ellipse(x + side * (w - 0.002), y + 0.06, 0.03, 0.055)
        lit = 0.84 + 0.12 * scene.side * side + 0.16 * bump(ear + 0.014, 0.014)
        lit = lit - 0.22 * soft(inner, 0.03) + 0.16 * bump(ridge, 0.012)
        color = tinted(person.skin, 1.03, 0.93, 0.9) * lit
        here.paint(soft(ear), color * (1 + 0.015 * here.of(scene.grain)))


def _relief(here: Canvas, scene: Scene) -> Field:
    """Return the height of the face towards the viewer, (H, W)."""
    person = scene.person
    x, y = person.x, person.y
    u, v = (here.x - x) / person.width, (here.y - y) / person.height
    height = 0.34 * np.sqrt(np.clip(1 - 0.86 * (u**2 + v**2), 0.02, None))
    height = height + 0.036 * here.spot(x, y + 0.03, 0.062, 0.15)
    height += 0.075 * here.spot(x, y + 0.155, 0.06, 0.05)
    height += 0.03 * here.spot(x, y + MOUTH_LINE, 0.17, 0.11)
    height += 0.035 * here.spot(x, y + 0.5, 0.1, 0.07)
    height -= 0.018 * here.spot(x, y + 0.425, 0.09, 0.03)
    for side in (-1, 1):
        height += 0.028 * here.spot(x + side * 0.052, y + 0.172, 0.03, 0.03)
        height -= 0.036 * here.spot(x + side * EYE_X, y - 0.03, 0.12, 0.075)
        height += 0.02 * here.spot(x + side * 0.17, y - 0.15, 0.14, 0.05)
        height += 0.035 * here.spot(x + side * 0.25, y + 0.16, 0.13, 0.11)
    return height


def _face(scene: Scene) -> None:
    person = scene.person
    x, y = person.x, person.y
    here = scene.canvas.window(x, y, 0.55, 0.66)
    nx, ny, nz = normals(_relief(here, scene), here.pixel)
    kx, ky, kz = KEY
    kx *= scene.side * (0.5 + 0.5 * abs(person.light))
    key = nx * kx + ny * ky + nz * kz
    edge = outline(here, person)
    hollow = 1 - 0.2 * bump(edge, 0.05)
    light = [0.56 * hollow + 0.64 * np.clip((key + s) / (1 + s), 0, None) for s in SCATTER]
    pores = 1 + 0.015 * here.of(scene.grain) + 0.016 * here.of(scene.fibers)
    skin = tinted(person.skin, 1.0, 0.985, 0.95) * (np.stack(light) * pores)
    flush = 0.16 * here.spot(x, y + 0.16, 0.06, 0.06)
    for side in (-1, 1):
        flush = flush + 0.5 * here.spot(x + side * 0.25, y + 0.19, 0.13, 0.1)
    flush = flush + 0.05 * here.of(scene.clouds)
    skin = skin * (1 - flush * rgb(0.0, 0.3, 0.33))
    # The half vector between the light and the viewer.
    half = np.array([kx, ky, kz + 1]) / np.sqrt(kx**2 + ky**2 + (kz + 1) ** 2)
    gloss = np.clip(nx * float(half[0]) + ny * float(half[1]) + nz * float(half[2]), 0, 1) ** 24
    skin = skin + 0.13 * gloss * (1 + 0.12 * here.of(scene.grain))
    rim = np.clip(-nx * scene.side - 0.45, 0, None) * bump(edge + 0.012, 0.03)
    skin = skin + 0.55 * rim * (0.4 * person.light_wall + 0.6 * person.skin)
    # Highlights roll off instead of being clipped, and keep their hue.
    bright = np.clip(skin.max(0) - 0.84, 0, None)
    here.paint(soft(edge), skin * (1 - (bright - 0.13 * np.tanh(bright / 0.13)) / (0.84 + bright)))


def _nostrils(scene: Scene) -> None:
    person = scene.person
    x, y = person.x, person.y
    here = scene.canvas.window(x, y + 0.17, 0.16, 0.12)
    deep = tinted(person.skin, 0.42, 0.26, 0.24)
    under = here.spot(x, y + 0.222, 0.075, 0.022)
    here.paint(0.32 * under, deep)
    for side in (-1, 1):
        hole = here.ellipse(x + side * 0.034, y + 0.197, 0.021, 0.0105)
        here.paint(0.85 * soft(hole, 0.014), deep)
        wing = here.ellipse(x + side * 0.055, y + 0.177, 0.03, 0.028)
        outer = np.clip((side * (here.x - x) - 0.055) / 0.02, 0, 1)
        here.paint(0.4 * bump(wing, 0.008) * outer, deep)
    tip = here.spot(x + 0.012 * scene.side, y + 0.145, 0.017, 0.014)
    here.paint(0.4 * tip, np.clip(person.skin * 1.2 + 0.12, 0, 1))


def _freckles(scene: Scene) -> None:
    person, rng, count = scene.person, scene.rng, 90
    here = scene.canvas.window(person.x, person.y + 0.12, 0.45, 0.3)
    x = person.x + rng.normal(0, 0.2, (count, 1))
    y = person.y + 0.13 + rng.normal(0, 0.075, (count, 1))
    turn = np.linspace(0, 2 * np.pi, 8)[None]
    radius = rng.uniform(0.002, 0.007, (count, 1))
    dots = points(
        here, x + radius * np.cos(turn), y + radius * np.sin(turn), np.full((count, 8), 0.2)
    )
    cover = covered(dots) * soft(outline(here, person) + 0.02)
    here.paint(0.75 * cover, person.skin * rgb(0.66, 0.47, 0.38))
