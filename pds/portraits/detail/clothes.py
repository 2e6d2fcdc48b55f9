"""Clothes at the scale of their threads, and the neck."""

import numpy as np

from pds.portraits.canvas import Canvas, Field
from pds.portraits.detail.scene import Scene, bump, soft, tinted
from pds.portraits.geometry import body, collar_flaps


def paint_clothes(scene: Scene) -> None:
    """Paint the shoulders, the neck in the opening of the collar, and the collar."""
    person = scene.person
    here = scene.canvas.window(0, 0.8, 1, 0.26)
    pattern, threads = _weave(scene, here)
    cloth = person.cloth * (1 - pattern) + person.second_cloth * pattern
    shoulders = body(here, person)
    fold = here.of(scene.clouds) * 0.07 + 0.06 * np.sin(
        9 * here.x + 5 * here.of(scene.clouds) * 0.3
    )
    lit = 1 + 0.2 * scene.side * (here.x - person.x) - 0.25 * np.abs(here.x) ** 3 + fold
    lit = lit * (1 - 0.25 * bump(shoulders, 0.05)) + 0.14 * bump(shoulders + 0.02, 0.03)
    opening = _bare(here, scene)
    lit = lit * (1 - 0.35 * bump(opening, 0.07)) * threads
    here.paint(soft(shoulders), cloth * lit)
    _neck(scene)
    _collar(scene, here, opening, shoulders)


def _weave(scene: Scene, here: Canvas) -> tuple[Field, Field]:
    """Return the share of the second color and the light on the threads, (H, W) each."""
    x, wave = here.x, here.y + 0.12 * here.x**2
    rough = here.of(scene.fibers)
    clouds = here.of(scene.clouds)
    twill = np.sin(210 * (x + wave) + 1.5 * clouds + 0.7 * rough) * 0.05
    threads = 1 + twill + 0.07 * rough
    match scene.person.cloth_kind:
        case "stripes":
            return 0.8 * soft(0.2 - np.sin(wave * 38 + 0.04 * rough), 0.25), threads
        case "checks":
            checks = np.sin(wave * 30) * np.sin(x * 30)
            return 0.35 * soft(-checks + 0.04 * rough, 0.2), threads
        case "knit":
            gauge = scene.rng.uniform(0.85, 1.2)
            loose = x * (1 + 0.2 * x**2) + 0.012 * clouds
            return _knit(loose, wave + 0.006 * clouds, rough, gauge)
        case _:
            return np.zeros_like(wave), threads


def _knit(x: Field, wave: Field, rough: Field, gauge: float) -> tuple[Field, Field]:
    """Return stocking stitch: columns of Vs, in bands of two colors."""
    column = (x * 12 * gauge) % 1 - 0.5
    slant = np.abs(column)
    row = wave * 20 * gauge + 1.1 * slant
    stitch = 0.5 + 0.5 * np.cos(2 * np.pi * row)
    groove = bump(slant - 0.5, 0.1) + bump(slant, 0.07)
    light = 0.78 + 0.3 * stitch + 0.1 * rough - 0.25 * groove
    motif = np.sin(x * 75.4 / 2 + 1.6 * np.sin(wave * 50)) > 0.3
    return 0.3 * motif, light


def _bare(here: Canvas, scene: Scene) -> Field:
    """Return the signed distance to the neck and the skin in the opening of the collar."""
    person = scene.person
    off = np.abs(here.x - person.x)
    throat = off - 0.19 - 0.25 * np.clip(here.y - 0.56, 0, 1) ** 1.5
    match person.collar:
        case "v":
            opening = (off + 0.75 * (here.y - 0.98)) * 0.8
        case "shirt":
            opening = (off + 0.6 * (here.y - 0.95)) * 0.86
        case _:
            opening = here.ellipse(person.x, 0.66, 0.3, 0.15)
    opening = np.maximum(opening, body(here, person) + 0.01)
    return np.minimum(np.maximum(throat, np.abs(here.y - 0.45) - 0.21), opening)


def _neck(scene: Scene) -> None:
    person = scene.person
    x, chin = person.x, person.y + person.height
    here = scene.canvas.window(x, 0.6, 0.4, 0.45)
    off = here.x - x
    jaw = chin - 0.9 * off**2
    shadow = 0.5 + 0.47 * np.clip((here.y - jaw + 0.02 + 0.1 * scene.side * off) / 0.24, 0, 1)
    round_neck = 1.02 - 1.6 * np.abs(off) ** 2 + 0.7 * scene.side * off
    tendon = 0.05 * bump(off - 0.09 - 0.1 * (here.y - 0.9), 0.03)
    tendon = tendon + 0.05 * bump(off + 0.09 + 0.1 * (here.y - 0.9), 0.03)
    bones = here.spot(x - 0.13, 0.79, 0.12, 0.022) + here.spot(x + 0.13, 0.79, 0.12, 0.022)
    lit = shadow * (round_neck + tendon + 0.12 * bones) * (1 + 0.012 * here.of(scene.grain))
    warm = tinted(person.skin, 1.05, 0.9, 0.84)
    color = warm * lit + (person.skin - warm) * np.clip(2 * lit - 1, 0, 1)
    here.paint(soft(_bare(here, scene)), color)


def _collar(scene: Scene, here: Canvas, opening: Field, shoulders: Field) -> None:
    person = scene.person
    rough = here.of(scene.fibers)
    if person.collar == "shirt":
        flaps = collar_flaps(here, person)
        here.shade(1 - 0.3 * bump(here.x - person.x - 0.035, 0.006) * soft(0.95 - here.y))
        here.shade(1 - 0.3 * soft(flaps - 0.02, 0.06) * soft(shoulders))
        seam = bump(flaps + 0.028, 0.006) * (0.5 + 0.5 * np.sin(150 * here.y))
        lit = 1 + 0.25 * scene.side * (here.x - person.x) + 0.035 * rough - 0.2 * seam
        lit = lit + 0.1 * bump(flaps + 0.008, 0.008)
        here.paint(soft(flaps), person.second_cloth * lit)
        return
    band = np.maximum(opening - 0.032, -opening)
    ribs = 1 + 0.14 * np.sin(170 * here.x) + 0.05 * rough
    lit = ribs * (1 + 0.2 * bump(opening - 0.012, 0.012) + 0.2 * scene.side * here.x)
    here.paint(soft(band) * soft(0.6 - here.y) * soft(shoulders), person.cloth * 0.86 * lit)
