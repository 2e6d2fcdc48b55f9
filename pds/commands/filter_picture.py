"""A picture of a filter for the command line: plane, profile and space gain."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from pds import filters, spectra
from pds.files import pictures
from pds.files.pictures import Pixels
from pds.filters import Masks

SIDE = 320
"""Side of each of the three tiles, in pixels."""

SHADES = np.array([[243, 239, 228], [127, 182, 191], [14, 74, 90]], dtype=float)
"""Colors from gain 1 to the bound alpha / (alpha - 1)."""

LINE, FAINT, INK = (35, 137, 163), (221, 218, 210), (93, 98, 105)
MARGIN = {"left": 52, "right": 14, "top": 14, "bottom": 40}


def drawing(masks: Masks, *, alpha: float = 5.0) -> Pixels:
    """Draw the gains of both masks, means over channels, (H, W, 3).

    Colors and the axis of the profile span the range that alpha allows, 1 to alpha / (alpha - 1).
    """
    bound = alpha / (alpha - 1)
    frequency, space = (
        filters.gain(mask, alpha).double().mean(0) for mask in (masks.frequency, masks.space)
    )
    tiles = [
        _plane(torch.fft.fftshift(frequency), bound),
        _profile(spectra.radial(frequency), bound),
        _plane(space, bound),
    ]
    titles = [
        f"frequency gain {_range(frequency)}",
        f"by frequency, alpha {alpha:g}",
        f"space gain {_range(space)}",
    ]
    return pictures.labeled_sheet([("", tiles)], titles)


def _range(gain: Tensor) -> str:
    return f"{float(gain.min()):.3f} to {float(gain.max()):.3f}"


def _plane(gain: Tensor, bound: float) -> Pixels:
    """Color a plane by its gain and resize it to a tile."""
    share = (gain.numpy() - 1) / (bound - 1)
    channels = [np.interp(share, [0, 0.5, 1], shade) for shade in SHADES.T]
    image = Image.fromarray(np.stack(channels, -1).round().astype(np.uint8))
    larger = max(gain.shape) > SIDE
    how = Image.Resampling.BOX if larger else Image.Resampling.NEAREST
    return np.asarray(image.resize((SIDE, SIDE), how))


def _profile(rings: spectra.RadialSpectrum, bound: float) -> Pixels:
    """Plot the gain over |k| in cycles per pixel."""
    image = Image.new("RGB", (SIDE, SIDE), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=14)
    right, bottom = SIDE - MARGIN["right"], SIDE - MARGIN["bottom"]

    def x(radius: float) -> float:
        return MARGIN["left"] + 2 * radius * (right - MARGIN["left"])

    def y(gain: float) -> float:
        return bottom - (gain - 1) / (bound - 1) * (bottom - MARGIN["top"])

    for gain in np.linspace(1, bound, 6).tolist():
        draw.line([(x(0), y(gain)), (x(0.5), y(gain))], fill=FAINT)
        draw.text((x(0) - 6, y(gain)), f"{gain:.2f}", fill=INK, font=font, anchor="rm")
    for radius in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
        draw.text((x(radius), bottom + 4), f"{radius:g}", fill=INK, font=font, anchor="ma")
    middle = (x(0.25), SIDE - 4)
    draw.text(middle, "cycles per pixel", fill=INK, font=font, anchor="mb")
    points = zip(rings.radii.tolist(), rings.power.tolist(), strict=True)
    draw.line([(x(radius), y(gain)) for radius, gain in points], fill=LINE, width=3)
    pixels: NDArray[np.uint8] = np.asarray(image)
    return pixels
