"""How a person is painted, back to front."""

import numpy as np

from pds.portraits.canvas import (
    PIXEL,
    Canvas,
    Field,
    X,
    Y,
    band,
    ellipse,
    fractal,
    inside,
    ring,
    strands,
    stroke,
)
from pds.portraits.person import Color, Person

INK = np.array([0.09, 0.07, 0.09], np.float32)
EYE_LINE, EYE_X = -0.02, 0.175


def paint(person: Person, rng: np.random.Generator) -> Canvas:
    """Paint a person; `rng` is for texture only."""
    canvas = Canvas()
    texture = fractal(rng, slope=1.0)
    grain = fractal(rng, slope=0.6)
    _wall(canvas, person, texture, grain)
    tress = _tress(person, rng)
    _hair_behind(canvas, person, tress)
    _clothes(canvas, person, rng, grain)
    _neck(canvas, person)
    _face(canvas, person, texture, grain)
    _eyes(canvas, person)
    _nose_and_mouth(canvas, person)
    if person.beard:
        _beard(canvas, person, grain)
    _hair_in_front(canvas, person, tress)
    if person.glasses:
        _glasses(canvas, person)
    canvas.shade(1 + 0.1 * person.light * -X - 0.06 * Y)
    return canvas


def _wall(canvas: Canvas, person: Person, texture: Field, grain: Field) -> None:
    glow = np.exp(-((X + 0.5 * person.light) ** 2 + (Y + 0.4) ** 2) / 0.8)
    mix = np.clip(glow + 0.13 * texture, 0, 1)[..., None]
    canvas.pixels = person.wall * (1 - mix) + person.light_wall * mix
    canvas.shade(1 + 0.035 * grain)


def _tress(person: Person, rng: np.random.Generator) -> Field:
    """Streaks or curls of the hair, about -1 to 1, with a soft highlight."""
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
    canvas: Canvas,
    person: Person,
    cover: Field,
    tress: Field,
    *,
    dark: float,
    base: Color | None = None,
) -> None:
    base = person.hair if base is None else base
    lit = 1 + 0.28 * tress - 0.15 * person.light * (X - person.x)
    canvas.paint(cover, np.clip(base * dark + 0.02, 0, 1) * lit[..., None])


def _hair_behind(canvas: Canvas, person: Person, tress: Field) -> None:
    x, y, w, h = person.x, person.y, person.width, person.height
    if person.style == "long":
        fall = np.maximum(ellipse(x, y + 0.12, w * 1.34, h * 1.42, power=2.6), Y - 0.86)
        _lay_hair(canvas, person, inside(fall + 0.012 * tress), tress, dark=0.72)
    elif person.style == "curly":
        cloud = ellipse(x, y - 0.1, w * 1.5, h * 1.22)
        _lay_hair(canvas, person, inside(cloud + 0.05 * tress), tress, dark=0.85)
    elif person.style == "bun":
        knot = ellipse(x, y - h - 0.17, 0.17, 0.15)
        _lay_hair(canvas, person, inside(knot + 0.01 * tress), tress, dark=0.85)


def _clothes(canvas: Canvas, person: Person, rng: np.random.Generator, grain: Field) -> None:
    body = ellipse(person.x, 1.28, 0.9, 0.66, power=2.5)
    cloth = np.broadcast_to(person.cloth, (*X.shape, 3))
    wave = Y + 0.12 * X**2
    if person.cloth_kind == "stripes":
        pattern = np.sin(wave * 38) > 0.2
    elif person.cloth_kind == "checks":
        pattern = np.sin(wave * 30) * np.sin(X * 30) > 0
    elif person.cloth_kind == "knit":
        pattern = np.sin(X * 75 + 1.6 * np.sin(wave * 50)) > 0.3
    else:
        pattern = np.zeros_like(X, dtype=bool)
    contrast = {"knit": 0.3, "checks": 0.35, "stripes": 0.8, "plain": 0.0}[person.cloth_kind]
    mix = (contrast * pattern)[..., None]
    cloth = cloth * (1 - mix) + person.second_cloth * mix
    folds = 1 + 0.07 * grain - 0.25 * person.light * (X - person.x) * 0.6 - 0.25 * np.abs(X) ** 3
    canvas.paint(inside(body), cloth * folds[..., None])


