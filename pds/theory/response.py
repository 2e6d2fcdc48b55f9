"""The response of a denoiser: the shares it keeps of an image, and of noise stronger than sigma.

Noise of c sigma is planted in a clean image y and denoised once by a score that is given sigma:

    D(x) = x + sigma^2 s(x, sigma),     even = (D(y + n) + D(y - n)) / 2,  odd = (D(y + n) - D(y - n)) / 2

and in every band of `pds.theory.bands`, with <a, b> the mean product over the images and
|a|^2 = <a, a>,

    tau      = <y, even> / <y, y>                              share of the image that is kept
    rho      = <n, odd> / <n, n>                               share of the noise that is kept
    omega^2  = |even - tau y|^2 + |odd - rho n|^2              the remainder: generated content

Octaves are taken about the mean image. A linear denoiser has tau = rho, for noise of any strength
and color. The exact score of any data has tau <y, y> + rho sigma^2 = <y, y> at c = 1 (Stein).

The noise that few iterations leave is stronger at coarse scales than at fine ones: its strength is
c at the finest scale and c 2^tilt an octave below, see `Bands.strengths`.

Source: derived for this project; Stein's identity as in M. Raphan, E. P. Simoncelli, Neural
Computation 23 (2011).
"""  # noqa: E501

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from pds.sampling import NoiseFn
from pds.spectra import Array
from pds.theory.bands import Bands, FlatPlaces

Denoiser = Callable[[Tensor, float], Tensor]
"""Maps noisy images (n, C, H, W) and sigma to clean ones."""

STRENGTHS = (0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 9.0)
"""c, the planted noise at the finest scale relative to sigma."""

TILTS = (0.0, 0.5)
"""Octaves by which the noise grows from a scale to the next coarser one."""

TILTED = 0.6
"""Sigma, in pixels in [0, 1], above which the noise of every sampler is white."""

PER_OCTAVE = 1.2
"""Values of sigma an octave."""

LOWEST_DROWNED = 8
"""Least end of the grid of sigma, in sigma_min; it applies if the images are all alike."""

NOTHING = 1e-12
"""Power of rounding errors, for images in [0, 1]."""

FEWEST = 8
"""Smallest number of images to plant noise in."""


class Shares(NamedTuple):
    """A response at one sigma, c and tilt: tau, rho and omega^2 of every band, (K,)."""

    picture: Array
    noise: Array
    invented: Array


class Response(Protocol):
    """The response in each band, as the state evolution needs it.

    bands: octaves and flat places.
    power: <y, y> of every band, (K,).
    """

    @property
    def bands(self) -> Bands: ...

    @property
    def power(self) -> Array: ...

    def at(self, sigma: float, c: float, tilt: float) -> Shares:
        """Return the response to noise of c sigma at the finest scale."""
        ...


@dataclass(frozen=True, eq=False)
class LinearResponse:
    """The response of the exact score of Gaussian data, power / (power + sigma^2) of everything.

    Args:
        bands: of the images.
        power: of every band, (K,).
    """

    bands: Bands
    power: Array

    @classmethod
    def of(cls, plane: Tensor) -> "LinearResponse":
        """Return the response for data of a power |FFT2 x|^2 / (H W), (H, W), without its mean."""
        bands = Bands(*plane.shape)
        return cls(bands, bands.power_of(plane))

    def at(self, sigma: float, c: float, tilt: float) -> Shares:
        kept = self.power / (self.power + sigma**2)
        return Shares(kept, kept, np.zeros_like(kept))


