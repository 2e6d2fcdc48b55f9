"""The portraits of a training run in 8 bits, rendered once and kept in a file."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from pds.files.writing import whole
from pds.portraits import portrait


def portrait_cache(folder: Path, num_images: int, *, size: int) -> NDArray[np.uint8]:
    """Return the portraits of seeds 0 to num_images - 1, (num_images, 3, size, size).

    The first call renders them on all cores into a file, which is mapped into memory.

    Raises:
        ValueError: if the file is damaged.
    """
    path = folder / f"portraits{size}.npy"
    if path.exists():
        try:
            # Copied on write: torch warns of memory that it must not write.
            images = np.load(path, mmap_mode="c", allow_pickle=False)
        except (ValueError, EOFError):
            raise ValueError(f"{path} is damaged; remove it to draw the portraits again") from None
        if images.shape == (num_images, 3, size, size):
            return images
    with whole(path) as partial:
        shape = (num_images, 3, size, size)
        images = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        first = 0
        for drawn in rendered(num_images, size=size):
            images[first : first + len(drawn)] = drawn
            first += len(drawn)
        images.flush()
    return np.load(path, mmap_mode="c")


def rendered(num_images: int, *, size: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the portraits of seeds 0 to num_images - 1 in batches, drawn on all cores."""
    parts = [range(i, min(i + 250, num_images)) for i in range(0, num_images, 250)]
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(_render, parts, itertools.repeat(size))
        yield from tqdm(drawn, total=len(parts), desc="portraits", unit_scale=250)


def pixels(images: Tensor) -> Tensor:
    """Return portraits in 8 bits, (B, 3, H, W), as float32 in [0, 1]."""
    return images.float() / 255


def _render(seeds: range, size: int) -> NDArray[np.uint8]:
    # Without torch: its threads do not survive the fork, and a worker would block on them.
    drawn = np.stack([portrait(seed, size=size) for seed in seeds])
    return np.rint(drawn * 255).astype(np.uint8)