def _neck(canvas: Canvas, person: Person) -> None:
    x, chin = person.x, person.y + person.height
    throat = np.abs(X - x) - 0.19 - 0.25 * np.clip(Y - 0.58, 0, 1) ** 1.5
    neck = np.maximum(throat, np.abs(Y - 0.5) - 0.3)
    opening = ellipse(x, 0.66, 0.3, 0.15)
    if person.collar == "v":
        opening = np.abs(X - x) + 0.75 * (Y - 0.98)
        opening = np.maximum(opening * 0.8, 0.55 - Y)
    shadow = 0.62 + 0.3 * np.clip((Y - chin + 0.03) / 0.22, 0, 1)
    side = 1 - 0.25 * person.light * (X - x) / 0.3
    skin = person.skin * (shadow * side)[..., None]
    canvas.paint(inside(np.minimum(neck, np.maximum(opening, 0.5 - Y))), skin)
    if person.collar == "shirt":
        off = np.abs(X - x)
        flap = np.maximum.reduce(
            [off - 0.3, 0.07 - off, 0.75 - 0.5 * off - Y, Y - 0.94 + 0.5 * off]
        )
        canvas.paint(
            inside(flap), person.second_cloth * (1 - 0.3 * person.light * (X - x))[..., None]
        )


def _outline(person: Person) -> Field:
    """The signed distance to the face, narrower towards the chin."""
    down = np.clip((Y - person.y) / person.height, 0, 1)
    return ellipse(
        person.x, person.y, person.width * (1 - person.jaw * down**2), person.height, power=2.15
    )


def _face(canvas: Canvas, person: Person, texture: Field, grain: Field) -> None:
    x, y = person.x, person.y
    u, v = (X - x) / person.width, (Y - y) / person.height
    depth = np.sqrt(np.clip(1 - 0.8 * (u**2 + v**2), 0.04, 1))
    light = 0.76 + 0.3 * depth - 0.17 * person.light * u - 0.07 * v
    skin = person.skin * light[..., None] + 0.02 * (depth[..., None] ** 6)
    for side in (-1, 1):
        ear = ellipse(x + side * person.width * 1.0, y + 0.05, 0.075, 0.13)
        canvas.paint(inside(ear), person.skin * (0.8 - 0.12 * person.light * side))
        if person.earrings and person.style != "cap":
            jewel = ellipse(x + side * person.width * 1.02, y + 0.22, 0.04, 0.045)
            canvas.paint(inside(jewel), np.array([0.95, 0.82, 0.42]))
    canvas.paint(inside(_outline(person)), skin * (1 + 0.012 * texture + 0.014 * grain)[..., None])
    for side in (-1, 1):
        cheek = np.exp(-(((X - x - side * 0.24) / 0.13) ** 2 + ((Y - y - 0.2) / 0.1) ** 2))
        canvas.paint(0.28 * cheek, person.skin * np.array([1.0, 0.62, 0.58]))
    if person.freckles:
        spots = (grain > 1.25) * np.exp(-(((X - x) / 0.3) ** 2 + ((Y - y - 0.13) / 0.11) ** 2))
        canvas.paint(0.5 * np.clip(spots, 0, 1), person.skin * np.array([0.68, 0.5, 0.42]))


def _eyes(canvas: Canvas, person: Person) -> None:
    y = person.y + EYE_LINE
    for side in (-1, 1):
        x = person.x + side * EYE_X
        socket = np.exp(-(((X - x) / 0.13) ** 2 + ((Y - y + 0.01) / 0.085) ** 2))
        canvas.paint(0.3 * socket, person.skin * 0.55)
        white = inside(ellipse(x, y, 0.088, 0.054))
        canvas.paint(white, np.array([0.95, 0.94, 0.92]))
        look = x + person.gaze
        canvas.paint(white * inside(ellipse(look, y, 0.05, 0.055)), person.eyes)
        canvas.paint(white * inside(ellipse(look, y, 0.026, 0.028)), INK)
        canvas.paint(
            inside(ellipse(look - 0.02 * np.sign(person.light), y - 0.02, 0.013, 0.013)), np.ones(3)
        )
        canvas.paint(0.9 * stroke(x, y - 0.01, 0.1, bend=0.045, thickness=0.02), INK)
        brow = stroke(x + side * 0.01, y - 0.13 - person.brow, 0.125, bend=0.03, thickness=0.028)
        canvas.paint(0.85 * brow, np.clip(person.hair * 0.6, 0, 1))


