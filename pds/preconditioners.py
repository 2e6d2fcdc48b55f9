"""Preconditioners: the linear maps M that PDS puts around score and noise.

A sampler step with drift d and noise z becomes a step with drift (M M' + S) d and noise M z. Here

    M v = F^-1[ r . F[ a . v ]],     M' v = a . F^-1[ r . F v ],     M M' v = F^-1[ r . F[ a^2 . F^-1[ r . F v ]]]

where F is the 2-D discrete Fourier transform, r is an even gain for each frequency and a is a gain
for each pixel. S is a skew-symmetric map, zero except in `Skew`. Vanilla sampling is `Identity()`.

Source: H. Ma et al., "Accelerating Score-Based Generative Models with Preconditioned Diffusion
Sampling", ECCV 2022. The transforms here are real and an uneven gain is refused; the published code
takes the real part of complex transforms, which silently symmetrizes an uneven gain.
"""  # noqa: E501

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from pds import spectra

NormOver = Literal["batch", "sample"]
Scalars = Tensor | float
"""One number for all images, or one for each, (B, 1, 1, 1)."""


class Move(Protocol):
    """The preconditioned drift D = (M M' + S) d and noise n = M z of a batch (B, C, H, W).

    A filter keeps both in the Fourier domain, so that their sum takes one inverse transform.
    """

    def norm_ratio(self, over: NormOver) -> Scalars:
        """Return |n| / |D| of each image, or the ratio of the means over the batch."""
        ...

    def add(self, x: Tensor, a: Scalars, b: Scalars | None = None) -> Tensor:
        """Return x + a D + b n, or x + a D without b."""
        ...


class Preconditioner(Protocol):
    """A linear map M on images v of shape (B, C, H, W)."""

    def apply(self, v: Tensor) -> Tensor:
        """Return M v, as applied to noise.

        Raises:
            ValueError: if M is for images of another size; so do the methods below.
        """
        ...

    def apply_transpose(self, v: Tensor) -> Tensor:
        """Return M' v."""
        ...

    def drift(self, v: Tensor) -> Tensor:
        """Return (M M' + S) v, as applied to the score. S is zero except in `Skew`."""
        return self.apply(self.apply_transpose(v))

    def move(self, drift: Tensor, noise: Tensor) -> Move:
        """Return D = (M M' + S) drift and n = M noise, to be added to x."""
        return ImageMove(self.drift(drift), self.apply(noise))

    def mode_gain(self) -> Tensor:
        """Return the gain of every Fourier mode, (H, W) or (), mean over channels.

        Raises:
            ValueError: if M mixes frequencies, or has a skew part.
        """
        raise ValueError(f"{type(self).__name__} has no gain for each frequency")


class ImageMove(NamedTuple):
    """D and n as images."""

    drift: Tensor
    noise: Tensor

    def norm_ratio(self, over: NormOver) -> Scalars:
        return _norm_ratio(self.noise, self.drift, over)

    def add(self, x: Tensor, a: Scalars, b: Scalars | None = None) -> Tensor:
        x = x + a * self.drift
        return x if b is None else x + b * self.noise


class SpectralMove(NamedTuple):
    """D and n as half spectra; `add` takes one inverse transform of their sum.

    Real and imaginary parts are separate, (B, C, H, W // 2 + 1, 2). The spectra are weighted by the
    square roots of the multiplicities of their columns: by Parseval their norms are those of the
    images, up to a common factor.

    Args:
        drift, noise: weighted half spectra.
        unweight: 1 / weights, (W // 2 + 1, 1).
    """

    drift: Tensor
    noise: Tensor
    unweight: Tensor

    def norm_ratio(self, over: NormOver) -> Scalars:
        return _norm_ratio(self.noise.flatten(-2), self.drift.flatten(-2), over)

    def add(self, x: Tensor, a: Scalars, b: Scalars | None = None) -> Tensor:
        total = self.drift * (a[..., None] if isinstance(a, Tensor) else a)
        if isinstance(b, Tensor):
            total.addcmul_(self.noise, b[..., None])
        elif b is not None:
            total.add_(self.noise, alpha=b)
        return _images(total.mul_(self.unweight), x.shape).add_(x)


@dataclass(frozen=True)
class Identity(Preconditioner):
    """M = I: the vanilla sampler. Images and noise are returned as they are, bit for bit."""

    def apply(self, v: Tensor) -> Tensor:
        return v

    def apply_transpose(self, v: Tensor) -> Tensor:
        return v

    def drift(self, v: Tensor) -> Tensor:
        return v

    def mode_gain(self) -> Tensor:
        return torch.ones(())


class _Factors(NamedTuple):
    """The weighted r of M v, the weighted r^2 of M M' v, and 1 / weights; (..., W // 2 + 1, 2)."""

    once: Tensor
    twice: Tensor
    unweight: Tensor


