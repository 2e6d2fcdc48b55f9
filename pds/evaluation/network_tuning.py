"""Samplers tuned by the response of a network, not by the spectrum of its data.

    minimize  mean over bands of (10 log10 (v / v_own))^2

over the lowest and the highest sigma of the grid, snr, and a gain of M that is one constant, the
published filter at an alpha, or free in every octave. v is the power of the brightness, of each
octave and of the finest flat places that `pds.theory.evolution` predicts, v_own that of the
network's own pictures. The search starts from `tuned`, without M, and has no randomness.

Source: derived for this project.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch

from pds import filters
from pds.evaluation.prediction import Predictor
from pds.kernels import Langevin
from pds.preconditioners import FrequencyFilter, Identity, Preconditioner, SpaceFilter
from pds.sampling import PredictorCorrector
from pds.sde import VESDE
from pds.spectra import Array
from pds.theory import Modes, least_squares, on_grid
from pds.theory.levels import SNR, sigma_spans

Family = Literal["levels", "constant", "filter", "octaves"]
"""What M may be: the identity, a constant, the published filter, or a gain for each octave."""

CONSTANTS, ALPHAS, GAINS = (1.0, 1.6), (2.0, 50.0), (0.9, 2.0)
"""Ranges of the constant, of alpha and of the gain of an octave."""

TOLERANCE = 1e-3
"""Relative gain of the error below which the search stops."""

_DIVERGED = 1e3
"""Residual of a band that is not finite, in decibel."""


@dataclass(frozen=True, eq=False)
class NetworkTuner:
    """Tunes samplers of one number of iterations for a network.

    Args:
        predictor: of the network.
        num_steps: N.
    """

    predictor: Predictor
    num_steps: int

    def best(self, family: Family) -> Array:
        """Return the values of `sampler` with the least predicted error of a family.

        Raises:
            ValueError: unless the published sampler has a Langevin corrector.
        """
        start = self.predictor.field.plan("tuned", self.num_steps).sampler
        assert isinstance(start, PredictorCorrector)
        if not isinstance(start.corrector, Langevin):
            raise ValueError(
                "noise levels and snr are tuned for samplers with a Langevin corrector"
            )
        levels = start.sigmas or (self._sde.sigma_min, self._sde.sigma_max)
        theta = np.log([*levels, start.corrector.snr, *self._neutral(family)])
        bounds = np.log([*sigma_spans(self._sde), SNR, *self._bounds(family)]).T

        def residuals(thetas: Array) -> Array:
            return np.stack([self._decibel(family, np.exp(each)) for each in thetas])

        found = least_squares.minimize(residuals, theta, bounds, tolerance=TOLERANCE)
        return np.exp(found)

    def sampler(self, family: Family, values: Array) -> PredictorCorrector:
        """Return a sampler with these values: lowest and highest sigma, snr, and M's."""
        low, high, snr, *gain = (float(value) for value in values)
        low, high = np.clip([low, high], self._sde.sigma_min, self._sde.sigma_max).tolist()
        published = self.predictor.field.model.sampler(self.num_steps)
        assert isinstance(published.corrector, Langevin)
        return replace(
            published,
            sigmas=(low, high),
            corrector=replace(published.corrector, snr=snr),
            m=self._preconditioner(family, gain),
        )

    @property
    def _sde(self) -> VESDE:
        sde = self.predictor.field.model.sde
        assert isinstance(sde, VESDE)
        return sde

    @cached_property
    def _octaves(self) -> int:
        return self.predictor.response.bands.num_octaves

    def _neutral(self, family: Family) -> list[float]:
        free = self._octaves - 1
        return {"levels": [], "constant": [1.02], "filter": [20.0], "octaves": [1.0] * free}[family]

    def _bounds(self, family: Family) -> list[tuple[float, float]]:
        free = self._octaves - 1
        ranges = {"levels": [], "constant": [CONSTANTS], "filter": [ALPHAS]}
        return ranges.get(family, [GAINS] * free)

    def _preconditioner(self, family: Family, values: list[float]) -> Preconditioner:
        model = self.predictor.field.model
        if family == "levels":
            return Identity()
        if family == "constant":
            return SpaceFilter(torch.tensor(values[0]))
        if family == "filter":
            return FrequencyFilter(filters.gain(model.frequency_mask, values[0]))
        bands, octaves = self.predictor.response.bands, slice(1, self._octaves)
        power = self.predictor.response.power
        knots = Modes(power[octaves], bands.count[octaves], bands.radius[octaves])
        plane = on_grid(knots, np.array(values), bands.height, bands.width)
        plane = plane.to(model.frequency_mask.device, torch.float32)
        return FrequencyFilter(plane.expand(model.frequency_mask.shape))

    def _decibel(self, family: Family, values: Array) -> Array:
        """Return 10 log10 of v / v_own of a sampler: brightness, octaves, finest flat places."""
        power = self.predictor.evolution.final(self.sampler(family, values))
        ratio = (power / self.predictor.own)[: self._octaves + 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            decibel = 10 * np.log10(ratio)
        return np.nan_to_num(decibel, nan=_DIVERGED, posinf=_DIVERGED, neginf=-_DIVERGED)
