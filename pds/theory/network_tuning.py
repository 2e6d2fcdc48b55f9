"""The best sampler for a network at one N, from its response instead of its data's spectrum.

    minimize  sum over bands of (10 log10 (v / v_own))^2 + (RESTRAINT log G)^2 over gains

over the lowest and the highest sigma of the geometric grid, snr, and a gain G of M for each octave.
v is the power of the brightness, of each octave and of the finest flat places that
`pds.theory.evolution` predicts, v_own that of the network's own images. With many iterations,
many gains are nearly as good as the best. The second term keeps gains without effect near 1, so
that gains change little with N. The search has no randomness.

Source: derived for this project.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pds.kernels import Langevin
from pds.preconditioners import FrequencyFilter, Preconditioner
from pds.sampling import PredictorCorrector
from pds.sde import SDE, VESDE
from pds.spectra import Array
from pds.theory import least_squares
from pds.theory.bands import Bands
from pds.theory.evolution import Evolution
from pds.theory.levels import SNR, sigma_spans, tune_levels
from pds.theory.modes import Modes
from pds.theory.response import drowned
from pds.theory.tuning import on_grid

GAINS = (0.5, 2.0)
"""Range of the gain of an octave."""

RESTRAINT = 1.0
"""Decibel that count as much as a gain of e, or of 1/e, in one octave."""

NEGLIGIBLE = 0.2
"""Error of a band, in decibel, below which a longer search is not worth its time."""

TOLERANCE = 5e-3
"""Relative gain of the squared error, with `NEGLIGIBLE` in it, below which the search stops."""

_DIVERGED = 1e3
"""Residual of a band that is not finite, in decibel."""


class Settings(NamedTuple):
    """What is tuned.

    lowest, highest: sigma of the grid's ends.
    snr: of the corrector.
    gain: values that M is made of, such as a gain for each octave, from coarse to fine.
    """

    lowest: float
    highest: float
    snr: float
    gain: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Family:
    """The M that are searched, by positive values.

    Args:
        start: of the search, (P,).
        bounds: low and high of each value.
        m: makes M of values.
        restraint: see `RESTRAINT`; 0 for none.
    """

    start: Sequence[float]
    bounds: Sequence[tuple[float, float]]
    m: Callable[[Sequence[float]], Preconditioner]
    restraint: float = 0.0


def octaves(shape: tuple[int, int, int], device: torch.device | str = "cpu") -> Family:
    """Return the family of a gain for each octave of images (C, H, W), without their mean."""
    bands = Bands(*shape[1:])
    free = bands.num_octaves - 1

    def m(gain: Sequence[float]) -> FrequencyFilter:
        return FrequencyFilter(octave_gain(gain, bands).to(device, torch.float32).expand(shape))

    return Family([1.0] * free, [GAINS] * free, m, RESTRAINT)


def octave_gain(gain: Sequence[float], bands: Bands) -> Tensor:
    """Return a gain for each octave on the full unshifted grid, (H, W) float64, 1 at k = 0.

    log G is linear in log |k| between the mean radii of the octaves, and constant beyond.

    Raises:
        ValueError: for another number of gains.
    """
    if len(gain) != bands.num_octaves - 1:
        raise ValueError(
            f"images of {bands.height} x {bands.width} pixels have {bands.num_octaves - 1} "
            f"octaves, got {len(gain)} gains"
        )
    octaves = slice(1, bands.num_octaves)
    count, radius = bands.count[octaves], bands.radius[octaves]
    knots = Modes(np.ones_like(radius), count, radius)
    return on_grid(knots, np.array(gain), bands.height, bands.width)


def tune(
    evolution: Evolution, published: PredictorCorrector, family: Family, *, mean: float = 0.5
) -> Settings:
    """Return the settings with the least predicted error at a sampler's N.

    The search begins at the family's start, with the levels and the snr that are best for Gaussian
    data with the power of the octaves, the highest sigma being where an image is drowned. The
    evolution describes deviations from the mean image, which a start from pure noise lacks: the
    highest sigma is at least the one that drowns an image of one color.

    Args:
        evolution: of the network.
        published: kernels, N and eps.
        family: of M.
        mean: of the values of the data, in the network's range.

    Raises:
        ValueError: unless the corrector is a Langevin one.
    """
    sde = require_tunable(published, evolution.sde)
    lowest, (low, high) = sigma_spans(sde)
    one_color = abs(mean) * math.sqrt(evolution.response.bands.count.sum())
    highest = min(max(low, one_color), 0.9 * high), high
    bounds = np.log([lowest, highest, SNR, *family.bounds]).T
    compared = slice(0, evolution.response.bands.num_octaves + 1)

    def terms(theta: Array) -> Array:
        settings = _settings(np.exp(theta))
        m = family.m(settings.gain)
        power = evolution.final(sampler(published, sde, settings, m))
        with np.errstate(divide="ignore", invalid="ignore"):
            decibel = 10 * np.log10((power / evolution.own)[compared])
        decibel = np.nan_to_num(decibel, nan=_DIVERGED, posinf=_DIVERGED, neginf=-_DIVERGED)
        return np.concatenate([decibel, family.restraint * theta[3:], [NEGLIGIBLE]])

    def residuals(thetas: Array) -> Array:
        return np.stack([terms(theta) for theta in thetas])

    start = np.append(_gaussian(evolution, published), np.log(family.start))
    return _settings(np.exp(least_squares.minimize(residuals, start, bounds, tolerance=TOLERANCE)))


def sampler(
    published: PredictorCorrector, sde: SDE, settings: Settings, m: Preconditioner
) -> PredictorCorrector:
    """Return the sampler of some settings, with M made of their gain.

    Raises:
        ValueError: unless the process is VE and the corrector a Langevin one.
    """
    process = require_tunable(published, sde)
    ends = np.clip(settings[:2], process.sigma_min, process.sigma_max).tolist()
    assert isinstance(published.corrector, Langevin)
    corrector = replace(published.corrector, snr=settings.snr)
    return replace(published, sigmas=(ends[0], ends[1]), corrector=corrector, m=m)


def require_tunable(published: PredictorCorrector, sde: SDE) -> VESDE:
    """Return the process of a sampler that can be tuned.

    Raises:
        ValueError: unless the process is VE and the corrector a Langevin one.
    """
    if not isinstance(sde, VESDE):
        raise ValueError(
            f"samplers can be tuned to a network for VE only, got {type(sde).__name__}"
        )
    if not isinstance(published.corrector, Langevin):
        raise ValueError("noise levels and snr are tuned for samplers with a Langevin corrector")
    return sde


def _gaussian(evolution: Evolution, published: PredictorCorrector) -> Array:
    """Return log of lowest sigma, highest sigma and snr for Gaussian data, (3,)."""
    bands, power = evolution.response.bands, evolution.response.power
    octaves = slice(1, bands.num_octaves)
    modes = Modes(power[octaves], bands.count[octaves], bands.radius[octaves])
    tuned = tune_levels(modes.with_origin(float(power[0])), evolution.sde, published)
    assert isinstance(tuned.corrector, Langevin)
    # Without better levels it is the published sampler, whose lowest sigma is that of the process.
    lowest = (
        tuned.sigmas[0] if tuned.sigmas else require_tunable(published, evolution.sde).sigma_min
    )
    return np.log([lowest, drowned(power), tuned.corrector.snr])


def _settings(values: Array) -> Settings:
    lowest, highest, snr, *gain = values.tolist()
    return Settings(lowest, highest, snr, tuple(gain))
