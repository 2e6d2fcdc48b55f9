"""Noise that is planted in held-out pictures and denoised once: what a network takes for texture.

A sampler with few iterations leaves more noise in its state than the sigma that the network is
given. A linear denoiser lets a fixed share of any noise pass. A network decides by that sigma
what is noise, and takes the rest for texture. Both are measured on clean pictures y with noise
z of variance 1, and one denoising D(x) = x + sigma^2 s(x, sigma):

    survival    rho(sigma, c) = <d(D(y + c sigma z)), d(c sigma z)> / <d(c sigma z)^2>

with the diagonal differences d of `pds.appearance`, over the flat places of y: the share of noise
of c sigma that is left at a given sigma. Noise of either sign is planted, and half the difference
of what is left is measured, so that y itself has no part in it. The second measurement plants the
noise that the exact theory has in the state of a sampler, frequency by frequency, and compares the
grain that is left with that of white noise of sigma.

If noise in flat places were all there is, its standard deviation a would follow the sampler's own
recursion with h = (1 - rho(sigma, a / sigma)) / sigma^2. `noise_at_the_end` computes it with the
sampler's kernels and no sampling.

Source: derived for this project; the recursion is the state evolution of D. L. Donoho, A. Maleki,
A. Montanari, PNAS 106 (2009), for another iteration.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pds import spectra, theory
from pds.appearance import at_places, flat_places, grain
from pds.arms.samplers import Plan
from pds.driving import seeded_noise
from pds.evaluation.gaussian import Field, states
from pds.sampling import ScoreFn
from pds.spectra import Array

SIGMAS = (0.5, 0.288, 0.161, 0.09, 0.051, 0.028, 0.016, 0.01)
"""Values of sigma that the network is given, in pixel units."""

STRENGTHS = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 8.0)
"""c, the planted noise relative to the given one."""

COUNTS = (40, 25)
"""N of vanilla whose noise is planted."""

NOISE_SEED = 3_000_000
"""Seed of the first picture's noise."""


@dataclass(frozen=True, eq=False)
class Planted:
    """What is left of the noise of vanilla's state at one N, by level, largest sigma first.

    num_steps: N.
    sigma: given to the network, (L,).
    strength: standard deviation of the planted noise above half Nyquist over sigma, (L,).
    grain: after one denoising, (4, n, L) in pixel units: by the network after noise of sigma and
        after the planted noise, then by the exact score of a Gaussian of the data's spectrum.
    """

    num_steps: int
    sigma: Array
    strength: Array
    grain: Array


def survival(field: Field, score: ScoreFn, pictures: Tensor) -> Array:
    """Return rho of each picture (n, C, H, W), (n, sigmas, strengths)."""
    noise = _noise(field, pictures)
    places = flat_places(pictures)
    planted = at_places(noise.cpu().double(), places)
    rho = np.empty((len(pictures), len(SIGMAS), len(STRENGTHS)))
    for row, sigma in enumerate(SIGMAS):
        for column, c in enumerate(STRENGTHS):
            z = c * sigma * noise
            plus, minus = (_denoised(field, score, pictures, n, sigma) for n in (z, -z))
            left = at_places(plus - minus, places) / (2 * c * sigma)
            shared = (left * planted).sum((1, 2)) / planted.square().sum((1, 2))
            rho[:, row, column] = shared.numpy()
    return rho


def plant(field: Field, score: ScoreFn, pictures: Tensor, num_steps: int) -> Planted:
    """Plant vanilla's noise at N in pictures (n, C, H, W), level by level, and denoise it once."""
    noise = _noise(field, pictures)
    levels = list(_excess(field, num_steps))
    fine = spectra.is_fine(*pictures.shape[-2:])
    exact = field.gaussian.on(noise.device)
    left = np.empty((4, len(pictures), len(levels)))
    for column, (sigma, power) in enumerate(levels):
        stronger = _shaped(noise, power.sqrt())
        cases = [(s, z) for s in (score, exact) for z in (sigma * noise, stronger)]
        for row, (denoiser, z) in enumerate(cases):
            found = grain(_denoised(field, denoiser, pictures, z, sigma)).mean(1)
            left[row, :, column] = found.numpy()
    strength = [float(power[fine].mean().sqrt()) / sigma for sigma, power in levels]
    return Planted(num_steps, np.array([sigma for sigma, _ in levels]), np.array(strength), left)


