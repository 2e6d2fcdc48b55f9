"""The layers of NCSN++: embeddings, convolutions, attention, residual blocks, resampling.

Attribute names (Conv_0, Dense_0, GroupNorm_0, NIN_0, W) are those of published checkpoints, whose
state dicts fit as they are. Images stay in channels-last layout: convolutions are fastest in it,
and pointwise layers and attention read the channels of a pixel as a row of a matrix without a copy.

Source: Y. Song et al., ICLR 2021; T. Karras et al., "Analyzing and Improving the Image Quality of
StyleGAN", CVPR 2020 (FIR resampling); J. Ho et al., NeurIPS 2020 (embedding, attention); A. Brock
et al., BigGAN, ICLR 2019 (resampling blocks).
"""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pds.scores.ncsnpp.config import NCSNppConfig
from pds.scores.ncsnpp.normalization import group_norm
from pds.scores.ncsnpp.resampling import Taps, fir_blur, plain_up, resample

ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def variance_scaling_(weight: Tensor, scale: float, fan_in: int, fan_out: int) -> Tensor:
    """Fill uniformly with variance scale / mean(fan_in, fan_out); scale 0 stands for 1e-10."""
    if weight.is_meta:  # where filling takes a third of the time that a network is built in
        return weight
    bound = math.sqrt(3 * (scale or 1e-10) * 2 / (fan_in + fan_out))
    with torch.no_grad():
        return weight.uniform_(-bound, bound)


class Conv2d(nn.Conv2d):
    """A convolution that always runs on oneDNN if the CPU has it.

    By default, torch computes single small images, and 1 x 1 kernels on one thread, as matrix
    products of unfolded patches, at a quarter of the speed.
    """

    def reset_parameters(self) -> None:
        if not self.weight.is_meta:
            super().reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        if not _runs_on_onednn(x):
            return super().forward(x)
        padding = cast(tuple[int, int], self.padding)
        return torch.mkldnn_convolution(
            x, self.weight, self.bias, padding, self.stride, self.dilation, self.groups
        )


