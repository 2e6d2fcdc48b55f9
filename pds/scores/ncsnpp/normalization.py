"""Group normalization that keeps images in channels-last layout.

    y = (x - mean) / sqrt(var + eps) weight + bias       mean, var over the pixels and channels of a group

On a GPU, torch's kernel returns channels first, so that the next convolution converts its input
back, and autocast lets it compute in float32. For large images this module instead computes

    y = x scale + shift,  scale = rstd weight,  shift = bias - mean scale,  rstd = 1 / sqrt(var + eps)

in the precision and layout of x, with the statistics in float32 at least. Its gradient, with sums
over the n values of a group, S(v) = sum(v) / n, and z = (x - mean) rstd,

    dx = rstd (weight dy - S(weight dy) - z S(weight dy z))

Source: Y. Wu, K. He, "Group Normalization", ECCV 2018.
"""  # noqa: E501

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

LARGE = 2**22
"""Values from which on a GPU saves more in layout conversions than further launches cost it."""


class GroupNorm(nn.GroupNorm):
    """A group norm that a GPU computes channels last for large images.

    A CPU computes it in float32 for 16-bit images below 32 x 32 pixels.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda and x.numel() >= LARGE and _has_channels_last(x):
            return channels_last(x, self.weight, self.bias, self.num_groups, self.eps)
        if x.device.type != "cpu" or x.element_size() != 2 or x[0, 0].numel() >= 1024:
            return super().forward(x)
        # In bfloat16, torch's kernel for small images with channels last takes 7 times as long.
        weight, bias = self.weight.float(), self.bias.float()
        return F.group_norm(x.float(), self.num_groups, weight, bias, self.eps).to(x.dtype)


def group_norm(channels: int) -> GroupNorm:
    """Return a group norm with at most 32 groups of at least 4 channels."""
    return GroupNorm(min(channels // 4, 32), channels, eps=1e-6)


def channels_last(x: Tensor, weight: Tensor, bias: Tensor, num_groups: int, eps: float) -> Tensor:
    """Return the group norm of x (B, C, H, W) in the precision and layout of x, channels last."""
    y: Tensor = _ChannelsLast.apply(x, weight, bias, num_groups, eps)  # type: ignore[no-untyped-call]
    return y


def _has_channels_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


class _ChannelsLast(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, num_groups: int, eps: float
    ) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            dtype = torch.promote_types(x.dtype, torch.float32)
            mean, var = _moments(x, num_groups, dtype)
            rstd = (var + eps).rsqrt()
            ctx.save_for_backward(x, weight, mean, rstd)
            scale = rstd * weight.to(dtype).reshape(num_groups, -1)
            shift = torch.addcmul(bias.to(dtype).reshape(num_groups, -1), mean, scale, value=-1)
            return _multiply_add(_column(shift), x, _column(scale), torch.empty_like(x))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        x, weight, mean, rstd = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        batch, num_groups, num_values = len(x), mean.shape[1], x[0].numel() // mean.shape[1]
        sums = [v.sum((2, 3), dtype=mean.dtype) for v in (dy, dy * x)]
        dy_sum, dyx_sum = (v.reshape(batch, num_groups, -1) for v in sums)
        dyz_sum = torch.addcmul(dyx_sum, mean, dy_sum, value=-1) * rstd
        w = weight.to(mean.dtype).reshape(num_groups, -1)
        weighted = (torch.stack([dy_sum, dyz_sum]) * w).sum(-1, keepdim=True) / num_values
        # dx = rstd w dy + slope x + shift
        slope = -weighted[1] * rstd.square()
        shift = -torch.addcmul(weighted[0] * rstd, mean, slope)
        shift, slope = (v.expand_as(dy_sum) for v in (shift, slope))
        rest = torch.addcmul(_column(shift), x, _column(slope))
        dx = _multiply_add(rest, dy, _column(rstd * w), torch.empty_like(x))
        dweight, dbias = (v.sum(0).flatten().to(weight.dtype) for v in (dyz_sum, dy_sum))
        return dx, dweight, dbias, None, None


def _moments(x: Tensor, num_groups: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each group of x (B, C, H, W), (B, num_groups, 1) in dtype."""
    if x.dtype == dtype:
        var, mean = torch.var_mean(x, (2, 3), correction=0)
    else:
        # Accumulated in dtype without a copy of x in it.
        mean = x.mean((2, 3), dtype=dtype)
        size = torch.linalg.vector_norm(x, 2, (2, 3), dtype=dtype)
        var = torch.addcmul(size.square() / x[0, 0].numel(), mean, mean, value=-1).clamp(min=0)
    mean, var = (v.reshape(len(x), num_groups, -1) for v in (mean, var))
    between, center = torch.var_mean(mean, 2, correction=0, keepdim=True)
    return center, var.mean(2, keepdim=True) + between


def _column(v: Tensor) -> Tensor:
    """Return factors of channels (B, G, C / G) for images (B, C, H, W)."""
    return v.flatten(1)[:, :, None, None]


def _multiply_add(shift: Tensor, x: Tensor, scale: Tensor, out: Tensor) -> Tensor:
    """Fill `out` with shift + x scale, computed in the highest precision and rounded once."""
    return torch.addcmul(shift, x, scale, out=out)
