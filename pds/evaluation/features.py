"""Features of images that every metric is computed from; a bootstrap resamples features only.

With the orthonormal colors Y = (R + G + B)/sqrt 3 and two opponents, and the orthonormal Haar
transform of each, down to 4 levels and no less than 4 pixels:

    grain        noise in flat places, see `pds.appearance`, mean over channels
    everywhere   the same noise by the median over the whole picture
    coarse       Fourier coefficients of the bands of contrast: a resample's variance about its own
                 mean picture needs only the means of these and of their squares
    fine         mean power above half Nyquist, as in `pds.spectra`
    rings        mean power of each ring one cycle per image wide, corners included, over channels
    summary      log energies of the Haar details of Y by level and orientation (horizontal,
                 vertical, diagonal), of both opponents by level, means of Y on 4 x 4 tiles, and of
                 the opponents: 30 numbers at 32 pixels, 34 at 64 and more
    projections  of small windows of Haar details and of the coarsest level, all channels and
                 orientations, on fixed random unit vectors

The summary is low-dimensional on purpose: the bias of a Frechet distance grows with the number of
dimensions over the number of images, and cells have tens of images, not tens of thousands. It
describes the amount of detail at each scale, its orientation and color, and the layout of light and
color. It does not measure whether a face looks like a face: for that, look at the images, or use
Inception's features on many more.

Source: T. Karras et al., ICLR 2018 (Wasserstein of multi-scale patches; here windows of one Haar
band, so that no direction mixes scales); M. Heusel et al., NeurIPS 2017 (Frechet distance, there of
Inception's features).
"""

import math
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pds import spectra
from pds.appearance import COARSE_BANDS, grain
from pds.spectra import Array

MAX_LEVELS = 4
SMALLEST = 4
"""Pixels of the coarsest Haar level, at least; also of the tiles of the summary."""
PER_LEVEL = 32
"""Projections of each level."""
WINDOW = 2
"""Haar coefficients on a side of a window."""
FAINTEST = 1e-8
"""Added to energies before the logarithm: as large as the rounding errors of half precision."""
CHUNK = 64
"""Images that are transformed together."""


@dataclass(frozen=True)
class Features:
    """Features of n images, all float64; see the module.

    grain, everywhere: (n,), in pixel units.
    coarse: (n, F, 2 C) for the frequencies of `coarse_bands`: the sum of squares over the last
        axis is the power at a frequency, mean over channels.
    fine: (n,).
    rings: (n, R).
    summary: (n, D).
    projections: (n, P).
    """

    grain: Array
    everywhere: Array
    coarse: Array
    fine: Array
    rings: Array
    summary: Array
    projections: Array

    def __len__(self) -> int:
        return len(self.fine)

    def __getitem__(self, index: slice | NDArray[np.intp]) -> "Features":
        return Features(*(getattr(self, field.name)[index] for field in fields(self)))


def features(images: Tensor) -> Features:
    """Return the features of images (n, C, H, W), C = 1 or 3, not clipped, all finite."""
    parts = [_features(chunk.double()) for chunk in torch.split(images, CHUNK)]
    return Features(
        *(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Features))
    )


def _features(images: Tensor) -> Features:
    size = math.prod(images.shape[-2:])
    coefficients = torch.fft.fft2(images)
    power = coefficients.abs().square().mean(1).flatten(1) / size
    ring, count = spectra.rings(*images.shape[-2:])
    total = torch.zeros(len(images), len(count), dtype=torch.float64).index_add_(1, ring, power)
    colors = _colors(images)
    details, coarse = haar(colors)
    fine = spectra.is_fine(*images.shape[-2:]).flatten()
    return Features(
        grain(images).mean(1).numpy(),
        grain(images, flattest=1.0).mean(1).numpy(),
        _coarse(coefficients).numpy(),
        power[:, fine].mean(1).numpy(),
        (total / count).numpy(),
        _summary(colors, details).numpy(),
        _projections(details, coarse).numpy(),
    )


def coarse_bands(height: int, width: int) -> Array:
    """Return the weight of each coarse frequency in the mean over each band, (F, bands)."""
    every = spectra.cycles(height, width).flatten()
    cycles = every[_is_coarse(every)].numpy()
    inside = np.stack([(low <= cycles) & (cycles < high) for low, high in COARSE_BANDS], axis=1)
    weights: Array = inside / inside.sum(0)
    return weights


