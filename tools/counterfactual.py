"""Responses with one property changed, for the experiments of docs/theory.md."""

from dataclasses import dataclass

import numpy as np

from pds.spectra import Array
from pds.theory import Bands, MeasuredResponse, Response
from pds.theory.response import Shares

SMALLEST = 1e-4
"""Shares closer to 0 or 1 than this are measurement noise."""


def logit(share: Array) -> Array:
    """Return log(p / (1 - p)) of shares, clipped at `SMALLEST`."""
    p = np.clip(share, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(p / (1 - p)))


def in_flat_places(response: Response, values: Array) -> Array:
    """Return the values of flat places, (J,), of the values of all bands."""
    return values[response.bands.num_octaves :]


@dataclass(frozen=True, eq=False)
class _Changed:
    """A response that changes one property of a measured response.

    Args:
        base: the measured response.
    """

    base: MeasuredResponse

    @property
    def bands(self) -> Bands:
        return self.base.bands

    @property
    def power(self) -> Array:
        return self.base.power


@dataclass(frozen=True, eq=False)
class MatchedOctaves(_Changed):
    """The response with the tau of c = 1 in the octaves, so that it is linear there."""

    def at(self, sigma: float, c: float, tilt: float) -> Shares:
        found, first = self.base.at(sigma, c, tilt), self.bands.num_octaves
        matched = self.base.at(sigma, 1.0, 0.0).picture
        return found._replace(picture=np.append(matched[:first], found.picture[first:]))


@dataclass(frozen=True, eq=False)
class OwnNoise(_Changed):
    """The response with the measured share of a run's own noise in flat places.

    Args:
        sigmas: ascending, (L,).
        ratio: share of own noise over that of fresh noise, (L, J).
    """

    sigmas: Array
    ratio: Array

    def at(self, sigma: float, c: float, tilt: float) -> Shares:
        found, first = self.base.at(sigma, c, tilt), self.bands.num_octaves
        known = np.log(self.sigmas)
        ratio = [np.interp(np.log(sigma), known, column) for column in self.ratio.T]
        flat = np.minimum(found.noise[first:] * ratio, 1.0)
        return found._replace(noise=np.append(found.noise[:first], flat))


@dataclass(frozen=True, eq=False)
class Farther(_Changed):
    """The response of a larger network, extrapolated from the trend of smaller ones.

    In flat places the logits of tau and rho change for each doubling of the size as they do on
    average from a to b of known pairs; all else is as in `base`.

    Args:
        pairs: responses (a, b) of networks of which b has twice the size of a.
        doublings: of the size of the base.
    """

    pairs: tuple[tuple[MeasuredResponse, MeasuredResponse], ...]
    doublings: int

    def at(self, sigma: float, c: float, tilt: float) -> Shares:
        found, first = self.base.at(sigma, c, tilt), self.bands.num_octaves

        def logits(response: MeasuredResponse) -> Array:
            shares = response.at(sigma, c, tilt)
            flat = [in_flat_places(response, kept) for kept in (shares.picture, shares.noise)]
            return logit(np.stack(flat))

        change = np.mean([logits(b) - logits(a) for a, b in self.pairs], axis=0)
        tau, rho = 1 / (1 + np.exp(-(logits(self.base) + self.doublings * change)))
        return found._replace(
            picture=np.append(found.picture[:first], tau),
            noise=np.append(found.noise[:first], rho),
        )
