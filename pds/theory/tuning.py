"""The gain that makes the exact error smallest, for one number of iterations and one spectrum.

    minimize W2(g)^2 = sum_k w_k (sqrt(v_k(g)) - sqrt(lambda_k))^2     over log g = theta . B

with v of `pds.theory.recursion`, w_k the share of all modes, and B hat functions on knots that are
even in log |k| (one constant for the scalar). It is a sum of squares: Levenberg-Marquardt steps,
with the slopes from central differences and every damping tried at once, since many gains cost the
recursion little more than one. It knows no kernel, so whatever the recursion can follow can be
tuned. No randomness; a step that is not better is never taken.

A tuned gain is stored as a mask of the published format, gain = alpha / (m + alpha - 1) with
max m = 1: gains lie in [1, alpha / (alpha - 1)]. The maximum is pinned at k = 0, whose gain is then
1: the images' mean is left as it is.

Source: derived for this project.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from pds.limits import MAX_ALPHA
from pds.sampling import PredictorCorrector
from pds.sde import SDE
from pds.theory import modes as spectra
from pds.theory.modes import Array, Modes
from pds.theory.recursion import variances

BOUNDS = (1.0, 4.0)
"""Gains that are tried: a mask expresses none below 1, and far above it samplers diverge."""

NUM_KNOTS = 12

_DIFFERENCE = 1e-5
_DAMPINGS = np.geomspace(1e-8, 1e4, 13)
_MAX_ROUNDS = 100
_ENOUGH = 1e-7
"""Stop where a round takes off less than this share of the squared error."""

Residuals = Callable[[Array], Array]


def tune(
    modes: Modes,
    sde: SDE,
    sampler: PredictorCorrector,
    *,
    bounds: tuple[float, float] = BOUNDS,
    num_knots: int = NUM_KNOTS,
    start: Array | None = None,
) -> Array:
    """Return the radial gain (K,) with the smallest W2 at the sampler's N.

    It is never worse than the best scalar, nor than `start`.

    Args:
        modes: the data, in order of radius as `theory.bins` has them.
        sde: the forward process.
        sampler: kernels, N and eps.
        bounds: smallest and largest gain, > 0.
        num_knots: of the piecewise linear log gain over log radius, >= 1.
        start: a gain (K,) to start from too, within the bounds, such as that of PDS.

    Raises:
        ValueError: for bounds or knots out of range, if every scalar gain diverges, or if
            `pds.theory` cannot follow the sampler.
    """
    basis = hats(modes, num_knots)
    errors = _residuals(modes, sde, sampler, basis)
    scalar = np.full(len(modes.power), tune_scalar(modes, sde, sampler, bounds=bounds))
    found = [scalar]
    for gain in (scalar,) if start is None else (scalar, start):
        # The value of a gain at each knot, as its mean under that knot's hat.
        theta = (basis @ np.log(gain)) / basis.sum(1)
        found += [gain, np.exp(descend(errors, theta, np.log(bounds)) @ basis)]
    w2 = spectra.w2(modes, variances(modes, np.stack(found), sde, [sampler] * len(found)))
    return found[int(np.nanargmin(w2))]


def tune_scalar(
    modes: Modes, sde: SDE, sampler: PredictorCorrector, *, bounds: tuple[float, float] = BOUNDS
) -> float:
    """Return the c of M = c I with the smallest W2 at the sampler's N: the null control.

    Arguments and errors as in `tune`. It is never worse than vanilla, where 1 is within the bounds.
    """
    low, high = bounds
    if not 0 < low < high < math.inf:
        raise ValueError(f"bounds of a gain must be 0 < low < high, got {low:g} and {high:g}")
    scan = np.append(np.geomspace(low, high, 60), np.clip(1.0, low, high))
    errors = _residuals(modes, sde, sampler, np.ones((1, len(modes.power))))
    costs = cost(errors(np.log(scan)[:, None]))
    if not np.isfinite(costs).any():
        raise ValueError(
            f"with {sampler.num_steps} iterations this sampler diverges for every gain from "
            f"{low:g} to {high:g}; use more iterations or a smaller snr"
        )
    best = np.log(scan[[np.argmin(costs)]])
    return float(np.exp(descend(errors, best, np.log(bounds))[0]))


def steady_gain(sde: SDE, sampler: PredictorCorrector) -> float:
    """Return the largest gain with which no predictor step overshoots, within `BOUNDS`.

    A step multiplies a mode by 1 - g^2 G^2 h with h <= 1 / std^2, so that below 1 / max(G / std) no
    mode of any data changes its sign. For Gaussian data a sign says nothing; for images it decides
    whether a step ends at the conditional mean or beyond it. The last step goes to the data and
    does not count.
    """
    times = sampler.times()
    pull = (sde.discretize(times).diffusion / sde.marginal(times).std)[:-1].numpy()
    return float(np.clip(1 / pull.max(initial=0.1), *BOUNDS))


def hats(modes: Modes, num_knots: int) -> Array:
    """Return hat functions (num_knots, K) in log radius: a partition of one.

    Raises:
        ValueError: unless num_knots >= 1.
    """
    if num_knots < 1:
        raise ValueError(f"num_knots must be >= 1, got {num_knots}")
    place = np.log(modes.radius)
    knots = np.linspace(place.min(), place.max(), num_knots)
    rows = np.stack([np.interp(place, knots, row) for row in np.eye(num_knots)])
    # A small image has no mode near some knots.
    return np.asarray(rows[rows.sum(1) > 0])


def on_grid(modes: Modes, gain: Array, height: int, width: int) -> Tensor:
    """Put a radial gain (K,) on the full unshifted grid, (height, width) float64, 1 at k = 0.

    The logarithm is linear in log |k| between the groups.
    """
    radius = spectra.modes(torch.ones(height, width)).radius
    log_gain = np.interp(np.log(radius), np.log(modes.radius), np.log(gain))
    values = spectra.grid(np.exp(log_gain), height, width)
    values[0, 0] = 1.0
    return values


def alpha_for(gain: Tensor) -> float:
    """Return the largest alpha, in hundredths, that reaches every gain of the grid.

    Raises:
        ValueError: unless all gains are finite and the largest is at most 100.
    """
    largest = float(gain.max())
    if not largest <= 100:
        raise ValueError(f"a mask expresses gains up to 100, got {largest:g}")
    if largest <= MAX_ALPHA / (MAX_ALPHA - 1):
        return MAX_ALPHA
    return math.floor(100 * largest / (largest - 1)) / 100


def mask(gain: Tensor, alpha: float) -> Tensor:
    """Return the raw mask m = alpha / gain - alpha + 1 that `filters.gain` turns into this gain.

    Args:
        gain: (H, W) or (C, H, W) on the full unshifted grid. At k = 0 it is taken to be 1: there
            the mask has its maximum, so that every other gain is free.
        alpha: > 1, such as `alpha_for(gain)`; to be passed with the mask.

    Raises:
        ValueError: unless alpha > 1 and all gains lie in [1, alpha / (alpha - 1)].
    """
    if not 1 < alpha < math.inf:
        raise ValueError(f"alpha must be > 1, got {alpha:g}; a larger alpha is a weaker filter")
    pinned = gain.double().clone()
    pinned[..., 0, 0] = 1.0
    low, high = float(pinned.min()), float(pinned.max())
    if not (low > 1 - 1e-6 and high < alpha / (alpha - 1) * (1 + 1e-6)):
        raise ValueError(
            f"at alpha = {alpha:g} a mask expresses gains from 1 to {alpha / (alpha - 1):.4g}, got "
            f"{low:.4g} to {high:.4g}; a smaller alpha reaches larger ones, none those below 1"
        )
    return (alpha / pinned - alpha + 1).clamp(0, 1)


def _residuals(modes: Modes, sde: SDE, sampler: PredictorCorrector, basis: Array) -> Residuals:
    """Return a function from theta (S, P) to the terms (S, K) whose squares add up to W2^2."""
    weight = np.sqrt(modes.count / modes.count.sum())

    def residuals(theta: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            variance = variances(modes, np.exp(theta @ basis), sde, [sampler] * len(theta))
            return np.asarray(weight * (np.sqrt(variance) - np.sqrt(modes.power)))

    return residuals


def cost(residual: Array) -> Array:
    """Return the sum of squares, infinite for a sampler that diverged."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num((residual**2).sum(-1), nan=np.inf, posinf=np.inf))


