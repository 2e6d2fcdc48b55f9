"""What every part of the detailed painting needs: canvas, person, direction of light, noise."""

import math
from dataclasses import dataclass

import numpy as np

from pds.portraits.canvas import Canvas, Color, Field, blank, fractal
from pds.portraits.person import Person

GRID = 256


@dataclass(frozen=True)
class Scene:
    """A portrait on the way.

    Attributes:
        canvas: painted so far, (3, 256, 256).
        person: to paint.
        rng: of texture.
        grain: noise up to the finest detail, amplitude 1/f^0.9.
        fibers: noise for threads and pores, amplitude 1/f^0.6.
        clouds: smooth noise, amplitude 1/f^1.8.
    """

    canvas: Canvas
    person: Person
    rng: np.random.Generator
    grain: Field
    fibers: Field
    clouds: Field

    @property
    def side(self) -> float:
        """-1 if the key light comes from the left, 1 from the right."""
        return -math.copysign(1.0, self.person.light)


def begin(person: Person, rng: np.random.Generator) -> Scene:
    """Return a scene with an empty canvas."""
    grain = fractal(rng, slope=0.9, grid=GRID)
    fibers = fractal(rng, slope=0.6, grid=GRID)
    clouds = fractal(rng, slope=1.8, grid=GRID)
    return Scene(blank(GRID), person, rng, grain, fibers, clouds)


def soft(distance: Field, width: float = 0.0095) -> Field:
    """Return the cover of a shape whose edge is smooth over `width`."""
    x = np.clip(0.5 - distance / width, 0, 1)
    return x * x * (3 - 2 * x)


def bump(field: Field, width: float) -> Field:
    """Return exp(-(field / width)^2)."""
    return np.exp(-np.square(field * (1 / width)))


def normals(height: Field, pixel: float) -> tuple[Field, Field, Field]:
    """Return the unit normals (x, y, z) of a relief, each (H, W)."""
    down, across = np.gradient(height, np.float32(pixel))
    z = 1 / np.sqrt(1 + across**2 + down**2)
    return -across * z, -down * z, z


def tinted(color: Color, red: float, green: float, blue: float) -> Color:
    """Return a color with its channels multiplied, clipped to [0, 1]."""
    factors = np.array([red, green, blue], np.float32).reshape(3, 1, 1)
    return np.clip(color * factors, 0, 1)
