"""Group norm in channels-last layout.

torch's group norm on CUDA reads and writes images with channels first, so that images of a network
in channels-last layout are rearranged before and after each of its layers. Here the moments come
from sums over the pixels of each channel, and the image is scaled and shifted where it is.

    y = a x + b,  a = weight / std,  b = bias - a mean

with mean and std over the channels and pixels of a group.

Source: Y. Wu and K. He, "Group Normalization", ECCV 2018.
"""

from typing import Any

import torch
from torch import Tensor


def normalize_groups(x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float) -> Tensor:
    """Return the group norm of x (B, C, H, W) in channels-last layout and in the precision of x.

    Moments, and what is computed from them, have at least float32.

    Args:
        x: images; they are rearranged if their channels are not last.
        weight, bias: of each channel, (C,).
        groups: of neighboring channels, a divisor of C.
        eps: added to the variance.
    """
    with torch.autocast(x.device.type, enabled=False):
        x = x.contiguous(memory_format=torch.channels_last)
        y: Tensor = _GroupNorm.apply(x, weight, bias, groups, eps)  # type: ignore[no-untyped-call]
    return y


class _GroupNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float
    ) -> Tensor:
        mean, variance = _moments(x, groups)
        inverse = (variance + eps).rsqrt()
        mean, inverse = (_by_channel(v, x.shape[1]) for v in (mean, inverse))
        scale = inverse * weight
        ctx.groups = groups
        ctx.save_for_backward(x, weight, mean, inverse)
        return _affine(bias - mean * scale, x, scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse = ctx.saved_tensors
        dy = gradients[0].contiguous(memory_format=torch.channels_last)
        channels, pixels = x.shape[1], x[0, 0].numel()
        dbias, dscale = _sums(dy), _sums(dy * x)
        dweight = (dscale - mean * dbias) * inverse
        # Through the mean and the standard deviation, every pixel of a group acts on all others.
        by_mean, by_std = (
            _by_channel(_by_group(v * weight, ctx.groups).mean(2), channels) / pixels
            for v in (dbias, dweight)
        )
        slope = -by_std * inverse**2
        dx = _affine(-slope * mean - by_mean * inverse, x, slope)
        torch.addcmul(dx, dy, _spread(inverse * weight), out=dx)
        return dx, dweight.sum(0).to(weight), dbias.sum(0).to(weight), None, None


def _moments(x: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each group, (B, groups) in at least float32."""
    pixels = x[0, 0].numel()
    if x.element_size() == 2:
        mean = _sums(x) / pixels
        variance = _sums(x, power=2) / pixels - mean**2
    else:
        variance, mean = torch.var_mean(_rows(x), 1, correction=0)
    mean, variance = (_by_group(v, groups) for v in (mean, variance.clamp(min=0)))
    between = mean.var(2, correction=0)
    return mean.mean(2), variance.mean(2) + between


def _sums(x: Tensor, *, power: int = 1) -> Tensor:
    """Return the sum of x^power over the pixels of each channel, (B, C) in at least float32."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    if power == 1:
        return _rows(x).sum(1, dtype=dtype)
    # The only sum of squares that is accumulated in float32 without a copy of x.
    return torch.linalg.vector_norm(_rows(x), 2, 1, dtype=dtype).square()


def _affine(shift: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    """Return shift + scale x with (B, C) coefficients, computed in theirs, in x's precision."""
    return torch.addcmul(_spread(shift), x, _spread(scale), out=torch.empty_like(x))


def _rows(x: Tensor) -> Tensor:
    """Return channels-last images as a matrix each, (B, H W, C), without a copy."""
    return x.movedim(1, -1).flatten(1, 2)


def _spread(v: Tensor) -> Tensor:
    return v[:, :, None, None]


def _by_group(v: Tensor, groups: int) -> Tensor:
    """Return values of channels (B, C) as (B, groups, C / groups)."""
    return v.reshape(len(v), groups, -1)


def _by_channel(v: Tensor, channels: int) -> Tensor:
    """Return a value of each group, (B, groups), for each of its channels, (B, C)."""
    return v[:, :, None].expand(-1, -1, channels // v.shape[1]).flatten(1)
