"""Hair: strands with a highlight across them, curls, single stray hairs."""

import numpy as np

from pds.portraits.canvas import Canvas, Color, Field
from pds.portraits.detail.lines import along, covered, lines, uniform
from pds.portraits.detail.scene import Scene, bump, soft, tinted
from pds.portraits.detail.worn import paint_cap
from pds.portraits.geometry import front, outline, skull, skull_axes

STRANDS, KNOTS = 480, 14


def paint_hair_behind(scene: Scene) -> None:
    """Paint the hair behind the head: a fall of long hair, a ball of curls, or a bun."""
    person, canvas = scene.person, scene.canvas
    x, y, w, h = person.x, person.y, person.width, person.height
    if person.style == "long":
        here = canvas.window(x, y + 0.05, 0.74, 0.97)
        # From the parting outward, then straight down.
        fallen = np.clip(here.y - y + 0.75, 0.02, None)
        spread = (here.x - x - 0.12 * person.light) / (1 - np.exp(-fallen / 0.4))
        tress = _strands(scene, 1.7 * spread + 0.04 * np.sin(6 * here.y + spread), 0.8 * fallen)
        fall = here.ellipse(x, y + 0.12, w * 1.34, h * 1.42, power=2.6)
        edge = np.maximum(fall, here.y - 0.86 + 0.03 * tress) + 0.005 * tress
        _lay(scene, here, soft(edge, 0.02), _lit(scene, here, tress, fall), 0.72)
        _strays(scene, (x, y + 0.12), (w * 1.34, h * 1.4), 40, turns=(3.6, 5.8))
    elif person.style == "curly":
        _curls(scene, canvas, canvas.ellipse(x, y - 0.1, w * 1.5, h * 1.22), 0.85)
    elif person.style == "bun":
        here = canvas.window(x, y - h - 0.17, 0.25, 0.25)
        dx, dy = here.x - x, here.y - (y - h - 0.17)
        coil = np.arctan2(dy, dx)
        tress = _strands(scene, 0.9 * np.sqrt(dx**2 + dy**2) * 4 + 0.25 * coil, coil * 0.3)
        bun = here.ellipse(x, y - h - 0.17, 0.17, 0.15)
        round_light = 0.5 * np.clip((dx * scene.side - dy) / 0.17, -1, 1)
        _lay(scene, here, soft(bun + 0.008 * tress), tress + round_light, 0.85)
        _strays(scene, (x, y - h - 0.17), (0.172, 0.152), 40, turns=(0, 6.28))


def paint_hair(scene: Scene) -> None:
    """Paint the hair over the forehead and the skull, or the cap."""
    person = scene.person
    here = scene.canvas.window(person.x, person.y - 0.07, 0.68, 0.82)
    top, edge = skull(here, person), front(here, person)
    cast = soft(np.maximum(top, edge - 0.05), 0.1) * soft(outline(here, person))
    here.paint(0.42 * cast, tinted(person.skin, 0.48, 0.31, 0.26))
    if person.style == "cap":
        paint_cap(scene, here, np.maximum(top, edge), top)
    elif person.style == "curly":
        _curls(scene, here, np.maximum(top, edge), 1.0)
    else:
        across, down = _flow(scene, here)
        tress = _strands(scene, across, down)
        temples = np.clip((np.abs(here.x - person.x) / person.width - 0.9) / 0.1, 0, 1)
        if person.style != "long":
            top = top + 0.05 * np.clip((here.y - person.y + 0.3) / 0.16, 0, 1)
        shape = np.maximum(top + 0.006 * tress, edge + 0.022 * tress - 0.04 * temples)
        _lay(scene, here, soft(shape, 0.017), _lit(scene, here, tress, top), 1.0)
        center = person.x, person.y - 0.07
        _strays(scene, center, skull_axes(person), 70, turns=(3.9, 5.5))


def _flow(scene: Scene, here: Canvas) -> tuple[Field, Field]:
    """Return the coordinates across and along the hair, which fans out from above the parting."""
    person = scene.person
    dx = here.x - person.x - 0.12 * person.light
    dy = here.y - person.y + 0.75
    sweep = np.arctan2(dy, dx) + 0.35 * np.sin(3 * here.y + person.light)
    return sweep, np.sqrt(dx**2 + dy**2)


def _strands(scene: Scene, across: Field, down: Field) -> Field:
    """Return the brightness of strands, standard deviation about 0.6.

    Noise falls slowly in frequency across the strands and is smooth along them. Where strands are
    thinner than a pixel, their tufts are shown.
    """
    white = np.fft.rfft(scene.rng.standard_normal((KNOTS, STRANDS)), axis=1)
    frequency = np.arange(white.shape[1])
    amplitude = np.maximum(frequency, 6) ** -0.4
    tufts = amplitude * np.exp(-((frequency / (STRANDS / 6)) ** 2))
    fine, coarse = (np.fft.irfft(white * a, n=STRANDS, axis=1) for a in (amplitude, tufts))
    column = across * (STRANDS / (2 * np.pi))
    rate = np.hypot(*np.gradient(column))
    share = np.clip(2.1 - rate, 0, 1)
    row = np.broadcast_to(down * 5, column.shape)
    mixed = _between(coarse, column, row) * (1 - share) + _between(fine, column, row) * share
    return (0.6 / fine.std() * mixed).astype(np.float32)


