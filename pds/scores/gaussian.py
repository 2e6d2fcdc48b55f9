"""The exact score of stationary Gaussian images, which needs no network.

For Gaussian data with mean m and power lambda_k at frequency k, p_t is Gaussian too and

    s(x, t) = -F^-1[ F(x - scale m) / (scale^2 lambda + std^2) ]

with scale(t) and std(t) of the SDE: the Fourier modes are independent.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pds.sde import SDE, column


@dataclass(frozen=True)
class GaussianField:
    """The exact score of a stationary Gaussian image.

    Args:
        power: lambda, variance of the unitary Fourier coefficients, (C, H, W) or (H, W), even, > 0.
        sde: the forward process.
        mean: m, in pixel units.

    Raises:
        ValueError: if the power is not positive everywhere.
    """

    power: Tensor
    sde: SDE
    mean: float = 0.0

    def __post_init__(self) -> None:
        if not bool((self.power > 0).all()):
            raise ValueError(f"power must be > 0 everywhere, got {float(self.power.min()):g}")

    def on(self, device: torch.device | str) -> "GaussianField":
        """Return this score on a device: a copy, or itself if it is there."""
        there = torch.device(device) == self.power.device
        return self if there else replace(self, power=self.power.to(device))

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        scale, std = self.sde.marginal(t)
        scale, std = column(scale, x), column(std, x)
        half_power = self.power[..., : x.shape[-1] // 2 + 1].to(x)
        spectrum = torch.fft.rfft2(x - scale * self.mean)
        residual: Tensor = torch.fft.irfft2(
            spectrum / (scale**2 * half_power + std**2), s=x.shape[-2:]
        )
        return -residual

    def sample(self, noise: Tensor) -> Tensor:
        """Turn standard normal noise (B, C, H, W) into exact samples of the data."""
        half_std = self.power[..., : noise.shape[-1] // 2 + 1].to(noise).sqrt()
        field: Tensor = torch.fft.irfft2(torch.fft.rfft2(noise) * half_std, s=noise.shape[-2:])
        return self.mean + field
