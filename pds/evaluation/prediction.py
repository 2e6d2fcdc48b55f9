"""Grain and contrast of a network's samplers, predicted from its response without sampling."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from pds.appearance import COARSE_BANDS, Relative
from pds.evaluation.gaussian import Field
from pds.preconditioners import Preconditioner
from pds.sampling import Sampler
from pds.spectra import Array
from pds.theory import Evolution, Response

COARSE = slice(1, 1 + len(COARSE_BANDS))
"""The octaves of contrast."""

ALPHAS = (2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 13.0, 16.0, 20.0)
"""Candidates for the best alpha."""


def sampler_of(field: Field, arm: str, num_steps: int) -> Sampler:
    """Return the sampler of an arm at N, of a kind that can be predicted.

    Raises:
        ValueError: if N is out of range, the arm does not support the model, or its M mixes
            frequencies.
    """

    def require_gain(m: Preconditioner, own: bool) -> Preconditioner:
        m.mode_gain()
        return m

    sampler = field.plan(arm, num_steps).sampler
    try:
        return sampler.map_preconditioners(require_gain)
    except ValueError:
        raise ValueError(
            f"{arm} has a space filter, which mixes frequencies, and the prediction follows each "
            f"frequency separately; leave the space filter out"
        ) from None


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predicts grain and contrast relative to the network's own images, see `pds.theory`.

    Args:
        field: the model, with its process and masks.
        response: of its score.

    Raises:
        ValueError: unless the process is VE, or for images that grain and contrast cannot be
            relative to: of one color in their flat places, or without anything coarse.
    """

    field: Field
    response: Response

    def __post_init__(self) -> None:
        power, finest = self.response.power, self.response.bands.num_octaves
        for what, bands in (("flat places", power[[finest]]), ("coarse detail", power[COARSE])):
            if not (bands > 0).all():
                raise ValueError(
                    f"the images of this response have no {what} but of one color, which "
                    "nothing can be relative to; measure it on images of the network's data"
                )

    @cached_property
    def evolution(self) -> Evolution:
        """The state evolution of the model."""
        return Evolution(self.response, self.field.model.sde)

    @cached_property
    def own(self) -> Array:
        """Second moments of the network's own images, (K,)."""
        return self.evolution.own

    def of(self, arm: str, num_steps: int) -> Relative:
        """Return grain and contrast of an arm of `pds.arms.names` at N.

        Raises:
            ValueError: see `sampler_of`.
        """
        return self.relative(self._final(arm, num_steps))

    def of_sampler(self, sampler: Sampler) -> Relative:
        """Return grain and contrast of any sampler of the process."""
        return self.relative(self.evolution.final(sampler))

    def relative(self, power: Array) -> Relative:
        """Return grain and contrast of second moments (K,); NaN for a sampler that diverges."""
        if not np.isfinite(power).all():
            return Relative(np.nan, np.nan)
        ratio = power / self.own
        contrast = ratio[COARSE].mean()
        return Relative(float(np.sqrt(ratio[self.response.bands.num_octaves])), float(contrast))

    def fewest(self, arm: str, grain: float, counts: Sequence[int]) -> int | None:
        """Return the least N from which on grain stays below a value, or None.

        Args:
            arm: see `of`.
            grain: relative to the network's own images.
            counts: ascending N. Between the last of them that is not below and the next, N is
                bisected.
        """
        below = [self.of(arm, n).grain < grain for n in counts]
        if not below[-1]:
            return None
        first = max((i + 1 for i, fine in enumerate(below) if not fine), default=0)
        if not first:
            return counts[0]
        low, high = counts[first - 1], counts[first]
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.of(arm, middle).grain < grain else (middle, high)
        return high

    def best_alpha(self, num_steps: int, alphas: Sequence[float] = ALPHAS) -> float:
        """Return the alpha whose octaves and grain are nearest to the network's own at N."""
        errors = [self.error(self._final(f"pds:{alpha:g}", num_steps)) for alpha in alphas]
        return alphas[int(np.argmin(errors))]

    def error(self, power: Array) -> float:
        """Return how far second moments (K,) are from the network's own, in decibel.

        The root mean square of 10 log10 of the ratios: of the octaves, and of the finest flat
        places, which count as one octave. Infinite for a sampler that diverges.
        """
        first = self.response.bands.num_octaves
        ratio = (power / self.own)[1 : first + 1]
        if not np.isfinite(ratio).all():
            return np.inf
        return float(np.sqrt(np.square(10 * np.log10(ratio)).mean()))

    @cached_property
    def _final(self) -> Callable[[str, int], Array]:
        """Second moments of an arm at N, (K,); remembered."""

        def final(arm: str, num_steps: int) -> Array:
            return self.evolution.final(sampler_of(self.field, arm, num_steps))

        return cache(final)
