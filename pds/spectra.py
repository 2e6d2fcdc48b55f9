"""Frequencies of an image grid, and its power spectrum.

The power of an image x (C, H, W) at frequency k is |FFT2(x)_k|^2 / (H W), so that its mean over k
is the mean square of x. Radii are |k| in cycles per pixel: 0.5 is the Nyquist frequency along an
axis, the corners of the grid reach 0.71. Detail is "fine" above half Nyquist, |k| > 0.25: the
highest octave and the corners.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]

HALF_NYQUIST = 0.25
"""|k| in cycles per pixel above which detail is called fine."""


EVENNESS = 1e-4
"""Largest relative difference between gain[k] and gain[-k] that counts as rounding."""


class RadialSpectrum(NamedTuple):
    """Mean power by radius: radii in cycles per pixel, power in pixel units squared."""

    radii: Array
    power: Array


class Rings(NamedTuple):
    """A grid of frequencies grouped into rings one cycle per image wide.

    ring: the ring of each frequency of the flattened grid, (H W,) int64; ring 0 is k = 0 alone.
    size: the number of frequencies in each ring, (R,) int64.
    """

    ring: Tensor
    size: Tensor


def radii(height: int, width: int) -> Tensor:
    """Return |k| in cycles per pixel on the unshifted grid, (H, W) float64."""
    rows = torch.fft.fftfreq(height, dtype=torch.float64)
    columns = torch.fft.fftfreq(width, dtype=torch.float64)
    return torch.hypot(rows[:, None], columns[None, :])


def cycles(height: int, width: int) -> Tensor:
    """Return |k| in cycles per image, along its shorter side, (H, W) float64."""
    return radii(height, width) * min(height, width)


@lru_cache(maxsize=16)
def rings(height: int, width: int) -> Rings:
    """Return the rings of a grid, corners included; shared, so not to be written to."""
    ring = cycles(height, width).round().long().flatten()
    return Rings(ring, torch.bincount(ring))


@lru_cache(maxsize=16)
def is_fine(height: int, width: int) -> Tensor:
    """Return which frequencies lie above half Nyquist, (H, W) bool; shared."""
    return radii(height, width) > HALF_NYQUIST


def unevenness(gain: Tensor) -> float:
    """Return max |gain[-k] - gain[k]| / max |gain| over the last two axes."""
    mirrored = gain.flip(-2, -1).roll((1, 1), (-2, -1))
    return float((gain - mirrored).abs().max() / gain.abs().max().clamp(min=1e-30))


def half_multiplicity(width: int) -> Tensor:
    """Return how many columns of the full grid each column of `rfft2` stands for, float64.

    A column of a real image's half spectrum (W // 2 + 1 of them) stands for k and -k, except the
    columns k = 0 and, for an even width, Nyquist, which contain their own mirror images. Sums over
    the half spectrum with these weights are sums over the full grid.
    """
    multiplicity = torch.full((width // 2 + 1,), 2.0, dtype=torch.float64)
    multiplicity[0] = 1
    if width % 2 == 0:
        multiplicity[-1] = 1
    return multiplicity


def power(images: Tensor) -> Tensor:
    """Return mean |FFT2 x|^2 / (H W) over a batch (B, C, H, W), (C, H, W) float64."""
    height, width = images.shape[-2:]
    coefficients = torch.view_as_real(torch.fft.rfft2(images.double()))
    half = coefficients.square().sum(-1).mean(0) / (height * width)
    # The power at -k is that at k.
    rows, columns = -torch.arange(height) % height, torch.arange((width - 1) // 2, 0, -1)
    return torch.cat([half, half[..., rows[:, None], columns]], dim=-1)


def radial(power: Tensor) -> RadialSpectrum:
    """Return the mean of a power (..., H, W) over each ring from 1 cycle per image to Nyquist."""
    height, width = power.shape[-2:]
    size = min(height, width)
    ring, count = rings(height, width)
    flat = power.double().reshape(-1, height * width).mean(0).cpu()
    total = torch.zeros(len(count), dtype=torch.float64).index_add_(0, ring, flat)
    kept = torch.arange(1, size // 2 + 1)
    return RadialSpectrum((kept / size).double().numpy(), (total[kept] / count[kept]).numpy())


def fine_power(power: Tensor) -> float:
    """Return the mean power above half Nyquist of a power (..., H, W)."""
    return float(power.cpu()[..., is_fine(*power.shape[-2:])].mean())


def inverse_square_power(size: int, *, variance: float) -> Tensor:
    """Return the 1/f^2 power of natural images, (size, size) float64 on the unshifted grid.

    lambda_k is proportional to 1 / max(|k|, 1)^2 with |k| in cycles per image, scaled so that the
    mean of lambda is the pixel variance.
    """
    cycles = torch.fft.fftfreq(size, 1 / size, dtype=torch.float64)
    power = 1 / (cycles[:, None] ** 2 + cycles[None, :] ** 2).clamp(min=1)
    scaled: Tensor = power * (variance / power.mean())
    return scaled
