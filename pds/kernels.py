"""Predictors and correctors: one step of arithmetic each, given the score.

Kernels never call the network. They take x, the score s(x, t), standard normal noise z, their
coefficients at the level of x, and the preconditioner M, and return the new x with its mean. With
D = M M' + S, f and G of the SDE's grid of N steps (f and g of the continuous process for
Euler-Maruyama), and e the step size of a corrector:

    ReverseDiffusion     x_mean = x - D (f x - G^2 s)                        x = x_mean + G M z
    MarginalPreserving   x_mean = x - f x + G^2 (I + D) s / 2                x = x_mean + G M z
    EulerMaruyama        x_mean = x - D (f x - g^2 s) / N                    x = x_mean + g M z / sqrt N
    Ancestral (VE)       x_mean = x + G^2 s                                  x = x_mean + G sigma_{k-1}/sigma_k z
    Ancestral (VP)       x_mean = (x + beta s) / sqrt(1 - beta)              x = x_mean + sqrt(beta) z
    Langevin             x_mean = x + e D s, e = 2 alpha (snr |M z| / |D s|)^2    x = x_mean + sqrt(2 e) M z
    AnnealedLangevin     x_mean = x + e D s, e = 2 alpha (snr std)^2         x = x_mean + sqrt(2 e) M z

As steps become small, Langevin correctors keep p_t for every M. Of the preconditioned predictors
only `MarginalPreserving` does; the published one takes a Gaussian mode of gain g from its variance
lambda to lambda g^2 / (2 g^2 - 1).

alpha is 1 for VE and 1 - beta_k for VP and sub-VP, see `pds.sde.SDE.alpha`. At the first level it is
1 - beta_max / N, .20 at N = 25 and 0 at N = 20: there a corrector has little or no effect, and its
coefficients warn.

The arithmetic is written in operators alone, so that it also runs on numpy arrays:
`pds.theory.recursion` runs these kernels to follow Gaussian data exactly.

Source: Y. Song et al., ICLR 2021 (appendices F, G); H. Ma et al., ECCV 2022 (M around them);
`MarginalPreserving` is derived for this project (probability flow, plus Langevin at rate G^2/2).
"""  # noqa: E501

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor

from pds.limits import require_snr
from pds.preconditioners import Identity, Move, NormOver, Preconditioner, Scalars
from pds.sde import SDE

Columns = Sequence[Tensor]
"""The coefficients of a kernel over a grid, (N,) float64 each."""
Row = Sequence[float]
"""The coefficients of a kernel at one level."""

LITTLE, ENOUGH = 0.25, 0.8
"""Factors alpha of a corrector's step: below the first, the corrector warns of the second."""


@dataclass(frozen=True, eq=False)
class Update:
    """The state after a kernel, (B, C, H, W).

    Args:
        x: with the kernel's noise.
        mean: computes x without it, at the first access of `x_mean`.
    """

    x: Tensor
    mean: Callable[[], Tensor]

    @cached_property
    def x_mean(self) -> Tensor:
        """The state without the kernel's noise, (B, C, H, W)."""
        return self.mean()


def still(x: Tensor) -> Update:
    """Return the state after a step without noise."""
    return Update(x, lambda: x)


class Term(NamedTuple):
    """A summand of a step: a factor times an image, by their names in the equations above.

    symbol: of the factor.
    factor: its value, one for all images or one for each.
    image: "x", "D x", "s", "D s", or "M z", which is part of x but not of x_mean.
    """

    symbol: str
    factor: Scalars
    image: str


class Kernel(Protocol):
    """One predictor or corrector step; hashable, and equal if the step is the same.

    row: names of the coefficients at a level.
    """

    row: ClassVar[tuple[str, ...]]

    def coefficients(self, sde: SDE, times: Tensor) -> Columns:
        """Return the coefficients of the step over a grid of N times (N,).

        Raises:
            ValueError: if the kernel is not defined for the process, or for so few iterations.
        """
        ...

    def __call__(self, x: Tensor, score: Tensor, z: Tensor, at: Row, m: Preconditioner) -> Update:
        """Advance x (B, C, H, W) by one step; score and noise have its shape.

        Raises:
            ValueError: if the kernel cannot be preconditioned by M.
        """
        ...

    def terms(self, at: Row, move: Move) -> tuple[Term, ...]:
        """Return what a step adds to x, in exact arithmetic the same as the step itself.

        Args:
            at: coefficients.
            move: that of score and noise, for factors that follow from their norms.
        """
        ...


@dataclass(frozen=True)
class ReverseDiffusion(Kernel):
    """The published predictor: the discretized SDE reversed, preconditioned by M."""

    row = ("f", "G")

    def coefficients(self, sde: SDE, times: Tensor) -> Columns:
        return sde.discretize(times)

    def __call__(self, x: Tensor, score: Tensor, z: Tensor, at: Row, m: Preconditioner) -> Update:
        drift, diffusion = at
        return _update(x, m.move(drift * x - diffusion**2 * score, z), -1.0, diffusion)

    def terms(self, at: Row, move: Move) -> tuple[Term, ...]:
        drift, diffusion = at
        return (
            Term("-f", -drift, "D x"),
            Term("G^2", diffusion**2, "D s"),
            Term("G", diffusion, "M z"),
        )


