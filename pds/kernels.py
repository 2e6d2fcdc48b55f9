"""Predictors and correctors: one step of arithmetic each, given the score.

Kernels never call the network. They get x, the score s(x, t), standard normal noise z, the level
that each image stands on, the SDE and the preconditioner M, and return the new x with its mean

    x_mean = x + (a drift that M M' + S multiplies),     x = x_mean + (a scale) M z.

With f and G of the SDE's grid of N steps (continuous f and g for Euler-Maruyama):

    ReverseDiffusion     x_mean = x - (M M' + S)(f - G^2 s)                  x = x_mean + G M z
    MarginalPreserving   x_mean = x - f + G^2 (I + M M' + S) s / 2           x = x_mean + G M z
    EulerMaruyama        x_mean = x - (M M' + S)(f - g^2 s) / N              x = x_mean + g M z / sqrt N
    Ancestral (VE)       x_mean = x + G^2 s                                  x = x_mean + G sigma_{k-1}/sigma_k z
    Ancestral (VP)       x_mean = (x + beta s) / sqrt(1 - beta)              x = x_mean + sqrt(beta) z
    Langevin             x_mean = x + e g, e = 2 alpha (snr |M z| / |g|)^2   x = x_mean + sqrt(2 e) M z
    AnnealedLangevin     x_mean = x + e g, e = 2 alpha (snr std)^2           x = x_mean + sqrt(2 e) M z

with g = (M M' + S) s. Langevin steps keep p_t for every M. Of the preconditioned predictors only
`MarginalPreserving` does, as N grows; the published one moves a Gaussian mode of gain g from its
variance lambda to lambda g^2 / (2 g^2 - 1).

Source: Y. Song et al., ICLR 2021 (appendices F, G); H. Ma et al., ECCV 2022 (M around them).
"""  # noqa: E501

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

from torch import Tensor

from pds.moves import Move, Scalars
from pds.preconditioners import Identity, Preconditioner
from pds.sde import SDE, VESDE, VPSDE, Level, column

SnrNorm = Literal["batch", "sample"]


@dataclass(frozen=True)
class Update:
    """The state after a kernel, (B, C, H, W).

    Args:
        x: with the kernel's noise.
        mean: computes x without it; called once, by the first who looks at `x_mean`.
    """

    x: Tensor
    mean: Callable[[], Tensor]

    @cached_property
    def x_mean(self) -> Tensor:
        """The state without the kernel's noise, (B, C, H, W)."""
        return self.mean()


class Setting(NamedTuple):
    """What a kernel works in: the level of each image, the SDE, and M."""

    level: Level
    sde: SDE
    preconditioner: Preconditioner


class Kernel(Protocol):
    """One predictor or corrector step; hashable, equal kernels do the same."""

    def __call__(self, x: Tensor, score: Tensor, noise: Tensor, at: Setting) -> Update:
        """Advance x (B, C, H, W) by one step; score and noise have its shape."""
        ...


@dataclass(frozen=True)
class ReverseDiffusion:
    """The published predictor: the SDE's own grid, reversed, with M around all of it."""

    def __call__(self, x: Tensor, score: Tensor, noise: Tensor, at: Setting) -> Update:
        drift, diffusion = (column(c, x) for c in at.sde.discretize(at.level))
        move = at.preconditioner.move(drift * x - diffusion**2 * score, noise)
        return _update(x, move, -1.0, diffusion)


@dataclass(frozen=True)
class MarginalPreserving:
    """Half of the score unpreconditioned: keeps p_t for every M as N grows.

    Source: derived for this project (probability flow, plus Langevin at rate G^2/2 with M).
    """

    def __call__(self, x: Tensor, score: Tensor, noise: Tensor, at: Setting) -> Update:
        drift, diffusion = (column(c, x) for c in at.sde.discretize(at.level))
        half = diffusion**2 / 2
        move = at.preconditioner.move(score, noise)
        return _update(x - drift * x + half * score, move, half, diffusion)


@dataclass(frozen=True)
class EulerMaruyama:
    """The continuous reverse SDE with steps of 1/N."""

    def __call__(self, x: Tensor, score: Tensor, noise: Tensor, at: Setting) -> Update:
        drift, diffusion = (column(c, x) for c in at.sde.coefficients(at.level.t))
        step = column(1 / at.level.num_steps.double(), x)
        move = at.preconditioner.move(drift * x - diffusion**2 * score, noise)
        return _update(x, move, -step, step.sqrt() * diffusion)