def _nose_and_mouth(canvas: Canvas, person: Person) -> None:
    x, y, far = person.x, person.y, np.sign(person.light)
    bridge = np.exp(-(((X - x - far * 0.045) / 0.035) ** 2)) * inside(
        np.abs(Y - y - 0.08) - 0.11, softness=0.1
    )
    canvas.paint(0.28 * bridge, person.skin * 0.6)
    tip = np.exp(-(((X - x + far * 0.015) / 0.04) ** 2 + ((Y - y - 0.16) / 0.04) ** 2))
    canvas.paint(0.3 * tip, np.clip(person.skin * 1.25, 0, 1))
    canvas.paint(0.6 * stroke(x, y + 0.205, 0.075, bend=0.012, thickness=0.016), person.skin * 0.45)
    line, w = y + 0.335, person.mouth_width
    lips = person.skin * np.array([0.86, 0.5, 0.48])
    if person.open_mouth:
        arch = 1 - ((X - x) / w) ** 2
        lower = line + (0.03 + 0.6 * person.smile) * arch
        mouth = inside(np.maximum(line - 0.025 - Y, Y - lower)) * (arch > 0)
        canvas.paint(mouth, lips)
        teeth = inside(np.abs(Y - line) - 0.016) * inside(np.abs(X - x) - 0.62 * w)
        canvas.paint(teeth, np.array([0.96, 0.95, 0.93]))
    else:
        canvas.paint(stroke(x, line, w, bend=-person.smile, thickness=0.042), lips)
        canvas.paint(
            0.75 * stroke(x, line - 0.004, w, bend=-person.smile, thickness=0.012), lips * 0.45
        )


def _beard(canvas: Canvas, person: Person, grain: Field) -> None:
    x, y = person.x, person.y
    low = np.maximum(
        _outline(person) - 0.025, -(Y - y - 0.17 + 0.25 * np.abs(X - x) * (np.abs(X - x) < 0.3))
    )
    mouth = -ellipse(x, y + 0.335, person.mouth_width * 0.9, 0.05)
    cover = person.beard * inside(np.maximum(low, mouth), softness=4 * PIXEL)
    _lay_hair(canvas, person, cover * np.clip(0.82 + 0.12 * grain, 0, 1), 0.6 * grain, dark=0.85)


def _hair_in_front(canvas: Canvas, person: Person, tress: Field) -> None:
    x, y, w, h = person.x, person.y, person.width, person.height
    if person.style == "bald":
        return
    part = (X - x) * np.sign(person.light)
    line = {
        "short": y - 0.3 - 0.02 * np.cos(9 * part),
        "swept": y - 0.32 + 0.3 * np.clip(part, 0, None) - 0.06 * part,
        "bangs": y - 0.19 + 0.015 * np.cos(24 * part),
        "long": y - 0.36 + 0.75 * part**2 * 2.0,
        "curly": y - 0.31 + 0.5 * part**2,
        "bun": y - 0.36 + 0.55 * part**2,
        "cap": y - 0.2 + 0.1 * part**2,
    }[person.style]
    thick = {"curly": 1.16, "cap": 1.12, "short": 1.07, "bun": 1.05}.get(person.style, 1.1)
    skull = ellipse(x, y - 0.07, w * thick, h * thick - 0.02, power=2.2)
    sides = {"long": 0.3, "curly": 0.12, "bangs": 0.12, "bun": 0.02, "cap": -0.1}.get(
        person.style, 0.0
    )
    temples = np.clip((np.abs(X - x) - w * 0.86) / 0.05, 0, 1) * (0.16 + sides)
    front = Y - line - temples
    cover = inside(np.maximum(skull, front) + 0.012 * tress)
    shadow = inside(np.maximum(skull, front - 0.045), softness=0.05)
    canvas.paint(0.3 * shadow * inside(_outline(person)), person.skin * 0.4)
    base = person.second_cloth if person.style == "cap" else person.hair
    _lay_hair(canvas, person, cover, tress, dark=1.0, base=base)
    if person.style == "cap":
        brim = inside(np.maximum(np.abs(Y - line + 0.05) - 0.06, skull - 0.02))
        canvas.paint(brim, person.second_cloth * (0.8 + 0.12 * np.sin(X * 60))[..., None])


def _glasses(canvas: Canvas, person: Person) -> None:
    y = person.y + EYE_LINE + 0.01
    for side in (-1, 1):
        lens = ellipse(person.x + side * EYE_X, y, 0.145, 0.12, power=2.8)
        canvas.paint(0.12 * inside(lens), np.ones(3))
        canvas.paint(inside(ring(lens, 0.028)), INK)
    bridge = np.maximum(np.abs(X - person.x) - 0.04, np.abs(Y - y + 0.03) - 0.012)
    canvas.paint(inside(bridge), INK)
