"""Three densities on the plane: an elongated one, a bent one, and one of several hills.

    Gaussian   C = R diag(1, 1/kappa) R',       log p = -x' C^-1 x / 2
    Banana     x1 ~ N(0, 1),  u = x2 - bend (x1^2 - 1) ~ N(0, width^2),
               log p = -x1^2 / 2 - u^2 / (2 width^2)
    Mixture    K round Gaussians N(c_k, width^2 I) of equal weight,
               log p = log sum_k exp(-|x - c_k|^2 / (2 width^2)),
               score = (sum_k w_k c_k - x) / width^2,  w = softmax_k of the exponents

up to constants. The mean curvature of a density is H = E[s s'] = -E[grad s'], s the score; for a
Gaussian it is C^-1. Points are rows, (..., 2) float64.

Source: H. Haario et al., "Adaptive proposal distribution for random walk Metropolis algorithm",
Computational Statistics 1999 (the banana, here with mean 0).
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

NUM_NODES = 7
"""Gauss-Hermite nodes in each coordinate, for expectations over a round Gaussian."""
GRID = 801
"""Points of the trapezoidal rule on [-8, 8]."""


class Point(NamedTuple):
    """The density at points x (..., 2): log p up to a constant, (...), and its gradient."""

    log_density: Tensor
    score: Tensor


class Target(Protocol):
    """A density on the plane; x is (..., 2) float64."""

    def __hash__(self) -> int: ...

    @property
    def mean(self) -> Tensor:
        """Return its mean, (2,) float64."""
        ...

    @property
    def covariance(self) -> Tensor:
        """Return its covariance, (2, 2) float64."""
        ...

    @property
    def curvature(self) -> Tensor:
        """Return the mean curvature E[s s'], (2, 2) float64."""
        ...

    def at(self, x: Tensor) -> Point:
        """Return log p and its gradient at x (..., 2)."""
        ...

    def score(self, x: Tensor) -> Tensor:
        """Return the gradient alone, (..., 2)."""
        ...

    def sample(self, noise: Tensor) -> Tensor:
        """Turn standard normal noise (..., 2) into exact samples."""
        ...

    def marginal(self, axis: int, at: Tensor) -> Tensor:
        """Return the density of coordinate 0 or 1 at values (n,), normalized."""
        ...


@dataclass(frozen=True)
class Gaussian:
    """An elongated Gaussian, C = R diag(1, 1/kappa) R', R the rotation by angle.

    Args:
        kappa: condition number, the longer variance over the shorter one, >= 1.
        angle: of the long axis, in radians from the first coordinate.

    Raises:
        ValueError: unless kappa is at least 1 and finite.
    """

    kappa: float
    angle: float = math.pi / 6
    covariance: Tensor = field(init=False, repr=False, compare=False)
    curvature: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.kappa < math.inf:
            raise ValueError(
                f"kappa must be at least 1, got {self.kappa:g}; it is the longer variance over "
                "the shorter one, and 1 is a circle"
            )
        object.__setattr__(self, "covariance", self._rotated(1 / self.kappa))
        object.__setattr__(self, "curvature", self._rotated(self.kappa))

    @property
    def mean(self) -> Tensor:
        return torch.zeros(2, dtype=torch.float64)

    @property
    def axes(self) -> Tensor:
        """Return the unit vectors of the long and the short axis, as rows (2, 2)."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return torch.tensor([[cos, sin], [-sin, cos]], dtype=torch.float64)

    def at(self, x: Tensor) -> Point:
        score = self.score(x)
        return Point((x * score).sum(-1) / 2, score)

    def score(self, x: Tensor) -> Tensor:
        return x @ -self.curvature

    def sample(self, noise: Tensor) -> Tensor:
        return noise @ self._rotated(self.kappa**-0.5)

    def marginal(self, axis: int, at: Tensor) -> Tensor:
        return _normal(at, float(self.covariance[axis, axis]) ** 0.5)

    def _rotated(self, short: float) -> Tensor:
        """Return R diag(1, short) R'."""
        scales = torch.tensor([[1.0], [short]], dtype=torch.float64)
        return self.axes.T @ (scales * self.axes)


@dataclass(frozen=True)
class Banana:
    """A Gaussian bent along a parabola: x1 ~ N(0, 1), x2 | x1 ~ N(bend (x1^2 - 1), width^2).

    Args:
        bend: of the parabola; 0 is a Gaussian.
        width: standard deviation across it, > 0.

    Raises:
        ValueError: unless bend is finite and width > 0.
    """

    bend: float = 1.0
    width: float = 0.3

    def __post_init__(self) -> None:
        if not (math.isfinite(self.bend) and 0 < self.width < math.inf):
            raise ValueError(
                f"a banana needs a finite bend and a width > 0, got {self.bend:g} and "
                f"{self.width:g}"
            )

    @property
    def mean(self) -> Tensor:
        return torch.zeros(2, dtype=torch.float64)

    @property
    def covariance(self) -> Tensor:
        """Return diag(1, 2 bend^2 + width^2)."""
        variances = [1.0, 2 * self.bend**2 + self.width**2]
        return torch.diag(torch.tensor(variances, dtype=torch.float64))

    @property
    def curvature(self) -> Tensor:
        """Return diag(1 + 4 bend^2 / width^2, 1 / width^2)."""
        across = self.width**-2
        return torch.diag(torch.tensor([1 + 4 * self.bend**2 * across, across]).double())

    def at(self, x: Tensor) -> Point:
        first, second = x.unbind(-1)
        square = first * first
        across = (square - 1).mul_(-self.bend).add_(second)
        pull = across * (-1 / self.width**2)
        along = (2 * self.bend * pull).add_(1).mul_(-first)
        log_density = (across * pull).sub_(square).mul_(0.5)
        return Point(log_density, torch.stack([along, pull], -1))

    def score(self, x: Tensor) -> Tensor:
        return self.at(x).score

    def sample(self, noise: Tensor) -> Tensor:
        first, second = noise.unbind(-1)
        return torch.stack([first, self.bend * (first**2 - 1) + self.width * second], -1)

    def marginal(self, axis: int, at: Tensor) -> Tensor:
        """Return the density of a coordinate; the second is integrated over the first."""
        if axis == 0:
            return _normal(at, 1.0)
        first = torch.linspace(-8, 8, GRID, dtype=torch.float64)
        across = _normal(at[:, None] - self.bend * (first**2 - 1), self.width)
        return torch.trapezoid(across * _normal(first, 1.0), first)


@dataclass(frozen=True, eq=False)
class Mixture:
    """Round Gaussians of equal weight and width.

    Args:
        centers: of the Gaussians, (K, 2) float64, K >= 1.
        width: standard deviation of each, > 0.

    Raises:
        ValueError: unless there are finite centers and the width is > 0.
    """

    centers: Tensor
    width: float
    curvature: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shape = tuple(self.centers.shape)
        if len(shape) != 2 or shape[1] != 2 or not shape[0] or not self.centers.isfinite().all():
            raise ValueError(f"a mixture needs finite centers of shape (K, 2), got {shape}")
        if not 0 < self.width < math.inf:
            raise ValueError(f"the width of a mixture must be > 0, got {self.width:g}")
        object.__setattr__(self, "curvature", self._mean_curvature())

    @property
    def mean(self) -> Tensor:
        return self.centers.mean(0)

    @property
    def covariance(self) -> Tensor:
        """Return the covariance of the centers plus width^2 I."""
        offset = self.centers - self.mean
        round_part = self.width**2 * torch.eye(2, dtype=torch.float64)
        return offset.T @ offset / len(offset) + round_part

    def at(self, x: Tensor) -> Point:
        """Return log p and its gradient; each exponential is taken once."""
        exponents = (x @ self.centers.T).sub_(self._shift).div_(self.width**2)
        most = exponents.detach().amax(-1, keepdim=True)
        weights = exponents.sub_(most).exp_()
        total = weights.sum(-1, keepdim=True)
        log_density = (most + total.log())[..., 0] - x.square().sum(-1) / (2 * self.width**2)
        return Point(log_density, (weights @ self.centers / total - x) / self.width**2)

    def score(self, x: Tensor) -> Tensor:
        return self.at(x).score

    def sample(self, noise: Tensor) -> Tensor:
        """Choose a Gaussian by the first coordinate; what is left of it is normal again."""
        place = torch.special.ndtr(noise[..., 0]) * len(self.centers)
        chosen = place.floor().clamp(max=len(self.centers) - 1)
        rest = torch.special.ndtri((place - chosen).clamp(1e-15, 1 - 1e-15))
        return self.centers[chosen.long()] + self.width * torch.stack([rest, noise[..., 1]], -1)

    def marginal(self, axis: int, at: Tensor) -> Tensor:
        return _normal(at[:, None] - self.centers[:, axis], self.width).mean(-1)

    @property
    def _shift(self) -> Tensor:
        """Return |c_k|^2 / 2: the exponents are (x' c_k - |c_k|^2 / 2) / width^2, without |x|^2."""
        return self.centers.square().sum(-1) / 2

    def _mean_curvature(self) -> Tensor:
        """Return E[s s'] by Gauss-Hermite quadrature around every center."""
        nodes, weights = map(torch.from_numpy, np.polynomial.hermite_e.hermegauss(NUM_NODES))
        offsets = self.width * torch.cartesian_prod(nodes, nodes)
        share = torch.outer(weights, weights).flatten() / weights.sum() ** 2 / len(self.centers)
        score = self.score(self.centers[:, None] + offsets)
        return torch.einsum("n,kni,knj->ij", share, score, score)


def _normal(x: Tensor, std: float) -> Tensor:
    """Return the density of N(0, std^2)."""
    return torch.exp(-((x / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))


def root(target: Target, share: float) -> Tensor:
    """Return M = C^(share/2): the identity for share 0, C^(1/2) for share 1.

    Raises:
        ValueError: unless the share is from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share must be from 0 (no M) to 1 (all of C^(1/2)), got {share:g}")
    variances, vectors = torch.linalg.eigh(target.covariance)
    return vectors @ torch.diag(variances ** (share / 2)) @ vectors.T
