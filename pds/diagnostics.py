"""What a batch of images looks like in frequency: radial spectra and the grain that is left.

The power of an image x (C, H, W) at frequency k is |FFT2(x)_k|^2 / (H W), so that its mean over k
is the mean square of x. Radii are |k| in cycles per pixel; 0.5 is Nyquist along an axis, and the
corners of the grid reach 0.71. "Above half Nyquist" is |k| > 0.25, the finest octave and the
corners.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pds.theory import HALF_NYQUIST


class RadialSpectrum(NamedTuple):
    """Mean power by radius: radii in cycles per pixel, power in pixel units squared."""

    radii: NDArray[np.float64]
    power: NDArray[np.float64]


def power(images: Tensor) -> Tensor:
    """Return mean |FFT2 x|^2 / (H W) over a batch (B, C, H, W), (C, H, W) float64."""
    height, width = images.shape[-2:]
    spectra: Tensor = torch.fft.fft2(images.double())
    return spectra.abs().square().mean(0) / (height * width)


def radii(height: int, width: int) -> Tensor:
    """Return |k| in cycles per pixel on the unshifted grid, (H, W) float64."""
    rows = torch.fft.fftfreq(height, dtype=torch.float64)
    columns = torch.fft.fftfreq(width, dtype=torch.float64)
    return torch.hypot(rows[:, None], columns[None, :])


def radial(power: Tensor) -> RadialSpectrum:
    """Average a power (..., H, W) over rings one cycle per image wide, without the mean (k = 0)."""
    height, width = power.shape[-2:]
    size = min(height, width)
    ring = (radii(height, width) * size).round().long().flatten()
    flat = power.double().reshape(-1, height * width).mean(0).cpu()
    total = torch.zeros(int(ring.max()) + 1, dtype=torch.float64).index_add_(0, ring, flat)
    count = torch.bincount(ring)
    kept = torch.arange(1, size // 2 + 1)
    return RadialSpectrum((kept / size).double().numpy(), (total[kept] / count[kept]).numpy())


def fine_power(power: Tensor) -> float:
    """Return the mean power above half Nyquist of a power (..., H, W)."""
    fine = radii(*power.shape[-2:]) > HALF_NYQUIST
    return float(power.cpu()[..., fine].mean())


def noise_left(images: Tensor, data_power: Tensor) -> float:
    """Return the images' mean power above half Nyquist relative to the data's.

    1 is like the data; more is grain, less is blur.

    Args:
        images: (B, C, H, W), in the units of the data.
        data_power: the data's power, (C, H, W); see `pds.filters.data_power`.
    """
    return fine_power(power(images)) / fine_power(data_power)
