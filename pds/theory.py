"""The exact answer of the whole sampler for Gaussian data, mode by mode, with no sampling.

If the data are Gaussian with mean 0 and power lambda_k, every Fourier mode is a scalar on its own:
each kernel multiplies it by a and adds b z, so its variance follows v <- a^2 v + b^2 with

    ReverseDiffusion      a = 1 - g^2 (f + G^2 h)           b = G g
    MarginalPreserving    a = 1 - f - G^2 h (1 + g^2)/2     b = G g
    EulerMaruyama         a = 1 - g^2 (f + G^2 h)           b = G g         (f, G: continuous / N)
    Langevin              a = 1 - e g^2 h,  e = 2 alpha snr^2 mean(g^2) / mean(g^4 h^2 v)
    AnnealedLangevin      a = 1 - e g^2 h,  e = 2 alpha (snr std)^2         (both b = sqrt(2 e) g)

where h = 1/(scale^2 lambda + std^2), g is the mode's gain, and means run over all modes. The
Langevin step is that of a large image, whose norms are their own expectations. As in the sampler,
the last noise is left out of the result. The distance to the data, per pixel, is

    W2 = sqrt(mean_k (sqrt(v_k) - sqrt(lambda_k))^2).

Source: derived for this project, for the kernels in `pds.kernels`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pds.kernels import (
    AnnealedLangevin,
    EulerMaruyama,
    Kernel,
    Langevin,
    MarginalPreserving,
    ReverseDiffusion,
)
from pds.sampling import Sampler
from pds.sde import SDE, Level

Array = NDArray[np.float64]

HALF_NYQUIST = 0.25
"""|k| in cycles per pixel above which detail is called fine: the last octave and the corners."""


@dataclass(frozen=True)
class Modes:
    """Groups of Fourier modes that share one power.

    Args:
        power: lambda, (K,), variance of the unitary Fourier coefficients.
        count: (K,), number of modes in each group.
        radius: (K,), |k| of each group in cycles per pixel.
    """

    power: Array
    count: Array
    radius: Array

    def mean(self, values: Array) -> Array:
        """Return the mean over all modes of values (..., K), (..., 1)."""
        return np.asarray(values @ (self.count / self.count.sum()))[..., None]


class _Grid(NamedTuple):
    """What the kernels need of the SDE: (N,) for one sampler, (1,) or (S, 1) at one iteration."""

    scale: Array
    std: Array
    drift: Array
    diffusion: Array
    alpha: Array


def modes(power: Tensor) -> Modes:
    """List every mode of a power (H, W) but k = 0, in the order of the grid."""
    height, width = power.shape
    rows = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
    columns = torch.fft.fftfreq(width, dtype=torch.float64)[None, :]
    radius = torch.hypot(rows, columns).flatten()[1:]
    flat = power.double().cpu().flatten()[1:]
    return Modes(flat.numpy(), np.ones(len(flat)), radius.numpy())


def grid(values: Array, height: int, width: int) -> Tensor:
    """Put a value for each of `modes` back on the grid, (H, W) float64, 0 at k = 0."""
    return torch.cat([torch.zeros(1, dtype=torch.float64), torch.from_numpy(values)]).reshape(
        height, width
    )


def rings(power: Tensor) -> Modes:
    """Group an isotropic power (H, W) by exact distance from the origin; k = 0 is left out."""
    single = modes(power)
    # Rounded, since equal distances differ in their last bits.
    radius, group, count = np.unique(
        single.radius.round(12), return_inverse=True, return_counts=True
    )
    mean = np.bincount(group, single.power) / count
    return Modes(mean, count.astype(np.float64), radius)


def trajectory(modes: Modes, gain: Array, sde: SDE, sampler: Sampler) -> Iterator[Array]:
    """Yield the variance of every mode (K,) after each iteration, without its last noise."""
    g2 = np.square(gain)[None]
    for _, mean in _evolve(modes, g2, sde, sampler, [_grid(sde, sampler)]):
        yield mean[0]


def variances(modes: Modes, gain: Array, sde: SDE, samplers: Sequence[Sampler]) -> Array:
    """Return the final variance of every mode, (S, K), all S samplers in one pass.

    Args:
        modes: the data.
        gain: g, (K,) for all samplers or (S, K); 1 is vanilla.
        sde: the forward process.
        samplers: which may differ in N and eps only.

    Raises:
        ValueError: if the samplers differ in kernels, or a kernel has no scalar recursion here.
    """
    if any(s.kernels != samplers[0].kernels for s in samplers):
        raise ValueError("samplers computed together must share their kernels")
    order = sorted(range(len(samplers)), key=lambda i: -samplers[i].num_steps)
    grids = [_grid(sde, samplers[i]) for i in order]
    g2 = np.broadcast_to(np.square(gain), (len(samplers), len(modes.power)))[order]
    finals = np.empty_like(g2)
    for index, mean in _evolve(modes, g2, sde, samplers[0], grids):
        done = [j for j in range(len(mean)) if len(grids[j].std) == index + 1]
        finals[[order[j] for j in done]] = mean[done]
    return finals


def w2(modes: Modes, variance: Array) -> Array:
    """Return the Wasserstein-2 distance per pixel of variances (..., K) to the data, (...)."""
    return np.sqrt(modes.mean((np.sqrt(variance) - np.sqrt(modes.power)) ** 2)[..., 0])


def noise_left(modes: Modes, variance: Array) -> Array:
    """Return the power above half Nyquist of variances (..., K) relative to the data, (...)."""
    weight = modes.count * (modes.radius > HALF_NYQUIST)
    return np.asarray(variance @ weight / (modes.power @ weight))


def _evolve(
    modes: Modes, g2: Array, sde: SDE, sampler: Sampler, grids: Sequence[_Grid]
) -> Iterator[tuple[int, Array]]:
    """Yield the iteration and the variances without its last noise; longest grid first."""
    lengths = np.array([len(grid.std) for grid in grids])
    columns = [np.zeros((lengths[0], len(grids), 1)) for _ in _Grid._fields]
    for j, grid in enumerate(grids):
        for column, values in zip(columns, grid, strict=True):
            column[: len(values), j, 0] = values
    v = sde.prior_std**2 * g2
    for index in range(lengths[0]):
        active = int((lengths > index).sum())
        at, g2 = _Grid(*(c[index, :active] for c in columns)), g2[:active]
        v = v[:active]
        for kernel in sampler.kernels:
            mean, b2 = _apply(kernel, modes, g2, v, at)
            v = mean + b2
        yield index, mean


def _apply(kernel: Kernel, modes: Modes, g2: Array, v: Array, at: _Grid) -> tuple[Array, Array]:
    """Return a^2 v and b^2 of one kernel."""
    h = 1 / (at.scale**2 * modes.power + at.std**2)
    if isinstance(kernel, ReverseDiffusion | EulerMaruyama):
        a = 1 - g2 * (at.drift + at.diffusion**2 * h)
        return a**2 * v, at.diffusion**2 * g2
    if isinstance(kernel, MarginalPreserving):
        a = 1 - at.drift - at.diffusion**2 * h * (1 + g2) / 2
        return a**2 * v, at.diffusion**2 * g2
    if isinstance(kernel, Langevin):
        pull = g2 * h
        size = 2 * at.alpha * kernel.snr**2 * modes.mean(g2) / modes.mean(pull**2 * v)
    elif isinstance(kernel, AnnealedLangevin):
        pull = g2 * h
        size = 2 * at.alpha * (kernel.snr * at.std) ** 2
    else:
        raise ValueError(f"{type(kernel).__name__} has no scalar recursion here")
    return (1 - size * pull) ** 2 * v, 2 * size * g2


def _grid(sde: SDE, sampler: Sampler) -> _Grid:
    num_steps, t = sampler.num_steps, sampler.times()
    level = Level(t, torch.arange(num_steps).flip(0), torch.full((num_steps,), num_steps))
    scale, std = sde.marginal(t)
    drift, diffusion = sde.discretize(level)
    if isinstance(sampler.predictor, EulerMaruyama):
        drift, diffusion = sde.coefficients(t)
        drift, diffusion = drift / num_steps, diffusion / num_steps**0.5
    columns = (scale, std, drift, diffusion, sde.alpha(level))
    return _Grid(*(c.numpy() for c in columns))
