"""The exact score of a mixture of Gaussians around given images: a model without training.

    p_0 = 1/n sum_i N(m_i, beta Lambda),   m_i = m + sqrt(1 - beta) (x_i - m)

with m the mean image and Lambda the stationary covariance with the images' own power around it,
lambda_k = mean_i |F(x_i - m)_k|^2. For every beta, the mixture has the mean and the power of the
images: (1 - beta) lambda + beta lambda. At time t every component is Gaussian in each Fourier mode,
with variance v_k = scale^2 beta lambda_k + std^2, and with X = F(x - scale m), R_i = F(m_i - m)

    s(x, t) = -F^-1[ (X - scale sum_i w_i R_i) / v ],   w = softmax_i(-1/2 sum_k |X - scale R_i|_k^2 / v_k)

The squares are expanded: the score takes three matrix products, without n copies of a state.

Source: derived for this project.
"""  # noqa: E501

import copy

import torch
from torch import Tensor

from pds.limits import quoted
from pds.sde import SDE, column
from pds.spectra import half_multiplicity


class SpectralMixture:
    """The exact score of a mixture of stationary Gaussians around images.

    Args:
        images: x_i, (n, C, H, W), n >= 2; pixel units.
        sde: the forward process.
        beta: share of the power in the Gaussian around each image, in (0, 1).

    Raises:
        ValueError: if there are fewer than 2 images, or beta is out of range.
    """

    def __init__(self, images: Tensor, sde: SDE, *, beta: float = 0.05) -> None:
        if len(images) < 2 or images.ndim != 4:
            raise ValueError(
                f"a mixture needs 2 or more images (n, C, H, W), got {tuple(images.shape)}"
            )
        if not 0 < beta < 1:
            raise ValueError(f"beta must lie in (0, 1), got {quoted(beta)}; 0.05 is the default")
        images = images.double()
        self.sde, self.beta, self.mean = sde, beta, images.mean(0)
        spectra = torch.fft.rfft2(images - self.mean, norm="ortho")
        self.half_power = spectra.abs().square().mean(0)
        self._centers = torch.view_as_real(spectra * (1 - beta) ** 0.5).flatten(1)
        self._squares = spectra.abs().square().flatten(1) * (1 - beta)
        self._multiplicity = half_multiplicity(images.shape[-1]).to(images.device)

    @property
    def images(self) -> Tensor:
        """The images, (n, C, H, W) float64, from their spectra."""
        height, width = self.mean.shape[-2:]
        shape = (-1, *self.mean.shape[:-1], width // 2 + 1, 2)
        spectra = torch.view_as_complex(self._centers.reshape(shape)) / (1 - self.beta) ** 0.5
        return self.mean + torch.fft.irfft2(spectra, s=(height, width), norm="ortho")

    def on(self, device: torch.device | str) -> "SpectralMixture":
        """Return this score on a device: a copy, or itself if it is there."""
        if torch.device(device) == self.mean.device:
            return self
        moved = copy.copy(self)
        for name, value in vars(self).items():
            setattr(moved, name, value.to(device) if isinstance(value, Tensor) else value)
        return moved

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        scale, std = (column(value, self.mean) for value in self.sde.marginal(t))
        spectrum = torch.fft.rfft2(x.double() - scale * self.mean, norm="ortho")
        precision = 1 / (scale**2 * self.beta * self.half_power + std**2)
        weight = self._weights(spectrum, precision, scale.flatten()[:, None])
        center = torch.view_as_complex((weight @ self._centers).reshape(*spectrum.shape, 2))
        residual = (spectrum - scale * center) * precision
        return -torch.fft.irfft2(residual, s=x.shape[-2:], norm="ortho").to(x.dtype)

    def sample(self, noise: Tensor, choice: Tensor) -> Tensor:
        """Turn standard normal noise (B, C, H, W) into exact samples of components (B,)."""
        spectrum = torch.fft.rfft2(noise.double(), norm="ortho")
        texture = spectrum * (self.beta * self.half_power).sqrt()
        centers = self._centers[choice].reshape(*spectrum.shape, 2)
        shape = noise.shape[-2:]
        drawn = torch.fft.irfft2(texture + torch.view_as_complex(centers), s=shape, norm="ortho")
        return (self.mean + drawn).to(noise.dtype)

    def _weights(self, spectrum: Tensor, precision: Tensor, scale: Tensor) -> Tensor:
        """Return w, (B, n)."""
        counted = self._multiplicity * precision
        pulled = torch.view_as_real(spectrum * counted).flatten(1)
        likeness = scale * (pulled @ self._centers.mT)
        distance = scale**2 * (counted.flatten(1) @ self._squares.mT)
        return torch.softmax(likeness - distance / 2, dim=1)