@dataclass(frozen=True, eq=False)
class FrequencyFilter(Preconditioner):
    """M v = F^-1[ r . F v ], symmetric because r is even.

    Args:
        gain: r, real, (..., H, W) on the full unshifted FFT grid, broadcast over images.

    Raises:
        ValueError: if the gain is not finite or not even, r[-k] = r[k].
    """

    gain: Tensor

    def __post_init__(self) -> None:
        _require_finite("a frequency gain", self.gain)
        uneven = spectra.unevenness(self.gain)
        if uneven > spectra.EVENNESS:
            raise ValueError(
                f"a frequency gain must be even, gain[-k] = gain[k], but its halves differ by "
                f"{uneven:.2g} of its maximum; symmetrize it or estimate it from real images"
            )

    def apply(self, v: Tensor) -> Tensor:
        return self._filter(v, self._factors.once)

    def apply_transpose(self, v: Tensor) -> Tensor:
        return self._filter(v, self._factors.once)

    def drift(self, v: Tensor) -> Tensor:
        return self._filter(v, self._factors.twice)

    def move(self, drift: Tensor, noise: Tensor) -> Move:
        return SpectralMove(
            self._spectrum(drift, self._factors.twice),
            self._spectrum(noise, self._factors.once),
            self._factors.unweight.to(drift),
        )

    def mode_gain(self) -> Tensor:
        return self.gain.reshape(-1, *self.gain.shape[-2:]).mean(0)

    @cached_property
    def _factors(self) -> "_Factors":
        weight = spectra.half_multiplicity(self.gain.shape[-1]).to(self.gain).sqrt()[:, None]
        half = self.gain[..., : len(weight), None]
        # Repeated for real and imaginary parts: broadcasting along the last axis is slow.
        once, twice, unweight = (
            v.repeat_interleave(2, -1) for v in (half * weight, half**2 * weight, 1 / weight)
        )
        return _Factors(once, twice, unweight)

    def _filter(self, v: Tensor, factors: Tensor) -> Tensor:
        return _images(self._spectrum(v, factors).mul_(self._factors.unweight.to(v)), v.shape)

    def _spectrum(self, v: Tensor, factors: Tensor) -> Tensor:
        if v.shape[-2:] != self.gain.shape[-2:]:
            raise ValueError(
                f"the frequency filter does not fit images of {v.shape[-2]} x {v.shape[-1]} "
                "pixels; use one estimated at their size"
            )
        return torch.view_as_real(torch.fft.rfft2(v)).mul_(factors.to(v))


@dataclass(frozen=True, eq=False)
class SpaceFilter(Preconditioner):
    """M v = a . v, a gain for each pixel, or one gain for all.

    Args:
        gain: a, (..., H, W) or (), broadcast over images.

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

    def drift(self, v: Tensor) -> Tensor:
        return self.gain.to(v) ** 2 * v

    def mode_gain(self) -> Tensor:
        constant = self.gain.mean()
        return constant if torch.isclose(self.gain, constant).all() else super().mode_gain()


@dataclass(frozen=True)
class Composition(Preconditioner):
    """M v = outer(inner(v)); the published filter is frequency after space."""

    outer: Preconditioner
    inner: Preconditioner

    def apply(self, v: Tensor) -> Tensor:
        return self.outer.apply(self.inner.apply(v))

    def apply_transpose(self, v: Tensor) -> Tensor:
        return self.inner.apply_transpose(self.outer.apply_transpose(v))

    def drift(self, v: Tensor) -> Tensor:
        return self.outer.apply(self.inner.drift(self.outer.apply_transpose(v)))

    def mode_gain(self) -> Tensor:
        return self.outer.mode_gain() * self.inner.mode_gain()


@dataclass(frozen=True)
class Skew(Preconditioner):
    """Any M with S = strength K added to the drift, K the central difference along both axes.

    K v[i, j] = (v[i+1, j] - v[i-1, j] + v[i, j+1] - v[i, j-1]) / 4 with wrap-around. K is
    skew-symmetric; in the Fourier domain it multiplies frequency (p, q) by
    i (sin 2 pi p/H + sin 2 pi q/W) / 2. Langevin dynamics keeps its distribution with any S.

    Args:
        preconditioner: M.
        strength: scale of S; 0 is M alone.
    """

    preconditioner: Preconditioner
    strength: float

    def apply(self, v: Tensor) -> Tensor:
        return self.preconditioner.apply(v)

    def apply_transpose(self, v: Tensor) -> Tensor:
        return self.preconditioner.apply_transpose(v)

    def skew(self, v: Tensor) -> Tensor:
        """Return S v."""
        differences = [v.roll(-1, axis) - v.roll(1, axis) for axis in (-2, -1)]
        return self.strength / 4 * (differences[0] + differences[1])

    def drift(self, v: Tensor) -> Tensor:
        return self.preconditioner.drift(v) + self.skew(v)


def _images(half: Tensor, shape: torch.Size) -> Tensor:
    """Return the real images of unweighted half spectra."""
    images: Tensor = torch.fft.irfft2(torch.view_as_complex(half), s=shape[-2:])
    return images


def _norm_ratio(noise: Tensor, drift: Tensor, over: NormOver) -> Tensor:
    norms: list[Tensor] = [
        torch.linalg.vector_norm(v, dim=(1, 2, 3), keepdim=True) for v in (noise, drift)
    ]
    if over == "batch":
        norms = [norm.mean() for norm in norms]
    return norms[0] / norms[1]


def _require_finite(name: str, gain: Tensor) -> None:
    if not bool(torch.isfinite(gain).all()):
        raise ValueError(f"{name} must be finite, got {gain[~torch.isfinite(gain)][0].item()}")