@dataclass(frozen=True)
class EulerMaruyama(ReverseDiffusion):
    """Euler-Maruyama steps of length 1/N of the continuous reverse SDE: f = f/N, G = g / sqrt N."""

    def coefficients(self, sde: SDE, times: Tensor) -> Columns:
        drift, diffusion = sde.coefficients(times)
        return drift / len(times), diffusion / len(times) ** 0.5


@dataclass(frozen=True)
class MarginalPreserving(Kernel):
    """A probability flow step without M plus a Langevin step with M: keeps p_t as N grows."""

    row = ("f", "G")

    def coefficients(self, sde: SDE, times: Tensor) -> Columns:
        return sde.discretize(times)

    def __call__(self, x: Tensor, score: Tensor, z: Tensor, at: Row, m: Preconditioner) -> Update:
        drift, diffusion = at
        half = diffusion**2 / 2
        return _update(x - drift * x + half * score, m.move(score, z), half, diffusion)

    def terms(self, at: Row, move: Move) -> tuple[Term, ...]:
        drift, diffusion = at
        half = diffusion**2 / 2
        return (
            Term("-f", -drift, "x"),
            Term("G^2 / 2", half, "s"),
            Term("G^2 / 2", half, "D s"),
            Term("G", diffusion, "M z"),
        )


@dataclass(frozen=True)
class Ancestral(Kernel):
    """Sample the exact posterior of level k-1 given level k; M must be the identity."""

    row = ("shrink", "pull", "scale")

    def coefficients(self, sde: SDE, times: Tensor) -> Columns:
        return sde.posterior(len(times))

    def __call__(self, x: Tensor, score: Tensor, z: Tensor, at: Row, m: Preconditioner) -> Update:
        if not isinstance(m, Identity):
            raise ValueError(
                "ancestral sampling draws from an exact posterior and cannot take a "
                "preconditioner; use reverse_diffusion, or sample without a filter"
            )
        shrink, pull, scale = at
        return _update(x - shrink * x, m.move(score, z), pull, scale)

    def terms(self, at: Row, move: Move) -> tuple[Term, ...]:
        shrink, pull, scale = at
        return Term("-shrink", -shrink, "x"), Term("pull", pull, "s"), Term("scale", scale, "M z")


@dataclass(frozen=True)
class Langevin(Kernel):
    """Langevin corrector whose step size follows from the norms of noise and drift.

    Args:
        snr: ratio of the drift's length to the noise's, > 0.
        snr_norm: "batch" averages the two norms over the batch, as published; "sample" uses those
            of each image, so that images do not depend on the others of their batch.

    Raises:
        ValueError: unless snr > 0.
    """

    row = ("alpha", "snr")

    snr: float
    snr_norm: NormOver = "batch"

    def __post_init__(self) -> None:
        require_snr(self.snr)

    def coefficients(self, sde: SDE, times: Tensor) -> Columns:
        alpha = _corrector_alpha(sde, len(times))
        return alpha, torch.full_like(alpha, self.snr)

    def __call__(self, x: Tensor, score: Tensor, z: Tensor, at: Row, m: Preconditioner) -> Update:
        move = m.move(score, z)
        size = self._size(at, move)
        return _update(x, move, size, (2 * size) ** 0.5)

    def terms(self, at: Row, move: Move) -> tuple[Term, ...]:
        return _langevin_terms(self._size(at, move))

    def _size(self, at: Row, move: Move) -> Scalars:
        alpha, snr = at
        return 2 * alpha * (snr * move.norm_ratio(self.snr_norm)) ** 2


@dataclass(frozen=True)
class AnnealedLangevin(Kernel):
    """Langevin corrector with a step size proportional to std(t)^2.

    Args:
        snr: step size in units of std(t), > 0.

    Raises:
        ValueError: unless snr > 0.
    """

    row = ("e",)

    snr: float

    def __post_init__(self) -> None:
        require_snr(self.snr)

    def coefficients(self, sde: SDE, times: Tensor) -> Columns:
        return (2 * _corrector_alpha(sde, len(times)) * (self.snr * sde.marginal(times).std) ** 2,)

    def __call__(self, x: Tensor, score: Tensor, z: Tensor, at: Row, m: Preconditioner) -> Update:
        (size,) = at
        return _update(x, m.move(score, z), size, (2 * size) ** 0.5)

    def terms(self, at: Row, move: Move) -> tuple[Term, ...]:
        return _langevin_terms(*at)


def _corrector_alpha(sde: SDE, num_steps: int) -> Tensor:
    """Return alpha of every level, (N,), and warn where it leaves the first ones uncorrected."""
    alpha = sde.alpha(num_steps)
    first = float(alpha[0])
    if first < LITTLE:
        effect = "no effect" if first < 1e-9 else "little effect"
        enough = math.ceil(round(num_steps * (1 - first) / (1 - ENOUGH), 6))
        warnings.warn(
            f"the corrector has {effect} at the first of the {num_steps} noise levels: its step is "
            f"scaled by 1 - beta_k = {first:.2g} there; from {enough} iterations on it is scaled "
            f"by {ENOUGH:g} or more",
            UserWarning,
            stacklevel=3,
        )
    return alpha


def _langevin_terms(size: Scalars) -> tuple[Term, ...]:
    return Term("e", size, "D s"), Term("sqrt(2 e)", (2 * size) ** 0.5, "M z")


def _update(x: Tensor, move: Move, a: Scalars, b: Scalars) -> Update:
    return Update(move.add(x, a, b), lambda: move.add(x, a))
