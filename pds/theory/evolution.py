"""State evolution: the bands of a sampler's state, followed with the response of a network.

In a band of the state, x = beta y + n: the picture y, perhaps faded, and noise n of c sigma. One
denoising gives D = tau beta y + rho n + omega w, see `pds.theory.response`, so that

    v = beta^2 <y, y> + c^2 sigma^2,   <x, D> = tau beta^2 <y, y> + rho c^2 sigma^2
    <D, D> = tau^2 beta^2 <y, y> + rho^2 c^2 sigma^2 + omega^2

and the second moment v of x follows the sampler's own steps x <- x + a g^2 (D - x) / sigma^2 + b g z.
As in `pds.theory.recursion` the sampler itself computes this, on arrays of sqrt(v): the score is

    s = -h x + i w,     h = (1 - <x, D> / v) / sigma^2,     h^2 v + w^2 = <D - x, D - x> / sigma^4

whose imaginary part is what does not follow x. With the linear response this is the exact recursion
for Gaussian data.

What is in the state follows from v. In flat places there is next to nothing but noise: c at every
scale, and from it a tilt. An octave has the same noise, and what is left of v is the picture's: this
is how contrast is lost. A network that finds more noise than it is told makes its estimate paler.

Left out: noise that a network has once taken for texture has the shape of texture, and more of it is
kept the next time than of fresh noise (docs/theory.md).

Source: derived for this project, after the state evolution of D. L. Donoho, A. Maleki, A. Montanari,
PNAS 106 (2009), for another iteration.
"""  # noqa: E501

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pds.sampling import Sampler
from pds.sde import SDE, VESDE
from pds.spectra import Array
from pds.theory.modes import Modes
from pds.theory.recursion import trajectory
from pds.theory.response import Response

LEAST_NOISE = 0.5
"""c^2 of a flat place with less difference than the picture's own."""

MOST_PICTURE = 1.5
"""beta^2 at most."""

CARRIED = 0.1
"""Tilt at most beyond the coarsest scale of flat places."""

DROWNED = 0.05
"""Octaves of less power than this times sigma^2 tell nothing of the picture: beta = 1."""


class Content(NamedTuple):
    """What is in each band of a state, (K,): power of the picture and of the noise.

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
                "state evolution is in x = y + sigma z, which VE has and "
                f"{type(self.sde).__name__} has not; divide its states by their scale first"
            )

    def trajectory(self, sampler: Sampler) -> Iterator[Array]:
        """Yield <x, x> of every band (K,) after each iteration, without its last noise.

        Args:
            sampler: any whose M has a gain for each frequency.

        Raises:
            ValueError: if M mixes frequencies, or the sampler does not fit the process.
        """
        return trajectory(self._modes, None, self.sde, sampler, response=self._score)

    def final(self, sampler: Sampler) -> Array:
        """Return <x, x> of every band (K,) of a sampler's images; not finite if it diverges."""
        with np.errstate(over="ignore", invalid="ignore"):
            (last,) = deque(self.trajectory(sampler), maxlen=1)
        return last

    def contents(self, sampler: Sampler) -> list[tuple[float, Content]]:
        """Return sigma, and what is in the state, at every call of the network."""
        found = []

        def score(x: Array, sigma: float) -> Array:
            found.append((sigma, self.content(np.abs(x[0]) ** 2, sigma)))
            return self._score(x, sigma)

        deque(trajectory(self._modes, None, self.sde, sampler, response=score), maxlen=0)
        return found

    @property
    def _modes(self) -> Modes:
        bands = self.response.bands
        return Modes(self.response.power, bands.count, bands.radius)

    def content(self, power: Array, sigma: float) -> Content:
        """Tell picture and noise apart in a state of this <x, x>, (K,), at a sigma."""
        bands, own = self.response.bands, self.response.power
        first = bands.num_octaves
        excess = np.maximum((power[first:] - own[first:]) / sigma**2, LEAST_NOISE)
        octaves_below = np.log2(bands.radius[first] / bands.radius[first + 1 :])
        rise = np.log2(excess[1:] / excess[0]) / 2
        tilt = float(octaves_below @ rise / (octaves_below @ octaves_below))
        c = float(np.sqrt(excess[0]))
        coarsest = bands.radius[-1]
        farther = np.maximum(coarsest / np.maximum(bands.radius, bands.radius[1] / 2), 1.0)
        noise = (
            sigma**2 * (bands.strengths(c, tilt) * farther ** np.clip(tilt, -CARRIED, CARRIED)) ** 2
        )
        noise[first:] = sigma**2 * excess
        left = np.clip(power - noise, 0.0, MOST_PICTURE * own)
        picture = np.where(own < DROWNED * sigma**2, own, left)
        picture[first:] = own[first:]
        return Content(picture, noise, c, tilt)

    def _score(self, x: Array, sigma: float) -> Array:
        """Return h with score = -h x, complex, (1, K)."""
        picture, noise, c, tilt = self.content(np.abs(x[0]) ** 2, sigma)
        kept, passed, invented = self.response.at(sigma, c, tilt)
        total = picture + noise
        along = (kept * picture + passed * noise) / total
        square = (kept**2 * picture + passed**2 * noise + invented) / total
        beside = np.sqrt(np.maximum(square - along**2, 0.0))
        h: Any = (1 - along - 1j * beside) / sigma**2
        return np.asarray(h[None])
