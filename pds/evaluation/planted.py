"""The noise of a sampler's state, planted in held-out pictures and denoised once.

A sampler with few iterations leaves more noise in its state than the sigma that the network is
given. A linear denoiser keeps a fixed share of any noise. A network removes noise of strength
sigma, and takes the excess for texture. Here noise is planted with the power that it has, by the
exact theory, at each frequency of a sampler's state. The grain after one denoising is compared with
the grain after white noise of sigma. For noise of any strength see `pds.theory.response`.

Source: derived for this project.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pds import spectra, theory
from pds.appearance import grain
from pds.driving import seeded_noise
from pds.evaluation.gaussian import Field, frequency_states
from pds.sampling import ScoreFn
from pds.spectra import Array

LARGEST_SIGMA = 0.5
"""Largest sigma given to the network, in pixel units."""

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
            denoised_grain = grain(_denoised(field, denoiser, pictures, z, sigma)).mean(1)
            left[row, :, column] = denoised_grain.numpy()
    strength = [float(power[fine].mean().sqrt()) / sigma for sigma, power in levels]
    return Planted(num_steps, np.array([sigma for sigma, _ in levels]), np.array(strength), left)


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
    sigmas, std = frequency_states(field, None, num_steps)
    for sigma, ring_std in islice(zip(sigmas, std, strict=True), num_steps - 1):
        if sigma <= LARGEST_SIGMA:
            power: Any = np.clip(np.square(ring_std) - field.rings.power, 1e-12, None)
            plane = theory.on_grid(field.rings, power, *field.power.shape)
            plane[0, 0] = sigma**2
            yield float(sigma), plane


def _shaped(noise: Tensor, std: Tensor) -> Tensor:
    """Return white noise with this standard deviation (H, W) at each frequency."""
    coefficients = torch.fft.fft2(noise) * std.to(noise.device, torch.float32)
    return torch.fft.ifft2(coefficients).real
