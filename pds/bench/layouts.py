"""What the layers between the convolutions cost on a GPU: group norms and resampling.

torch's group norm returns channels first on a GPU, so that the next convolution converts its
input; `pds.scores.ncsnpp.normalization` keeps channels last for large images. Resampling with a
FIR filter is a depthwise convolution; along one axis after the other it would be two products,

    y = M x M^T    for every channel, with M (n, 2 n) or (2 n, n) from the filter's taps
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from pds.bench import subjects
from pds.bench.precision import largest_difference
from pds.bench.rows import Row, guarded, skipped
from pds.bench.timing import Effort, versus
from pds.models import default_device
from pds.portraits.trainer import ARCHITECTURES
from pds.scores.ncsnpp import NetworkScore, normalization
from pds.scores.ncsnpp.resampling import fir_down, fir_up

T = TypeVar("T")
ONLY_GPU = "torch's group norm keeps channels last on a CPU"
TAPS = (1, 3, 3, 1)


def rows(effort: Effort) -> Iterator[Row]:
    """Yield torch's group norm / channels last, and FIR convolution / products of matrices."""
    if not subjects.ON_GPU:
        yield skipped("layouts", "torch's group norm / channels last", ONLY_GPU)
    else:
        for name, images in (("ffhq", 1), ("church", 8)):
            size, nf = (128, 4) if effort.quick else (None, None)
            card = subjects.card(f"{name}_ncsnpp_continuous", size=size, nf=nf)
            title = f"layouts, {name} {card.network.image_size} px, batch {images}"
            score = subjects.with_random_weights(card)
            yield from guarded(title, _call_rows(title, score, images, effort))
        size, batch = (64, 2) if effort.quick else (256, 32)
        title = f"layouts, portraits {size} px, batch {batch}, bf16"
        yield from guarded(title, _training_rows(title, size, batch, effort))
    for channels, size in ((16, 64), (128, 16)) if effort.quick else ((16, 1024), (128, 256)):
        title = f"layouts, FIR filter, {channels} channels, {size} px"
        yield from guarded(title, _resampling_rows(title, channels, size, effort))


def _call_rows(title: str, score: NetworkScore, images: int, effort: Effort) -> Iterator[Row]:
    inputs = subjects.batch(score, images)
    call = partial(torch.no_grad()(score), *inputs)
    off = largest_difference(call(), torchs_group_norm(call))
    yield Row(
        title,
        "a network call: with torch's group norm / channels last",
        versus(partial(torchs_group_norm, call), call, effort),
        note=f"differ by {off:.1e} of the largest score",
    )


def _training_rows(title: str, size: int, batch: int, effort: Effort) -> Iterator[Row]:
    card = subjects.embedded_network().card
    nf, ch_mult = ARCHITECTURES[256]
    network = replace(card.network, image_size=size, nf=nf, ch_mult=ch_mult)
    card = replace(card, network=network)
    score = subjects.with_random_weights(card).train().requires_grad_(True)
    step = partial(gradients, score, *subjects.batch(score, batch))
    gain = versus(partial(torchs_group_norm, step), step, effort)
    yield Row(title, "gradients: with torch's group norm / channels last", gain)


def gradients(score: NetworkScore, x: Tensor, t: Tensor) -> None:
    """Compute and drop the gradients of a loss, the network in bfloat16 as in training."""
    with torch.autocast(x.device.type, torch.bfloat16):
        loss = score.denoise(x, t[:, None, None, None]).square().mean()
    torch.autograd.grad(loss, [p for p in score.parameters() if p.requires_grad])


def _resampling_rows(title: str, channels: int, size: int, effort: Effort) -> Iterator[Row]:
    x = torch.randn(1, channels, size, size, generator=torch.Generator().manual_seed(0))
    x = x.to(default_device(), memory_format=torch.channels_last)
    for name, resample in (("halve", fir_down), ("double", fir_up)):
        m = one_axis(size, up=name == "double").to(x)
        convolve, multiply = partial(resample, x, TAPS), partial(by_products, x, m)
        off = largest_difference(multiply(), convolve())
        yield Row(
            title,
            f"{name} by a depthwise convolution / by products of matrices",
            versus(torch.no_grad()(convolve), torch.no_grad()(multiply), effort),
            note=f"differ by {off:.1e} of the largest value",
        )


def one_axis(size: int, *, up: bool) -> Tensor:
    """Return the matrix (out, size) that resamples a line of pixels by 2."""
    k, m = [tap / sum(TAPS) for tap in TAPS], torch.zeros(size // 2, size)
    for i in range(size // 2):
        for j in range(4):
            if 0 <= (at := 2 * i + j - 1) < size:
                m[i, at] = k[3 - j]
    # With a symmetric filter, doubling is the transpose of halving twice as many pixels, times 2.
    return 2 * one_axis(2 * size, up=False).T.contiguous() if up else m


def by_products(x: Tensor, m: Tensor) -> Tensor:
    """Return m x m^T for every channel of x (B, C, H, W) in channels-last layout, m (out, H)."""
    rows = x.movedim(1, -1)
    batch, height, width, channels = rows.shape
    down = torch.bmm(m.expand(batch, -1, -1), rows.reshape(batch, height, -1))
    lines = down.reshape(-1, width, channels)
    out = torch.bmm(m.expand(len(lines), -1, -1), lines)
    return out.reshape(batch, len(m), len(m), channels).movedim(-1, 1)


@contextmanager
def _torchs() -> Iterator[None]:
    kept, normalization.LARGE = normalization.LARGE, sys.maxsize
    try:
        yield
    finally:
        normalization.LARGE = kept


@_torchs()
def torchs_group_norm(work: Callable[[], T]) -> T:
    """Return work() with torch's group norm for images of every size."""
    return work()
