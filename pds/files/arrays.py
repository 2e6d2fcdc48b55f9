"""One array out of a .npy file that nobody vouches for: its header is held to its size first.

A header is a few bytes and may claim anything: objects to unpickle, or more numbers than there is
memory. Nothing is allocated before the claim is seen to fit the file.
"""

import io
import math
import struct
import tokenize
import zipfile
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from pds.limits import quoted

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_DAMAGE = (
    ValueError,
    TypeError,
    EOFError,
    SyntaxError,
    RecursionError,
    MemoryError,
    struct.error,
    tokenize.TokenError,
)
"""What numpy's reader of headers is seen to raise on damaged ones."""


def read(file: BinaryIO, name: str, *, most: int | None = None) -> NDArray[np.generic]:
    """Read the only array of an open .npy file.

    Args:
        file: at its start; it can be sought in.
        name: what to call it where it is refused.
        most: numbers that it may hold, if there is a limit.

    Raises:
        ValueError: if it is no such file, or its header claims what it does not hold.
    """
    if zipfile.is_zipfile(file):
        raise ValueError(f"{name} is an archive of arrays; expected one array in a .npy file")
    shape, dtype = _claim(file, name)
    if dtype.hasobject:
        raise _unreadable(name, "it holds Python objects")
    count = math.prod(shape)
    if any(side < 0 for side in shape) or len(shape) > 32:
        raise _unreadable(name, f"it claims the shape {quoted(shape)}")
    if most is not None and count > most:
        raise ValueError(f"{name} claims {quoted(count)} numbers; at most {most:,} are taken")
    start, end = file.tell(), file.seek(0, io.SEEK_END)
    if count * dtype.itemsize > end - start:
        raise _unreadable(name, f"it claims {quoted(count)} numbers and holds fewer")
    file.seek(0)
    array = np.load(file, allow_pickle=False)
    assert isinstance(array, np.ndarray)
    return array


def _claim(file: BinaryIO, name: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Return the shape and dtype of the header, and leave the file after it."""
    try:
        file.seek(0)
        header = _HEADERS[npy.read_magic(file)]
        shape, _, dtype = header(file)
        return shape, dtype
    except KeyError as error:
        raise _unreadable(name, f"its version is {error}") from None
    except _DAMAGE as error:
        raise _unreadable(name, quoted(str(error))) from None


def _unreadable(name: str, why: str) -> ValueError:
    return ValueError(f"{name} is not a readable .npy file ({why}); save the array with numpy.save")
