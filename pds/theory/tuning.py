"""The gain with the smallest exact error, for one number of iterations and one spectrum.

    minimize W2(g)^2 = sum_k w_k (sqrt(v_k(g)) - sqrt(lambda_k))^2     over log g = theta . B

with v of `pds.theory.recursion`, w_k the share of all modes, and B hat functions on knots that are
even in log |k| (one constant for the scalar). Every kernel that the recursion can follow can be
tuned. The search has no randomness.

A tuned gain is stored as a mask of the published format, gain = alpha / (m + alpha - 1) with
max m = 1: gains lie in [1, alpha / (alpha - 1)]. The maximum is put at k = 0, whose gain is then 1:
the images' mean is not preconditioned.

Source: derived for this project.
"""

import math

import numpy as np
from torch import Tensor

from pds.limits import MAX_ALPHA, require_alpha, require_whole
from pds.sampling import PredictorCorrector
from pds.sde import SDE
from pds.spectra import radii
from pds.theory import least_squares
from pds.theory.least_squares import Residuals
from pds.theory.modes import Array, Modes, grid, w2, w2_terms
from pds.theory.recursion import variances

BOUNDS = (1.0, 4.0)
"""Range of the gain: a mask cannot express gains below 1, and samplers diverge far above it."""

NUM_KNOTS = 12

TOLERANCE = 1e-7
"""Relative gain in W2^2 below which the search stops."""


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

    It is never worse than the best scalar or `start`.

    Args:
        modes: the data, in order of radius as `theory.bins` has them.
        sde: the forward process.
        sampler: kernels, N and eps.
        bounds: smallest and largest gain, > 0.
        num_knots: of log g, which is piecewise linear in log |k|, >= 1.
        start: a second start beside the best scalar, (K,) within the bounds, such as PDS.

    Raises:
        ValueError: for bounds or knots out of range, if every scalar gain diverges, or if
            `pds.theory` cannot follow the sampler.
    """
    basis = hats(modes, num_knots)
    residuals = _residuals(modes, sde, sampler, basis)
    scalar = np.full(len(modes.power), tune_scalar(modes, sde, sampler, bounds=bounds))
    starts = [scalar] if start is None else [scalar, start]
    candidates = [*starts]
    for gain in starts:
        # The value at each knot is the mean of log g under that knot's hat.
        theta = (basis @ np.log(gain)) / basis.sum(1)
        theta = least_squares.minimize(residuals, theta, np.log(bounds), tolerance=TOLERANCE)
        candidates.append(np.exp(theta @ basis))
    gains = np.stack(candidates)
    errors = w2(modes, variances(modes, gains, sde, [sampler] * len(gains)))
    return candidates[int(np.nanargmin(errors))]


def tune_scalar(
    modes: Modes, sde: SDE, sampler: PredictorCorrector, *, bounds: tuple[float, float] = BOUNDS
) -> float:
    """Return the c of M = c I with the smallest W2 at the sampler's N: the null control.

    It is never worse than vanilla if 1 is within the bounds. Arguments and errors are those of
    `tune`.
    """
    low, high = bounds
    if not 0 < low < high < math.inf:
        raise ValueError(f"bounds of a gain must be 0 < low < high, got {low:g} and {high:g}")
    scan = np.append(np.geomspace(low, high, 60), np.clip(1.0, low, high))
    residuals = _residuals(modes, sde, sampler, np.ones((1, len(modes.power))))
    errors = least_squares.sum_of_squares(residuals(np.log(scan)[:, None]))
    if not np.isfinite(errors).any():
        raise ValueError(
            f"with {sampler.num_steps} iterations this sampler diverges for every gain from "
            f"{low:g} to {high:g}; use more iterations or a smaller snr"
        )
    start = np.log(scan[[np.argmin(errors)]])
    theta = least_squares.minimize(residuals, start, np.log(bounds), tolerance=TOLERANCE)
    return float(np.exp(theta[0]))


def steady_gain(sde: SDE, sampler: PredictorCorrector) -> float:
    """Return the largest gain with which no predictor step overshoots, within `BOUNDS`.

    A step multiplies a mode by 1 - g^2 G^2 h with h <= 1 / std^2. With g below 1 / max(G / std), no
    mode of any data changes its sign. The error of Gaussian data does not depend on the sign; for
    images, a step with another sign ends beyond the conditional mean. The last step, to the data,
    is left out.
    """
    times = sampler.times()
    pull = (sde.discretize(times).diffusion / sde.marginal(times).std)[:-1].numpy()
    return float(np.clip(1 / pull.max(initial=0.1), *BOUNDS))


def hats(modes: Modes, num_knots: int) -> Array:
    """Return hat functions in log radius, (P, K), P <= num_knots; they add up to 1 everywhere.

    Raises:
        ValueError: unless num_knots is a whole number >= 1.
    """
    num_knots = require_whole("num_knots", num_knots, 1, advice=f"{NUM_KNOTS} are enough")
    place = np.log(modes.radius)
    knots = np.linspace(place.min(), place.max(), num_knots)
    rows = np.stack([np.interp(place, knots, row) for row in np.eye(num_knots)])
    # Small images have no modes near some knots.
    return np.asarray(rows[rows.sum(1) > 0])


def on_grid(modes: Modes, gain: Array, height: int, width: int) -> Tensor:
    """Return a radial gain (K,) on the full unshifted grid, (height, width) float64, 1 at k = 0.

    Between the groups, log g is linear in log |k|.
    """
    radius = radii(height, width).flatten()[1:].numpy()
    log_gain = np.interp(np.log(radius), np.log(modes.radius), np.log(gain))
    values = grid(np.exp(log_gain), height, width)
    values[0, 0] = 1.0
    return values


def alpha_for(gain: Tensor) -> float:
    """Return the largest alpha, in hundredths, whose masks can express every gain of a grid.

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
    """Return the raw mask m = alpha / gain - alpha + 1, the inverse of `filters.gain`.

    Args:
        gain: (H, W) or (C, H, W) on the full unshifted grid; its value at k = 0 is replaced by 1,
            where the mask has its maximum.
        alpha: > 1, such as `alpha_for(gain)`; the mask has this gain for this alpha only.

    Raises:
        ValueError: unless alpha > 1 and all gains lie in [1, alpha / (alpha - 1)].
    """
    alpha = require_alpha(alpha)
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
    """Return a function from theta (S, P) to terms (S, K) whose squares add up to W2^2."""

    def residuals(theta: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            gains = np.exp(theta @ basis)
            return w2_terms(modes, variances(modes, gains, sde, [sampler] * len(theta)))

    return residuals
