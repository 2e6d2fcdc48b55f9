"""Binary netpbm pictures (PGM, PPM) and float ones (PFM), of any maximum and at full depth."""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAGICS = (b"P5", b"P6", b"Pf", b"PF")
"""First bytes of the formats that are read here; Pillow reads the others."""

_GAP = rb"(?:\s|#[^\n]*\n)++"
_HEADER = re.compile(
    rb"(P[56fF])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(-?\d{1,9}\.?\d{0,9})\s"
)


class Header(NamedTuple):
    """The header of a file: its magic, size, and the value of white (or the byte order)."""

    magic: bytes
    width: int
    height: int
    scale: float
    length: int


def header(content: bytes) -> Header:
    """Read the header.

    Raises:
        ValueError: if it is damaged.
    """
    found = _HEADER.match(content)
    if found is None:
        raise ValueError("no header of a netpbm image")
    magic, width, height, scale = found.groups()
    return Header(magic, int(width), int(height), float(scale), found.end())


def read(content: bytes) -> tuple[NDArray[np.generic], float | None]:
    """Read the values, (H, W, 1 or 3), and the value of white, None for floats.

    Raises:
        ValueError: if the file is damaged.
    """
    magic, width, height, scale, start = header(content)
    bands = 3 if magic in (b"P6", b"PF") else 1
    count = width * height * bands
    if min(width, height) < 1:
        raise ValueError("a side without pixels")
    if magic in (b"Pf", b"PF"):
        order = "<" if scale < 0 else ">"
        floats = np.frombuffer(content, f"{order}f4", count, start)
        return floats.reshape(height, width, bands)[::-1], None
    if not 1 <= scale <= 65535:
        raise ValueError("no maximum from 1 to 65,535")
    values = np.frombuffer(content, "u1" if scale < 256 else ">u2", count, start)
    return values.reshape(height, width, bands), scale