def _coarse(coefficients: Tensor) -> Tensor:
    """Return real and imaginary parts at the coarse frequencies, (n, F, 2 C), see `Features`."""
    count, channels, height, width = coefficients.shape
    coarse = _is_coarse(spectra.cycles(height, width)).flatten()
    kept = coefficients.flatten(2)[:, :, coarse].transpose(1, 2)
    parts = torch.view_as_real(kept) / math.sqrt(channels * height * width)
    return parts.reshape(count, -1, 2 * channels)


def _is_coarse(cycles: Tensor) -> Tensor:
    return (COARSE_BANDS[0][0] <= cycles) & (cycles < COARSE_BANDS[-1][1])


def _colors(images: Tensor) -> Tensor:
    """Return Y and its opponents, orthonormal; an image of one channel is its own Y."""
    if images.shape[1] == 1:
        return images
    basis = torch.tensor([[1, 1, 1], [1, 0, -1], [1, -2, 1]], dtype=torch.float64)
    return torch.einsum("oc,nchw->nohw", basis / basis.norm(dim=1, keepdim=True), images)


def haar(images: Tensor) -> tuple[list[Tensor], Tensor]:
    """Return Haar details by level, each (n, 3, C, h, w), finest first, and the coarsest level."""
    details: list[Tensor] = []
    while len(details) < MAX_LEVELS and _has_level(*images.shape[-2:]):
        left, right = images[..., 0::2], images[..., 1::2]
        across, along = (right - left) / 2, (left + right) / 2
        top, bottom = (slice(0, None, 2), slice(1, None, 2))
        images, vertical = _pair(along[..., top, :], along[..., bottom, :])
        horizontal, diagonal = _pair(across[..., top, :], across[..., bottom, :])
        details.append(torch.stack([horizontal, vertical, diagonal], dim=1))
    return details, images


def _pair(top: Tensor, bottom: Tensor) -> tuple[Tensor, Tensor]:
    return top + bottom, bottom - top


def _has_level(height: int, width: int) -> bool:
    return height % 2 == 0 and width % 2 == 0 and min(height, width) >= 2 * SMALLEST


def _summary(colors: Tensor, details: list[Tensor]) -> Tensor:
    columns = []
    for detail in details:
        energy = detail.square().mean((-2, -1))
        columns.append(energy[:, :, 0])
        if colors.shape[1] > 1:
            columns.append(energy[:, :, 1:].mean((1, 2))[:, None])
    tiles = torch.nn.functional.adaptive_avg_pool2d(colors[:, :1], SMALLEST).flatten(1)
    logs = [(column + FAINTEST).log() for column in columns]
    return torch.cat([*logs, tiles, colors[:, 1:].mean((-2, -1))], dim=1)


def _projections(details: list[Tensor], coarse: Tensor) -> Tensor:
    levels = [*details, coarse[:, None]]
    directions = _directions(tuple(level.shape[1:] for level in levels))
    columns = [
        level[..., row : row + WINDOW, column : column + WINDOW].flatten(1) @ unit
        for level, chosen in zip(levels, directions, strict=True)
        for row, column, unit in chosen
    ]
    return torch.stack(columns, dim=1)


@lru_cache(maxsize=8)
def _directions(shapes: tuple[torch.Size, ...]) -> list[list[tuple[int, int, Tensor]]]:
    """Return the window's row and column and the unit vector of each projection, by level.

    Args:
        shapes: of one image's level, (3 or 1, C, h, w).
    """
    generator = torch.Generator().manual_seed(0)
    return [[_direction(shape, generator) for _ in range(PER_LEVEL)] for shape in shapes]


def _direction(shape: torch.Size, generator: torch.Generator) -> tuple[int, int, Tensor]:
    row, column = (
        int(torch.randint(side - WINDOW + 1, (), generator=generator)) for side in shape[-2:]
    )
    count = math.prod(shape[:-2]) * WINDOW**2
    unit = torch.randn(count, generator=generator, dtype=torch.float64)
    return row, column, unit / unit.norm()
