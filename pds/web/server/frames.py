"""The sheet of a run: its kept steps in one lossless PNG, and how many they are."""

import io
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Tiles = NDArray[np.uint8]
"""Images side by side, (num_tiles, H, W, C)."""

MOST_KEPT = 66
FEWEST_KEPT = 4
SHEET_PIXELS = 1_100_000
"""A run keeps as many steps as fit into SHEET_PIXELS, from FEWEST_KEPT to MOST_KEPT. Noise in color
takes 2.7 bytes a pixel as PNG and a third more in base64, so that such a sheet is about 4 MB; the
page scrubs through the live frames too."""
MOST_PIXELS = 4_200_000
"""No sheet is larger, however few steps it keeps."""


def strip(tiles: Tiles) -> NDArray[np.uint8]:
    """Put tiles next to each other in one row, (H, num_tiles W, C)."""
    count, height, width, channels = tiles.shape
    return tiles.transpose(1, 0, 2, 3).reshape(height, count * width, channels)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode (H, W, 1 or 3) losslessly; noise does not compress, so little effort is spent."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_HUFFMAN_ONLY)
    return buffer.getvalue()


def kept_steps(num_steps: int, pixels_per_step: int) -> list[int]:
    """Return the indices of the steps to keep: evenly spaced, the first and the last among them."""
    room = min(MOST_KEPT, max(FEWEST_KEPT, SHEET_PIXELS // pixels_per_step))
    count = min(num_steps, room, max(2, MOST_PIXELS // pixels_per_step))
    return sorted({round(i) for i in np.linspace(0, num_steps - 1, count).tolist()})