def noise_at_the_end(field: Field, plan: Plan, rho: Array) -> float:
    """Return the noise in flat places after a sampler's last step, in pixel units.

    Args:
        field: of the model.
        plan: the sampler, with its gain.
        rho: `survival`, mean over pictures, (sigmas, strengths).
    """
    assert plan.gain is not None
    model, band = field.model, theory.Modes(np.zeros(1), np.ones(1), np.full(1, 0.5))
    weight = diagonal_weight(field)
    gain = theory.on_grid(field.data, plan.gain, *field.power.shape)
    g = float((weight * gain).sum() / weight.sum())

    def response(x: Array, std: float) -> Array:
        return np.asarray((1 - interpolated(rho, std, float(x.item()) / std)) / std**2).reshape(
            1, 1
        )

    chain = theory.trajectory(band, np.array([g]), model.sde, plan.sampler, response=response)
    (variance,) = deque(chain, maxlen=1)
    return float(np.sqrt(variance[0]))


def interpolated(rho: Array, sigma: float, c: float) -> float:
    """Return rho (sigmas, strengths) at a level and a strength, linear in both logarithms.

    Beyond the ends of `SIGMAS` and `STRENGTHS` it is constant.
    """
    by_sigma = [float(np.interp(np.log(c), np.log(STRENGTHS), row)) for row in rho]
    return float(np.interp(np.log(sigma), np.log(SIGMAS[::-1]), by_sigma[::-1]))


def diagonal_weight(field: Field) -> Tensor:
    """Return |H_k|^2 of the diagonal difference that grain is made of, (H, W), mean 1."""
    height, width = field.power.shape
    rows, columns = (
        2 * torch.sin(torch.pi * torch.fft.fftfreq(n, dtype=torch.float64)).square()
        for n in (height, width)
    )
    return rows[:, None] * columns


def _noise(field: Field, pictures: Tensor) -> Tensor:
    seeds = range(NOISE_SEED, NOISE_SEED + len(pictures))
    return seeded_noise(seeds, device=field.model.device)(pictures.shape)


def _denoised(
    field: Field, score: ScoreFn, pictures: Tensor, noise: Tensor, sigma: float
) -> Tensor:
    """Return D of pictures with noise, (n, C, H, W) float64 on the CPU."""
    if field.model.centered:
        raise ValueError("noise is planted in images in [0, 1]; this network is for [-1, 1]")
    x = pictures.to(noise.device) + noise
    t = field.time(sigma).to(noise.device).expand(len(x))
    with torch.no_grad():
        return (x + sigma**2 * score(x, t)).cpu().double()


def _excess(field: Field, num_steps: int) -> Iterator[tuple[float, Tensor]]:
    """Yield sigma and the power of the noise in vanilla's state, (H, W), at the last levels."""
    sigmas, std = states(field, None, num_steps)
    for sigma, ring_std in islice(zip(sigmas, std, strict=True), num_steps - 1):
        if sigma <= SIGMAS[0]:
            power: Any = np.clip(np.square(ring_std) - field.rings.power, 1e-12, None)
            plane = theory.on_grid(field.rings, power, *field.power.shape)
            plane[0, 0] = sigma**2
            yield float(sigma), plane


def _shaped(noise: Tensor, std: Tensor) -> Tensor:
    """Return white noise with this standard deviation (H, W) at each frequency."""
    coefficients = torch.fft.fft2(noise) * std.to(noise.device, torch.float32)
    return torch.fft.ifft2(coefficients).real
