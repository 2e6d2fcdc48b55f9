"""The octaves of a picture, and the noise in each of them.

A picture of H x H pixels is a sum of waves with |k| cycles a picture. An octave holds the waves
with low <= |k| < 2 low; the last one extends to the corners of the frequency grid. Noise of
standard deviation sigma has the power sigma^2 at every wave.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pds import spectra
from pds.driving import seeded_noise
from pds.evaluation.gaussian import Field


@dataclass(frozen=True)
class Wall:
    """The boundary between frequencies above the noise of standard deviation sigma and below it.

    radius: |k| at which the data's power falls below sigma^2, in cycles per pixel; None if it is
        above everywhere, 0 if it is below everywhere.
    share: fraction of the modes that are above the noise.
    removed: share of the noise's power that the best guess removes, on average over pictures.
    clean, noisy, guess: a picture (C, H, W), the same with noise, and its conditional mean.
    """

    sigma: float
    radius: float | None
    share: float
    removed: float
    clean: Tensor
    noisy: Tensor
    guess: Tensor


class OctavePower(NamedTuple):
    """The waves from `low` cycles a picture up to below `high`.

    high: None for the last octave, which goes on to the corners.
    power: mean of the data's power lambda over the modes of the octave.
    share: of these modes among all of the grid.
    """

    low: int
    high: int | None
    power: float
    share: float


class Octave(NamedTuple):
    """An octave of a picture.

    low, high, power: as `OctavePower` has them.
    std, noise_std: standard deviations of a pixel of the data and of the noise in this octave.
    clean, noisy: the picture's part, and with the noise's, (C, h, w) with h = min(H, 8 low).
    """

    low: int
    high: int | None
    power: float
    std: float
    noise_std: float
    clean: Tensor
    noisy: Tensor


@lru_cache(maxsize=4)
def _picture(field: Field, seed: int) -> Tensor:
    return field.picture(seed)


def wall(field: Field, sigma: float, *, seed: int = 0) -> Wall:
    """Add noise to a picture of the data, and denoise it by the conditional mean of a Gaussian.

    guess = x + sigma^2 s(x), which keeps lambda / (lambda + sigma^2) of each mode
    """
    data = field.rings
    above = data.power > sigma**2
    share = float(data.count @ above / data.count.sum())
    drowned = np.flatnonzero(~above)
    radius = float(data.radius[drowned[0]]) if len(drowned) else None
    gaussian, clean = field.gaussian, _picture(field, seed)
    noise = seeded_noise([seed + 1])(torch.Size((1, *clean.shape)))[0]
    noisy = clean + sigma * noise
    guess = noisy + sigma**2 * gaussian(noisy[None], field.time(sigma))[0]
    removed = float(data.mean(sigma**2 / (data.power + sigma**2))[0])
    radius = radius if above.any() else 0.0
    return Wall(sigma, radius, share, removed, clean, noisy, guess)


def powers(field: Field) -> list[OctavePower]:
    """Return the mean power of every octave of the data, coarse ones first."""
    size = field.power.shape[-1]
    return [
        OctavePower(low, high, float(field.power[inside].mean()), float(inside.double().mean()))
        for low, high, inside in _octaves(size)
    ]


def take_apart(field: Field, at: Wall) -> list[Octave]:
    """Return the octaves of a picture and of the noise on it, coarse ones first.

    Enlarged to the picture's size, they add up to the picture without its mean.
    """
    size = at.clean.shape[-1]
    spectra_of_both = torch.fft.rfft2(torch.stack([at.clean, at.noisy]).double(), norm="ortho")
    octaves = []
    for octave, (_, _, inside) in zip(powers(field), _octaves(size), strict=True):
        part = spectra_of_both * inside[:, : size // 2 + 1]
        clean, noisy = _cropped(part, min(size, 8 * octave.low))
        std = math.sqrt(octave.power * octave.share)
        noise_std = at.sigma * math.sqrt(octave.share)
        octaves.append(Octave(*octave[:3], std, noise_std, clean, noisy))
    return octaves


@lru_cache(maxsize=4)
def _octaves(size: int) -> list[tuple[int, int | None, Tensor]]:
    """Return low, high, and the modes (H, W) of every octave of pictures of a size."""
    radius = spectra.cycles(size, size).round(decimals=6)  # equal distances differ in last bits
    octaves, low = [], 1
    while 4 * low < size:
        octaves.append((low, 2 * low, (radius >= low) & (radius < 2 * low)))
        low *= 2
    return [*octaves, (low, None, radius >= low)]


def _cropped(spectrum: Tensor, size: int) -> Tensor:
    """Return the images (..., size, size) of a spectrum that has only |k| < size / 2 cycles."""
    full = spectrum.shape[-2]
    if size < full:
        rows = torch.cat([torch.arange(size // 2), torch.arange(full - size // 2, full)])
        spectrum = spectrum[..., rows, : size // 2 + 1]
    images: Tensor = torch.fft.irfft2(spectrum, s=(size, size), norm="ortho") * (size / full)
    return images
