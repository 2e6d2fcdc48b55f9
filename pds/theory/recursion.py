"""The exact answer of the whole sampler for Gaussian data, mode by mode, with no sampling.

If the data are Gaussian with mean 0 and power lambda_k, every Fourier mode is a scalar on its own:
each kernel multiplies it by a and adds b z, so its variance follows v <- a^2 v + b^2 with

    ReverseDiffusion      a = 1 - g^2 (f + G^2 h)           b = G g
    MarginalPreserving    a = 1 - f - G^2 h (1 + g^2)/2     b = G g
    EulerMaruyama         a = 1 - g^2 (f + G^2 h)           b = G g         (f, G: continuous / N)
    Ancestral (VE)        a = 1 - G^2 h                     b = G sigma_{k-1}/sigma_k      (g = 1)
    Ancestral (VP)        a = (1 - beta h)/sqrt(1 - beta)   b = sqrt(beta)                 (g = 1)
    Langevin              a = 1 - e g^2 h,  e = 2 alpha snr^2 mean(g^2) / mean(g^4 h^2 v)
    AnnealedLangevin      a = 1 - e g^2 h,  e = 2 alpha (snr std)^2         (both b = sqrt(2 e) g)

where h = 1/(scale^2 lambda + std^2), g is the mode's gain, and means run over all modes. The
Langevin step is that of a large image, whose norms are their own expectations. As in the sampler,
the last noise is left out of the result. A kernel with an `Own` M has that one's gain instead.

Source: derived for this project, for the kernels in `pds.kernels`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pds.kernels import (
    Ancestral,
    AnnealedLangevin,
    EulerMaruyama,
    Kernel,
    Langevin,
    MarginalPreserving,
    Own,
    ReverseDiffusion,
)
from pds.preconditioners import FrequencyFilter, Identity, Preconditioner
from pds.sampling import Sampler
from pds.sde import SDE, VESDE, VPSDE, Level
from pds.theory.modes import Array, Modes, at_radii

BLOCK = 2**15
"""Numbers in one array of coefficients: as many iterations at once as a core's cache holds."""


class _Grid(NamedTuple):
    """What the kernels need of the grid: (N,) for one sampler, (n, S, 1) for n iterations of S.

    drift, diffusion: f and G of the predictor, as in a = 1 - g^2 (f + G^2 h).
    noise: its b / g.
    snr: of the corrector, 0 where it has none.
    """

    scale: Array
    std: Array
    drift: Array
    diffusion: Array
    noise: Array
    alpha: Array
    snr: Array


class _Fixed(NamedTuple):
    """a^2 and b^2 of a kernel over a block of iterations, (n, S, K)."""

    a2: Array
    b2: Array

    def __call__(self, index: int, v: Array) -> tuple[Array, Array]:
        """Return a^2 v and b^2 at an iteration of the block."""
        return self.a2[index] * v, self.b2[index]


class _Adaptive(NamedTuple):
    """A Langevin step whose size depends on v: a = 1 - e pull, b^2 = e twice, e = rate / weight.v.

    pull, weight: (n, S, K).
    rate: (n, S, 1).
    twice: 2 g^2, (S, K).
    """

    pull: Array
    weight: Array
    rate: Array
    twice: Array

    def __call__(self, index: int, v: Array) -> tuple[Array, Array]:
        """Return a^2 v and b^2 at an iteration of the block."""
        size = self.rate[index] / np.einsum("sk,sk->s", self.weight[index], v)[:, None]
        return np.square(1 - size * self.pull[index]) * v, size * self.twice


def trajectory(modes: Modes, gain: Array, sde: SDE, sampler: Sampler) -> Iterator[Array]:
    """Yield the variance of every mode (K,) after each iteration, without its last noise."""
    g2 = np.square(gain)[None]
    for _, mean in _evolve(modes, g2, sde, [sampler]):
        yield mean[0]


def variances(modes: Modes, gain: Array, sde: SDE, samplers: Sequence[Sampler]) -> Array:
    """Return the final variance of every mode, (S, K), all S samplers in one pass.

    Args:
        modes: the data.
        gain: g, (K,) for all samplers or (S, K); 1 is vanilla.
        sde: the forward process.
        samplers: which may differ in N, eps, the range of noise levels and snr only.

    Raises:
        ValueError: if the samplers differ in kernels, or a kernel has no scalar recursion here.
    """
    kernels = _alike(samplers[0])
    if any(_alike(s) != kernels for s in set(samplers)):
        raise ValueError("samplers computed together must share their kernels, apart from snr")
    order = sorted(range(len(samplers)), key=lambda i: -samplers[i].num_steps)
    lengths = np.array([samplers[i].num_steps for i in order])
    g2 = np.broadcast_to(np.square(gain), (len(samplers), len(modes.power)))[order]
    finals, last = np.empty_like(g2), set(lengths - 1)
    for index, mean in _evolve(modes, g2, sde, [samplers[i] for i in order]):
        if index in last:
            done = np.flatnonzero(lengths == index + 1)
            finals[np.array(order)[done]] = mean[done]
    return finals


def _alike(sampler: Sampler) -> tuple[Kernel, ...]:
    """Return the kernels, those of another snr being the same."""
    return tuple(
        replace(kernel, snr=1.0) if isinstance(kernel, Langevin | AnnealedLangevin) else kernel
        for kernel in sampler.kernels
    )


