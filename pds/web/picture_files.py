"""Picture files that programs send: decoded to one size, within a budget of pixels."""

import base64
import binascii
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pds.limits import (
    MAX_PICTURE_CHARACTERS,
    MAX_SENT_PIXELS,
    MAX_SENT_PIXELS_TOGETHER,
    SENT_FORMATS,
)

Pixels = NDArray[np.float32]


def decode(files: Sequence[object], size: int) -> Pixels:
    """Decode picture files, (num_pictures, 3, size, size) in [0, 1].

    Args:
        files: in base64, or data URLs of them.
        size: side in pixels that they are cropped and shrunk to.

    Raises:
        ValueError: for a file that is not a picture, and for too many pixels.
    """
    pictures, budget = [], MAX_SENT_PIXELS_TOGETHER
    for number, file in enumerate(files):
        picture, num_pixels = _decode(file, number, size, budget)
        pictures.append(picture)
        budget -= num_pixels
    return np.stack(pictures)


def _decode(file: object, number: int, size: int, budget: int) -> tuple[Pixels, int]:
    """Decode a picture after a check of its size, and return it with its number of pixels."""
    unreadable = ValueError(
        f"picture {number} is not one that can be read: PNG, JPEG or WebP in base64"
    )
    over_budget = ValueError(
        f"the pictures have over {MAX_SENT_PIXELS_TOGETHER:,} pixels together; shrink them first"
    )
    if not isinstance(file, str) or len(file) > MAX_PICTURE_CHARACTERS:
        raise unreadable
    try:
        content = base64.b64decode(file.rpartition(",")[2], validate=True)
        with Image.open(io.BytesIO(content), formats=SENT_FORMATS) as opened:
            num_pixels = opened.width * opened.height
            if num_pixels > MAX_SENT_PIXELS:
                raise unreadable
            if num_pixels > budget:
                raise over_budget
            opened.draft("RGB", (2 * size, 2 * size))
            fitted = ImageOps.fit(opened.convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    except (
        binascii.Error,
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:
        raise (over_budget if error is over_budget else unreadable) from None
    pixels = np.asarray(fitted).astype(np.float32).transpose(2, 0, 1) / np.float32(255)
    return pixels, num_pixels
