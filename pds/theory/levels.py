"""The noise levels and the corrector's snr with the smallest exact error, without any M.

    minimize W2^2     over lowest and highest sigma of the geometric grid of N levels, and snr

The published grid runs from sigma_max, far above the data's standard deviation, to sigma_min, far
below it: many steps lie where every mode is all noise or all data. Tuning spends these steps where
the modes emerge from the noise, and strengthens the corrector. The search is over three logarithms:
the best point of a coarse grid, evaluated in one batch, then `least_squares.minimize`.

snr is at most 1/2. A Langevin step multiplies a mode of pure noise by 1 - 2 snr^2, at snr = 1/2 by
one half. For Gaussian modes larger values have less error: above 1/sqrt(2) their sign changes,
which has no effect if the score is exact. A network's score is not. The bound was chosen on the
portraits of 32 px among .35, 1/2 and 1/sqrt(2), and checked on those of 64 px.

Source: derived for this project.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from pds.kernels import AnnealedLangevin, Langevin
from pds.sampling import PredictorCorrector
from pds.sde import SDE, VESDE
from pds.theory.least_squares import minimize, sum_of_squares
from pds.theory.modes import Array, Modes, w2_terms
from pds.theory.recursion import variances

SNR = (0.02, 0.5)
"""Range of the corrector's snr."""

_COARSE = 8
"""Values of each quantity on the coarse grid."""

TOLERANCE = 1e-4
"""Relative gain in W2^2 below which the search stops."""

_DIGITS = 3
"""Significant digits of the result: readable, and equal on every processor."""


def sigma_spans(sde: VESDE) -> list[tuple[float, float]]:
    """Return the ranges of the lowest and of the highest sigma of a tuned grid."""
    low, high = sde.sigma_min, sde.sigma_max
    return [(low, low**0.6 * high**0.4), (low**0.5 * high**0.5, high)]


def tune_levels(
    modes: Modes, sde: SDE, sampler: PredictorCorrector, *, sigmas: bool = True, snr: bool = True
) -> PredictorCorrector:
    """Return the sampler with the noise levels and the snr of the smallest W2 at its N.

    It is never worse than the sampler itself.

    Args:
        modes: the data, with the mean's power at k = 0 (`Modes.with_origin`), which decides how
            large the highest sigma has to be.
        sde: the forward process.
        sampler: kernels, N and eps, on the noise levels of the process.
        sigmas: whether to tune the range of noise levels.
        snr: whether to tune the corrector's snr, where it is a Langevin one.

    Raises:
        ValueError: if there is nothing to tune, if `sigmas` is true and the process is not VE, or
            if `pds.theory` cannot follow the sampler.
    """
    corrector, spans = sampler.corrector, list[tuple[float, float]]()
    if sigmas:
        if not isinstance(sde, VESDE):
            raise ValueError(f"noise levels can be tuned for VE only, got {type(sde).__name__}")
        spans += sigma_spans(sde)
    if snr and isinstance(corrector, Langevin | AnnealedLangevin):
        spans.append(SNR)
    if not spans:
        raise ValueError(
            "there is nothing to tune: neither the noise levels nor the snr of a Langevin corrector"
        )
    bounds = np.log(spans).T
    ones = np.ones(len(modes.power))

    def terms(samplers: Sequence[PredictorCorrector]) -> Array:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return w2_terms(modes, variances(modes, ones, sde, samplers))

    def with_values(values: Array) -> PredictorCorrector:
        changes = dict[str, Any]()
        if sigmas:
            # The rounded values may lie outside the range of the process by their last digit.
            lowest, highest = np.clip(values[:2], spans[0][0], spans[1][1]).tolist()
            changes["sigmas"] = lowest, highest
        if isinstance(corrector, Langevin | AnnealedLangevin) and snr:
            changes["corrector"] = replace(corrector, snr=float(values[-1]))
        return replace(sampler, **changes)

    def residuals(thetas: Array) -> Array:
        return terms([with_values(values) for values in np.exp(thetas)])

    coarse = np.array(list(product(*np.linspace(bounds[0], bounds[1], _COARSE).T)))
    start = coarse[np.argmin(sum_of_squares(residuals(coarse)))]
    best = np.exp(minimize(residuals, start, bounds, tolerance=TOLERANCE))
    tuned = with_values(np.array([float(f"{value:.{_DIGITS}g}") for value in best]))
    error, published_error = sum_of_squares(terms([tuned, sampler]))
    return tuned if error < published_error else sampler
