"""State evolution: the bands of a sampler's state, followed with the response of a network.

In a band the state is x = beta y + n: the image y, possibly faded, and noise n of strength c sigma. One
denoising gives D = tau beta y + rho n + omega w, see `pds.theory.response`, so that

    v = beta^2 <y, y> + c^2 sigma^2,   <x, D> = tau beta^2 <y, y> + rho c^2 sigma^2
    <D, D> = tau^2 beta^2 <y, y> + rho^2 c^2 sigma^2 + omega^2

and the second moment v of x follows the sampler's own steps x <- x + a g^2 (D - x) / sigma^2 + b g z.
As in `pds.theory.recursion` the sampler itself computes this, on arrays of sqrt(v): the score is

    s = -h x + i w,     h = (1 - <x, D> / v) / sigma^2,     h^2 v + w^2 = <D - x, D - x> / sigma^4

whose imaginary part is uncorrelated with x. With the linear response this is the exact recursion
for Gaussian data.

Image and noise of the state follow from v. Flat places hold almost nothing but noise, which gives
c at every scale, and its tilt. In an octave, a second recursion with the octave's gain follows noise
that the network removes completely, h = 1 / sigma^2. While noise dominates the octave, this is its
noise. At lower sigma it is multiplied by the ratio, in flat places, of the noise to the noise that
is removed completely. The rest of v is the image, whose decrease is the loss of contrast: with
more noise than sigma, the network's estimate is paler.

Not modeled: noise that a network once took for texture resembles texture, and the next call keeps
more of it than of fresh noise (docs/theory.md).

Source: derived for this project, after the state evolution of D. L. Donoho, A. Maleki, A. Montanari,
PNAS 106 (2009), for another iteration.
"""  # noqa: E501

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from pds.sampling import ProbabilityFlow, Sampler
from pds.sde import SDE, VESDE
from pds.spectra import Array
from pds.theory.modes import Modes
from pds.theory.recursion import trajectory
from pds.theory.response import Response

LEAST_NOISE = 0.5
"""c^2 of a flat place with less difference than the image's own."""

MOST_PICTURE = 1.5
"""beta^2 at most."""

CARRIED = 0.1
"""Octaves by which noise that is kept grows from a coarse octave to the next, at most."""

DROWNED = 0.05
"""Octaves below this power, in units of sigma^2, say nothing about the image: beta = 1."""


CONVERGED = ProbabilityFlow("heun", 50)
"""Samples the network's own images, which grain and contrast are relative to."""


class Content(NamedTuple):
    """Power of image and noise in each band of a state, (K,).

    c, tilt: strength of the noise at the finest scale, relative to sigma, and its color.
    """

    picture: Array
    noise: Array
    c: float
    tilt: float


@dataclass(frozen=True, eq=False)
class Evolution:
    """State evolution with the response of a network.

    Args:
        response: of the network.
        sde: its process.

    Raises:
        ValueError: unless the process is VE.
    """

    response: Response
    sde: SDE

    def __post_init__(self) -> None:
        if not isinstance(self.sde, VESDE):
            raise ValueError(
                "state evolution needs the states of VE, x = y + sigma z, got "
                f"{type(self.sde).__name__}; divide its states by their scale first"
            )

    def trajectory(self, sampler: Sampler) -> Iterator[Array]:
        """Yield <x, x> of every band (K,) after each iteration, without its last noise.

        Args:
            sampler: any whose M has a gain for each frequency.

        Raises:
            ValueError: if M mixes frequencies, or the sampler does not fit the process.
        """
        followed = trajectory(self._modes, None, self.sde, sampler, response=self._score)
        return (power[: len(self.response.power)] for power in followed)

    def final(self, sampler: Sampler) -> Array:
        """Return <x, x> of every band (K,) of a sampler's images; not finite if it diverges."""
        with np.errstate(over="ignore", invalid="ignore"):
            (last,) = deque(self.trajectory(sampler), maxlen=1)
        return last

    @cached_property
    def own(self) -> Array:
        """<x, x> of every band (K,) of the network's own images, those of `CONVERGED`."""
        return self.final(CONVERGED)

    def contents(self, sampler: Sampler) -> list[tuple[float, Content]]:
        """Return sigma and the content of the state at every call of the network."""
        found = []

        def score(x: Array, sigma: float) -> Array:
            found.append((sigma, self.content(np.abs(x[0]) ** 2, sigma)))
            return self._score(x, sigma)

        deque(trajectory(self._modes, None, self.sde, sampler, response=score), maxlen=0)
        return found

    @property
    def _modes(self) -> Modes:
        """The bands, and behind them the same bands with noise alone."""
        bands, own = self.response.bands, self.response.power
        none = np.zeros_like(own)
        power, count = np.append(own, none), np.append(bands.count, none)
        return Modes(power, count, np.tile(bands.radius, 2))

    def content(self, power: Array, sigma: float) -> Content:
        """Separate image and noise in a state at a sigma.

        Args:
            power: <x, x> of `_modes`, (2 K,).
            sigma: given to the network.
        """
        bands, own = self.response.bands, self.response.power
        first = bands.num_octaves
        power, removed = np.split(power, 2)
        flat = sigma**2 * np.maximum((power[first:] - own[first:]) / sigma**2, LEAST_NOISE)
        kept, rise = self._strength(flat / removed[first:])
        coarser = np.maximum(bands.radius[-1] / np.maximum(bands.radius, bands.radius[1] / 2), 1.0)
        grown = bands.strengths(kept, rise) * coarser ** np.clip(rise, -CARRIED, CARRIED)
        noise = removed * grown**2
        noise[first:] = flat
        left = np.clip(power - noise, 0.0, MOST_PICTURE * own)
        picture = np.where(own < DROWNED * sigma**2, own, left)
        picture[first:] = own[first:]
        return Content(picture, noise, *self._strength(flat / sigma**2))

    def _strength(self, power: Array) -> tuple[float, float]:
        """Return strength and tilt of noise with this power at the scales of flat places, (J,)."""
        bands = self.response.bands
        scales = bands.radius[bands.num_octaves :]
        below = np.log2(scales[0] / scales[1:])
        rise = np.log2(power[1:] / power[0]) / 2
        return float(np.sqrt(power[0])), float(below @ rise / (below @ below))

    def _score(self, x: Array, sigma: float) -> Array:
        """Return h with score = -h x, complex, (1, K)."""
        picture, noise, c, tilt = self.content(np.abs(x[0]) ** 2, sigma)
        kept, passed, invented = self.response.at(sigma, c, tilt)
        total = picture + noise
        along = (kept * picture + passed * noise) / total
        square = (kept**2 * picture + passed**2 * noise + invented) / total
        beside = np.sqrt(np.maximum(square - along**2, 0.0))
        h: Any = np.append(1 - along - 1j * beside, np.ones_like(along)) / sigma**2
        return np.asarray(h[None])
