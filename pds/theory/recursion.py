"""The exact variances of a sampler for Gaussian data, mode by mode, without sampling.

If the data are Gaussian with mean 0 and power lambda_k, the Fourier modes are independent scalars
with the score -h x, h = 1/(scale^2 lambda + std^2): each kernel multiplies a mode by some a and
adds b z, so that its variance follows v <- a^2 v + b^2.

The sampler itself computes this: its chain runs on arrays (S, K) of standard deviations sqrt(v)
instead of images, with noise 1 and the exact score. M is replaced by a `ModeGain`, which multiplies
every mode by its gain and adds noise in quadrature. Grid, kernels and step sizes are those of the
sampler. The norms in a Langevin step size are the expected ones, to which those of a large image
converge. As in the sampler, the result is without the last noise.

Source: derived for this project.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from pds.kernels import Kernel
from pds.preconditioners import Identity, NormOver, Preconditioner
from pds.sampling import Grid, PredictorCorrector, Sampler, Step, advance, predictor_corrector
from pds.sde import SDE
from pds.theory.modes import Array, Modes, at_radii


class QuadratureMove(NamedTuple):
    """D = g^2 d and n = g z of standard deviations: D is added linearly, n in quadrature."""

    drift: Array
    noise: Array
    modes: Modes

    def norm_ratio(self, over: NormOver) -> Any:
        """Return the ratio of the expected norms, (S, 1)."""
        return np.sqrt(self.modes.mean(self.noise**2) / self.modes.mean(np.abs(self.drift) ** 2))

    def add(self, x: Any, a: Any, b: Any = None) -> Any:
        mean = x + a * self.drift
        return mean if b is None else np.sqrt(np.abs(mean) ** 2 + (b * self.noise) ** 2)


@dataclass(frozen=True, eq=False)
class ModeGain(Preconditioner):
    """M for standard deviations (S, K): a gain for each mode.

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

    @cached_property
    def _square(self) -> Array:
        return self.gain**2

    def move(self, drift: Any, noise: Any) -> Any:
        return QuadratureMove(self._square * drift, self.gain * noise, self.modes)


@dataclass(frozen=True, eq=False)
class UnitGain(Identity):
    """M = I for standard deviations; kernels that accept the identity only accept it too."""

    modes: Modes

    def move(self, drift: Any, noise: Any) -> Any:
        return QuadratureMove(drift, noise, self.modes)


Response = Callable[[Array, float], Array]
"""Standard deviations (1, K) of the state and std -> the score's h, (1, K), with score = -h x.

The imaginary part of h is the share of the score that is not along x; a state after a step without
noise is complex, too.
"""


def trajectory(
    modes: Modes,
    gain: Array | None,
    sde: SDE,
    sampler: Sampler,
    *,
    response: Response | None = None,
) -> Iterator[Array]:
    """Yield the variance of every mode (K,) after each iteration, without its last noise.

    Args:
        modes: the data.
        gain: g, (K,), which replaces the sampler's `m`; 1 is vanilla, None the gain of `m` itself.
        sde: the forward process.
        sampler: any; an M of a single kernel must have a gain for each frequency.
        response: h of another score that is linear in each mode; by default the exact one.

    Raises:
        ValueError: if the sampler does not fit the process, cannot take the gain, or has an M that
            mixes frequencies.
    """
    sampler = sampler.map_preconditioners(_mode_gains(modes, gain))
    ones: Any = np.ones((1, len(modes.power)))
    chain = sampler.chain(sde, noise=lambda _: ones, shape=ones.shape)
    steps, query = advance(chain)
    while query is not None:
        scale, std = (float(v) for v in sde.marginal(torch.tensor(query.t[0], dtype=torch.float64)))
        x: Any = query.x
        h = 1 / (scale**2 * modes.power + std**2) if response is None else response(x, std)
        steps, query = advance(chain, -h * x)
        for step in steps:
            yield np.square(np.abs(np.asarray(step.x_mean)[0]))


def variances(modes: Modes, gain: Array, sde: SDE, samplers: Sequence[PredictorCorrector]) -> Array:
    """Return the final variance of every mode, (S, K).

    Samplers with the same types of kernels are computed in one pass.

    Args:
        modes: the data.
        gain: g, (K,) for all samplers or (S, K); 1 is vanilla.
        sde: the forward process.
        samplers: S of them; all of their settings may differ.

    Raises:
        ValueError: if a sampler does not fit the process or cannot take its gain.
    """
    gains = np.broadcast_to(gain, (len(samplers), len(modes.power)))
    lengths = np.array([sampler.num_steps for sampler in samplers])
    finals = np.empty(gains.shape)
    alike: dict[Any, list[int]] = {}
    for i, sampler in enumerate(samplers):
        kinds = tuple((type(kernel), m) for kernel, m in sampler.kernels)
        alike.setdefault(kinds, []).append(i)
    for places in alike.values():
        group, ends = [samplers[i] for i in places], set(lengths[places].tolist())
        for step in trajectories(modes, gains[places], sde, group):
            if step.iteration in ends:
                rows = np.array(places)[step.rows]
                finals[rows] = step.variance
    return finals


class JointStep(NamedTuple):
    """An iteration of several samplers side by side.

    iteration: its number, from 1.
    rows: places of the R samplers that take it, (R,); the others have ended.
    step: of their chain, on arrays (R, K).
    """

    iteration: int
    rows: NDArray[np.intp]
    step: Step

    @property
    def variance(self) -> Array:
        """The variance of every mode without the iteration's last noise, (R, K)."""
        return np.square(np.asarray(self.step.x_mean))


