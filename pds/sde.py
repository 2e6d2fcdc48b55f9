"""The three forward processes of score-based models, and their grids of N steps.

    dx = f(x, t) dt + g(t) dw,   t in [0, 1], 1 = noise
    x(t) | x(0) ~ Normal(scale(t) x(0), std(t)^2 I)

| process | f(x, t)     | g(t)^2                            | scale(t) | std(t)^2      |
|---------|-------------|-----------------------------------|----------|---------------|
| VE      | 0           | sigma^2 2 ln(sigma_max/sigma_min) | 1        | sigma^2       |
| VP      | -beta x / 2 | beta                              | e^(-B/2) | 1 - e^-B      |
| sub-VP  | -beta x / 2 | beta (1 - e^(-2B))                | e^(-B/2) | (1 - e^-B)^2  |

with sigma(t) = sigma_min (sigma_max/sigma_min)^t, beta(t) = beta_min + t (beta_max - beta_min)
and B(t) the integral of beta from 0 to t.

Everything here is a scalar per image: shape (B,) in float64. The grids lose half their digits in
float32 (neighboring sigmas are subtracted), so callers convert last, with `column`.

Source: Y. Song et al., "Score-Based Generative Modeling through SDEs", ICLR 2021.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Marginal(NamedTuple):
    """x(t) | x(0) ~ Normal(scale x(0), std^2 I); both of shape (B,), float64."""

    scale: Tensor
    std: Tensor


class Coefficients(NamedTuple):
    """A linear drift f = drift x and a diffusion G; both of shape (B,), float64."""

    drift: Tensor
    diffusion: Tensor


class Level(NamedTuple):
    """Where each image of a batch stands on its own grid of N steps.

    t: (B,) float64, time in (0, 1]; 1 is noise.
    k: (B,) int64, index of the discrete level, num_steps - 1 (noise) down to 0.
    num_steps: (B,) int64, N.
    """

    t: Tensor
    k: Tensor
    num_steps: Tensor


class SDE(Protocol):
    """A forward process with a drift that is linear in x."""

    @property
    def eps_per_speed_up(self) -> float:
        """The last time of the sampler is this times num_scales / N (as published)."""
        ...

    @property
    def prior_std(self) -> float:
        """Standard deviation of the prior that sampling starts from."""
        ...

    def marginal(self, t: Tensor) -> Marginal:
        """Return scale(t) and std(t)."""
        ...

    def coefficients(self, t: Tensor) -> Coefficients:
        """Return f(x, t)/x and g(t) of the continuous process."""
        ...

    def discretize(self, level: Level) -> Coefficients:
        """Return f/x and G of one step of the discrete grid."""
        ...

    def alpha(self, level: Level) -> Tensor:
        """Return the factor of the Langevin step size, (B,): 1 for VE, 1 - beta_k for VP."""
        ...


def column(value: Tensor, like: Tensor) -> Tensor:
    """Reshape (B,) to (B, 1, 1, 1) with the device and dtype of `like`, waiting for no device."""
    return value.to(like.device, like.dtype, non_blocking=True).reshape(-1, 1, 1, 1)


@dataclass(frozen=True)
class VESDE:
    """Variance exploding: noise is added, nothing is shrunk.

    Args:
        sigma_min: standard deviation of the noise at t = 0, in pixel units, > 0.
        sigma_max: standard deviation at t = 1, > sigma_min.

    Raises:
        ValueError: unless 0 < sigma_min < sigma_max.
    """

    sigma_min: float = 0.01
    sigma_max: float = 1348.0

    def __post_init__(self) -> None:
        if not 0 < self.sigma_min < self.sigma_max < math.inf:
            raise ValueError(
                f"VE needs 0 < sigma_min < sigma_max, got {self.sigma_min} and {self.sigma_max}"
            )

    @property
    def eps_per_speed_up(self) -> float:
        return 1e-5

    @property
    def prior_std(self) -> float:
        return self.sigma_max

    def sigma(self, t: Tensor) -> Tensor:
        """Return sigma_min (sigma_max/sigma_min)^t in float64, any shape."""
        return self.sigma_min * (self.sigma_max / self.sigma_min) ** t.double()

    def time(self, sigma: Tensor) -> Tensor:
        """Return the t at which the noise has this standard deviation, float64, any shape."""
        ratio = self.sigma_max / self.sigma_min
        return (sigma.double() / self.sigma_min).log() / math.log(ratio)

    def narrowed(self, lowest: float, highest: float) -> "VESDE":
        """Return the process between two of this one's noise levels.

        A network of this process has a score for it: that of the same sigma, see `time`.

        Raises:
            ValueError: unless sigma_min <= lowest < highest <= sigma_max.
        """
        if not self.sigma_min <= lowest < highest <= self.sigma_max:
            raise ValueError(
                f"noise levels must ascend within {self.sigma_min:g} to {self.sigma_max:g}, which "
                f"the model knows, got {lowest:g} to {highest:g}"
            )
        return VESDE(lowest, highest)

    def marginal(self, t: Tensor) -> Marginal:
        return Marginal(torch.ones_like(t, dtype=torch.float64), self.sigma(t))

    def coefficients(self, t: Tensor) -> Coefficients:
        rate = math.sqrt(2 * math.log(self.sigma_max / self.sigma_min))
        return Coefficients(torch.zeros_like(t, dtype=torch.float64), self.sigma(t) * rate)

    def discrete_sigma(self, level: Level) -> Tensor:
        """Return sigma_k of the geometric grid of N levels, (B,); sigma_{-1} = 0.

        With a single level the grid is [sigma_min], as published.
        """
        gaps = (level.num_steps - 1).clamp(min=1)
        return torch.where(level.k < 0, 0.0, self.sigma(level.k.double() / gaps))

    def discretize(self, level: Level) -> Coefficients:
        below = level._replace(k=level.k - 1)
        variance = self.discrete_sigma(level) ** 2 - self.discrete_sigma(below) ** 2
        return Coefficients(torch.zeros_like(variance), variance.sqrt())

    def alpha(self, level: Level) -> Tensor:
        return torch.ones_like(level.t)


@dataclass(frozen=True)
class _LinearBeta:
    """beta(t) grows linearly; what VP and sub-VP share.

    Args:
        beta_min: rate of forgetting at t = 0, >= 0.
        beta_max: rate at t = 1, > beta_min.

    Raises:
        ValueError: unless 0 <= beta_min < beta_max.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    def __post_init__(self) -> None:
        if not 0 <= self.beta_min < self.beta_max < math.inf:
            raise ValueError(
                f"VP needs 0 <= beta_min < beta_max, got {self.beta_min} and {self.beta_max}"
            )

    @property
    def eps_per_speed_up(self) -> float:
        return 1e-3

    @property
    def prior_std(self) -> float:
        return 1.0

    def beta(self, t: Tensor) -> Tensor:
        """Return beta(t) in float64, any shape."""
        return self.beta_min + t.double() * (self.beta_max - self.beta_min)

    def integral(self, t: Tensor) -> Tensor:
        """Return B(t), the integral of beta from 0 to t, in float64, any shape."""
        t = t.double()
        return t * self.beta_min + t**2 * (self.beta_max - self.beta_min) / 2

    def discrete_beta(self, level: Level) -> Tensor:
        """Return beta_k = (beta_min + k/(N-1) (beta_max - beta_min)) / N, (B,).

        Raises:
            ValueError: where a step would forget more than everything, beta_max > N.
        """
        fewest = math.ceil(self.beta_max)
        if int(level.num_steps.min()) < fewest:
            raise ValueError(
                f"this process needs at least {fewest} iterations (beta_max = {self.beta_max:g}; "
                f"fewer would make 1 - beta_k negative), got {int(level.num_steps.min())}"
            )
        gaps = (level.num_steps - 1).clamp(min=1)
        return self.beta(level.k.double() / gaps) / level.num_steps

    def alpha(self, level: Level) -> Tensor:
        return 1 - self.discrete_beta(level)


