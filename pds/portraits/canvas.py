"""A small drawing surface: soft shapes from signed distances, textures from shaped noise.

Coordinates run from -1 to 1, x to the right and y down. Everything is drawn on a grid of 128 pixels
and averaged down, so edges come out smooth and texture keeps the power that a camera would see.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]
"""A value per pixel of the drawing grid, (GRID, GRID)."""

GRID = 128
PIXEL = 2 / GRID
_AXIS = ((np.arange(GRID) + 0.5) * PIXEL - 1).astype(np.float32)
X, Y = np.meshgrid(_AXIS, _AXIS)


class Canvas:
    """An image under construction, (GRID, GRID, 3) in [0, 1]."""

    def __init__(self) -> None:
        self.pixels: Field = np.zeros((GRID, GRID, 3), np.float32)

    def paint(self, cover: Field, color: Field) -> None:
        """Lay a color, (3,) or (GRID, GRID, 3), over the image where `cover` (0 to 1) says."""
        touched = np.nonzero(cover > 0)
        if not len(touched[0]):
            return
        # Most shapes are small: blend only the rectangle that holds this one.
        rows, columns = (slice(int(i.min()), int(i.max()) + 1) for i in touched)
        alpha, under = cover[rows, columns, None], self.pixels[rows, columns]
        over = color[rows, columns] if color.ndim == 3 else color
        self.pixels[rows, columns] = under + alpha * (over - under)

    def shade(self, factor: Field) -> None:
        """Multiply the image by a factor per pixel."""
        self.pixels = self.pixels * factor[..., None]

    def reduced(self, size: int) -> NDArray[np.float32]:
        """Average down to (3, size, size), clipped to [0, 1]."""
        block = GRID // size
        blocks = self.pixels.reshape(size, block, size, block, 3).mean((1, 3))
        return blocks.clip(0, 1).transpose(2, 0, 1).astype(np.float32)


def inside(distance: Field, *, softness: float = PIXEL) -> Field:
    """Return 1 where a signed distance is negative, 0 where positive, soft in between."""
    return np.clip(0.5 - distance / softness, 0, 1)


def ellipse(x: float, y: float, width: float | Field, height: float, *, power: float = 2) -> Field:
    """Return about the signed distance to an ellipse with these half axes (power 2 is round)."""
    radius = (np.abs((X - x) / width) ** power + np.abs((Y - y) / height) ** power) ** (1 / power)
    return (radius - 1) * np.minimum(width, height)


def ring(distance: Field, thickness: float) -> Field:
    """Return the signed distance to the outline of a shape."""
    return np.abs(distance) - thickness / 2


def stroke(x: float, y: float, width: float, *, bend: float, thickness: float) -> Field:
    """Return the cover of a brush stroke along x, bent like a parabola, thin at its ends."""
    along = (X - x) / width
    middle = y + bend * (along**2 - 1)
    taper = thickness * np.sqrt(np.clip(1 - along**2, 0, None))
    return inside(np.abs(Y - middle) - taper) * (np.abs(along) < 1)


def fractal(rng: np.random.Generator, *, slope: float) -> Field:
    """Return noise whose amplitude falls as frequency^-slope, of standard deviation 1, mean 0."""
    radius = np.hypot(np.fft.fftfreq(GRID)[:, None], np.fft.rfftfreq(GRID)[None]) * GRID
    radius[0, 0] = np.inf
    white = np.fft.rfft2(rng.standard_normal((GRID, GRID)))
    noise = np.fft.irfft2(white / radius**slope, s=(GRID, GRID))
    return (noise / noise.std()).astype(np.float32)


def band(rng: np.random.Generator, *, center: float) -> Field:
    """Return noise around one frequency (cycles per image), of standard deviation 1."""
    radius = np.hypot(np.fft.fftfreq(GRID)[:, None], np.fft.rfftfreq(GRID)[None]) * GRID
    white = np.fft.rfft2(rng.standard_normal((GRID, GRID)))
    noise = np.fft.irfft2(
        white * np.exp(-(((radius - center) / (0.4 * center)) ** 2)), s=(GRID, GRID)
    )
    return (noise / noise.std()).astype(np.float32)


def strands(rng: np.random.Generator, angle: Field, *, count: int) -> Field:
    """Return streaks that are constant along lines of equal `angle`, about -1 to 1."""
    profile = rng.standard_normal(count) + 0.7 * np.repeat(rng.standard_normal(count // 4), 4)
    turns = (angle / (2 * np.pi)) % 1 * count
    return (np.interp(turns, np.arange(count), profile, period=count) / 1.6).astype(np.float32)
