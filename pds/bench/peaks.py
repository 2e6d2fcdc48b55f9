"""The peak rates of the machine: matrix products and 3 x 3 convolutions of several sizes."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from pds.bench import subjects
from pds.bench.timing import Effort, Measurement, Work, alternate, median_and_range
from pds.models import default_device

PRODUCTS = (512, 1024, 2048)
PRODUCTS_ON_GPU = (2048, 4096, 8192)
CONVOLUTIONS = ((8, 128, 64), (8, 256, 32), (16, 512, 16))
"""Batch, channels in and out, size."""
CONVOLUTIONS_ON_GPU = ((16, 128, 128), (32, 256, 64), (64, 512, 32))


class Peaks(NamedTuple):
    """The best rates in FLOP/s, float32 as the process has it set."""

    matmul: Measurement
    convolution: Measurement


def measured_peaks(effort: Effort) -> Peaks:
    """Measure both peaks now, in this process."""
    return Peaks(_best(_products(effort), effort), _best(_convolutions(effort), effort))


def _best(works: Iterator[Work], effort: Effort) -> Measurement:
    return max((_rate(work, effort) for work in works), key=lambda rate: rate.median)


@torch.no_grad()
def _rate(work: Work, effort: Effort) -> Measurement:
    with FlopCounterMode(display=False) as counter:
        work()
    return median_and_range(*alternate([work], effort)).per(counter.get_total_flops(), "FLOP/s")


def _products(effort: Effort) -> Iterator[Work]:
    sizes = PRODUCTS_ON_GPU if subjects.ON_GPU else PRODUCTS
    for size in sizes[:1] if effort.quick else sizes:
        a, b = (torch.randn(size, size, device=default_device()) for _ in range(2))
        yield lambda a=a, b=b: a @ b  # type: ignore[misc]


def _convolutions(effort: Effort) -> Iterator[Work]:
    shapes = CONVOLUTIONS_ON_GPU if subjects.ON_GPU else CONVOLUTIONS
    for count, channels, size in shapes[:1] if effort.quick else shapes:
        x = torch.randn(count, channels, size, size, device=default_device())
        weight = torch.randn(channels, channels, 3, 3, device=default_device())
        for layout in (torch.contiguous_format, torch.channels_last):
            at, w = x.to(memory_format=layout), weight.to(memory_format=layout)
            yield lambda x=at, w=w: F.conv2d(x, w, padding=1)  # type: ignore[misc]
