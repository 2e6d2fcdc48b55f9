"""Residual blocks, and the combination of image and feature pyramids.

Source: Y. Song et al., ICLR 2021 (NCSN++); A. Brock et al., BigGAN, ICLR 2019 (resampling blocks).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pds.scores.ncsnpp.config import NCSNppConfig
from pds.scores.ncsnpp.layers import NIN, conv, dense, group_norm, skip_scale
from pds.scores.ncsnpp.resampling import resample


class ResidualBlock(nn.Module):
    """Two normalized convolutions, told the noise level in between, plus a skip.

    The "biggan" flavor may resample by 2 between its first activation and convolution, on both
    branches, and has a 1 x 1 convolution `Conv_2` on the skip where sizes change; "ddpm" has a
    `NIN_0` there and leaves resampling to layers of their own.
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
        """Return the block's output; `embedding` (B, 4 nf) is activated already."""
        # In place only on what this block made, and what no gradient needs.
        h = F.silu(self.GroupNorm_0(x), inplace=True)
        if self.direction:
            h, x = (resample(v, up=self.direction == "up", taps=self.taps) for v in (h, x))
        h = self.Conv_0(h)
        if embedding is not None:
            h.add_(self.Dense_0(embedding)[:, :, None, None])
        h = self.Conv_1(self.Dropout_0(F.silu(self.GroupNorm_1(h), inplace=True)))
        return h.add_(self._skip(x)).mul_(self.rescale)

    def _skip(self, x: Tensor) -> Tensor:
        if hasattr(self, "Conv_2"):
            return self.Conv_2(x)
        return self.NIN_0(x) if hasattr(self, "NIN_0") else x


class Combine(nn.Module):
    """Bring an image pyramid into the features by a 1 x 1 convolution and a sum (or "cat")."""

    def __init__(self, in_channels: int, out_channels: int, *, method: str) -> None:
        super().__init__()
        self.Conv_0 = conv(in_channels, out_channels, size=1)
        self.method = method

    def forward(self, pyramid: Tensor, h: Tensor) -> Tensor:
        image = self.Conv_0(pyramid)
        return image + h if self.method == "sum" else torch.cat([image, h], dim=1)
