"""The bands of an image in which the response of a denoiser is measured.

Octaves, over the whole image: |k| in cycles per image from 1/2 to 3/2, to 3, to 6, to 12 and so
on; before them the brightness, k = 0. The first three are those of contrast, see `pds.appearance`.

Flat places, at scales j = 0, 1, 2: the diagonal difference of four blocks of 2^j x 2^j pixels,

    d_j = (upper left - upper right - lower left + lower right, each summed) / 2^(j+1),

over the places of a clean image whose blocks lie where it is flattest, without the few where the
image's own difference is an outlier. White noise of standard deviation 1 has d_j of standard
deviation 1. Scale 0 is what grain is measured on.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pds import spectra
from pds.appearance import FLATTEST, MEDIAN_OF_NORMAL, steepness
from pds.spectra import Array

SCALES = 3
"""Scales of flat places, fewer for images below 32 pixels."""

SMALLEST = 16
"""Pixels on a side of an image that has flat places at two scales."""

OUTLIER = 2.5
"""Differences of a clean image beyond so many standard deviations are edges."""


@dataclass(frozen=True)
class Bands:
    """The bands of images of one size: B octaves, then J scales of flat places.

    Args:
        height, width: in pixels.

    Raises:
        ValueError: below 16 x 16 pixels.
    """

    height: int
    width: int

    def __post_init__(self) -> None:
        if min(self.height, self.width) < SMALLEST:
            raise ValueError(
                f"a response needs images of at least {SMALLEST} x {SMALLEST} pixels, got "
                f"{self.height} x {self.width}"
            )

    @property
    def names(self) -> list[str]:
        """What each band holds."""
        edges = [f"{edge:.3g}" for edge in self.edges]
        octaves = [f"{low} to {high} cycles" for low, high in pairwise(edges)]
        return ["brightness", *octaves, *(f"flat, {2**j} px" for j in range(self.num_scales))]

    @cached_property
    def edges(self) -> list[float]:
        """Edges of the octaves in cycles per image."""
        size = min(self.height, self.width)
        inner = [1.5 * 2**j for j in range(int(math.log2(size / 3)) + 1)]
        return [0.5, *inner, float(spectra.cycles(self.height, self.width).max())]

    @property
    def num_octaves(self) -> int:
        """B, the brightness included."""
        return len(self.edges)

    @property
    def num_scales(self) -> int:
        """J."""
        return SCALES if min(self.height, self.width) >= 2 * SMALLEST else SCALES - 1

    @cached_property
    def octave(self) -> Tensor:
        """The octave of each frequency of the unshifted grid, (H, W) int64."""
        cycles = spectra.cycles(self.height, self.width)
        return torch.bucketize(cycles, torch.tensor(self.edges[:-1]).double(), right=True)

    @cached_property
    def count(self) -> Array:
        """Modes of each band, (B + J,); flat places have none of their own."""
        octaves = torch.bincount(self.octave.flatten(), minlength=self.num_octaves).numpy()
        return np.append(octaves, np.zeros(self.num_scales))

    @cached_property
    def radius(self) -> Array:
        """Mean |k| of each band, in cycles per pixel, (B + J,)."""
        radii = spectra.radii(self.height, self.width)
        octaves = _grouped(radii, self).numpy()
        scales = [float((w * radii).sum() / w.sum()) for w in self._weights()]
        return np.append(octaves, scales)

    def _weights(self) -> list[Tensor]:
        """Return |FFT2 of the difference|^2 at each scale, (H, W)."""
        size = (self.height, self.width)
        return [
            torch.fft.fft2(_difference(_pulse(*size), j), s=size).abs().square()[0, 0]
            for j in range(self.num_scales)
        ]

    def power_of(self, plane: Tensor) -> Array:
        """Return the mean square of every band, (B + J,), of images that are alike everywhere.

        Args:
            plane: their power mean |FFT2 x|^2 / (H W), (H, W).
        """
        plane = plane.double().cpu()
        octaves = _grouped(plane, self).numpy()
        return np.append(octaves, [float((w * plane).mean()) for w in self._weights()])

    def colored(self, noise: Tensor, c: float, tilt: float) -> Tensor:
        """Return white noise with the standard deviation of `strengths` at every frequency."""
        fine = self.radius[self.num_octaves]
        std = c * (fine / self._followed(spectra.radii(self.height, self.width).numpy())) ** tilt
        factor = torch.from_numpy(std).to(noise.device, noise.dtype)
        return torch.fft.ifft2(torch.fft.fft2(noise) * factor).real

    def strengths(self, c: float, tilt: float) -> Array:
        """Return the noise of each band, (B + J,): c at the finest scale, c 2^tilt at half its |k|.

        Beyond the finest and the coarsest scale of flat places it is constant.
        """
        fine = self.radius[self.num_octaves]
        return np.asarray(c * (fine / self._followed(self.radius)) ** tilt)

    def _followed(self, radius: Array) -> Array:
        return np.clip(radius, self.radius[-1], self.radius[self.num_octaves])


class Parts(NamedTuple):
    """Images split into their bands.

    transform: (n, C, H, W), unitary.
    differences: d_j at each scale, 0 beside the flat places.
    """

    transform: Tensor
    differences: tuple[Tensor, ...]

    def about_mean(self) -> "Parts":
        """Return the parts with octaves about the mean of these images, for unbiased moments."""
        n = len(self.transform)
        centered = self.transform - self.transform.mean(0)
        return self._replace(transform=math.sqrt(n / (n - 1)) * centered)

    def scaled(self, factor: float) -> "Parts":
        """Return the parts of the images times a factor."""
        return Parts(factor * self.transform, tuple(factor * d for d in self.differences))


class FlatPlaces:
    """The flat places at every scale of some clean images (n, C, H, W), float64."""

    def __init__(self, pictures: Tensor, bands: Bands) -> None:
        self.bands = bands
        steep = steepness(pictures)
        self.masks = [_flat(pictures, steep, j) for j in range(bands.num_scales)]
        self.counts = [mask.sum((1, 2, 3)).clamp(min=1) for mask in self.masks]

    def parts(self, images: Tensor) -> Parts:
        """Return the parts of images (n, C, H, W), such as noise before or after denoising."""
        images = images.to(self.masks[0].device).double()
        differences = (_difference(images, j) * mask for j, mask in enumerate(self.masks))
        return Parts(torch.fft.fft2(images, norm="ortho"), tuple(differences))

    def moments(self, a: Parts, b: Parts) -> Array:
        """Return the mean of a b in every band of each image, (n, B + J)."""
        octaves = _grouped((a.transform * b.transform.conj()).real.mean(1), self.bands)
        pairs = zip(a.differences, b.differences, self.counts, strict=True)
        scales = [(mine * theirs).sum((1, 2, 3)) / count for mine, theirs, count in pairs]
        return np.asarray(torch.cat([octaves, torch.stack(scales, 1)], 1).cpu())


def _grouped(planes: Tensor, bands: Bands) -> Tensor:
    """Return the mean of planes (..., H, W) over each octave, (..., B)."""
    octave = bands.octave.flatten().to(planes.device)
    flat = planes.flatten(-2)
    total = flat.new_zeros(*flat.shape[:-1], bands.num_octaves).index_add_(-1, octave, flat)
    return total / torch.bincount(octave, minlength=bands.num_octaves)


def _difference(images: Tensor, scale: int) -> Tensor:
    """Return d_j, (n, C, H - 2^(j+1) + 1, W - 2^(j+1) + 1)."""
    k = 2**scale
    blocks = functional.avg_pool2d(images, k, 1) * (k / 2)
    across = blocks[..., :-k] - blocks[..., k:]
    return across[..., :-k, :] - across[..., k:, :]


def _flat(pictures: Tensor, steep: Tensor, scale: int) -> Tensor:
    """Return which places of images (n, C, H, W) are flat at a scale, like `_difference`.

    Args:
        pictures: clean.
        steep: their `pds.appearance.steepness`, (n, H - 1, W - 1), of 2 x 2 pixels each.
        scale: j.
    """
    support = functional.avg_pool2d(steep[:, None], 2 * 2**scale - 1, 1)
    flat = support.flatten(1)
    kept = max(1, round(FLATTEST / (scale + 1) * flat.shape[1]))
    least = flat.kthvalue(kept, 1).values
    chosen = (support <= least[:, None, None, None]).expand(-1, pictures.shape[1], -1, -1)
    size = _difference(pictures, scale).abs()
    spread = torch.where(chosen, size, torch.nan).flatten(1).nanmedian(1).values / MEDIAN_OF_NORMAL
    return chosen & (size <= OUTLIER * spread[:, None, None, None])


@lru_cache(maxsize=8)
def _pulse(height: int, width: int) -> Tensor:
    pulse = torch.zeros(1, 1, height, width, dtype=torch.float64)
    pulse[..., height // 2, width // 2] = 1
    return pulse
