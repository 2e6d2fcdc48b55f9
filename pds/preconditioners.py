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
class FrequencyFilter(Preconditioner):
    """M v = F^-1[ r . F v ], symmetric because r is even.

    Args:
        gain: r, real, (..., H, W) on the full unshifted FFT grid, broadcast over images.

    Raises:
        ValueError: if the gain is not finite or not even, r[-k] = r[k].
    """

    gain: Tensor
    _half: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _require_finite("a frequency gain", self.gain)
        uneven = unevenness(self.gain)
        if uneven > EVENNESS:
            raise ValueError(
                f"a frequency gain must be even, gain[-k] = gain[k], but its halves differ by "
                f"{uneven:.2g} of its maximum; symmetrize it or estimate it from real images"
            )
        object.__setattr__(self, "_half", self.gain[..., : self.gain.shape[-1] // 2 + 1])

    def apply(self, v: Tensor) -> Tensor:
        return _filter(v, self._half)

    def apply_transpose(self, v: Tensor) -> Tensor:
        return self.apply(v)

    def gram(self, v: Tensor) -> Tensor:
        return _filter(v, self._half**2)


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


def _filter(v: Tensor, half_gain: Tensor) -> Tensor:
    size = v.shape[-2:]
    if half_gain.shape[-2:] != (size[0], size[1] // 2 + 1):
        raise ValueError(
            f"the frequency filter does not fit images of {size[0]} x {size[1]} pixels; "
            "use one estimated at their size"
        )
    filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(v) * half_gain.to(v), s=size)
    return filtered


def _require_finite(name: str, gain: Tensor) -> None:
    if not bool(torch.isfinite(gain).all()):
        raise ValueError(f"{name} must be finite, got {gain[~torch.isfinite(gain)][0].item()}")
