"""What a batch of images looks like in frequency: radial spectra and the grain that is left.

The power of an image x (C, H, W) at frequency k is |FFT2(x)_k|^2 / (H W), so that its mean over k
is the mean square of x. Radii are |k| in cycles per pixel; 0.5 is Nyquist along an axis, and the
corners of the grid reach 0.71. "Above half Nyquist" is |k| > 0.25, the finest octave and the
corners.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

HALF_NYQUIST = 0.25
"""|k| in cycles per pixel above which detail is called fine: the last octave and the corners."""


EVENNESS = 1e-4
"""Largest relative difference between gain[k] and gain[-k] that counts as rounding."""


class RadialSpectrum(NamedTuple):
    """Mean power by radius: radii in cycles per pixel, power in pixel units squared."""

    radii: NDArray[np.float64]
    power: NDArray[np.float64]


def power(images: Tensor) -> Tensor:
    """Return mean |FFT2 x|^2 / (H W) over a batch (B, C, H, W), (C, H, W) float64."""
    height, width = images.shape[-2:]
    spectra = torch.view_as_real(torch.fft.rfft2(images.double()))
    half = spectra.square().sum(-1).mean(0) / (height * width)
    # The power at -k is that at k.
    rows, columns = -torch.arange(height) % height, torch.arange((width - 1) // 2, 0, -1)
    return torch.cat([half, half[..., rows[:, None], columns]], dim=-1)


def radii(height: int, width: int) -> Tensor:
    """Return |k| in cycles per pixel on the unshifted grid, (H, W) float64."""
    rows = torch.fft.fftfreq(height, dtype=torch.float64)
    columns = torch.fft.fftfreq(width, dtype=torch.float64)
    return torch.hypot(rows[:, None], columns[None, :])


def unevenness(gain: Tensor) -> float:
    """Return max |gain[-k] - gain[k]| / max |gain| over the last two axes."""
    mirrored = gain.flip(-2, -1).roll((1, 1), (-2, -1))
    return float((gain - mirrored).abs().max() / gain.abs().max().clamp(min=1e-30))


def half_multiplicity(width: int) -> Tensor:
    """Return how many columns of a full spectrum each column of a real half spectrum stands for.

    1 for column 0 and, where the width is even, for the Nyquist column; else 2. (W // 2 + 1,)
    float64.
    """
    count = torch.full((width // 2 + 1,), 2.0, dtype=torch.float64)
    count[0] = 1
    if width % 2 == 0:
        count[-1] = 1
    return count


def radial(power: Tensor) -> RadialSpectrum:
    """Average a power (..., H, W) over rings one cycle per image wide, without the mean (k = 0)."""
    height, width = power.shape[-2:]
    size = min(height, width)
    ring, count = _rings(height, width)
    flat = power.double().reshape(-1, height * width).mean(0).cpu()
    total = torch.zeros(len(count), dtype=torch.float64).index_add_(0, ring, flat)
    kept = torch.arange(1, size // 2 + 1)
    return RadialSpectrum((kept / size).double().numpy(), (total[kept] / count[kept]).numpy())


@lru_cache(maxsize=16)
def _rings(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return the ring of each frequency of the flattened grid, and how many each ring has."""
    ring = (radii(height, width) * min(height, width)).round().long().flatten()
    return ring, torch.bincount(ring)


def fine_power(power: Tensor) -> float:
    """Return the mean power above half Nyquist of a power (..., H, W)."""
    return float(power.cpu()[..., _fine(*power.shape[-2:])].mean())


@lru_cache(maxsize=16)
def _fine(height: int, width: int) -> Tensor:
    return radii(height, width) > HALF_NYQUIST


def noise_left(images: Tensor, data_power: Tensor) -> float:
    """Return the images' mean power above half Nyquist relative to the data's.

    1 is like the data; more is grain, less is blur.

    Args:
        images: (B, C, H, W), in the units of the data.
        data_power: the data's power, (C, H, W); see `pds.filters.data_power`.
    """
    return fine_power(power(images)) / fine_power(data_power)
