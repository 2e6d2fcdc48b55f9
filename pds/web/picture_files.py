"""Picture files that browsers and programs send: decoded to one size, within a budget of pixels.

`pds.files.decoding` says how a file becomes pixels. Files that give no picture are skipped and
named.
"""

import base64
import binascii
import io
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pds.files import decoding
from pds.files.decoding import Fit
from pds.files.rasters import Budget
from pds.files.unread import Skipped, Unread
from pds.limits import MAX_SENT_PIXELS, MAX_SENT_PIXELS_TOGETHER


class Sent(NamedTuple):
    """The pictures of some files.

    pixels: (num_pictures, 3, size, size) in [0, 1].
    skipped: files that gave no picture.
    """

    pixels: NDArray[np.float32]
    skipped: list[Skipped]


def decode(files: Iterable[tuple[str, bytes]], fit: Fit) -> Sent:
    """Decode picture files, given by their names and contents."""
    pictures, skipped = [], []
    budget = Budget(MAX_SENT_PIXELS, MAX_SENT_PIXELS_TOGETHER)
    for name, content in files:
        try:
            pictures.append(decoding.decode(io.BytesIO(content), name, fit, budget))
        except Unread as unread:
            skipped.append(Skipped(name, unread.reason, unread.detail))
    empty = np.empty((0, fit.channels, fit.size, fit.size), np.float32)
    return Sent(np.stack(pictures) if pictures else empty, skipped)


def content_of(text: str) -> bytes:
    """Decode a file in base64, or a data URL of one.

    Raises:
        ValueError: if it is neither.
    """
    try:
        return base64.b64decode(text.rpartition(",")[2], validate=True)
    except binascii.Error:
        raise ValueError("no file in base64") from None
