"""The noise levels and the corrector strength that make the exact error smallest, without any M.

    minimize W2^2     over lowest and highest sigma of the geometric grid of N levels, and snr

The published grid runs from sigma_max, far above any data, to sigma_min, far below them. A gain
lengthens some of its steps; this takes the steps from where no mode has anything to decide, and
lets the corrector work harder. It is a sum of squares in three logarithms: the best point of a
coarse grid, all of it computed in one pass, then `tuning.descend` from there.

snr stays at or below 1/2. A Langevin step multiplies a mode of pure noise by 1 - 2 snr^2, so that
it goes halfway at most. Gaussian modes would take more: their score is exact, and above 1/sqrt(2)
their sign turns, which changes nothing for them. A network's score is not exact. The bound was
chosen on the portraits of 32 px, among .35, 1/2 and 1/sqrt(2), and tried on those of 64.

Source: derived for this project.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from pds.kernels import AnnealedLangevin, Langevin
from pds.sampling import PredictorCorrector
from pds.sde import SDE, VESDE
from pds.theory import tuning
from pds.theory.modes import Array, Modes
from pds.theory.recursion import variances

SNR = (0.02, 0.5)
"""Corrector strengths that are tried."""

_COARSE = 8
"""Values of each quantity on the coarse grid."""

_ENOUGH = 1e-4
_DIGITS = 3
"""Of what is found: no processor's rounding shows, and people can read it."""


def tune_levels(
    modes: Modes, sde: SDE, sampler: PredictorCorrector, *, sigmas: bool = True, snr: bool = True
) -> PredictorCorrector:
    """Return the sampler with the noise levels and the snr of the smallest W2 at its N.

    It is never worse than the sampler itself.

    Args:
        modes: the data. Give them their mean's power at k = 0 (`Modes.with_origin`): it decides how
            high the noise has to start.
        sde: the forward process.
        sampler: kernels, N and eps, on the process's own grid.
        sigmas: whether to tune the range of noise levels.
        snr: whether to tune the corrector's strength, where it is a Langevin one.

    Raises:
        ValueError: if there is nothing to tune, the range is to be tuned for another process than
            VE, or `pds.theory` cannot follow the sampler.
    """
    corrector, spans = sampler.corrector, list[tuple[float, float]]()
    if sigmas:
        if not isinstance(sde, VESDE):
            raise ValueError(
                f"noise levels can be tuned for VE only, which {type(sde).__name__} is not"
            )
        low, high = sde.sigma_min, sde.sigma_max
        spans += [(low, low**0.6 * high**0.4), (low**0.5 * high**0.5, high)]
    if snr and isinstance(corrector, Langevin | AnnealedLangevin):
        spans.append(SNR)
    if not spans:
        raise ValueError("neither noise levels nor a Langevin corrector's strength are to be tuned")
    bounds = np.log(spans).T
    weight, goal = np.sqrt(modes.count / modes.count.sum()), np.sqrt(modes.power)
    ones = np.ones(len(modes.power))

    def errors(samplers: Sequence[PredictorCorrector]) -> Array:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return np.asarray(weight * (np.sqrt(variances(modes, ones, sde, samplers)) - goal))

    def at(values: Array) -> PredictorCorrector:
        tuned = sampler
        if sigmas:
            # Rounding may leave the process by its last digit.
            lowest, highest = np.clip(values[:2], low, high).tolist()
            tuned = replace(tuned, sigmas=(lowest, highest))
        if isinstance(corrector, Langevin | AnnealedLangevin) and snr:
            tuned = replace(tuned, corrector=replace(corrector, snr=float(values[-1])))
        return tuned

    def residuals(thetas: Array) -> Array:
        return errors([at(values) for values in np.exp(thetas)])

    grid = np.array(list(product(*np.linspace(bounds[0], bounds[1], _COARSE).T)))
    start = grid[np.argmin(tuning.cost(residuals(grid)))]
    end = np.exp(tuning.descend(residuals, start, bounds, enough=_ENOUGH))
    tuned = at(np.array([float(f"{value:.{_DIGITS}g}") for value in end]))
    ours, own = tuning.cost(errors([tuned, sampler]))
    return tuned if ours < own else sampler
