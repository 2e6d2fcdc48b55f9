"""Preconditioners: the linear maps M that PDS puts around score and noise.

A sampler step with drift s and noise z becomes a step with drift (M M' + S) s and noise M z. Here

    M v = F^-1[ r . F[ a . v ]],     M' v = a . F^-1[ r . F v ],     M M' v = F^-1[ r . F[ a^2 . F^-1[ r . F v ]]]

where F is the 2-D discrete Fourier transform, r an even gain for each frequency and a a gain for
each pixel; S is any skew-symmetric map, zero unless asked for. Vanilla sampling is `Identity()`.

Source: H. Ma et al., "Accelerating Score-Based Generative Models with Preconditioned Diffusion
Sampling", ECCV 2022. It differs from the published code in using real transforms, which demand an
even gain and say so; taking the real part would symmetrize an uneven one silently.
"""  # noqa: E501

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from pds.moves import ImageMove, Move, SpectralMove, half_spectrum, images

EVENNESS = 1e-4
"""Largest relative difference between gain[k] and gain[-k] that counts as rounding."""


class Preconditioner(Protocol):
    """A linear map M on images v of shape (B, C, H, W)."""

    def apply(self, v: Tensor) -> Tensor:
        """Return M v: what happens to noise."""
        ...

    def apply_transpose(self, v: Tensor) -> Tensor:
        """Return M' v."""
        ...

    def gram(self, v: Tensor) -> Tensor:
        """Return M M' v."""
        return self.apply(self.apply_transpose(v))

    def drift(self, v: Tensor) -> Tensor:
        """Return (M M' + S) v: what happens to the score. S is zero except in `Skew`."""
        return self.gram(v)

    def move(self, drift: Tensor, noise: Tensor) -> Move:
        """Return (M M' + S) drift and M noise, ready to be added to x."""
        return ImageMove(self.drift(drift), self.apply(noise))


@dataclass(frozen=True)
class Identity(Preconditioner):
    """M = I: the vanilla sampler. Every method returns its argument itself."""

    def apply(self, v: Tensor) -> Tensor:
        return v

    def apply_transpose(self, v: Tensor) -> Tensor:
        return v

    def gram(self, v: Tensor) -> Tensor:
        return v


