"""NCSN++: the U-Net of score-based models.

`all_modules` has the order of published checkpoints, whose state dicts fit as they are. `forward`
consumes the list once: the embedding, the encoder, the middle, the decoder.

Source: Y. Song et al., "Score-Based Generative Modeling through SDEs", ICLR 2021.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pds.scores.ncsnpp.config import NCSNppConfig
from pds.scores.ncsnpp.layers import (
    Attention,
    Combine,
    FourierEmbedding,
    Resample,
    ResidualBlock,
    activate,
    conv,
    dense,
    positional_embedding,
    skip_scale,
)
from pds.scores.ncsnpp.normalization import group_norm
from pds.scores.ncsnpp.resampling import resample


class NCSNpp(nn.Module):
    """Map noisy images (B, C, H, W) and their noise level (B,) to a score-shaped output.

    The noise level is sigma for a Fourier embedding and a label for a positional one. It is
    embedded in its own precision. With `scale_by_sigma`, the output is divided by `sigma` (B,), by
    default the noise level. Images are computed in the precision of the first convolution's
    weights; the output has the precision of x.
    """

    def __init__(self, config: NCSNppConfig) -> None:
        super().__init__()
        self.config = config
        self.rescale = skip_scale(config.skip_rescale)
        self.all_modules = nn.ModuleList(_modules(config))
        self.num_embedding = (config.embedding_type == "fourier") + 2 * config.conditional

    def forward(self, x: Tensor, noise_level: Tensor, sigma: Tensor | None = None) -> Tensor:
        config, modules, dtype = self.config, iter(self.all_modules), x.dtype
        embedding = self._embed(noise_level, modules)
        x = x if config.centered else 2 * x - 1
        if self.dtype != dtype:
            x, embedding = x.to(self.dtype), None if embedding is None else embedding.to(self.dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        skips = self._down(x, embedding, modules)
        h = next(modules)(skips[-1], embedding)
        h = next(modules)(h)
        h = next(modules)(h, embedding)
        # Samplers add the output to a state with channels first.
        h = self._up(h, skips, embedding, modules).to(dtype).contiguous()
        if config.scale_by_sigma:
            sigma = noise_level if sigma is None else sigma
            h = h / sigma.to(h).reshape(-1, 1, 1, 1)
        return h

    @property
    def dtype(self) -> torch.dtype:
        """Return the precision in which images are computed."""
        weight = self.all_modules[self.num_embedding].weight
        assert isinstance(weight, Tensor)
        return weight.dtype

    def state_in(self, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return the state dict in `dtype`, except for the weights of the embedding."""
        embedding = tuple(f"all_modules.{i}." for i in range(self.num_embedding))
        state = self.state_dict()
        return {n: v if n.startswith(embedding) else v.to(dtype) for n, v in state.items()}

    def _embed(self, noise_level: Tensor, modules: Iterator[nn.Module]) -> Tensor | None:
        if self.config.embedding_type == "fourier":
            embedding = next(modules)(noise_level.log())
        else:
            embedding = positional_embedding(noise_level, self.config.nf)
        if not self.config.conditional:
            return None
        embedding = next(modules)(embedding)
        embedding = next(modules)(F.silu(embedding))
        # Every block would activate it first.
        return F.silu(embedding)

    def _down(
        self, x: Tensor, embedding: Tensor | None, modules: Iterator[nn.Module]
    ) -> list[Tensor]:
        config, pyramid = self.config, x
        skips = [next(modules)(x)]
        for level in range(len(config.ch_mult)):
            for _ in range(config.num_res_blocks):
                h = next(modules)(skips[-1], embedding)
                skips.append(self._attend(h, modules))
            if level == len(config.ch_mult) - 1:
                break
            h = self._resample(skips[-1], embedding, modules)
            if config.progressive_input == "input_skip":
                pyramid = resample(pyramid, up=False, taps=config.taps)
                h = next(modules)(pyramid, h)
            elif config.progressive_input == "residual":
                h = pyramid = (next(modules)(pyramid) + h) * self.rescale
            skips.append(h)
        return skips

    def _up(
        self, h: Tensor, skips: list[Tensor], embedding: Tensor | None, modules: Iterator[nn.Module]
    ) -> Tensor:
        config, pyramid = self.config, None
        for level in reversed(range(len(config.ch_mult))):
            for _ in range(config.num_res_blocks + 1):
                h = next(modules)(torch.cat([h, skips.pop()], dim=1), embedding)
            h = self._attend(h, modules)
            if config.progressive == "output_skip":
                image = _project(h, modules)
                if pyramid is not None:
                    image = image + resample(pyramid, up=True, taps=config.taps)
                pyramid = image
            elif config.progressive == "residual" and pyramid is None:
                pyramid = _project(h, modules)
            elif config.progressive == "residual":
                h = pyramid = (next(modules)(pyramid) + h) * self.rescale
            if level:
                h = self._resample(h, embedding, modules)
        if config.progressive == "output_skip":
            assert pyramid is not None
            return pyramid
        return _project(h, modules)

    def _attend(self, h: Tensor, modules: Iterator[nn.Module]) -> Tensor:
        return next(modules)(h) if h.shape[-1] in self.config.attn_resolutions else h

    def _resample(
        self, h: Tensor, embedding: Tensor | None, modules: Iterator[nn.Module]
    ) -> Tensor:
        layer = next(modules)
        return layer(h) if isinstance(layer, Resample) else layer(h, embedding)


