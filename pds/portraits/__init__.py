"""Portraits: a procedural data set of drawn faces, one for each integer.

A portrait is a function of its seed alone: the traits of a person are drawn at random, painted back
to front (wall, hair behind, clothes, neck, face, features, hair in front), lit from one side, and
averaged down to 32 or 64 pixels. Hair, cloth, skin and wall have texture up to the highest
frequencies, which the grain of a sampler with too few iterations adds to.
"""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pds.limits import require_whole
from pds.portraits.painting import paint
from pds.portraits.person import draw_person

SIZES = (32, 64)


def portrait(seed: int, *, size: int = 32) -> NDArray[np.float32]:
    """Return the portrait of a seed, (3, size, size) in [0, 1].

    The shipped weights were trained on these pixels: a change of the pixels needs new weights.

    Args:
        seed: of the person, >= 0.
        size: 32, or 64 for the same person with finer detail.

    Raises:
        ValueError: if the size is neither 32 nor 64, or the seed is negative.
    """
    if size not in SIZES:
        raise ValueError(f"portraits are drawn at 32 or 64 pixels, got {size}")
    seed = require_whole("the seed of a portrait", seed, 0)
    rng = np.random.Generator(np.random.PCG64(seed))
    return paint(draw_person(rng), rng).reduced(size)


def portraits(seeds: Iterable[int], *, size: int = 32) -> Tensor:
    """Return the portraits of several seeds, (B, 3, size, size) float32 in [0, 1].

    Raises:
        ValueError: as `portrait` does.
    """
    drawn = [torch.from_numpy(portrait(seed, size=size)) for seed in seeds]
    return torch.stack(drawn) if drawn else torch.empty(0, 3, size, size)
