"""Painting of a person at 32 and 64 px, back to front."""

import numpy as np

from pds.portraits.canvas import (
    PIXEL,
    Canvas,
    Color,
    Field,
    X,
    Y,
    band,
    blank,
    fractal,
    inside,
    rgb,
    ring,
    strands,
)
from pds.portraits.geometry import (
    EYE_LINE,
    EYE_X,
    MOUTH_LINE,
    body,
    collar_flaps,
    front,
    hairline,
    outline,
    skull,
)
from pds.portraits.person import Person

INK = rgb(0.09, 0.07, 0.09)
CONTRAST = {"knit": 0.3, "checks": 0.35, "stripes": 0.8, "plain": 0.0}


def paint(person: Person, rng: np.random.Generator) -> Canvas:
    """Paint a person; `rng` is for texture only."""
    canvas = blank()
    texture = fractal(rng, slope=1.0)
    grain = fractal(rng, slope=0.6)
    _wall(canvas, person, texture, grain)
    tress = _tress(person, rng)
    _hair_behind(canvas, person, tress)
    _clothes(canvas, person, grain)
    _neck(canvas, person)
    _ears(canvas, person)
    _face(canvas, person, texture, grain)
    _eyes(canvas, person)
    _nose(canvas, person)
    _mouth(canvas, person)
    if person.beard:
        _beard(canvas, person, grain)
    if person.style != "bald":
        _hair_in_front(canvas, person, tress)
    if person.glasses:
        _glasses(canvas, person)
    canvas.shade(1 + 0.1 * person.light * -X - 0.06 * Y)
    return canvas


def _wall(canvas: Canvas, person: Person, texture: Field, grain: Field) -> None:
    glow = np.exp(-((X + 0.5 * person.light) ** 2 + (Y + 0.4) ** 2) / 0.8)
    mix = np.clip(glow + 0.13 * texture, 0, 1)
    canvas.pixels[:] = person.wall * (1 - mix) + person.light_wall * mix
    canvas.shade(1 + 0.035 * grain)


def _tress(person: Person, rng: np.random.Generator) -> Field:
    """Return streaks or curls of the hair, about -1 to 1, with a soft highlight."""
    if person.style == "curly":
        pattern = 0.9 * band(rng, center=13)
    elif person.style == "cap":
        pattern = np.sin(X * 46 + 0.8 * np.sin(Y * 40)) * 0.7 + 0.3 * np.sin(Y * 40)
    else:
        part = person.x + 0.12 * person.light
        sweep = np.arctan2(Y - person.y + 0.75, X - part) + 0.35 * np.sin(3 * Y + person.light)
        pattern = strands(rng, sweep, count=160)
    shine = np.exp(-(((Y - person.y + 0.47 + 0.25 * (X - person.x) ** 2) / 0.1) ** 2))
    return 0.55 * pattern + 0.7 * shine - 0.1


def _lay_hair(
    canvas: Canvas, person: Person, cover: Field, tress: Field, *, dark: float, base: Color
) -> None:
    lit = 1 + 0.28 * tress - 0.15 * person.light * (canvas.x - person.x)
    canvas.paint(cover, np.clip(base * dark + 0.02, 0, 1) * lit)


def _hair_behind(canvas: Canvas, person: Person, tress: Field) -> None:
    x, y, w, h = person.x, person.y, person.width, person.height
    if person.style == "long":
        here, dark = canvas.window(x, y + 0.05, 0.72, 0.95), 0.72
        fall = here.ellipse(x, y + 0.12, w * 1.34, h * 1.42, power=2.6)
        hair = np.maximum(fall, here.y - 0.86) + 0.012 * here.of(tress)
    elif person.style == "curly":
        here, dark = canvas, 0.85
        hair = here.ellipse(x, y - 0.1, w * 1.5, h * 1.22) + 0.05 * tress
    elif person.style == "bun":
        here, dark = canvas.window(x, y - h - 0.17, 0.25, 0.25), 0.85
        hair = here.ellipse(x, y - h - 0.17, 0.17, 0.15) + 0.01 * here.of(tress)
    else:
        return
    _lay_hair(here, person, inside(hair), here.of(tress), dark=dark, base=person.hair)