def _runs_on_onednn(x: Tensor) -> bool:
    # The direct call is invisible to autocast, which training uses, and to torch.compile.
    return (
        ONEDNN
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def conv(
    in_channels: int, out_channels: int, *, size: int = 3, scale: float = 1.0, stride: int = 1
) -> Conv2d:
    """Return a convolution that keeps the size (stride 1), initialized as in DDPM, bias 0."""
    padding = size // 2 if stride == 1 else 0
    layer = Conv2d(in_channels, out_channels, size, stride=stride, padding=padding)
    variance_scaling_(layer.weight, scale, in_channels * size**2, out_channels * size**2)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def dense(in_features: int, out_features: int) -> nn.Linear:
    """Return a linear layer, initialized as in DDPM, bias 0."""
    layer = nn.Linear(in_features, out_features)
    variance_scaling_(layer.weight, 1.0, in_features, out_features)
    nn.init.zeros_(layer.bias)
    return layer


class FourierEmbedding(nn.Module):
    """Embed log sigma (B,) as sines and cosines of fixed random frequencies W, (B, 2 features)."""

    def __init__(self, features: int, scale: float) -> None:
        super().__init__()
        W = torch.empty(features)
        if not W.is_meta:  # where the first arithmetic imports torch's compiler, for a second
            W = W.normal_() * scale
        self.W = nn.Parameter(W, requires_grad=False)

    def forward(self, log_sigma: Tensor) -> Tensor:
        phase = log_sigma[:, None] * self.W[None, :] * 2 * math.pi
        return torch.cat([phase.sin(), phase.cos()], dim=-1)


def positional_embedding(label: Tensor, features: int) -> Tensor:
    """Embed a label (B,) as sines and cosines of a geometric series of frequencies."""
    half, label = features // 2, label if label.is_floating_point() else label.float()
    index = torch.arange(half, device=label.device, dtype=label.dtype)
    phase = label[:, None] * torch.exp(index * -(math.log(10000) / (half - 1)))
    return F.pad(torch.cat([phase.sin(), phase.cos()], dim=1), (0, features % 2))


class NIN(nn.Module):
    """A linear map of the channels of each pixel (a 1 x 1 convolution), W (in, out) and b (out)."""

    def __init__(self, in_channels: int, out_channels: int, *, scale: float = 0.1) -> None:
        super().__init__()
        weight = torch.empty(in_channels, out_channels)
        self.W = nn.Parameter(variance_scaling_(weight, scale, in_channels, out_channels))
        self.b = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.rows(x.movedim(1, -1)).movedim(-1, 1)

    def rows(self, x: Tensor) -> Tensor:
        """Map the last axis of x (..., in) to (..., out)."""
        return F.linear(x, self.W.T, self.b)


class Attention(nn.Module):
    """Single-head self-attention over the pixels, with a skip."""

    def __init__(self, channels: int, *, skip_rescale: bool, init_scale: float) -> None:
        super().__init__()
        self.GroupNorm_0 = group_norm(channels)
        self.NIN_0, self.NIN_1, self.NIN_2 = (NIN(channels, channels) for _ in range(3))
        self.NIN_3 = NIN(channels, channels, scale=init_scale)
        self.rescale = skip_scale(skip_rescale)

    def forward(self, x: Tensor) -> Tensor:
        pixels = self.GroupNorm_0(x).movedim(1, -1)
        rows = pixels.flatten(1, 2)[:, None]
        q, k, v = (nin.rows(rows) for nin in (self.NIN_0, self.NIN_1, self.NIN_2))
        h = self.NIN_3.rows(F.scaled_dot_product_attention(q, k, v))
        return h.reshape(pixels.shape).movedim(-1, 1).add_(x).mul_(self.rescale)


class FIRConv(nn.Module):
    """A 3 x 3 convolution with FIR resampling by 2: blur then stride, or stride then blur."""

    def __init__(self, in_channels: int, out_channels: int, *, taps: Taps, up: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        variance_scaling_(self.weight, 1.0, in_channels * 9, out_channels * 9)
        self.taps, self.up = tuple(taps), up
        self._kept: tuple[tuple[object, ...], Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.up:
            h = F.conv_transpose2d(x, self._turned(), stride=2)
            h = fir_blur(h, self.taps, gain=2, padding=1)
        else:
            h = F.conv2d(fir_blur(x, self.taps, gain=1, padding=2), self.weight, stride=2)
        return h + self.bias[:, None, None]

    def _turned(self) -> Tensor:
        """Return the weight for a transposed convolution; cached while gradients are off."""
        if torch.is_grad_enabled() or self.weight.is_inference():
            return self.weight.flip(-2, -1).transpose(0, 1)
        origin = (self.weight.data_ptr(), self.weight._version, self.weight.dtype)
        if self._kept is None or self._kept[0] != origin:
            self._kept = origin, self.weight.flip(-2, -1).transpose(0, 1).contiguous()
        return self._kept[1]


class Resample(nn.Module):
    """Resampling by 2 between levels, with a convolution (`Conv_0` or `Conv2d_0`) or without."""

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


class ResidualBlock(nn.Module):
    """Two normalized convolutions with the noise level's embedding in between, plus a skip.

    The "biggan" flavor may resample by 2 between its first activation and convolution, on both
    branches, and has a 1 x 1 convolution `Conv_2` on a skip that changes size or channels. The
    "ddpm" flavor has `NIN_0` there, and resamples in separate layers.
    """

    def __init__(
        self,
        config: NCSNppConfig,
        in_channels: int,
        out_channels: int,
        *,
        direction: str | None = None,
    ) -> None:
        super().__init__()
        self.direction, self.taps = direction, config.taps
        self.GroupNorm_0 = group_norm(in_channels)
        self.Conv_0 = conv(in_channels, out_channels)
        if config.conditional:
            self.Dense_0 = dense(4 * config.nf, out_channels)
        self.GroupNorm_1 = group_norm(out_channels)
        self.Dropout_0 = nn.Dropout(config.dropout)
        self.Conv_1 = conv(out_channels, out_channels, scale=config.init_scale)
        if config.resblock_type == "biggan" and (in_channels != out_channels or direction):
            self.Conv_2 = conv(in_channels, out_channels, size=1)
        elif in_channels != out_channels:
            self.NIN_0 = NIN(in_channels, out_channels)
        self.rescale = skip_scale(config.skip_rescale)

    def forward(self, x: Tensor, embedding: Tensor | None) -> Tensor:
        """Return the block's output; `embedding` (B, 4 nf) is already activated."""
        # In place only on tensors of this block that no gradient needs.
        h = activate(self.GroupNorm_0(x))
        if self.direction:
            h, x = (resample(v, up=self.direction == "up", taps=self.taps) for v in (h, x))
        h = self.Conv_0(h)
        if embedding is not None:
            h.add_(self.Dense_0(embedding)[:, :, None, None])
        h = self.Conv_1(self.Dropout_0(activate(self.GroupNorm_1(h))))
        return h.add_(self._skip(x)).mul_(self.rescale)

    def _skip(self, x: Tensor) -> Tensor:
        if hasattr(self, "Conv_2"):
            return self.Conv_2(x)
        return self.NIN_0(x) if hasattr(self, "NIN_0") else x


class Combine(nn.Module):
    """Add (or, with "cat", append) an image pyramid to the features after a 1 x 1 convolution."""

    def __init__(self, in_channels: int, out_channels: int, *, method: str) -> None:
        super().__init__()
        self.Conv_0 = conv(in_channels, out_channels, size=1)
        self.method = method

    def forward(self, pyramid: Tensor, h: Tensor) -> Tensor:
        image = self.Conv_0(pyramid)
        return image + h if self.method == "sum" else torch.cat([image, h], dim=1)


def activate(h: Tensor) -> Tensor:
    """Return SiLU(h), in place of h unless there may be gradients, which keep a copy of h."""
    return F.silu(h, inplace=not torch.is_grad_enabled())


def skip_scale(rescale: bool) -> float:
    """Return the factor of a sum of two branches: 1/sqrt 2 preserves the variance."""
    return math.sqrt(0.5) if rescale else 1.0
