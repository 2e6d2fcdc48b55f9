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

A sampler of N iterations evaluates the score at N values of t and steps through the N levels of a
discrete grid, k = N-1 (noise) down to 0. Grids are tensors (N,) in the order of the iterations, in
float64: they subtract neighboring sigmas, which in float32 costs half of the digits. They are
computed on the CPU. Functions of a t on a device are in float64 too, or in float32 where the
device lacks it, see `widest`.

Source: Y. Song et al., "Score-Based Generative Modeling through SDEs", ICLR 2021.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor

WITHOUT_FLOAT64 = frozenset({"mps"})
"""Kinds of devices without float64: Apple's GPUs."""


def widest(device: torch.device) -> torch.dtype:
    """Return float64, or float32 for a device that lacks it."""
    return torch.float32 if device.type in WITHOUT_FLOAT64 else torch.float64


def wide(t: Tensor) -> Tensor:
    """Return a tensor in the `widest` type of its device."""
    return t.to(widest(t.device))


class Marginal(NamedTuple):
    """x(t) | x(0) ~ Normal(scale x(0), std^2 I); both of the shape of t, float64."""

    scale: Tensor
    std: Tensor


class Coefficients(NamedTuple):
    """f(x, t) = drift x, and the diffusion g or G; both of the shape of t, float64."""

    drift: Tensor
    diffusion: Tensor


class Posterior(NamedTuple):
    """x_{k-1} = (1 - shrink) x + pull s + noise z; (N,) each, float64."""

    shrink: Tensor
    pull: Tensor
    noise: Tensor


class SDE(Protocol):
    """A forward process with a drift that is linear in x."""

    eps_per_speed_up: ClassVar[float]
    """The last time of the sampler is this times num_scales / N, as published."""

    @property
    def prior_std(self) -> float:
        """Standard deviation of the prior that sampling starts from."""
        ...

    @property
    def share(self) -> float:
        """The t that the grids start from, 1 unless the process is `below` a noise level."""
        return 1.0

    def marginal(self, t: Tensor) -> Marginal:
        """Return scale(t) and std(t)."""
        ...

    def coefficients(self, t: Tensor) -> Coefficients:
        """Return f(x, t)/x and g(t) of the continuous process."""
        ...

    def discretize(self, times: Tensor) -> Coefficients:
        """Return f/x and G of every step of the grid of N levels, for N times (N,)."""
        ...

    def alpha(self, num_steps: int) -> Tensor:
        """Return the factor of the Langevin step size, (N,): 1 for VE, 1 - beta_k for VP.

        For VP and sub-VP it is smallest at the first level, 1 - beta_max / N: with beta_max = 20 it
        is .98, .80, .20 and 0 at N = 1000, 100, 25 and 20, so that with few iterations a Langevin
        corrector hardly moves the first levels.

        Raises:
            ValueError: for VP and sub-VP if beta_max > N.
        """
        ...

    def posterior(self, num_steps: int) -> Posterior:
        """Return the distribution of level k-1 given level k and the score, for every k.

        Raises:
            ValueError: for a process without a closed form.
        """
        raise ValueError(
            f"ancestral sampling is defined for VE and VP, got {type(self).__name__}; "
            "use reverse_diffusion or euler_maruyama"
        )

    def time(self, sigma: Tensor) -> Tensor:
        """Return the t with std(t) = sigma, float64, any shape.

        Raises:
            NotImplementedError: unless the process is VE.
        """
        ...

    def narrowed(self, lowest: float, highest: float) -> "VESDE":
        """Return the process between two noise levels of this one.

        The network of this process is also the score of the returned one, evaluated at `time` of
        the same sigma.

        Raises:
            ValueError: unless the process is VE and includes these levels, in ascending order.
        """
        raise ValueError(
            f"noise levels can be chosen for VE only, not for {type(self).__name__}; "
            "leave sigmas out"
        )

    def discrete_sigmas(self, num_steps: int) -> Tensor:
        """Return the noise level of the state before every step of the grid, and 0, (N + 1,).

        Raises:
            ValueError: unless the process is VE.
        """
        raise ValueError(_without_levels(self))

    def below(self, sigma: float) -> "VESDE":
        """Return the process whose grids start from a noise level, for sampling from a state.

        Raises:
            ValueError: unless the process is VE, and the level not below its lowest one.
        """
        raise ValueError(_without_levels(self))


def _without_levels(sde: SDE) -> str:
    return f"a run can be continued by another sampler for VE only, not for {type(sde).__name__}"