def _clothes(canvas: Canvas, person: Person, grain: Field) -> None:
    here = canvas.window(0, 0.8, 1, 0.24)
    wave = here.y + 0.12 * here.x**2
    if person.cloth_kind == "stripes":
        pattern = np.sin(wave * 38) > 0.2
    elif person.cloth_kind == "checks":
        pattern = np.sin(wave * 30) * np.sin(here.x * 30) > 0
    elif person.cloth_kind == "knit":
        pattern = np.sin(here.x * 75 + 1.6 * np.sin(wave * 50)) > 0.3
    else:
        pattern = np.zeros_like(wave, dtype=bool)
    mix = CONTRAST[person.cloth_kind] * pattern
    cloth = person.cloth * (1 - mix) + person.second_cloth * mix
    folds = 1 + 0.07 * here.of(grain)
    folds = folds - 0.25 * person.light * (here.x - person.x) * 0.6 - 0.25 * np.abs(here.x) ** 3
    here.paint(inside(body(here, person)), cloth * folds)


def _bare_neck(here: Canvas, person: Person) -> Field:
    """Return the signed distance to the neck and the opening of the collar."""
    off = np.abs(here.x - person.x)
    throat = off - 0.19 - 0.25 * np.clip(here.y - 0.58, 0, 1) ** 1.5
    neck = np.maximum(throat, np.abs(here.y - 0.5) - 0.3)
    opening = here.ellipse(person.x, 0.66, 0.3, 0.15)
    if person.collar == "v":
        opening = np.maximum((off + 0.75 * (here.y - 0.98)) * 0.8, 0.55 - here.y)
    return np.minimum(neck, np.maximum(opening, 0.5 - here.y))


def _neck(canvas: Canvas, person: Person) -> None:
    x, chin = person.x, person.y + person.height
    here = canvas.window(x, 0.6, 0.4, 0.45)
    shadow = 0.62 + 0.3 * np.clip((here.y - chin + 0.03) / 0.22, 0, 1)
    side = 1 - 0.25 * person.light * (here.x - x) / 0.3
    here.paint(inside(_bare_neck(here, person)), person.skin * (shadow * side))
    if person.collar == "shirt":
        flaps = inside(collar_flaps(here, person))
        here.paint(flaps, person.second_cloth * (1 - 0.3 * person.light * (here.x - x)))


def _ears(canvas: Canvas, person: Person) -> None:
    x, y, w = person.x, person.y, person.width
    for side in (-1, 1):
        here = canvas.window(x + side * w, y + 0.1, 0.12, 0.25)
        ear = here.ellipse(x + side * w, y + 0.05, 0.075, 0.13)
        here.paint(inside(ear), person.skin * (0.8 - 0.12 * person.light * side))
        if person.earrings and person.style != "cap":
            jewel = here.ellipse(x + side * w * 1.02, y + 0.22, 0.04, 0.045)
            here.paint(inside(jewel), rgb(0.95, 0.82, 0.42))


def _face(canvas: Canvas, person: Person, texture: Field, grain: Field) -> None:
    x, y = person.x, person.y
    here = canvas.window(x, y, 0.55, 0.66)
    u, v = (here.x - x) / person.width, (here.y - y) / person.height
    depth = np.sqrt(np.clip(1 - 0.8 * (u**2 + v**2), 0.04, 1))
    light = 0.76 + 0.3 * depth - 0.17 * person.light * u - 0.07 * v
    skin = person.skin * light + 0.02 * depth**6
    pores = 1 + 0.012 * here.of(texture) + 0.014 * here.of(grain)
    here.paint(inside(outline(here, person)), skin * pores)
    for side in (-1, 1):
        here = canvas.window(x + side * 0.24, y + 0.2, 0.52, 0.4)
        cheek = here.spot(x + side * 0.24, y + 0.2, 0.13, 0.1)
        here.paint(0.28 * cheek, person.skin * rgb(1.0, 0.62, 0.58))
    if person.freckles:
        spots = (grain > 1.25) * canvas.spot(x, y + 0.13, 0.3, 0.11)
        canvas.paint(0.5 * spots, person.skin * rgb(0.68, 0.5, 0.42))


def _eyes(canvas: Canvas, person: Person) -> None:
    y = person.y + EYE_LINE
    for side in (-1, 1):
        x = person.x + side * EYE_X
        here = canvas.window(x, y - 0.01, 0.5, 0.32)
        here.paint(0.3 * here.spot(x, y - 0.01, 0.13, 0.085), person.skin * 0.55)
        here = canvas.window(x, y - 0.08, 0.16, 0.17)
        white = inside(here.ellipse(x, y, 0.088, 0.054))
        here.paint(white, rgb(0.95, 0.94, 0.92))
        look = x + person.gaze
        here.paint(white * inside(here.ellipse(look, y, 0.05, 0.055)), person.eyes)
        here.paint(white * inside(here.ellipse(look, y, 0.026, 0.028)), INK)
        glint = here.ellipse(look - 0.02 * np.sign(person.light), y - 0.02, 0.013, 0.013)
        here.paint(inside(glint), rgb(1, 1, 1))
        here.paint(0.9 * here.stroke(x, y - 0.01, 0.1, bend=0.045, thickness=0.02), INK)
        over = y - 0.13 - person.brow
        brow = here.stroke(x + side * 0.01, over, 0.125, bend=0.03, thickness=0.028)
        here.paint(0.85 * brow, np.clip(person.hair * 0.6, 0, 1))