@dataclass(frozen=True, eq=False)
class MeasuredResponse:
    """A response measured on n images, between whose values `at` interpolates.

    Args:
        bands: K of them.
        sigmas: ascending, (L,).
        strengths: c, ascending, (M,).
        tilts: ascending, (T,).
        moments: <y, y>, <y, even>, <even, even>, <n, n>, <n, odd> and <odd, odd> of each image,
            (6, n, L, M, T, K) float64; cells with a tilt above `TILTED` repeat those without.
    """

    bands: Bands
    sigmas: Array
    strengths: Array
    tilts: Array
    moments: Array

    @property
    def num_pictures(self) -> int:
        """n."""
        return int(self.moments.shape[1])

    def planted(self, row: int, layer: int) -> bool:
        """Return whether noise of a tilt was planted at a sigma; if not, moments repeat."""
        at_sigma = self.moments[:, :, row]
        return layer == 0 or not np.array_equal(at_sigma[..., layer, :], at_sigma[..., 0, :])

    @cached_property
    def power(self) -> Array:
        return np.asarray(self.moments[0, :, 0, 0, 0].mean(0))

    @cached_property
    def shares(self) -> Shares:
        """tau, rho and omega^2, (L, M, T, K) each."""
        return _shares(self.moments.mean(1))

    def errors(self) -> Shares:
        """Return the standard errors of `shares`, by the jackknife over images."""
        n = self.num_pictures
        total = self.moments.sum(1)
        left_out = [_shares((total - self.moments[:, i]) / (n - 1)) for i in range(n)]
        spread = (np.stack(each).var(0) * (n - 1) for each in zip(*left_out, strict=True))
        return Shares(*map(np.sqrt, spread))

    @cached_property
    def stein(self) -> Array:
        """(tau <y, y> + rho sigma^2) / <y, y> of every octave at c = 1, (L, B): 1 if exact.

        NaN of an octave with less power than sigma^2, where the check has no power. Flat places are
        left out: they are chosen by y, and Stein's identity is a mean over all places.
        """
        matched = int(np.argmin(np.abs(self.strengths - 1)))
        octaves = self.moments.mean(1)[:, :, matched, 0, : self.bands.num_octaves]
        power, kept, _, _, passed, _ = octaves
        seen = (power > 0) & (power > self.sigmas[:, None] ** 2)
        return np.asarray((kept + passed) / np.where(seen, power, np.nan))

    def at(self, sigma: float, c: float, tilt: float) -> Shares:
        """Return the response, linear in log sigma, log c and tilt.

        The removed share is proportional to sigma^2 where sigma is small, so that interpolation
        overestimates it by some percent. Beyond the values of c and below those of sigma the
        response is constant; above those of sigma it is that of Gaussian data, which no longer
        matters.
        """
        if sigma > self.sigmas[-1]:
            return LinearResponse(self.bands, self.power).at(sigma, c, tilt)
        rows = _weights(np.log(self.sigmas), math.log(sigma))
        columns = _weights(np.log(self.strengths), math.log(max(c, 1e-9)))
        span = self.tilts[-1] - self.tilts[0]
        low, high = self.tilts[0] - 0.5 * span, self.tilts[-1] + 0.5 * span
        layers = _weights(self.tilts, min(max(tilt, low), high), beyond=True)
        corners = [
            (a * b * d, (i, j, k))
            for i, a in rows
            for j, b in columns
            for k, d in layers
            if a * b * d
        ]
        return Shares(*(sum(weight * of[place] for weight, place in corners) for of in self.shares))


def grid(power: Array, sigma_min: float, sigma_max: float) -> Array:
    """Return the values of sigma to measure at: from sigma_min to where an image is drowned."""
    highest = min(max(drowned(power), LOWEST_DROWNED * sigma_min), sigma_max)
    count = max(3, round(PER_OCTAVE * math.log2(highest / sigma_min)) + 1)
    return np.geomspace(sigma_min, highest, count)


def drowned(power: Array) -> float:
    """Return the sigma at which images with a power of each band, (K,), are drowned."""
    return 4 * float(np.sqrt(power.max()))


