"""Experiments on the noise in a sampler's state; each isolates one error of the theory.

Runs in pairs tell noise and picture apart in a network's own runs. Two states begin as y + n and
y - n, with a held-out picture y and white noise n, and all later noise has opposite signs:

    picture = (x+ + x-) / 2,   noise = (x+ - x-) / 2,   kept = (D(x+) - D(x-)) / 2

so that <noise, kept> / <noise, noise> is the share of the run's own noise that survives a call of
the network. `kept` compares it with that of fresh noise with the same strength at every scale of
flat places, about the same picture: what differs is the shape that earlier calls gave the noise.
`grain` is that of the results. `in_flat_places` needs no pairs: it is the noise of ordinary runs
where their own results are flat.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pds import spectra
from pds.driving import seeded_noise
from pds.sampling import NoiseFn, Sampler, State, advance
from pds.sde import SDE
from pds.spectra import Array
from pds.theory import Bands, Evolution, FlatPlaces
from pds.theory.response import Denoiser

START = 1.2
"""Sigma, in pixels in [0, 1], at which runs in pairs begin; noise still dominates fine detail."""

FRESH_SEED = 4_000_000
"""Seed of the first picture's fresh noise."""


class Pair(NamedTuple):
    """Both halves of a pair at a call of the network, (n, C, H, W) float64 on the CPU.

    At the end sigma is 0, the halves are those of the results, and kept is the noise.
    """

    sigma: float
    picture: Tensor
    noise: Tensor
    kept: Tensor


class Kept(NamedTuple):
    """Shares of noise that one call keeps, at one sigma and each scale of flat places, (J,).

    strength: of the run's own noise, relative to sigma.
    own, fresh: shares, with their standard errors.
    """

    sigma: float
    strength: Array
    own: Array
    own_error: Array
    fresh: Array
    fresh_error: Array


def run(
    denoiser: Denoiser, evolution: Evolution, sampler: Sampler, pictures: Tensor, noise: NoiseFn
) -> Iterator[Pair]:
    """Yield the pair at every call of a run in pairs, and at the end that of its results.

    Args:
        denoiser: the network.
        evolution: of the network; gives the strength of the noise where the run begins.
        sampler: with noise levels below `START`.
        pictures: clean, (n, C, H, W) in pixels in [0, 1].
        noise: white, of the shape of the pictures.
    """
    sde, n = evolution.sde, len(pictures)
    index, sigma, c = _beginning(evolution, sampler)
    planted = c * sigma * noise(pictures.shape)
    start = torch.cat([pictures + planted, pictures - planted])

    def opposite(shape: torch.Size) -> Tensor:
        z = noise(torch.Size((n, *shape[1:])))
        return torch.cat([z, -z])

    rest: Any = replace(sampler, num_steps=sampler.num_steps - index)  # type: ignore[type-var]
    chain = rest.chain(sde, noise=opposite, shape=start.shape, state=State(start, sigma))
    steps, query = advance(chain)
    while query is not None:
        x, level = query.x, _sigma(sde, query.t[0])
        denoised = denoiser(x, level)
        yield Pair(level, *_halves(x), _halves(denoised)[1])
        steps, query = advance(chain, (denoised - x) / level**2)
    picture, left = _halves(steps[-1].x_mean)
    yield Pair(0.0, picture, left, left)


def results(pair: Pair) -> Tensor:
    """Return both pictures of a pair, (2n, C, H, W)."""
    return torch.cat([pair.picture + pair.noise, pair.picture - pair.noise])


def kept(denoiser: Denoiser, pair: Pair, places: FlatPlaces) -> Kept:
    """Compare the run's own noise with fresh noise of the same strength at every scale."""
    scales = slice(places.bands.num_octaves, None)
    noise, left = places.parts(pair.noise), places.parts(pair.kept)
    power = places.moments(noise, noise)[:, scales]
    own = places.moments(noise, left)[:, scales]
    strength = np.sqrt(power.mean(0))
    fresh = _fresh(pair.noise, strength, places)
    plus, minus = (
        denoiser((pair.picture + n).float(), pair.sigma).cpu().double() for n in (fresh, -fresh)
    )
    planted_noise = places.parts(fresh)
    passed = places.moments(planted_noise, places.parts((plus - minus) / 2))[:, scales]
    planted = places.moments(planted_noise, planted_noise)[:, scales]
    shares = (*_share(own, power), *_share(passed, planted))
    return Kept(pair.sigma, strength / pair.sigma, *shares)