def column(value: Tensor, like: Tensor) -> Tensor:
    """Return (B,) as (B, 1, 1, 1) in the device and dtype of `like`, copied asynchronously."""
    return value.to(like.device, like.dtype, non_blocking=True).reshape(-1, 1, 1, 1)


@dataclass(frozen=True)
class VESDE(SDE):
    """Variance exploding: noise is added, nothing is shrunk.

    Args:
        sigma_min: standard deviation of the noise at t = 0, in pixel units, > 0.
        sigma_max: standard deviation at t = 1, > sigma_min.

    Raises:
        ValueError: unless 0 < sigma_min < sigma_max.
    """

    sigma_min: float = 0.01
    sigma_max: float = 1348.0

    eps_per_speed_up = 1e-5

    def __post_init__(self) -> None:
        if not 0 < self.sigma_min < self.sigma_max < math.inf:
            raise ValueError(
                f"VE needs 0 < sigma_min < sigma_max, got {self.sigma_min} and {self.sigma_max}"
            )

    @property
    def prior_std(self) -> float:
        return self.sigma_max

    def sigma(self, t: Tensor) -> Tensor:
        """Return sigma_min (sigma_max/sigma_min)^t in float64, any shape."""
        return self.sigma_min * (self.sigma_max / self.sigma_min) ** wide(t)

    def time(self, sigma: Tensor) -> Tensor:
        """Return the t with std(t) = sigma, float64, any shape."""
        ratio = self.sigma_max / self.sigma_min
        return (wide(sigma) / self.sigma_min).log() / math.log(ratio)

    def narrowed(self, lowest: float, highest: float) -> "VESDE":
        if not self.sigma_min <= lowest < highest <= self.sigma_max:
            raise ValueError(
                f"noise levels must ascend within {self.sigma_min:g} to {self.sigma_max:g}, the "
                f"range of the model, got {lowest:g} to {highest:g}"
            )
        return VESDE(lowest, highest)

    def below(self, sigma: float) -> "Tail":
        share = float(self.time(torch.tensor(sigma, dtype=torch.float64)))
        if share < -1e-9:  # rounding of the lowest level itself
            raise ValueError(
                f"the state has a noise level of {sigma:.3g}, below {self.sigma_min:.3g}, the "
                "lowest of the sampler that continues; continue from an earlier iteration"
            )
        return Tail(self.sigma_min, self.sigma_max, max(share, 0.0))

    def marginal(self, t: Tensor) -> Marginal:
        return Marginal(torch.ones_like(wide(t)), self.sigma(t))

    def coefficients(self, t: Tensor) -> Coefficients:
        rate = math.sqrt(2 * math.log(self.sigma_max / self.sigma_min))
        return Coefficients(torch.zeros_like(wide(t)), self.sigma(t) * rate)

    def discrete_sigmas(self, num_steps: int) -> Tensor:
        """Return sigma_{N-1}, ..., sigma_0 of the geometric grid of N levels, and 0, (N + 1,).

        With a single level the grid is [sigma_min], as published.
        """
        return torch.cat([self.sigma(_shares(num_steps)), torch.zeros(1, dtype=torch.float64)])

    def discretize(self, times: Tensor) -> Coefficients:
        sigmas = self.discrete_sigmas(len(times))
        variance = sigmas[:-1] ** 2 - sigmas[1:] ** 2
        return Coefficients(torch.zeros_like(variance), variance.sqrt())

    def alpha(self, num_steps: int) -> Tensor:
        return torch.ones(num_steps, dtype=torch.float64)

    def posterior(self, num_steps: int) -> Posterior:
        sigmas = self.discrete_sigmas(num_steps)
        variance = sigmas[:-1] ** 2 - sigmas[1:] ** 2
        noise = variance.sqrt() * sigmas[1:] / sigmas[:-1]
        return Posterior(torch.zeros_like(variance), variance, noise)


@dataclass(frozen=True)
class Tail(VESDE):
    """A VE process whose grids start at a noise level below sigma_max.

    Its N levels descend from sigma(share) to sigma_min, evenly in log sigma; a single one is
    sigma(share). t and sigma are related as in the process.

    Args:
        sigma_min, sigma_max: of the process.
        share: t of the first level, >= 0.
    """

    share: float = 1.0

    def discrete_sigmas(self, num_steps: int) -> Tensor:
        t = torch.linspace(self.share, 0, num_steps, dtype=torch.float64)
        return torch.cat([self.sigma(t), torch.zeros(1, dtype=torch.float64)])

    def coefficients(self, t: Tensor) -> Coefficients:
        """Return f(x, t)/x and g(t) in a time scaled so that the grid spans one unit."""
        drift, diffusion = super().coefficients(t)
        return Coefficients(drift, diffusion * self.share**0.5)