def _project(h: Tensor, modules: Iterator[nn.Module]) -> Tensor:
    """Apply the head of a level: normalization, activation, convolution."""
    h = activate(next(modules)(h))
    return next(modules)(h)


def _modules(config: NCSNppConfig) -> Iterator[nn.Module]:
    """Yield the modules in published order, which `NCSNpp.forward` follows."""
    embedded = config.nf
    if config.embedding_type == "fourier":
        yield FourierEmbedding(config.nf, config.fourier_scale)
        embedded = 2 * config.nf
    if config.conditional:
        yield from (dense(embedded, 4 * config.nf), dense(4 * config.nf, 4 * config.nf))
    yield conv(config.num_channels, config.nf)
    skips = [config.nf]
    yield from _down_modules(config, skips)
    middle = skips[-1]
    yield from (
        ResidualBlock(config, middle, middle),
        _attention(config, middle),
        ResidualBlock(config, middle, middle),
    )
    yield from _up_modules(config, skips)


def _down_modules(config: NCSNppConfig, skips: list[int]) -> Iterator[nn.Module]:
    pyramid, size = config.num_channels, config.image_size
    for level, mult in enumerate(config.ch_mult):
        channels = config.nf * mult
        for _ in range(config.num_res_blocks):
            yield ResidualBlock(config, skips[-1], channels)
            if size in config.attn_resolutions:
                yield _attention(config, channels)
            skips.append(channels)
        if level == len(config.ch_mult) - 1:
            return
        yield _resampler(config, channels, up=False)
        if config.progressive_input == "input_skip":
            yield Combine(pyramid, channels, method=config.progressive_combine)
            channels *= 2 if config.progressive_combine == "cat" else 1
        elif config.progressive_input == "residual":
            yield Resample(pyramid, channels, up=False, taps=config.taps, with_conv=True)
            pyramid = channels
        skips.append(channels)
        size //= 2


def _up_modules(config: NCSNppConfig, skips: list[int]) -> Iterator[nn.Module]:
    last, h = len(config.ch_mult) - 1, skips[-1]
    size, pyramid = config.image_size // 2**last, 0
    for level in reversed(range(last + 1)):
        channels = config.nf * config.ch_mult[level]
        for _ in range(config.num_res_blocks + 1):
            yield ResidualBlock(config, h + skips.pop(), channels)
            h = channels
        if size in config.attn_resolutions:
            yield _attention(config, h)
        if config.progressive == "output_skip":
            yield from (group_norm(h), conv(h, config.num_channels, scale=config.init_scale))
        elif config.progressive == "residual" and level == last:
            yield from (group_norm(h), conv(h, h))
            pyramid = h
        elif config.progressive == "residual":
            yield Resample(pyramid, h, up=True, taps=config.taps, with_conv=True)
            pyramid = h
        if level:
            yield _resampler(config, h, up=True)
        size *= 2
    if config.progressive != "output_skip":
        yield from (group_norm(h), conv(h, config.num_channels, scale=config.init_scale))


def _attention(config: NCSNppConfig, channels: int) -> Attention:
    return Attention(channels, skip_rescale=config.skip_rescale, init_scale=config.init_scale)


def _resampler(config: NCSNppConfig, channels: int, *, up: bool) -> nn.Module:
    if config.resblock_type == "biggan":
        return ResidualBlock(config, channels, channels, direction="up" if up else "down")
    return Resample(channels, channels, up=up, taps=config.taps, with_conv=config.resamp_with_conv)
