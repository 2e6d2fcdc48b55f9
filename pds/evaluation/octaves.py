"""A picture taken apart into octaves of frequency, and the noise in each of them.

A picture of H x H pixels is a sum of waves with |k| cycles a picture. An octave holds the waves
with low <= |k| < 2 low; the last one goes on to the corners of the grid. Noise of standard
deviation sigma has the power sigma^2 at every wave.
"""

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
    """Where noise of standard deviation sigma drowns the data.

    radius: |k| at which the data's power falls below sigma^2, in cycles per pixel; None if it is
        above everywhere, 0 if it is below everywhere.
    share: of the modes above the noise among all.
    clean, noisy, guess: a picture (C, H, W), the same with noise, and its mean given the latter.
    """

    sigma: float
    radius: float | None
    share: float
    clean: Tensor
    noisy: Tensor
    guess: Tensor


class Octave(NamedTuple):
    """The waves of a picture from `low` cycles a picture up to below `high`.

    high: None for the last octave, which goes on to the corners.
    power: mean of the data's power lambda over the modes of the octave.
    std: standard deviation of a pixel of the data in this octave.
    noise_std: standard deviation of a pixel of the noise in it.
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
    return Wall(sigma, 0.0 if not above.any() else radius, share, clean, noisy, guess)


def edges(size: int) -> list[tuple[int, int | None]]:
    """Return low and high of every octave of pictures of a size, in cycles a picture."""
    lows = [2**j for j in range((size // 4).bit_length())]
    return [(low, None if 4 * low == size else 2 * low) for low in lows]


def take_apart(field: Field, at: Wall) -> list[Octave]:
    """Return the octaves of a picture and of the noise on it, coarse ones first.

    The octaves add up to the picture without its mean, once enlarged to its size.
    """
    size = at.clean.shape[-1]
    spectrum = torch.fft.rfft2(torch.stack([at.clean, at.noisy]).double(), norm="ortho")
    radius = spectra.cycles(size, size)
    return [_octave(field, at.sigma, spectrum, radius, *ends) for ends in edges(size)]


def finest_above(field: Field, sigma: float) -> tuple[int, int | None] | None:
    """Return low and high of the finest octave with more power than the noise, None for none."""
    size = field.power.shape[-1]
    radius = spectra.cycles(size, size)
    above = [e for e in edges(size) if _mean_power(field, radius, *e) > sigma**2]
    return above[-1] if above else None


def _holds(radius: Tensor, low: int, high: int | None) -> Tensor:
    inside = radius > low - 1e-6  # equal distances differ in their last bits
    return inside if high is None else inside & (radius < high - 1e-6)


def _mean_power(field: Field, radius: Tensor, low: int, high: int | None) -> float:
    return float(field.power[_holds(radius, low, high)].mean())


def _octave(
    field: Field, sigma: float, spectrum: Tensor, radius: Tensor, low: int, high: int | None
) -> Octave:
    size = radius.shape[-1]
    inside = _holds(radius, low, high)
    power, share = _mean_power(field, radius, low, high), float(inside.double().mean())
    clean, noisy = _cropped(spectrum * inside[:, : size // 2 + 1], min(size, 8 * low))
    return Octave(low, high, power, (power * share) ** 0.5, sigma * share**0.5, clean, noisy)


def _cropped(spectrum: Tensor, size: int) -> Tensor:
    """Return images (..., size, size) with the same pixel values, of |k| < size / 2."""
    full = spectrum.shape[-2]
    if size < full:
        rows = torch.cat([torch.arange(size // 2), torch.arange(full - size // 2, full)])
        spectrum = spectrum[..., rows, : size // 2 + 1]
    images: Tensor = torch.fft.irfft2(spectrum, s=(size, size), norm="ortho") * (size / full)
    return images
