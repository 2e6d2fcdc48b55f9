"""What a preconditioner makes of a drift d and a noise z, ready to be added to x.

    x <- x + a D + b n,     D = (M M' + S) d,     n = M z

with scalars a and b for each image, which a corrector finds from the norms |D| and |n|. A frequency
filter's D and n stay spectra until the sum, so that the inverse transform is made once for both;
the norms are those of the spectra, by Parseval. x without the noise costs an inverse transform of
its own, and only where somebody looks at it.

Source: derived for this project.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

Scalars = Tensor | float
"""One number for all images, or one for each, (B, 1, 1, 1)."""


class Move(Protocol):
    """D and n of a batch (B, C, H, W)."""

    def norms(self) -> tuple[Tensor, Tensor]:
        """Return |D| and |n| of each image, (B, 1, 1, 1), both times a constant of the image's."""
        ...

    def add(self, x: Tensor, a: Scalars, b: Scalars | None = None) -> Tensor:
        """Return x + a D + b n, or x + a D without b."""
        ...


@dataclass(frozen=True)
class ImageMove:
    """D and n as images."""

    drift: Tensor
    noise: Tensor

    def norms(self) -> tuple[Tensor, Tensor]:
        return _norm(self.drift), _norm(self.noise)

    def add(self, x: Tensor, a: Scalars, b: Scalars | None = None) -> Tensor:
        x = x + a * self.drift
        return x if b is None else x + b * self.noise


@dataclass(frozen=True)
class SpectralMove:
    """D and n as weighted half spectra, real and imaginary parts apart, (B, C, H, W // 2 + 1, 2).

    A half spectrum stands for k and -k, but where a column is its own mirror image. With the square
    roots of these multiplicities as weights its norm is that of the whole spectrum.

    Args:
        drift, noise: weighted half spectra.
        unweight: 1 / weights, (W // 2 + 1, 2).
    """

    drift: Tensor
    noise: Tensor
    unweight: Tensor

    def norms(self) -> tuple[Tensor, Tensor]:
        return _norm(self.drift.flatten(-2)), _norm(self.noise.flatten(-2))

    def add(self, x: Tensor, a: Scalars, b: Scalars | None = None) -> Tensor:
        total = self.drift * (a[..., None] if isinstance(a, Tensor) else a)
        if isinstance(b, Tensor):
            total.addcmul_(self.noise, b[..., None])
        elif b is not None:
            total.add_(self.noise, alpha=b)
        return images(total.mul_(self.unweight), x.shape[-2:]).add_(x)


@dataclass(frozen=True)
class BlockMove:
    """The moves of consecutive blocks of a batch, so many images each."""

    moves: Sequence[Move]
    counts: Sequence[int]

    def norms(self) -> tuple[Tensor, Tensor]:
        drift, noise = zip(*(move.norms() for move in self.moves), strict=True)
        return torch.cat(drift), torch.cat(noise)

    def add(self, x: Tensor, a: Scalars, b: Scalars | None = None) -> Tensor:
        blocks = zip(self.moves, *(self._split(v) for v in (x, a, b)), strict=True)
        return torch.cat([move.add(*block) for move, *block in blocks])

    def _split(self, value: Scalars | None) -> Sequence[Any]:
        if isinstance(value, Tensor) and len(value) == sum(self.counts):
            return torch.split(value, list(self.counts))
        return [value] * len(self.counts)


def half_spectrum(v: Tensor, factors: Tensor) -> Tensor:
    """Return F v times real factors, (..., H, W // 2 + 1, 2) as are the factors."""
    return torch.view_as_real(torch.fft.rfft2(v)).mul_(factors)


def images(half: Tensor, size: Sequence[int]) -> Tensor:
    """Return the real images (..., H, W) of unweighted half spectra; `size` is H and W."""
    inverse: Tensor = torch.fft.irfft2(torch.view_as_complex(half), s=size)
    return inverse


def _norm(v: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(v, dim=(1, 2, 3), keepdim=True)
    return norm