def _evolve(
    modes: Modes, g2: Array, sde: SDE, samplers: Sequence[Sampler]
) -> Iterator[tuple[int, Array]]:
    """Yield the iteration and the variances without its last noise; most iterations first."""
    grids = {sampler: _grid(sampler.process(sde), sampler) for sampler in set(samplers)}
    lengths = np.array([sampler.num_steps for sampler in samplers])
    columns = [np.zeros((lengths[0], len(samplers), 1)) for _ in _Grid._fields]
    for j, sampler in enumerate(samplers):
        for column, values in zip(columns, grids[sampler], strict=True):
            column[: len(values), j, 0] = values
    starts = np.array([sampler.process(sde).prior_std for sampler in samplers])
    v, first = starts[:, None] ** 2 * g2, 0
    while first < lengths[0]:
        active = int((lengths > first).sum())
        v, g2 = v[:active], g2[:active]
        stop = min(lengths[active - 1], first + max(1, BLOCK // g2.size))
        at = _Grid(*(c[first:stop, :active] for c in columns))
        blocks = {kernel: _block(kernel, modes, g2, at) for kernel in set(samplers[0].kernels)}
        kernels = [blocks[kernel] for kernel in samplers[0].kernels]
        for index in range(stop - first):
            for kernel in kernels:
                mean, b2 = kernel(index, v)
                v = mean + b2
            yield first + index, mean
        first = stop


def _block(kernel: Kernel, modes: Modes, g2: Array, at: _Grid) -> _Fixed | _Adaptive:
    """Return what a kernel does in a block of iterations, as far as it does not depend on v."""
    if isinstance(kernel, Own):
        own = np.square(_gain(kernel.preconditioner, modes))
        return _block(kernel.kernel, modes, np.broadcast_to(own, g2.shape), at)
    h = 1 / (at.scale**2 * modes.power + at.std**2)
    pull = g2 * h
    if isinstance(kernel, ReverseDiffusion | EulerMaruyama | Ancestral):
        if isinstance(kernel, Ancestral) and (g2 != 1).any():
            raise ValueError(
                "ancestral sampling cannot take a preconditioner, so its gain must be 1 "
                "everywhere; use reverse_diffusion"
            )
        a = 1 - g2 * at.drift - at.diffusion**2 * pull
        return _Fixed(a**2, at.noise**2 * g2)
    if isinstance(kernel, MarginalPreserving):
        a = 1 - at.drift - at.diffusion**2 * h * (1 + g2) / 2
        return _Fixed(a**2, at.noise**2 * g2)
    if isinstance(kernel, Langevin):
        weight = pull**2 * (modes.count / modes.count.sum())
        rate = 2 * at.alpha * at.snr**2 * modes.mean(g2)
        return _Adaptive(pull, weight, rate, 2 * g2)
    if isinstance(kernel, AnnealedLangevin):
        size = 2 * at.alpha * (at.snr * at.std) ** 2
        return _Fixed((1 - size * pull) ** 2, 2 * size * g2)
    raise ValueError(f"{type(kernel).__name__} has no scalar recursion here")


def _gain(preconditioner: Preconditioner, modes: Modes) -> Array:
    """Return the gain of every group of modes, (K,), mean over channels."""
    if isinstance(preconditioner, Identity):
        return np.ones_like(modes.power)
    if isinstance(preconditioner, FrequencyFilter):
        gain = preconditioner.gain.double()
        return at_radii(gain.reshape(-1, *gain.shape[-2:]).mean(0), modes)
    raise ValueError(f"{type(preconditioner).__name__} has no scalar recursion here")


def _grid(sde: SDE, sampler: Sampler) -> _Grid:
    num_steps, t = sampler.num_steps, sampler.times()
    level = Level(t, torch.arange(num_steps).flip(0), torch.full((num_steps,), num_steps))
    scale, std = sde.marginal(t)
    drift, diffusion = sde.discretize(level)
    noise = diffusion
    predictor, corrector = (
        kernel.kernel if isinstance(kernel, Own) else kernel
        for kernel in (sampler.predictor, sampler.corrector)
    )
    if isinstance(predictor, EulerMaruyama):
        drift, diffusion = sde.coefficients(t)
        drift, diffusion = drift / num_steps, diffusion / num_steps**0.5
        noise = diffusion
    if isinstance(predictor, Ancestral):
        drift, diffusion, noise = _ancestral(sde, level)
    snr = torch.full_like(t, getattr(corrector, "snr", 0.0))
    columns = (scale, std, drift, diffusion, noise, sde.alpha(level), snr)
    return _Grid(*(c.numpy() for c in columns))


def _ancestral(sde: SDE, level: Level) -> tuple[Tensor, Tensor, Tensor]:
    """Return f and G of a = 1 - f - G^2 h, and b."""
    if isinstance(sde, VESDE):
        drift, diffusion = sde.discretize(level)
        below = sde.discrete_sigma(level._replace(k=level.k - 1))
        return drift, diffusion, diffusion * below / sde.discrete_sigma(level)
    if isinstance(sde, VPSDE):
        beta = sde.discrete_beta(level)
        kept = (1 - beta).sqrt()
        return 1 - 1 / kept, (beta / kept).sqrt(), beta.sqrt()
    raise ValueError(f"ancestral sampling is defined for VE and VP, got {type(sde).__name__}")