@dataclass(frozen=True)
class HalfSpectrum(Preconditioner):
    """M v = F^-1[ r . F v ] with r prepared for real transforms.

    Both factors are weighted as `pds.moves.SpectralMove` wants them.

    Args:
        once: r, for M v, (..., H, W // 2 + 1, 2), broadcast over images or for each.
        twice: r^2, for M M' v.
        unweight: 1 / weights, (W // 2 + 1, 2).
        size: H and W.
    """

    once: Tensor
    twice: Tensor
    unweight: Tensor
    size: tuple[int, int]

    @classmethod
    def of(cls, gain: Tensor) -> "HalfSpectrum":
        """Prepare a gain on the full grid, (..., H, W)."""
        height, width = gain.shape[-2:]
        weight = gain.new_full((width // 2 + 1, 1), 2.0)
        weight[0] = 1
        if width % 2 == 0:
            weight[-1] = 1
        weight = weight.sqrt().repeat(1, 2)
        half = gain[..., : width // 2 + 1, None]
        return cls(half * weight, half**2 * weight, 1 / weight, (height, width))

    def apply(self, v: Tensor) -> Tensor:
        return self._filter(v, self.once)

    def apply_transpose(self, v: Tensor) -> Tensor:
        return self._filter(v, self.once)

    def gram(self, v: Tensor) -> Tensor:
        return self._filter(v, self.twice)

    def move(self, drift: Tensor, noise: Tensor) -> Move:
        return SpectralMove(
            self._spectrum(drift, self.twice),
            self._spectrum(noise, self.once),
            self.unweight.to(drift),
        )

    def _filter(self, v: Tensor, factors: Tensor) -> Tensor:
        return images(self._spectrum(v, factors).mul_(self.unweight.to(v)), self.size)

    def _spectrum(self, v: Tensor, factors: Tensor) -> Tensor:
        if v.shape[-2:] != self.size:
            raise ValueError(
                f"the frequency filter does not fit images of {v.shape[-2]} x {v.shape[-1]} "
                "pixels; use one estimated at their size"
            )
        return half_spectrum(v, factors.to(v))


@dataclass(frozen=True)
class FrequencyFilter(Preconditioner):
    """M v = F^-1[ r . F v ], symmetric because r is even.

    Args:
        gain: r, real, (..., H, W) on the full unshifted FFT grid, broadcast over images.

    Raises:
        ValueError: if the gain is not finite or not even, r[-k] = r[k].
    """

    gain: Tensor
    half: HalfSpectrum = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _require_finite("a frequency gain", self.gain)
        uneven = unevenness(self.gain)
        if uneven > EVENNESS:
            raise ValueError(
                f"a frequency gain must be even, gain[-k] = gain[k], but its halves differ by "
                f"{uneven:.2g} of its maximum; symmetrize it or estimate it from real images"
            )
        object.__setattr__(self, "half", HalfSpectrum.of(self.gain))

    def apply(self, v: Tensor) -> Tensor:
        return self.half.apply(v)

    def apply_transpose(self, v: Tensor) -> Tensor:
        return self.half.apply_transpose(v)

    def gram(self, v: Tensor) -> Tensor:
        return self.half.gram(v)

    def move(self, drift: Tensor, noise: Tensor) -> Move:
        return self.half.move(drift, noise)


@dataclass(frozen=True)
class SpaceFilter(Preconditioner):
    """M v = a . v, a gain for each pixel.

    Args:
        gain: a, real, (..., H, W), broadcast over images.

    Raises:
        ValueError: if the gain is not finite.
    """

    gain: Tensor

    def __post_init__(self) -> None:
        _require_finite("a space gain", self.gain)

    def apply(self, v: Tensor) -> Tensor:
        return self.gain.to(v) * v

    def apply_transpose(self, v: Tensor) -> Tensor:
        return self.apply(v)

    def gram(self, v: Tensor) -> Tensor:
        return self.gain.to(v) ** 2 * v


@dataclass(frozen=True)
class Composition(Preconditioner):
    """M v = outer(inner(v)); the published filter is frequency after space."""

    outer: Preconditioner
    inner: Preconditioner

    def apply(self, v: Tensor) -> Tensor:
        return self.outer.apply(self.inner.apply(v))

    def apply_transpose(self, v: Tensor) -> Tensor:
        return self.inner.apply_transpose(self.outer.apply_transpose(v))

    def gram(self, v: Tensor) -> Tensor:
        return self.outer.apply(self.inner.gram(self.outer.apply_transpose(v)))


@dataclass(frozen=True)
class Skew(Preconditioner):
    """Any M with S = strength . D added to the drift, D the central difference along both axes.

    D v[i, j] = (v[i+1, j] - v[i-1, j] + v[i, j+1] - v[i, j-1]) / 4 with wrap-around: it is
    skew-symmetric, and at frequency (p, q) the factor i (sin 2 pi p/H + sin 2 pi q/W) / 2. S stirs
    without changing the distribution that a Langevin step keeps.

    Args:
        preconditioner: M.
        strength: of S against M M'; 0 leaves M as it is.
    """

    preconditioner: Preconditioner
    strength: float

    def apply(self, v: Tensor) -> Tensor:
        return self.preconditioner.apply(v)

    def apply_transpose(self, v: Tensor) -> Tensor:
        return self.preconditioner.apply_transpose(v)

    def gram(self, v: Tensor) -> Tensor:
        return self.preconditioner.gram(v)

    def skew(self, v: Tensor) -> Tensor:
        """Return S v."""
        differences = [v.roll(-1, axis) - v.roll(1, axis) for axis in (-2, -1)]
        return self.strength / 4 * (differences[0] + differences[1])

    def drift(self, v: Tensor) -> Tensor:
        return self.preconditioner.drift(v) + self.skew(v)


def unevenness(gain: Tensor) -> float:
    """Return max |gain[-k] - gain[k]| / max |gain| over the last two axes."""
    mirrored = gain.flip(-2, -1).roll((1, 1), (-2, -1))
    return float((gain - mirrored).abs().max() / gain.abs().max().clamp(min=1e-30))


def _require_finite(name: str, gain: Tensor) -> None:
    if not bool(torch.isfinite(gain).all()):
        raise ValueError(f"{name} must be finite, got {gain[~torch.isfinite(gain)][0].item()}")