@dataclass(frozen=True)
class Ancestral:
    """Sample the exact posterior of level k-1 given level k. It has no place for M.

    Raises:
        ValueError: for a preconditioner other than `Identity`, or for sub-VP.
    """

    def __call__(self, x: Tensor, score: Tensor, noise: Tensor, at: Setting) -> Update:
        if not isinstance(at.preconditioner, Identity):
            raise ValueError(
                "ancestral sampling draws from an exact posterior and cannot take a "
                "preconditioner; use reverse_diffusion, or sample without a filter"
            )
        if isinstance(at.sde, VESDE):
            diffusion = column(at.sde.discretize(at.level).diffusion, x)
            below = at.sde.discrete_sigma(at.level._replace(k=at.level.k - 1))
            ratio = column(below / at.sde.discrete_sigma(at.level), x)
            x_mean = x + diffusion**2 * score
            return Update(x_mean + diffusion * ratio * noise, lambda: x_mean)
        if isinstance(at.sde, VPSDE):
            beta = column(at.sde.discrete_beta(at.level), x)
            x_mean = (x + beta * score) / (1 - beta).sqrt()
            return Update(x_mean + beta.sqrt() * noise, lambda: x_mean)
        raise ValueError(
            f"ancestral sampling is defined for VE and VP, got {type(at.sde).__name__}; "
            "use reverse_diffusion or euler_maruyama"
        )


@dataclass(frozen=True)
class Langevin:
    """Langevin corrector with the step size that makes noise and drift comparable.

    Args:
        snr: ratio of the drift's length to the noise's, > 0.
        snr_norm: "batch" averages the two norms over the batch (as published), "sample" keeps them
            for each image, so that an image does not depend on its company.

    Raises:
        ValueError: unless snr > 0.
    """

    snr: float
    snr_norm: SnrNorm = "batch"

    def __post_init__(self) -> None:
        _require_snr(self.snr)

    def __call__(self, x: Tensor, score: Tensor, noise: Tensor, at: Setting) -> Update:
        move = at.preconditioner.move(score, noise)
        drift_norm, noise_norm = move.norms()
        if self.snr_norm == "batch":
            drift_norm, noise_norm = drift_norm.mean(), noise_norm.mean()
        ratio = noise_norm / drift_norm
        size = 2 * column(at.sde.alpha(at.level), x) * (self.snr * ratio) ** 2
        return _update(x, move, size, (2 * size).sqrt())


@dataclass(frozen=True)
class AnnealedLangevin:
    """Langevin corrector with a step size tied to std(t) alone.

    Args:
        snr: step size in units of std(t), > 0.

    Raises:
        ValueError: unless snr > 0.
    """

    snr: float

    def __post_init__(self) -> None:
        _require_snr(self.snr)

    def __call__(self, x: Tensor, score: Tensor, noise: Tensor, at: Setting) -> Update:
        std = at.sde.marginal(at.level.t).std
        size = column(2 * at.sde.alpha(at.level) * (self.snr * std) ** 2, x)
        return _update(x, at.preconditioner.move(score, noise), size, (2 * size).sqrt())


@dataclass(frozen=True, eq=False)
class Own:
    """A kernel with an M of its own, whatever the chain's is.

    With it only the corrector, or only the predictor, is preconditioned, or each by another M.
    """

    kernel: Kernel
    preconditioner: Preconditioner

    def __call__(self, x: Tensor, score: Tensor, noise: Tensor, at: Setting) -> Update:
        return self.kernel(x, score, noise, at._replace(preconditioner=self.preconditioner))


def mixes_images(kernel: Kernel) -> bool:
    """Return whether an image's step depends on the other images that the kernel is given."""
    if isinstance(kernel, Own):
        return mixes_images(kernel.kernel)
    return isinstance(kernel, Langevin) and kernel.snr_norm == "batch"


def _update(x: Tensor, move: Move, a: Scalars, b: Scalars) -> Update:
    return Update(move.add(x, a, b), lambda: move.add(x, a))


def _require_snr(snr: float) -> None:
    if not 0 < snr < float("inf"):
        raise ValueError(f"snr must be > 0, got {snr:g}; the paper uses 0.075 to 0.16")
