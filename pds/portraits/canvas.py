"""A small drawing surface: soft shapes from signed distances, textures from shaped noise.

Coordinates run from -1 to 1, x to the right and y down, on a grid of any size. Pictures are
averaged down from it: edges are smooth, and texture has the spectrum of a camera's pixels.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]
"""A value per pixel of a grid (grid, grid), or of a window on it."""

Color = NDArray[np.floating[Any]]
"""Red, green and blue in [0, 1], (3, 1, 1), or (3, H, W) where they vary over a canvas."""

GRID = 128
"""Side of the grid that 32 and 64 px are averaged from."""
PIXEL = 2 / GRID


@cache
def axis(grid: int) -> Field:
    """Return the coordinates of the pixels of an axis, (grid,) float32."""
    return ((np.arange(grid) + 0.5) * (2 / grid) - 1).astype(np.float32)


X, Y = axis(GRID)[None], axis(GRID)[:, None]


@dataclass(frozen=True)
class Canvas:
    """An image, or a window on a part of it.

    Attributes:
        pixels: (3, H, W) in [0, 1]; a window shares the memory of its image.
        rows: of the grid, in the window.
        columns: of the grid, in the window.
        grid: side of the whole image, in pixels.
    """

    pixels: NDArray[np.float32]
    rows: slice
    columns: slice
    grid: int = GRID

    @property
    def pixel(self) -> float:
        """The side of a pixel."""
        return 2 / self.grid

    @property
    def x(self) -> Field:
        """The x coordinate of each column, (1, W)."""
        return axis(self.grid)[None, self.columns]

    @property
    def y(self) -> Field:
        """The y coordinate of each row, (H, 1)."""
        return axis(self.grid)[self.rows, None]

    def of(self, field: Field) -> Field:
        """Return the part of a field on the whole grid that is in the window, (H, W)."""
        return field[self.rows, self.columns]

    def window(self, x: float, y: float, width: float, height: float) -> "Canvas":
        """Return a window on the whole image around (x, y), with half its width and height.

        Most shapes are small: painted in a window, they cost only the pixels near them.
        """
        rows, columns = self._span(y, height), self._span(x, width)
        return Canvas(self.pixels[:, rows, columns], rows, columns, self.grid)

    def paint(self, cover: Field, color: Color) -> None:
        """Blend a color into the image with the opacity `cover`, 0 to 1."""
        self.pixels[:] = self.pixels + cover * (color - self.pixels)

    def shade(self, factor: Field) -> None:
        """Multiply the image by a factor per pixel."""
        self.pixels[:] = self.pixels * factor

    def reduced(self, size: int) -> NDArray[np.float32]:
        """Average down to (3, size, size), clipped to [0, 1]."""
        block = self.grid // size
        blocks = self.pixels.reshape(3, size, block, size, block)
        total = sum(blocks[:, :, i, :, j] for i in range(block) for j in range(block))
        return np.clip(total / block**2, 0, 1)

    def ellipse(
        self, x: float, y: float, width: float | Field, height: float, *, power: float = 2
    ) -> Field:
        """Return an approximate signed distance to a superellipse; power 2 is an ellipse.

        width and height are its half axes.
        """
        across, down = np.abs((self.x - x) / width), np.abs((self.y - y) / height)
        radius = (across**power + down**power) ** (1 / power)
        return (radius - 1) * np.minimum(width, height)

    def spot(self, x: float, y: float, width: float, height: float) -> Field:
        """Return the cover of a soft spot, exp(-(dx / width)^2 - (dy / height)^2)."""
        return np.exp(-(((self.x - x) / width) ** 2 + ((self.y - y) / height) ** 2))

    def stroke(self, x: float, y: float, width: float, *, bend: float, thickness: float) -> Field:
        """Return the cover of a stroke along x, bent to a parabola and tapered at its ends."""
        along = (self.x - x) / width
        middle = y + bend * (along**2 - 1)
        taper = thickness * np.sqrt(np.clip(1 - along**2, 0, None))
        cover = inside(np.abs(self.y - middle) - taper, softness=self.pixel)
        return cover * (np.abs(along) < 1)

    def _span(self, center: float, half: float) -> slice:
        """Return the pixels of an axis within `half` of a coordinate."""
        first, last = (int((center + side * half + 1) / self.pixel) for side in (-1, 1))
        return slice(max(first, 0), max(last + 1, 0))


def blank(grid: int = GRID) -> Canvas:
    """Return a black image."""
    return Canvas(np.zeros((3, grid, grid), np.float32), slice(0, grid), slice(0, grid), grid)


def rgb(red: float, green: float, blue: float) -> Color:
    """Return a color, (3, 1, 1)."""
    return np.array([red, green, blue], np.float32).reshape(3, 1, 1)


def inside(distance: Field, *, softness: float = PIXEL) -> Field:
    """Return 1 where a signed distance is negative, 0 where positive, soft in between."""
    return np.clip(0.5 - distance / softness, 0, 1)


def ring(distance: Field, thickness: float) -> Field:
    """Return the signed distance to the outline of a shape."""
    return np.abs(distance) - thickness / 2


def fractal(rng: np.random.Generator, *, slope: float, grid: int = GRID) -> Field:
    """Return noise whose amplitude falls as frequency^-slope, of standard deviation 1, mean 0."""
    return _shaped(rng, _falling(slope, grid))


def band(rng: np.random.Generator, *, center: float) -> Field:
    """Return noise around one frequency (cycles per image), of standard deviation 1."""
    return _shaped(rng, _peak(center))


def strands(rng: np.random.Generator, angle: Field, *, count: int) -> Field:
    """Return random streaks that depend on `angle` only, about -1 to 1."""
    profile = rng.standard_normal(count) + 0.7 * np.repeat(rng.standard_normal(count // 4), 4)
    turns = (angle / (2 * np.pi)) % 1 * count
    return (np.interp(turns, np.arange(count), profile, period=count) / 1.6).astype(np.float32)


def _shaped(rng: np.random.Generator, amplitude: Field) -> Field:
    grid = len(amplitude)
    white = np.fft.rfft2(rng.standard_normal((grid, grid)))
    noise = np.fft.irfft2(white * amplitude, s=(grid, grid))
    return (noise / noise.std()).astype(np.float32)


@cache
def _falling(slope: float, grid: int) -> Field:
    radius = _radius(grid)
    radius[0, 0] = np.inf
    return radius**-slope


@cache
def _peak(center: float) -> Field:
    return np.exp(-(((_radius(GRID) - center) / (0.4 * center)) ** 2))


def _radius(grid: int) -> Field:
    """Return |k| in cycles per image on the half spectrum; numpy's, whose bits the pixels keep."""
    return np.hypot(np.fft.fftfreq(grid)[:, None], np.fft.rfftfreq(grid)[None]) * grid
