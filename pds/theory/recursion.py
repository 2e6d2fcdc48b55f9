"""The exact answer of a sampler for Gaussian data, mode by mode, with no sampling.

If the data are Gaussian with mean 0 and power lambda_k, every Fourier mode is a scalar on its own
with the score -h x, h = 1/(scale^2 lambda + std^2): each kernel multiplies it by some a and adds
b z, so that its variance follows v <- a^2 v + b^2.

The sampler itself computes this. Its chain is run on arrays (S, K) of the modes' standard
deviations sqrt(v) in place of images, with noise 1 and the exact score; in place of M stands a
`ModeGain`, which multiplies every mode by its gain and adds noise in quadrature. Grid, kernels and
step sizes are the sampler's own, there is no second copy of them. The norms of a Langevin step are
their expectations, those of a large image. As in the sampler, the last noise is left out of the
result.

Source: derived for this project.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from pds.preconditioners import Identity, NormOver, Preconditioner
from pds.sampling import Grid, PredictorCorrector, Sampler, advance, predictor_corrector
from pds.sde import SDE
from pds.theory.modes import Array, Modes, at_radii


class QuadratureMove(NamedTuple):
    """D = g^2 d and n = g z of standard deviations: D is added as it is, n in quadrature."""

    drift: Array
    noise: Array
    modes: Modes

    def norm_ratio(self, over: NormOver) -> Any:
        """Return the ratio of the expected norms, (S, 1), the same for every image."""
        return np.sqrt(self.modes.mean(self.noise**2) / self.modes.mean(self.drift**2))

    def add(self, x: Any, a: Any, b: Any = None) -> Any:
        mean = x + a * self.drift
        return mean if b is None else np.sqrt(mean * mean + (b * self.noise) ** 2)


@dataclass(frozen=True, eq=False)
class ModeGain(Preconditioner):
    """M of standard deviations (S, K): a gain for each mode.

    Args:
        modes: the data.
        gain: g, (K,) or (S, K).
    """

    modes: Modes
    gain: Array

    def apply(self, v: Any) -> Any:
        return self.gain * v

    def apply_transpose(self, v: Any) -> Any:
        return self.gain * v

    def move(self, drift: Any, noise: Any) -> Any:
        return QuadratureMove(self.gain**2 * drift, self.gain * noise, self.modes)


@dataclass(frozen=True, eq=False)
class UnitGain(Identity):
    """M = I of standard deviations, for steps that take no other."""

    modes: Modes

    def move(self, drift: Any, noise: Any) -> Any:
        return QuadratureMove(drift, noise, self.modes)


def trajectory(modes: Modes, gain: Array, sde: SDE, sampler: Sampler) -> Iterator[Array]:
    """Yield the variance of every mode (K,) after each iteration, without its last noise.

    Args:
        modes: the data.
        gain: g, (K,), of the sampler's M, whatever that is for images; 1 is vanilla.
        sde: the forward process.
        sampler: any; a kernel's own M must have a gain for each frequency.

    Raises:
        ValueError: if the sampler does not fit the process or cannot take the gain.
    """
    sampler = sampler.map_preconditioners(_mode_gains(modes, gain))
    ones: Any = np.ones((1, len(modes.power)))
    chain = sampler.chain(sde, noise=lambda _: ones, shape=ones.shape)
    ended, query = advance(chain)
    while query is not None:
        scale, std = (float(v) for v in sde.marginal(torch.tensor(query.t[0], dtype=torch.float64)))
        score: Any = -query.x / (scale**2 * modes.power + std**2)
        ended, query = advance(chain, score)
        for step in ended:
            yield np.square(np.asarray(step.x_mean)[0])


def variances(modes: Modes, gain: Array, sde: SDE, samplers: Sequence[PredictorCorrector]) -> Array:
    """Return the final variance of every mode, (S, K), samplers of like kernels in one pass.

    Args:
        modes: the data.
        gain: g, (K,) for all samplers or (S, K); 1 is vanilla.
        sde: the forward process.
        samplers: S of them, which may differ in everything.

    Raises:
        ValueError: if a sampler does not fit the process or cannot take its gain.
    """
    gains = np.broadcast_to(gain, (len(samplers), len(modes.power)))
    finals = np.empty(gains.shape)
    alike: dict[Any, list[int]] = {}
    for i, sampler in enumerate(samplers):
        kinds = tuple((type(kernel), m) for kernel, m in sampler.kernels)
        alike.setdefault(kinds, []).append(i)
    for rows in alike.values():
        finals[rows] = _together(modes, gains[rows], sde, [samplers[i] for i in rows])
    return finals


def _together(
    modes: Modes, gains: Array, sde: SDE, samplers: Sequence[PredictorCorrector]
) -> Array:
    """Return the final variances (S, K) of samplers of like kernels."""
    lengths = np.array([sampler.num_steps for sampler in samplers])
    grid, scale, std = _stacked(sde, samplers)
    first = samplers[0].map_preconditioners(_mode_gains(modes, gains))
    kernels = [(kernel, first.m if m is None else m) for kernel, m in first.kernels]
    ones: Any = np.ones(gains.shape)
    chain = predictor_corrector(grid, kernels, first.m, lambda _: ones, ones.shape)
    finals, ends = np.empty(gains.shape), set(lengths - 1)
    _, query = advance(chain)
    for index in range(lengths.max()):
        minus_h: Any = -1 / (scale[index] ** 2 * modes.power + std[index] ** 2)
        for _ in kernels:
            assert query is not None
            ended, query = advance(chain, minus_h * query.x)
        if index in ends:
            done = lengths == index + 1
            finals[done] = np.square(np.asarray(ended[0].x_mean)[done])
    return finals


def _stacked(sde: SDE, samplers: Sequence[PredictorCorrector]) -> tuple[Grid, Array, Array]:
    """Stack the grids of S samplers: every number an array (S, 1), rows past an end are 0.

    Returns:
        The grid, and scale and std of each iteration, (N, S, 1).
    """
    each = {sampler: _columns(sde, sampler) for sampler in set(samplers)}
    longest = max(sampler.num_steps for sampler in samplers)
    stacked = np.zeros((len(each[samplers[0]]), longest, len(samplers), 1))
    for j, sampler in enumerate(samplers):
        stacked[:, : sampler.num_steps, j, 0] = each[sampler]
    scale, std, *columns = stacked
    std[std == 0] = 1.0
    prior_std: Any = np.array([[s.process(sde).prior_std] for s in samplers])
    iterations: Any = range(longest)
    sizes = [len(c) for c in samplers[0].coefficients(sde)]
    splits = np.split(np.arange(len(columns)), np.cumsum(sizes)[:-1])
    rows: Any = [[[columns[k][i] for k in split] for split in splits] for i in iterations]
    return Grid(prior_std, iterations, iterations, rows), scale, std


def _columns(sde: SDE, sampler: PredictorCorrector) -> Array:
    """Return scale, std and the coefficients of all kernels in order, (columns, N)."""
    coefficients = [c for columns in sampler.coefficients(sde) for c in columns]
    marginal = sampler.process(sde).marginal(sampler.times())
    return torch.stack([*marginal, *coefficients]).numpy()


def _mode_gains(modes: Modes, gain: Array) -> Callable[[Preconditioner, bool], Preconditioner]:
    """Return what replaces the M of a sampler, and any M that is a kernel's own."""

    def mode_gain(m: Preconditioner, own: bool) -> Preconditioner:
        values = at_radii(m.mode_gain().double(), modes) if own else gain
        return UnitGain(modes) if (values == 1).all() else ModeGain(modes, values)

    return mode_gain