def _between(noise: Field, column: Field, row: Field) -> Field:
    """Return a noise that repeats, interpolated between its cells."""
    c, r = np.floor(column).astype(np.intp), np.floor(row).astype(np.intp)
    right, below = column - c, row - r
    c, r = c % STRANDS, r % KNOTS
    c1, r1 = (c + 1) % STRANDS, (r + 1) % KNOTS
    upper = noise[r, c] * (1 - right) + noise[r, c1] * right
    lower = noise[r1, c] * (1 - right) + noise[r1, c1] * right
    return upper * (1 - below) + lower * below


def _lit(scene: Scene, here: Canvas, tress: Field, top: Field) -> Field:
    """Return the light on strands: a highlight around the head, broken up by them."""
    person = scene.person
    height = here.y - person.y + 0.47 + 0.25 * (here.x - person.x) ** 2
    shine = bump(height + 0.05 * tress, 0.075)
    second = bump(height - 0.2 + 0.07 * tress, 0.07)
    rim = bump(top + 0.015, 0.03) * np.clip(-scene.side * (here.x - person.x) * 3, 0, 1)
    return (
        tress * (0.8 + 0.5 * shine)
        + 0.95 * shine
        + 0.3 * second
        - 0.9 * bump(top, 0.05)
        + 1.3 * rim
    )


def _lay(scene: Scene, here: Canvas, cover: Field, light: Field, dark: float) -> None:
    person = scene.person
    side = 0.16 * scene.side * (here.x - person.x)
    _lay_color(here, cover, light, person.hair * dark, side)


def _lay_color(here: Canvas, cover: Field, light: Field, base: Color, side: Field) -> None:
    lit = np.clip(0.96 + 0.3 * light + side, 0.25, None)
    sheen = np.clip(light - 0.5, 0, None)
    here.paint(cover, np.clip((base + 0.02) * lit + 0.05 * sheen * (0.5 + base), 0, 1))


def _strays(
    scene: Scene,
    center: tuple[float, float],
    half: tuple[float, float],
    count: int,
    *,
    turns: tuple[float, float],
) -> None:
    """Paint single hairs that leave an ellipse between two angles, which run from x to y."""
    rng, t = scene.rng, along(28)
    start = uniform(rng, *turns, count)
    turn = start + uniform(rng, -0.5, 0.5, count) * t
    lift = 1 + uniform(rng, 0.0, 0.06, count) * np.sin(np.pi * (0.2 + 0.8 * t)) - 0.012
    x = center[0] + half[0] * lift * np.cos(turn)
    y = center[1] + half[1] * lift * np.sin(turn)
    cover = covered(lines(scene.canvas, x, y, 0.45))
    scene.canvas.paint(cover, np.clip(scene.person.hair * 0.95 + 0.03, 0, 1))


def _curls(scene: Scene, here: Canvas, shape: Field, dark: float) -> None:
    """Paint curls: spirals over a dark mass, bright where they face the light."""
    person, rng, count = scene.person, scene.rng, 1300
    edge = shape + 0.02 * here.of(scene.clouds)
    side = 0.16 * scene.side * (here.x - person.x)
    _lay_color(here, soft(edge), np.float32(-0.8) + 0 * shape, person.hair * dark, side)
    x = person.x + uniform(rng, -0.72, 0.72, count)
    y = person.y + uniform(rng, -0.9, 0.65, count)
    t = along(44)
    radius = uniform(rng, 0.012, 0.032, count)
    turn = uniform(rng, 0, 6.28, count) + t * uniform(rng, 9, 17, count)
    outward = np.arctan2(y - person.y + 0.3, x - person.x) + uniform(rng, -0.7, 0.7, count)
    length = uniform(rng, 0.03, 0.12, count)
    px = x + radius * np.cos(turn) + length * t * np.cos(outward)
    py = y + radius * np.sin(turn) + length * t * np.sin(outward)
    facing = np.cos(turn) * 0.5 * scene.side - np.sin(turn) * 0.6 + uniform(rng, -0.5, 0.5, count)
    amount = lines(here, px, py, 0.55)
    light = lines(here, px, py, 0.55 * facing) / (amount + 0.15)
    inner = soft(edge - 0.02, 0.05)
    round_light = -0.8 * bump(shape, 0.1) - 1.6 * (here.y - person.y + 0.3) * 0.5
    light = 1.5 * light + 0.4 + round_light
    _lay_color(here, covered(1.3 * amount) * inner, light, person.hair * dark, side)
