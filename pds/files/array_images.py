"""Images of any number of channels as .npy files that carry a text, as PNGs of pictures do.

The file holds two arrays one after the other, the image (C, H, W) float32 and the text as UTF-8
bytes: `numpy.load` returns the first.
"""

import io
import math
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray


def encode(image: NDArray[np.float32], text: str) -> bytes:
    """Encode an image (C, H, W) with a text, which `read_text` returns."""
    buffer = io.BytesIO()
    for array in (np.ascontiguousarray(image), np.frombuffer(text.encode(), np.uint8)):
        np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def read_text(path: Path) -> str | None:
    """Return the text of an image, "" if it has none, None if the file is incomplete."""
    try:
        with path.open("rb") as file:
            end = _end_of_image(file)
            size = file.seek(0, os.SEEK_END)
            if size <= end:
                return "" if size == end else None
            file.seek(end)
            return bytes(np.load(file, allow_pickle=False)).decode()
    except (OSError, ValueError, EOFError):
        return None


def _end_of_image(file: BinaryIO) -> int:
    """Return where the first array of a file ends, from its header."""
    npy.read_magic(file)
    shape, _, dtype = npy.read_array_header_1_0(file)
    return file.tell() + math.prod(shape) * dtype.itemsize