def descend(residuals: Residuals, theta: Array, bounds: Array, *, enough: float = _ENOUGH) -> Array:
    """Minimize the sum of squares over theta (P,) within bounds (2,) or (2, P), from a start."""
    theta = np.clip(theta, *bounds)
    nudges = _DIFFERENCE * np.eye(len(theta))
    least = cost(residuals(theta[None]))[0]
    for _ in range(_MAX_ROUNDS):
        values = residuals(np.concatenate([theta[None], theta + nudges, theta - nudges]))
        ahead, behind = np.split(values[1:], 2)
        slopes = (ahead - behind) / (2 * _DIFFERENCE)
        downhill = -slopes @ values[0]
        if not np.isfinite(slopes).all():
            return theta
        stuck = (theta <= bounds[0]) & (downhill < 0) | (theta >= bounds[1]) & (downhill > 0)
        slopes[stuck], downhill[stuck] = 0.0, 0.0
        trials = np.clip(theta + _steps(slopes @ slopes.T, downhill), *bounds)
        costs = cost(residuals(trials))
        best = int(np.argmin(costs))
        gained = least - costs[best]
        if gained > 0:
            theta, least = trials[best], costs[best]
        if not gained > enough * least:
            return theta
    return theta


def _steps(curvature: Array, downhill: Array) -> Array:
    """Return a Levenberg-Marquardt step for every damping, (D, P)."""
    scale = np.trace(curvature) + np.finfo(float).tiny
    damped = curvature + scale * _DAMPINGS[:, None, None] * np.eye(len(downhill))
    return np.asarray(np.linalg.solve(damped, downhill[:, None])[..., 0])
