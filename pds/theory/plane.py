"""Two densities on the plane that are hard for Langevin sampling: one elongated, one bent.

    Gaussian   C = R diag(1, 1/kappa) R',       log p = -x' C^-1 x / 2
    Banana     x1 ~ N(0, 1),  u = x2 - bend (x1^2 - 1) ~ N(0, width^2),
               log p = -x1^2 / 2 - u^2 / (2 width^2)

up to constants; both have mean 0. Points are rows, (..., 2) float64.

Source: H. Haario et al., "Adaptive proposal distribution for random walk Metropolis algorithm",
Computational Statistics 1999 (the banana, here with mean 0).
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Point(NamedTuple):
    """The density at points x (..., 2): log p up to a constant, (...), and its gradient."""

    log_density: Tensor
    score: Tensor


class Target(Protocol):
    """A density on the plane; x is (..., 2) float64."""

    @property
    def covariance(self) -> Tensor:
        """Return its covariance, (2, 2) float64."""
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
    _precision: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.kappa < math.inf:
            raise ValueError(
                f"kappa must be at least 1, got {self.kappa:g}; it is the longer variance over "
                "the shorter one, and 1 is a circle"
            )
        object.__setattr__(self, "covariance", self._rotated(1 / self.kappa))
        object.__setattr__(self, "_precision", self._rotated(self.kappa))

    @property
    def axes(self) -> Tensor:
        """Return the unit vectors of the long and the short axis, as rows (2, 2)."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return torch.tensor([[cos, sin], [-sin, cos]], dtype=torch.float64)

    def at(self, x: Tensor) -> Point:
        score = self.score(x)
        return Point((x * score).sum(-1) / 2, score)

    def score(self, x: Tensor) -> Tensor:
        return x @ -self._precision

    def sample(self, noise: Tensor) -> Tensor:
        return noise @ self._rotated(self.kappa**-0.5)

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
    def covariance(self) -> Tensor:
        """Return diag(1, 2 bend^2 + width^2)."""
        variances = [1.0, 2 * self.bend**2 + self.width**2]
        return torch.diag(torch.tensor(variances, dtype=torch.float64))

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


def root(target: Target, share: float) -> Tensor:
    """Return M = C^(share/2): the identity for share 0, C^(1/2) for share 1.

    Raises:
        ValueError: unless the share is from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share must be from 0 (no M) to 1 (all of C^(1/2)), got {share:g}")
    variances, vectors = torch.linalg.eigh(target.covariance)
    return vectors @ torch.diag(variances ** (share / 2)) @ vectors.T
