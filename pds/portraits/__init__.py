"""Portraits: a procedural data set of drawn faces, one for each integer.

A portrait is a function of its seed alone: the traits of a person are drawn at random, painted back
to front (wall, hair behind, clothes, neck, face, features, hair in front) and lit from one side.
There are two paintings of each person. The small one is averaged down to 32 or 64 pixels, the
detailed one to 128 or kept at 256. Hair, cloth, skin and wall have texture up to the highest
frequencies, which the grain of a sampler with too few iterations adds to.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pds.limits import require_whole
from pds.portraits.canvas import Canvas
from pds.portraits.detail import paint_detailed
from pds.portraits.painting import paint
from pds.portraits.person import Person, draw_person

SIZES = (32, 64, 128, 256)
DETAILED = 128
"""The least size of the detailed painting."""

Painter = Callable[[Person, np.random.Generator], Canvas]


def portrait(seed: int, *, size: int = 32) -> NDArray[np.float32]:
    """Return the portrait of a seed, (3, size, size) in [0, 1].

    The shipped weights were trained on these pixels: a change of the pixels needs new weights.

    Args:
        seed: of the person, >= 0.
        size: 32, 64, 128 or 256; the same person in finer detail.

    Raises:
        ValueError: if the size is not one of these, or the seed is negative.
    """
    return portrait_at(seed, (size,))[0]


def portrait_at(seed: int, sizes: Sequence[int]) -> list[NDArray[np.float32]]:
    """Return the portrait of a seed at several sizes, each as `portrait` does.

    32 and 64 are averaged from one painting, 128 and 256 from another, so that two sizes of a
    painting cost little more than one.

    Raises:
        ValueError: as `portrait` does.
    """
    for size in sizes:
        if size not in SIZES:
            raise ValueError(f"portraits are drawn at 32, 64, 128 or 256 pixels, got {size}")
    seed = require_whole("the seed of a portrait", seed, 0)

    def painted(painter: Painter) -> Canvas:
        rng = np.random.Generator(np.random.PCG64(seed))
        return painter(draw_person(rng), rng)

    paintings = {painter: painted(painter) for painter in {_painter(size) for size in sizes}}
    return [paintings[_painter(size)].reduced(size) for size in sizes]


def _painter(size: int) -> Painter:
    return paint if size < DETAILED else paint_detailed


def portraits(seeds: Iterable[int], *, size: int = 32) -> Tensor:
    """Return the portraits of several seeds, (B, 3, size, size) float32 in [0, 1].

    Raises:
        ValueError: as `portrait` does.
    """
    drawn = [torch.from_numpy(portrait(seed, size=size)) for seed in seeds]
    return torch.stack(drawn) if drawn else torch.empty(0, 3, size, size)
