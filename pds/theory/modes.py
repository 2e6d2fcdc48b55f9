"""Spectra as groups of Fourier modes, and distances between them.

    W2 = sqrt(mean_k (sqrt(v_k) - sqrt(lambda_k))^2)

is the Wasserstein-2 distance per pixel between Gaussians whose modes have variances v_k and
lambda_k. The images' mean, k = 0, is left out unless `Modes.with_origin` adds it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pds.limits import require_whole
from pds.spectra import HALF_NYQUIST, radii
from pds.spectra import Array as Array


@dataclass(frozen=True)
class Modes:
    """Groups of Fourier modes that share one power.

    Args:
        power: lambda, (K,), variance of the unitary Fourier coefficients.
        count: (K,), number of modes in each group.
        radius: (K,), |k| of each group in cycles per pixel.
    """

    power: Array
    count: Array
    radius: Array

    @cached_property
    def share(self) -> Array:
        """The share of all modes in each group, (K,)."""
        return self.count / self.count.sum()

    def mean(self, values: Array) -> Array:
        """Return the mean over all modes of values (..., K), (..., 1)."""
        return np.asarray(values @ self.share)[..., None]

    def with_origin(self, power: float) -> "Modes":
        """Return the modes and one at k = 0; its power includes the square of the images' mean."""
        return Modes(
            np.append(self.power, power), np.append(self.count, 1.0), np.append(self.radius, 0.0)
        )


def modes(power: Tensor) -> Modes:
    """Return every mode of a power (H, W) except k = 0 as its own group, in the grid's order."""
    radius = radii(*power.shape).flatten()[1:]
    flat = power.double().cpu().flatten()[1:]
    return Modes(flat.numpy(), np.ones(len(flat)), radius.numpy())


def grid(values: Array, height: int, width: int) -> Tensor:
    """Return values of `modes` on the grid, (H, W) float64, 0 at k = 0: the inverse of `modes`."""
    return torch.cat([torch.zeros(1, dtype=torch.float64), torch.from_numpy(values)]).reshape(
        height, width
    )


def rings(power: Tensor) -> Modes:
    """Group an isotropic power (H, W) by exact |k|, without k = 0."""
    single = modes(power)
    # Rounded, since equal distances differ in their last bits.
    radius, group, count = np.unique(
        single.radius.round(12), return_inverse=True, return_counts=True
    )
    mean = np.bincount(group, single.power) / count
    return Modes(mean, count.astype(np.float64), radius)


def bins(power: Tensor, *, per_octave: int = 8) -> Modes:
    """Group an isotropic power (H, W) into logarithmic bins of |k|, without k = 0.

    1/4 is an edge of the bins (low, 2^(1/per_octave) low], so that no bin crosses half Nyquist or
    the edge of an octave. With 8 per octave, errors of 1/f^2 data are within 0.5 % of those of
    exact `rings`, with a hundredth of the groups.

    Args:
        power: lambda, (H, W), or other values of the modes, such as gains, to be averaged.
        per_octave: number of bins in each octave, >= 1.

    Raises:
        ValueError: unless per_octave is a whole number >= 1.
    """
    per_octave = require_whole("per_octave", per_octave, 1, advice="8 are accurate")
    exact = rings(power)
    place = np.ceil(per_octave * np.log2(exact.radius / HALF_NYQUIST) - 1e-9)
    _, group = np.unique(place, return_inverse=True)
    count = np.bincount(group, exact.count).astype(np.float64)
    mean, radius = (
        np.bincount(group, exact.count * values) / count for values in (exact.power, exact.radius)
    )
    return Modes(mean, count, radius)


def alike(power: Tensor, *, num_groups: int = 64) -> Modes:
    """Group the modes of a power (H, W) by the logarithm of their power, ascending, without k = 0.

    The lowest and the highest power are groups of their own, so that values of all modes can be
    interpolated. `radius` is the mean |k| of a group.
    """
    single = modes(power)
    log = np.log(single.power)
    edges = np.linspace(log.min(), log.max(), num_groups - 1)
    _, group, count = np.unique(
        np.searchsorted(edges[:-1], log) + (log == log.max()),
        return_inverse=True,
        return_counts=True,
    )
    mean, radius = (np.bincount(group, values) / count for values in (single.power, single.radius))
    return Modes(mean, count.astype(np.float64), radius)


def at_radii(plane: Tensor, modes: Modes) -> Array:
    """Return an isotropic plane (H, W), or a scalar (), at the radius of every group, (K,).

    Values between the plane's radii are interpolated.
    """
    if plane.ndim == 0:
        return np.full(len(modes.radius), float(plane))
    exact = rings(plane)
    return np.interp(modes.radius, exact.radius, exact.power)


def w2(modes: Modes, variance: Array) -> Array:
    """Return the Wasserstein-2 distance per pixel of variances (..., K) to the data, (...)."""
    return np.sqrt(modes.mean((np.sqrt(variance) - np.sqrt(modes.power)) ** 2)[..., 0])


def w2_terms(modes: Modes, variance: Array) -> Array:
    """Return terms (..., K) whose squares add up to W2^2, one for each group of modes."""
    weight = np.sqrt(modes.count / modes.count.sum())
    return np.asarray(weight * (np.sqrt(variance) - np.sqrt(modes.power)))


def noise_left(modes: Modes, variance: Array) -> Array:
    """Return the power above half Nyquist of variances (..., K) relative to the data, (...)."""
    weight = modes.count * (modes.radius > HALF_NYQUIST)
    return np.asarray(variance @ weight / (modes.power @ weight))


class Octaves(NamedTuple):
    """The standard deviation of each octave of |k| relative to the data's.

    edges: (J + 1,), ascending, in cycles per pixel: ..., 1/8, 1/4, and the farthest corner. An
        octave holds the modes above its lower edge, up to its upper one.
    ratio: (..., J), 1 is right.
    """

    edges: Array
    ratio: Array


def octaves(modes: Modes, variance: Array) -> Octaves:
    """Compare variances (..., K) with the data octave by octave, down to the lowest mode's."""
    place = np.minimum(np.ceil(np.log2(modes.radius / HALF_NYQUIST) - 1e-9), 1)
    places = np.arange(place.min(), 2)
    weight = modes.count * (place == places[:, None])
    ratio = np.sqrt(variance @ weight.T / (weight @ modes.power))
    edges = HALF_NYQUIST * 2.0 ** np.append(places[0] - 1, places)
    edges[-1] = max(edges[-1], modes.radius.max())
    return Octaves(edges, ratio)