def trajectories(
    modes: Modes, gains: Array, sde: SDE, samplers: Sequence[PredictorCorrector]
) -> Iterator[JointStep]:
    """Follow S samplers with the same types of kernels side by side, each to its own end.

    Args:
        modes: the data.
        gains: g, (S, K); 1 is vanilla.
        sde: the forward process.
        samplers: S of them.

    Raises:
        ValueError: if a sampler does not fit the process or cannot take its gain.
    """
    lengths = np.array([sampler.num_steps for sampler in samplers])
    grid, scale, std = _stacked(sde, samplers)
    x: Any = np.ones(gains.shape)
    begin = 0
    for end in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths >= end)
        sampler = samplers[0].map_preconditioners(_mode_gains(modes, gains[rows]))
        if begin == 0:
            x = grid.prior_std * sampler.m.apply(x)
        h = 1 / (scale[begin:end, rows] ** 2 * modes.power + std[begin:end, rows] ** 2)
        for i, step in enumerate(_stretch(sampler, _part(grid, begin, end, rows), x[rows], h)):
            yield JointStep(begin + i + 1, rows, step)
        x[rows] = step.x
        begin = end


def _stretch(sampler: PredictorCorrector, grid: Grid, x: Any, h: Array) -> Iterator[Step]:
    """Yield the N iterations of a grid from the states x (R, K), with h (N, R, K)."""
    kernels, ones = sampler.preconditioned_kernels, np.ones_like(x)
    chain = predictor_corrector(grid, kernels, Identity(), x, lambda _: ones)
    _, query = advance(chain)
    for minus_h in -h:
        for _ in kernels:
            assert query is not None
            steps, query = advance(chain, minus_h * query.x)
        yield from steps


def _part(grid: Grid, begin: int, end: int, rows: NDArray[np.intp]) -> Grid:
    """Return some iterations of some of the samplers of a stacked grid."""
    columns: Any = grid.coefficients
    coefficients: Any = [[c[begin:end, rows] for c in kernel] for kernel in columns]
    iterations = range(end - begin)
    return Grid(1.0, iterations, iterations, coefficients)


def _stacked(sde: SDE, samplers: Sequence[PredictorCorrector]) -> tuple[Grid, Array, Array]:
    """Stack the grids of S samplers: numbers become arrays (S, 1), 0 after the end of a sampler.

    Returns:
        The grid, and scale and std of each iteration, (N, S, 1).
    """
    # Processes are frozen dataclasses, which the protocol does not say.
    each = {sampler: _columns(sde, sampler) for sampler in set(samplers)}  # type: ignore[arg-type]
    longest = max(sampler.num_steps for sampler in samplers)
    sizes = each[samplers[0]].sizes
    stacked = np.zeros((2 + sum(sizes), longest, len(samplers), 1))
    for j, sampler in enumerate(samplers):
        stacked[:, : sampler.num_steps, j, 0] = each[sampler].values
    scale, std, *columns = stacked
    prior_std: Any = np.array([[s.process(sde).prior_std] for s in samplers])
    iterations: Any = range(longest)
    ends = np.cumsum(sizes).tolist()
    coefficients: Any = [columns[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    return Grid(prior_std, iterations, iterations, coefficients), scale, std


class _Columns(NamedTuple):
    """Scale, std and the coefficients of all kernels in order, (columns, N).

    sizes: number of coefficients of each kernel.
    """

    values: Array
    sizes: list[int]


@lru_cache(maxsize=32)  # tuning asks for the same sampler with one gain after the other
def _columns(sde: SDE, sampler: PredictorCorrector) -> _Columns:
    process: Any = sampler.process(sde)
    grid = process, sampler.num_steps, sampler.eps
    # Kernels are frozen dataclasses, which the protocol does not say.
    kernels = [_kernel_columns(kernel, *grid) for kernel, _ in sampler.kernels]  # type: ignore[arg-type]
    values = np.concatenate([_marginal(*grid), *kernels])
    return _Columns(values, [len(columns) for columns in kernels])


@lru_cache(maxsize=128)  # tuning of levels combines 64 processes with 8 values of snr
def _marginal(process: SDE, num_steps: int, eps: float) -> Array:
    """Return scale and std of each iteration, (2, N)."""
    times = PredictorCorrector(num_steps, eps).times()
    return np.asarray(torch.stack([*process.marginal(times)]))


@lru_cache(maxsize=128)
def _kernel_columns(kernel: Kernel, process: SDE, num_steps: int, eps: float) -> Array:
    """Return the coefficients of a kernel at each iteration, (columns, N)."""
    times = PredictorCorrector(num_steps, eps).times(process.share)
    return np.asarray(torch.stack([*kernel.coefficients(process, times)]))


def _mode_gains(
    modes: Modes, gain: Array | None
) -> Callable[[Preconditioner, bool], Preconditioner]:
    """Return the change that replaces m by `gain`, and the M of a single kernel by its own gain.

    Without a gain m is replaced by its own one too.
    """

    def mode_gain(m: Preconditioner, own: bool) -> Preconditioner:
        if own or gain is None:
            values = at_radii(m.mode_gain().cpu().double(), modes)
        else:
            values = gain
        return UnitGain(modes) if (values == 1).all() else ModeGain(modes, values)

    return mode_gain