@dataclass(frozen=True)
class _LinearBeta(SDE):
    """A rate beta(t) that grows linearly, shared by VP and sub-VP.

    Args:
        beta_min: rate at t = 0, >= 0.
        beta_max: rate at t = 1, > beta_min.

    Raises:
        ValueError: unless 0 <= beta_min < beta_max.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    eps_per_speed_up = 1e-3

    def __post_init__(self) -> None:
        if not 0 <= self.beta_min < self.beta_max < math.inf:
            raise ValueError(
                f"VP needs 0 <= beta_min < beta_max, got {self.beta_min} and {self.beta_max}"
            )

    @property
    def prior_std(self) -> float:
        return 1.0

    def time(self, sigma: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no closed form of t for a sigma")

    def beta(self, t: Tensor) -> Tensor:
        """Return beta(t) in float64, any shape."""
        return self.beta_min + wide(t) * (self.beta_max - self.beta_min)

    def integral(self, t: Tensor) -> Tensor:
        """Return B(t), the integral of beta from 0 to t, in float64, any shape."""
        t = wide(t)
        return t * self.beta_min + t**2 * (self.beta_max - self.beta_min) / 2

    def discrete_betas(self, num_steps: int) -> Tensor:
        """Return beta_k = (beta_min + k/(N-1) (beta_max - beta_min)) / N for k = N-1 to 0, (N,).

        Raises:
            ValueError: if beta_max > N, so that a step would remove more than the whole signal.
        """
        fewest = math.ceil(self.beta_max)
        if num_steps < fewest:
            raise ValueError(
                f"this process needs at least {fewest} iterations (beta_max = {self.beta_max:g}; "
                f"fewer would make 1 - beta_k negative), got {num_steps}"
            )
        return self.beta(_shares(num_steps)) / num_steps

    def alpha(self, num_steps: int) -> Tensor:
        return 1 - self.discrete_betas(num_steps)


@dataclass(frozen=True)
class VPSDE(_LinearBeta):
    """Variance preserving: the signal shrinks as noise is added; scale(t)^2 + std(t)^2 = 1."""

    def marginal(self, t: Tensor) -> Marginal:
        integral = self.integral(t)
        return Marginal(torch.exp(-integral / 2), (-torch.expm1(-integral)).sqrt())

    def coefficients(self, t: Tensor) -> Coefficients:
        beta = self.beta(t)
        return Coefficients(-beta / 2, beta.sqrt())

    def discretize(self, times: Tensor) -> Coefficients:
        beta = self.discrete_betas(len(times))
        return Coefficients((1 - beta).sqrt() - 1, beta.sqrt())

    def posterior(self, num_steps: int) -> Posterior:
        beta = self.discrete_betas(num_steps)
        if beta.max() >= 1:
            raise ValueError(
                f"ancestral sampling needs more than {self.beta_max:g} iterations (beta_max; its "
                f"first step divides by 1 - beta_k = 0), got {num_steps}"
            )
        kept = (1 - beta).sqrt()
        return Posterior(1 - 1 / kept, beta / kept, beta.sqrt())


@dataclass(frozen=True)
class SubVPSDE(_LinearBeta):
    """Sub-variance preserving: VP's drift with less noise, std(t) the square of VP's."""

    def marginal(self, t: Tensor) -> Marginal:
        integral = self.integral(t)
        return Marginal(torch.exp(-integral / 2), -torch.expm1(-integral))

    def coefficients(self, t: Tensor) -> Coefficients:
        beta = self.beta(t)
        return Coefficients(-beta / 2, (beta * -torch.expm1(-2 * self.integral(t))).sqrt())

    def discretize(self, times: Tensor) -> Coefficients:
        """Return the Euler-Maruyama step of length 1/N; sub-VP has no closed-form grid."""
        drift, diffusion = self.coefficients(times)
        return Coefficients(drift / len(times), diffusion / len(times) ** 0.5)


def _shares(num_steps: int) -> Tensor:
    """Return k / (N - 1) for k = N-1 down to 0, (N,); [0] for a single level."""
    k = torch.arange(num_steps - 1, -1, -1, dtype=torch.float64)
    return k / max(num_steps - 1, 1)