def in_flat_places(
    denoiser: Denoiser, sde: SDE, sampler: Sampler, own: Array, shape: Sequence[int], noise: NoiseFn
) -> Iterator[tuple[float, Array]]:
    """Yield sigma and the noise over sigma at each scale, (J,), at the calls of an ordinary run.

    Args:
        denoiser: the network.
        sde: its process.
        sampler: any.
        own: second moment of the network's own pictures in their flat places, (J,).
        shape: (n, C, H, W) of the pictures.
        noise: white.
    """
    *calls, (_, result) = states(denoiser, sde, sampler, shape, noise)
    places = FlatPlaces(result.cpu().double(), Bands(*shape[-2:]))
    for level, x in calls:
        yield level, np.sqrt(np.maximum(flat_power(x, places) - own, 0)) / level


def states(
    denoiser: Denoiser, sde: SDE, sampler: Sampler, shape: Sequence[int], noise: NoiseFn
) -> Iterator[tuple[float, Tensor]]:
    """Yield sigma and state at every call of an ordinary run, and at the end 0 and its result."""
    chain = sampler.chain(sde, noise=noise, shape=shape)
    steps, query = advance(chain)
    while query is not None:
        level = _sigma(sde, query.t[0])
        yield level, query.x
        steps, query = advance(chain, (denoiser(query.x, level) - query.x) / level**2)
    yield 0.0, steps[-1].x_mean


def octave_power(pictures: Tensor) -> Array:
    """Return the second moment about the mean of pictures in every octave, unbiased, (B,)."""
    clean = pictures.cpu().double()
    places = FlatPlaces(clean, Bands(*pictures.shape[-2:]))
    parts = places.parts(clean).about_mean()
    return np.asarray(places.moments(parts, parts).mean(0)[: places.bands.num_octaves])


def flat_power(pictures: Tensor, places: FlatPlaces) -> Array:
    """Return the second moment of pictures in flat places at each scale, (J,)."""
    parts = places.parts(pictures)
    return np.asarray(places.moments(parts, parts)[:, places.bands.num_octaves :].mean(0))


def _beginning(evolution: Evolution, sampler: Sampler) -> tuple[int, float, float]:
    """Return iteration, sigma and c of the first level below `START`."""
    levels = sampler.levels(evolution.sde)
    index = next(i for i, level in enumerate(levels) if level < START)
    sigma = float(levels[index])
    c = next(content.c for level, content in evolution.contents(sampler) if level <= sigma * 1.001)
    return index, sigma, c


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    plus, minus = x.cpu().double().chunk(2)
    return (plus + minus) / 2, (plus - minus) / 2


def _sigma(sde: SDE, t: float) -> float:
    return float(sde.marginal(torch.tensor(t, dtype=torch.float64)).std)


def _fresh(like: Tensor, strength: Array, places: FlatPlaces) -> Tensor:
    """Return fresh noise with these standard deviations at the scales of flat places."""
    bands = places.bands
    white = seeded_noise(range(FRESH_SEED, FRESH_SEED + len(like)))(like.shape).double()
    scale = np.log(bands.radius[bands.num_octaves :][::-1])
    radii = np.log(spectra.radii(bands.height, bands.width).numpy() + 1e-9)
    target, noise = strength, white
    for _ in range(8):  # a scale takes in its neighbors' frequencies
        std = np.exp(np.interp(radii, scale, np.log(target[::-1])))
        noise = torch.fft.ifft2(torch.fft.fft2(white) * torch.from_numpy(std)).real
        target = target * strength / np.sqrt(flat_power(noise, places))
    return noise


def _share(product: Array, power: Array) -> tuple[Array, Array]:
    """Return the ratio of means over pictures (n, J), with its jackknife standard error."""
    n = len(product)
    left_out = (product.sum(0) - product) / (power.sum(0) - power)
    return product.mean(0) / power.mean(0), np.sqrt(left_out.var(0) * (n - 1))
