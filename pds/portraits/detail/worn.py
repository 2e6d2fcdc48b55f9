"""What is worn on the head: glasses, earrings, a knitted cap."""

import numpy as np

from pds.portraits.canvas import Canvas, Field, rgb, ring
from pds.portraits.detail.scene import Scene, bump, soft
from pds.portraits.geometry import EYE_LINE, EYE_X, hairline

FRAME = rgb(0.1, 0.08, 0.1)


def paint_glasses(scene: Scene) -> None:
    """Paint glasses with the reflection of a window."""
    person = scene.person
    y = person.y + EYE_LINE + 0.01
    here = scene.canvas.window(person.x, y, person.width + 0.03, 0.21)
    for side in (-1, 1):
        x = person.x + side * EYE_X
        lens = here.ellipse(x, y, 0.145, 0.12, power=2.8)
        here.shade(1 - 0.12 * bump(lens - 0.03, 0.022) * soft(np.abs(here.x - person.x) - 0.4))
        slope = (here.x - x) * scene.side - 0.9 * (here.y - y)
        sheen = soft(np.abs(slope - 0.08) - 0.03, 0.02) + 0.6 * soft(
            np.abs(slope - 0.145) - 0.01, 0.02
        )
        here.paint((0.06 + 0.16 * sheen) * soft(lens), rgb(1, 1, 1))
        temple = np.maximum(np.abs(here.y - y + 0.035) - 0.009, 0.14 - side * (here.x - x))
        temple = np.maximum(temple, side * (here.x - person.x) - person.width - 0.005)
        here.paint(soft(temple), FRAME)
        frame = ring(lens, 0.026)
        light = bump(frame + 0.008, 0.008) * np.clip(0.3 - (here.y - y) * 4, 0, 1)
        here.paint(soft(frame), np.clip(FRAME + 0.4 * light, 0, 1))
    bow = here.y - y + 0.03 - 2.5 * (here.x - person.x) ** 2
    bridge = np.maximum(np.abs(here.x - person.x) - 0.04, np.abs(bow) - 0.011)
    here.paint(soft(bridge), FRAME)


def paint_earrings(scene: Scene) -> None:
    """Paint a golden ball at each ear."""
    person = scene.person
    for side in (-1, 1):
        x, y = person.x + side * person.width * 1.02, person.y + 0.22
        here = scene.canvas.window(x, y, 0.06, 0.065)
        ball = here.ellipse(x, y, 0.04, 0.045)
        light = 0.75 + 7 * ((here.x - x) * scene.side - (here.y - y)) * 0.8
        here.paint(soft(ball), np.clip(rgb(0.93, 0.76, 0.36) * light, 0.12, 1))
        here.paint(here.spot(x + 0.012 * scene.side, y - 0.015, 0.012, 0.012), rgb(1, 1, 0.95))
        here.paint(0.4 * here.spot(x - 0.015 * scene.side, y + 0.02, 0.012, 0.01), rgb(1, 0.9, 0.6))


def paint_cap(scene: Scene, here: Canvas, shape: Field, top: Field) -> None:
    """Paint a knitted cap with a ribbed brim; `top` is the distance to its outline alone."""
    person = scene.person
    x, y = here.x - person.x, here.y - person.y
    round_x = np.arcsin(np.clip(x / 0.56, -0.98, 0.98)) * 0.56
    slant = np.abs((round_x * 13) % 1 - 0.5)
    stitch = np.cos(2 * np.pi * (y * 19 + 1.1 * slant))
    bands = np.sin(round_x * 46 + 0.8 * np.sin(y * 40)) * 0.5
    light = 1 + 0.1 * stitch - 0.22 * bump(slant - 0.5, 0.12) - 0.12 * bump(slant, 0.08)
    light = light + 0.08 * bands + 0.05 * here.of(scene.grain)
    volume = 1.05 - 0.35 * bump(top, 0.09) + 0.35 * scene.side * x + 0.12 * bump(y + 0.45, 0.2)
    here.paint(soft(shape), person.second_cloth * light * volume)
    line = hairline(person, x * -scene.side)
    brim = np.maximum(np.abs(here.y - line + 0.05) - 0.06, top - 0.022)
    ribs = np.sin(round_x * 95)
    swell = bump(here.y - line + 0.055, 0.06)
    lit = 0.72 + 0.3 * swell + 0.14 * ribs + 0.05 * here.of(scene.grain)
    lit = lit * (1 + 0.3 * scene.side * x)
    here.paint(soft(brim), person.second_cloth * lit)