@dataclass(frozen=True)
class VPSDE(_LinearBeta):
    """Variance preserving: signal shrinks as noise grows, the sum of variances stays near 1."""

    def marginal(self, t: Tensor) -> Marginal:
        integral = self.integral(t)
        return Marginal(torch.exp(-integral / 2), (-torch.expm1(-integral)).sqrt())

    def coefficients(self, t: Tensor) -> Coefficients:
        beta = self.beta(t)
        return Coefficients(-beta / 2, beta.sqrt())

    def discretize(self, level: Level) -> Coefficients:
        beta = self.discrete_beta(level)
        return Coefficients((1 - beta).sqrt() - 1, beta.sqrt())


@dataclass(frozen=True)
class SubVPSDE(_LinearBeta):
    """Sub-variance preserving: VP's drift with less noise, std(t) the square of VP's."""

    def marginal(self, t: Tensor) -> Marginal:
        integral = self.integral(t)
        return Marginal(torch.exp(-integral / 2), -torch.expm1(-integral))

    def coefficients(self, t: Tensor) -> Coefficients:
        beta = self.beta(t)
        return Coefficients(-beta / 2, (beta * -torch.expm1(-2 * self.integral(t))).sqrt())

    def discretize(self, level: Level) -> Coefficients:
        """Return the Euler-Maruyama step of length 1/N; sub-VP has no closed-form grid."""
        drift, diffusion = self.coefficients(level.t)
        return Coefficients(drift / level.num_steps, diffusion / level.num_steps.double().sqrt())