def measure(
    denoiser: Denoiser,
    pictures: Tensor,
    sigma_min: float,
    noise: NoiseFn,
    *,
    sigma_max: float = math.inf,
    amplitude: float = 1.0,
    strengths: Sequence[float] = STRENGTHS,
    tilts: Sequence[float] = TILTS,
) -> Iterator["MeasuredResponse | float"]:
    """Yield the share of the work that is done, in (0, 1), and at the end the response.

    Args:
        denoiser: of images of this shape, on the device of the noise.
        pictures: clean, held out, (n, C, H, W) in the network's range.
        sigma_min, sigma_max: the lowest and the highest noise level of the process.
        noise: white, of the shape of the images; called once for each sigma.
        amplitude: factor from images in [0, 1] to the network's range.
        strengths, tilts: of the planted noise.

    Raises:
        ValueError: for fewer than 8 images, images below 16 x 16 pixels, or values that are
            not finite.
    """
    require_pictures(pictures)
    white = noise(pictures.shape)
    # Double precision is used where there is any: not on Apple's GPUs.
    pictures = pictures.to(white.device if white.is_cuda else "cpu").double()
    bands = Bands(*pictures.shape[-2:])
    places = FlatPlaces(pictures, bands)
    clean = places.parts(pictures).about_mean()
    own = places.moments(clean, clean)
    own[own < NOTHING * amplitude**2] = 0.0
    sigmas = grid(own.mean(0), sigma_min, sigma_max)
    moments = np.empty((6, len(pictures), len(sigmas), len(strengths), len(tilts), own.shape[-1]))
    done, total = 0, len(sigmas) * len(strengths) * len(tilts)
    for row, sigma in enumerate(sigmas.tolist()):
        white = noise(pictures.shape) if row else white
        for layer, tilt in enumerate(tilts):
            colored = bands.colored(white, 1.0, tilt)
            pure = places.parts(colored)
            for column, c in enumerate(strengths):
                cell = (slice(None), slice(None), row, column, layer)
                if layer and sigma > TILTED * amplitude:
                    moments[cell] = moments[:, :, row, column, 0]
                else:
                    even, odd = _denoised(denoiser, pictures, c * sigma * colored, sigma)
                    kept, left = places.parts(even).about_mean(), places.parts(odd)
                    n = pure.scaled(c * sigma)
                    pairs = ((clean, kept), (kept, kept), (n, n), (n, left), (left, left))
                    moments[cell] = [own, *(places.moments(*pair) for pair in pairs)]
                done += 1
                yield done / total
    yield MeasuredResponse(bands, sigmas, np.array(strengths), np.array(tilts), moments)


def require_pictures(pictures: Tensor) -> None:
    """Raise a ValueError unless a response can be measured on these images (n, C, H, W)."""
    if len(pictures) < FEWEST:
        raise ValueError(
            f"a response is a mean over images: {FEWEST} or more are needed, got {len(pictures)}"
        )
    broken = ~pictures.flatten(1).isfinite().all(1)
    if broken.any():
        raise ValueError(
            f"images to plant noise in must have finite values; {int(broken.sum())} of "
            f"{len(pictures)} have not, the first is number {int(broken.nonzero()[0])}, from 0"
        )


def _denoised(
    denoiser: Denoiser, pictures: Tensor, noise: Tensor, sigma: float
) -> tuple[Tensor, Tensor]:
    """Return even and odd, see the module, (n, C, H, W) each, like the images."""
    y = pictures.to(noise.device, noise.dtype)
    both = denoiser(torch.cat([y + noise, y - noise]), sigma).to(pictures)
    plus, minus = both.chunk(2)
    return (plus + minus) / 2, (plus - minus) / 2


def _shares(moments: Array) -> Shares:
    """Return tau, rho and omega^2 from moments (6, ..., K)."""
    yy, ye, ee, nn, no, oo = moments
    with np.errstate(divide="ignore", invalid="ignore"):
        # Constant pictures have no power to keep.
        tau = np.where(yy > 0, ye / yy, 0.0)
        rho = no / nn
    return Shares(tau, rho, np.maximum(ee - tau**2 * yy + oo - rho**2 * nn, 0.0))


def _weights(knots: Array, value: float, *, beyond: bool = False) -> Sequence[tuple[int, float]]:
    """Return the knots beside a value with their weights; beyond the ends constant, or linear."""
    if len(knots) == 1:
        return [(0, 1.0)]
    upper = int(np.clip(np.searchsorted(knots, value), 1, len(knots) - 1))
    share = float((value - knots[upper - 1]) / (knots[upper] - knots[upper - 1]))
    if not beyond:
        share = min(max(share, 0.0), 1.0)
    return [(upper - 1, 1 - share), (upper, share)]
