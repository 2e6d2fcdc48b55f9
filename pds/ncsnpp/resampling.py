"""Resampling by 2, by a separable FIR filter or the plain way, alone or merged with a convolution.

With taps k (normalized to sum 1), along each axis,

    down:  y[i] = sum_j k[3 - j] x[2 i + j - 1]
    up:    zeros go between the pixels, then y[n] = 2 sum_j k[3 - j] u[n + j - 2]

Source: T. Karras et al., StyleGAN2, CVPR 2020; written as slices along one axis after the other.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pds.ncsnpp.layers import conv, variance_scaling_

Taps = Sequence[float]


def fir_down(x: Tensor, taps: Taps) -> Tensor:
    """Halve x (B, C, H, W) with the filter `taps`."""
    k = _flipped(taps)
    return _along_both(x, lambda v: _correlate(F.pad(v, (1, 1)), k, stride=2))


def fir_up(x: Tensor, taps: Taps) -> Tensor:
    """Double x (B, C, H, W) with the filter `taps`."""
    k = [2 * tap for tap in _flipped(taps)]

    def double(v: Tensor) -> Tensor:
        before, after = F.pad(v, (1, 0))[..., :-1], F.pad(v, (0, 1))[..., 1:]
        return torch.stack([k[0] * before + k[2] * v, k[1] * v + k[3] * after], -1).flatten(-2)

    return _along_both(x, double)


def fir_blur(x: Tensor, taps: Taps, *, gain: float, padding: int) -> Tensor:
    """Filter x (B, C, H, W) with `taps` times `gain` along each axis, zeros around it."""
    k = [gain * tap for tap in _flipped(taps)]
    return _along_both(x, lambda v: _correlate(F.pad(v, (padding, padding)), k, stride=1))


def plain_down(x: Tensor) -> Tensor:
    """Halve x by averaging 2 x 2 pixels."""
    return F.avg_pool2d(x, 2)


def plain_up(x: Tensor) -> Tensor:
    """Double x by repeating pixels."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


class FIRConv(nn.Module):
    """A 3 x 3 convolution with FIR resampling by 2: blur then stride, or stride then blur."""

    def __init__(self, in_channels: int, out_channels: int, *, taps: Taps, up: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        variance_scaling_(self.weight, 1.0, in_channels * 9, out_channels * 9)
        self.taps, self.up = tuple(taps), up

    def forward(self, x: Tensor) -> Tensor:
        if self.up:
            flipped = self.weight.flip(-2, -1).transpose(0, 1)
            h = fir_blur(F.conv_transpose2d(x, flipped, stride=2), self.taps, gain=2, padding=1)
        else:
            h = F.conv2d(fir_blur(x, self.taps, gain=1, padding=2), self.weight, stride=2)
        return h + self.bias[:, None, None]


class Resample(nn.Module):
    """Resample by 2 between levels, with a convolution (`Conv_0` or `Conv2d_0`) or without."""

    def __init__(
        self, in_channels: int, out_channels: int, *, up: bool, taps: Taps | None, with_conv: bool
    ) -> None:
        super().__init__()
        self.up, self.taps = up, taps
        if with_conv and taps:
            self.Conv2d_0 = FIRConv(in_channels, out_channels, taps=taps, up=up)
        elif with_conv:
            self.Conv_0 = conv(in_channels, out_channels, stride=1 if up else 2)

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "Conv2d_0"):
            return self.Conv2d_0(x)
        if hasattr(self, "Conv_0"):
            return self.Conv_0(plain_up(x) if self.up else F.pad(x, (0, 1, 0, 1)))
        return resample(x, up=self.up, taps=self.taps)


def resample(x: Tensor, *, up: bool, taps: Taps | None) -> Tensor:
    """Resample by 2 without a convolution; no taps for the plain way."""
    if taps:
        return fir_up(x, taps) if up else fir_down(x, taps)
    return plain_up(x) if up else plain_down(x)


def _flipped(taps: Taps) -> list[float]:
    """Return k[3 - j] with sum 1: a filter convolves, the slices below correlate."""
    return [tap / sum(taps) for tap in reversed(taps)]


def _correlate(v: Tensor, k: Sequence[float], *, stride: int) -> Tensor:
    last = v.shape[-1] - len(k)
    slices = [tap * v[..., j : j + last + 1 : stride] for j, tap in enumerate(k)]
    return slices[0] + slices[1] + slices[2] + slices[3]


def _along_both(x: Tensor, operation: Callable[[Tensor], Tensor]) -> Tensor:
    return operation(operation(x).mT).mT
