"""The filter, M M' g and M z together, against nested complex transforms.

    drift = Re F^-1[ r F[ a^2 F^-1[ r F g ]]],   noise = Re F^-1[ r F[ a z ]],   a = 1

Source: the nested form is how H. Ma et al., ECCV 2022, put it; six complex transforms.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pds.bench.models import natural_filter
from pds.bench.rows import Row, at_least
from pds.bench.timing import Effort, Work, versus
from pds.experiments import DEVICE
from pds.preconditioners import FrequencyFilter

BATCH = 4
SIZES = (32, 64, 256, 512, 1024)


def rows(effort: Effort) -> Iterator[Row]:
    """Yield a row for each size, without 1024 px where it has to be quick."""
    for size in SIZES[:-1] if effort.quick else SIZES:
        faster = versus(*_contenders(size), effort)
        target = at_least(2.2 if size <= 64 else 4)
        yield Row(f"filter, {size} px", "nested complex FFTs / ours", faster, target)


def _contenders(size: int) -> tuple[Work, Work]:
    m = natural_filter(size)
    generator = torch.Generator().manual_seed(0)
    shape = (BATCH, 3, size, size)
    g, z = (torch.randn(shape, generator=generator).to(DEVICE) for _ in range(2))
    ones = torch.ones_like(m.gain)
    return lambda: nested(m.gain, ones, g, z), lambda: ours(m, g, z)


def ours(m: FrequencyFilter, g: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return M M' g and M z."""
    return m.drift(g), m.apply(z)


def nested(r: Tensor, a: Tensor, g: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same, transform by transform as the equation reads."""
    fft, inverse = torch.fft.fft2, torch.fft.ifft2
    drift = inverse(r * fft(a**2 * inverse(r * fft(g)))).real
    noise = inverse(r * fft(a * z)).real
    return drift, noise
