"""The filter in a step, x + e M M' g + c M z, against nested complex transforms.

    drift = Re F^-1[ r F[ a^2 F^-1[ r F g ]]],   noise = Re F^-1[ r F[ a z ]],   a = 1
    x + e drift + c noise, e and c for each image

Source: H. Ma et al., ECCV 2022 (the nested form, with six complex transforms).
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from pds.bench.rows import Row, at_least
from pds.bench.subjects import natural_filter
from pds.bench.timing import Effort, Work, versus
from pds.models import default_device
from pds.preconditioners import FrequencyFilter

BATCH = 4
SIZES = (32, 64, 256, 512, 1024)


def rows(effort: Effort) -> Iterator[Row]:
    """Yield a row for each size, without 1024 px in a quick run."""
    for size in SIZES[:-1] if effort.quick else SIZES:
        faster = versus(*_contenders(size), effort)
        target = at_least(2.2 if size <= 64 else 4)
        yield Row(f"filter, {size} px", "nested complex FFTs / ours", faster, target)


class Problem(NamedTuple):
    """The operands of a step: images x, drift g and noise z with their factors e and c."""

    x: Tensor
    g: Tensor
    z: Tensor
    e: Tensor
    c: Tensor


def problem(size: int) -> Problem:
    """Return random images and factors."""
    generator = torch.Generator().manual_seed(0)
    images = (torch.randn(BATCH, 3, size, size, generator=generator) for _ in range(3))
    factors = (torch.rand(BATCH, 1, 1, 1, generator=generator) for _ in range(2))
    return Problem(*(v.to(default_device()) for v in (*images, *factors)))


def ours(m: FrequencyFilter, at: Problem) -> Tensor:
    """Return x + e M M' g + c M z as the kernels do."""
    return m.move(at.g, at.z).add(at.x, at.e, at.c)


def nested(r: Tensor, a: Tensor, at: Problem) -> Tensor:
    """Return the same by six complex transforms, as in the equation."""
    fft, inverse = torch.fft.fft2, torch.fft.ifft2
    drift = inverse(r * fft(a**2 * inverse(r * fft(at.g)))).real
    noise = inverse(r * fft(a * at.z)).real
    return at.x + at.e * drift + at.c * noise


def _contenders(size: int) -> tuple[Work, Work]:
    m, at = natural_filter(size), problem(size)
    ones = torch.ones_like(m.gain)
    return lambda: nested(m.gain, ones, at), lambda: ours(m, at)
