"""The orientation of a picture in its EXIF, however damaged the rest of that is.

Pillow reads all tags to write them again, and stops at the first damaged one. This module reads
only the orientation, from the first directory.
"""

import struct
from typing import Any

from numpy.typing import NDArray
from PIL import Image

UPRIGHT = 1
TAG, SHORT = 0x0112, 3
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


def of_picture(picture: Image.Image) -> int:
    """Return the orientation of an open picture, 1 to 8."""
    block = picture.info.get("exif")
    if block is None:
        # ImageMagick's way to keep an EXIF in a PNG: hexadecimal, after three lines.
        lines = str(picture.info.get("Raw profile type exif", "")).split("\n")[3:]
        try:
            block = bytes.fromhex("".join(lines))
        except ValueError:
            return UPRIGHT
    return of_exif(block) if isinstance(block, bytes) else UPRIGHT


def of_exif(block: bytes) -> int:
    """Return the orientation of an EXIF block, 1 to 8; 1 where it has none."""
    block = block.removeprefix(b"Exif\0\0")
    order = _ORDERS.get(block[:4])
    if order is None:
        return UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, length, value = struct.unpack_from(f"{order}HHIH", block, entry)
            if tag == TAG:
                return value if (kind, length) == (SHORT, 1) and 1 <= value <= 8 else UPRIGHT
    except struct.error:
        return UPRIGHT
    return UPRIGHT


def upright(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn an array (H, W, bands) upright."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values
