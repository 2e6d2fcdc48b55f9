"""One denoising of a held-out portrait with planted noise: by a network, and by a linear filter.

    x = y + c sigma z,    D(x) = x + sigma^2 s(x, sigma)

Both get the same sigma, whatever the strength c of the noise. The linear filter is the exact score
of a Gaussian with the data's spectrum (Wiener's), which keeps a fixed share of any noise. A network
removes noise of strength sigma, and takes the rest for texture. In the flat places of y, with the
diagonal differences d of `pds.appearance`, the share of the noise that is left is

    rho = <d(D(y + c sigma z) - D(y - c sigma z)) d(z)> / (2 c sigma <d(z)^2>)

The difference of both signs cancels y. rho is negative where more noise is removed than there is.
docs/evidence.md has its mean over many pictures.
"""

import threading
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from pds.appearance import at_places, flat_places, grain
from pds.driving import seeded_noise
from pds.evaluation.gaussian import Field, field
from pds.evaluation.subject import PORTRAITS
from pds.kernels import Update
from pds.models import workers
from pds.sampling import JointChain, Query, Step

MODEL = "portraits64"
"""The network."""

NOISE_SEED = 0

_one_at_a_time = threading.Lock()
"""Visitors' denoisings follow each other, so that runs wait for one of them at most."""


class Denoised(NamedTuple):
    """A picture after one denoising.

    picture: D(x), (C, H, W).
    grain: relative to that of the portrait y.
    left: rho, the share of the planted noise that is left in the flat places of y.
    """

    picture: Tensor
    grain: float
    left: float


@dataclass(frozen=True, eq=False)
class Planted:
    """A portrait with noise of one strength, and its denoisings by network and linear filter.

    strength: c.
    noisy: x, (C, H, W).
    network, linear: D(x) of both.
    """

    strength: float
    noisy: Tensor
    network: Denoised
    linear: Denoised

    def excess_left(self, matched: "Planted") -> float:
        """Return the share that the network leaves of the noise beyond sigma.

        Args:
            matched: the same at c = 1; c must differ from it.
        """
        left = self.strength * self.network.left - matched.network.left
        return left / (self.strength - 1)


@lru_cache(maxsize=32)
def plant(sigma: float, strengths: tuple[float, ...]) -> tuple[Planted, ...]:
    """Plant noise of each strength c > 0 in the portrait, and denoise it once at sigma.

    The network is called by the worker of all runs, with two images for each strength.

    Args:
        sigma: given to both denoisers, in pixel units, within the process.
        strengths: c, the planted noise relative to sigma.
    """
    portrait, source = _portrait(), field(MODEL)
    noise = torch.cat([c * sigma * portrait.noise for c in strengths])
    noisy = portrait.clean + torch.cat([noise, -noise])
    t = source.time(sigma)
    linear = noisy + sigma**2 * source.gaussian(noisy, t.expand(len(noisy)))
    denoised = _by_network(source, noisy, float(t), sigma), linear
    return tuple(
        Planted(
            c, noisy[i], *(portrait.measured(d[i :: len(strengths)], c * sigma) for d in denoised)
        )
        for i, c in enumerate(strengths)
    )


@dataclass(frozen=True, eq=False)
class _Portrait:
    """The portrait y and the noise z, (1, C, H, W), the flat places of y, and the grain there."""

    clean: Tensor
    noise: Tensor
    places: Tensor
    grain: float

    def measured(self, pair: Tensor, std: float) -> Denoised:
        """Measure D of y with noise of this standard deviation and of either sign, (2, C, H, W)."""
        left = at_places((pair[:1] - pair[1:]).double(), self.places) / (2 * std)
        planted = at_places(self.noise.double(), self.places)
        share = float((left * planted).sum() / planted.square().sum())
        return Denoised(pair[0], float(grain(pair[:1]).mean()) / self.grain, share)


@cache
def _portrait() -> _Portrait:
    clean = field(MODEL).picture(PORTRAITS)[None]
    noise = seeded_noise([NOISE_SEED])(clean.shape)
    return _Portrait(clean, noise, flat_places(clean), float(grain(clean).mean()))


def _by_network(source: Field, noisy: Tensor, t: float, sigma: float) -> Tensor:
    """Return D of images (B, C, H, W) in a network call that they share with all runs."""
    with _one_at_a_time, workers().place() as worker:
        run = _denoising(noisy.to(worker.device), t, sigma)
        (((step,)),) = worker.stream(source.model.batchers[worker.device], run)
        return step.x_mean.cpu()


def _denoising(x: Tensor, t: float, sigma: float) -> JointChain:
    """Denoise images once, as a run of one iteration."""
    score = yield Query(x, (t,) * len(x))
    denoised = x + sigma**2 * score
    yield (Step(0, 1, t, sigma, 1, Update(denoised, lambda: denoised)),)
