"""Painting of a person in full detail, at 128 and 256 px.

The person, the layout and the colors are those of the small painting (`pds.portraits.painting`);
every part is painted anew, with single hairs, threads and pores, in soft light.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from pds.portraits.canvas import Canvas
from pds.portraits.detail.beard import paint_beard
from pds.portraits.detail.clothes import paint_clothes
from pds.portraits.detail.eyes import paint_eyes
from pds.portraits.detail.hair import paint_hair, paint_hair_behind
from pds.portraits.detail.head import paint_head
from pds.portraits.detail.mouth import paint_mouth
from pds.portraits.detail.scene import GRID, begin
from pds.portraits.detail.wall import paint_wall
from pds.portraits.detail.worn import paint_earrings, paint_glasses
from pds.portraits.person import Person

MARGIN = 16
"""Pixels that are mirrored around an image while it is sharpened."""


def paint_detailed(person: Person, rng: np.random.Generator) -> Canvas:
    """Paint a person on a grid of 256, in [0, 1]; `rng` is for texture only."""
    scene = begin(person, rng)
    paint_wall(scene)
    paint_hair_behind(scene)
    paint_clothes(scene)
    paint_head(scene)
    if person.earrings and person.style != "cap":
        paint_earrings(scene)
    paint_eyes(scene)
    paint_mouth(scene)
    if person.beard:
        paint_beard(scene)
    if person.style != "bald":
        paint_hair(scene)
    if person.glasses:
        paint_glasses(scene)
    canvas = scene.canvas
    canvas.shade(1 + 0.1 * person.light * -canvas.x - 0.06 * canvas.y)
    canvas.pixels[:] += 0.01 * scene.grain[::-1]
    np.clip(_sharpened(canvas.pixels), 0, 1, out=canvas.pixels)
    return canvas


def _sharpened(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image whose frequencies above 12 cycles rise gently, as cameras sharpen.

    Soft edges alone fall faster than the spectrum of photographs.
    """
    # Mirrored at the borders, which would meet those opposite.
    framed = np.pad(pixels, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)), mode="symmetric")
    spectrum = np.fft.rfft2(framed) * _sharpness(framed.shape[-1])
    sharp = np.fft.irfft2(spectrum, s=framed.shape[-2:])[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    return sharp.astype(np.float32)


@cache
def _sharpness(grid: int) -> NDArray[np.float32]:
    cycles = np.hypot(np.fft.fftfreq(grid)[:, None], np.fft.rfftfreq(grid)[None]) * GRID
    return ((1 + (cycles / 12) ** 2) ** 0.1).astype(np.float32)
