"""Pictures of a run: how a noisy state is shown, and how many states travel in one lossless PNG.

A state x = x0 + sigma z has pixels far outside [0, 1]. It is shown as

    view = 0.5 + (x_mean - 0.5) s / sqrt(s^2 + sigma^2),   clipped to [0, 1],

with s the standard deviation of the data, so that the picture keeps the data's contrast while it
emerges from the noise. The last state is shown as it is: the view is then clip(x_mean, 0, 1). Both
chains go through the same mapping.
"""

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Tiles = NDArray[np.uint8]
"""Images side by side, (num_tiles, H, W, C)."""

MOST_KEPT = 66
FEWEST_KEPT = 32
SHEET_PIXELS = 1_100_000
"""Kept steps of one run: between these counts, as many as fit into a sheet of so many pixels."""


def view(x_mean: NDArray[np.float32], *, sigma: float, data_std: float) -> Tiles:
    """Map states to 8-bit pixels.

    Args:
        x_mean: (B, C, H, W), in the units of the data, [0, 1] when clean.
        sigma: noise in x_mean, in the same units; 0 shows it as it is.
        data_std: standard deviation of the data, > 0.
    """
    contrast = data_std / math.hypot(data_std, sigma)
    shown = np.nan_to_num(0.5 + (x_mean - 0.5) * contrast, nan=0.5)
    pixels: Tiles = np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8)
    return pixels.transpose(0, 2, 3, 1)


def strip(tiles: Tiles) -> NDArray[np.uint8]:
    """Put tiles next to each other in one row, (H, num_tiles W, C)."""
    count, height, width, channels = tiles.shape
    return tiles.transpose(1, 0, 2, 3).reshape(height, count * width, channels)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode (H, W, 1 or 3) losslessly; noise does not compress, so little effort is spent."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def kept_steps(num_steps: int, pixels_per_step: int) -> list[int]:
    """Return the indices of the steps to keep: evenly spaced, the first and the last among them."""
    room = min(MOST_KEPT, max(FEWEST_KEPT, SHEET_PIXELS // pixels_per_step))
    count = min(num_steps, room)
    return sorted({round(i) for i in np.linspace(0, num_steps - 1, count).tolist()})