def _nose(canvas: Canvas, person: Person) -> None:
    x, y, far = person.x, person.y, np.sign(person.light)
    here = canvas.window(x, y + 0.1, 0.25, 0.28)
    length = inside(np.abs(here.y - y - 0.08) - 0.11, softness=0.1)
    bridge = np.exp(-(((here.x - x - far * 0.045) / 0.035) ** 2)) * length
    here.paint(0.28 * bridge, person.skin * 0.6)
    tip = here.spot(x - far * 0.015, y + 0.16, 0.04, 0.04)
    here.paint(0.3 * tip, np.clip(person.skin * 1.25, 0, 1))
    base = here.stroke(x, y + 0.205, 0.075, bend=0.012, thickness=0.016)
    here.paint(0.6 * base, person.skin * 0.45)


def _mouth(canvas: Canvas, person: Person) -> None:
    x, line, w = person.x, person.y + MOUTH_LINE, person.mouth_width
    here = canvas.window(x, line, 0.24, 0.15)
    lips = person.skin * rgb(0.86, 0.5, 0.48)
    if person.open_mouth:
        arch = 1 - ((here.x - x) / w) ** 2
        lower = line + (0.03 + 0.6 * person.smile) * arch
        here.paint(inside(np.maximum(line - 0.025 - here.y, here.y - lower)) * (arch > 0), lips)
        teeth = inside(np.abs(here.y - line) - 0.016) * inside(np.abs(here.x - x) - 0.62 * w)
        here.paint(teeth, rgb(0.96, 0.95, 0.93))
    else:
        here.paint(here.stroke(x, line, w, bend=-person.smile, thickness=0.042), lips)
        crease = here.stroke(x, line - 0.004, w, bend=-person.smile, thickness=0.012)
        here.paint(0.75 * crease, lips * 0.45)


def _bearded(here: Canvas, person: Person) -> Field:
    """Return the signed distance to the beard, around the mouth."""
    off = np.abs(here.x - person.x)
    cheeks = -(here.y - person.y - 0.17 + 0.25 * off * (off < 0.3))
    mouth = -here.ellipse(person.x, person.y + MOUTH_LINE, person.mouth_width * 0.9, 0.05)
    return np.maximum(np.maximum(outline(here, person) - 0.025, cheeks), mouth)


def _beard(canvas: Canvas, person: Person, grain: Field) -> None:
    here = canvas.window(person.x, person.y + 0.4, 0.6, 0.4)
    cover = person.beard * inside(_bearded(here, person), softness=4 * PIXEL)
    stubble = here.of(grain)
    cover = cover * np.clip(0.82 + 0.12 * stubble, 0, 1)
    _lay_hair(here, person, cover, 0.6 * stubble, dark=0.85, base=person.hair)


def _hair_in_front(canvas: Canvas, person: Person, tress: Field) -> None:
    style = person.style
    here = canvas.window(person.x, person.y - 0.07, 0.66, 0.8)
    top, edge = skull(here, person), front(here, person)
    cover = inside(np.maximum(top, edge) + 0.012 * here.of(tress))
    shadow = inside(np.maximum(top, edge - 0.045), softness=0.05)
    here.paint(0.3 * shadow * inside(outline(here, person)), person.skin * 0.4)
    base = person.second_cloth if style == "cap" else person.hair
    _lay_hair(here, person, cover, here.of(tress), dark=1.0, base=base)
    if style == "cap":
        line = hairline(person, (here.x - person.x) * np.sign(person.light))
        brim = inside(np.maximum(np.abs(here.y - line + 0.05) - 0.06, top - 0.02))
        here.paint(brim, person.second_cloth * (0.8 + 0.12 * np.sin(here.x * 60)))


def _glasses(canvas: Canvas, person: Person) -> None:
    y = person.y + EYE_LINE + 0.01
    here = canvas.window(person.x, y, 0.36, 0.16)
    for side in (-1, 1):
        lens = here.ellipse(person.x + side * EYE_X, y, 0.145, 0.12, power=2.8)
        here.paint(0.12 * inside(lens), rgb(1, 1, 1))
        here.paint(inside(ring(lens, 0.028)), INK)
    bridge = np.maximum(np.abs(here.x - person.x) - 0.04, np.abs(here.y - y + 0.03) - 0.012)
    here.paint(inside(bridge), INK)
