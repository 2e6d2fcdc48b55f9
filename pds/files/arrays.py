"""Arrays in .npy and .npz files. An untrusted .npy file is checked before memory is allocated.

The header of a .npy file is a few bytes and may claim anything: objects to unpickle, or more
numbers than fit in memory. `read_npy` compares shape and dtype of the header with the size of the
file first.
"""

import io
import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import ArrayLike, NDArray

from pds.files import signatures
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
"""What numpy raises for damaged headers, depending on where they are damaged."""


def to_npy(array: NDArray[np.generic]) -> bytes:
    """Encode an array as .npy."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def to_npz(**arrays: ArrayLike) -> bytes:
    """Encode named arrays as .npz."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def to_compressed_npz(**arrays: ArrayLike) -> bytes:
    """Encode named arrays as .npz of less size; for arrays that repeat themselves."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read the named arrays of a .npz file that this project wrote.

    Raises:
        ValueError: if the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (*_DAMAGE, KeyError, NotImplementedError, zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it and run again") from None


def npz_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays of a .npz file from their headers.

    Raises:
        ValueError: if one is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        shapes = {}
        for name in names:
            with archive.open(name) as file:
                shapes[name.removesuffix(".npy")] = _claim(file, name)[0]
    return shapes


def read_npy(file: BinaryIO, name: str, *, most: int | None = None) -> NDArray[np.generic]:
    """Read an untrusted .npy file.

    Args:
        file: open and seekable.
        name: of the file in error messages.
        most: largest number of elements, None for no limit.

    Raises:
        ValueError: if it is not a .npy file, or its header does not fit its size.
    """
    _require_npy(file, name)
    shape, dtype = _claim(file, name)
    if dtype.hasobject:
        raise _unreadable(name, "it holds Python objects")
    count = math.prod(shape)
    if any(side < 0 for side in shape) or len(shape) > 32:
        raise _unreadable(name, f"it claims the shape {quoted(shape)}")
    if most is not None and count > most:
        raise ValueError(f"{name} claims {quoted(count)} numbers; at most {most:,} are accepted")
    start, end = file.tell(), file.seek(0, io.SEEK_END)
    if count * dtype.itemsize > end - start:
        raise _unreadable(name, f"it claims {quoted(count)} numbers and holds fewer")
    file.seek(0)
    array = np.load(file, allow_pickle=False)
    assert isinstance(array, np.ndarray)
    return array


def _require_npy(file: BinaryIO, name: str) -> None:
    """Refuse other kinds of files by their name."""
    if zipfile.is_zipfile(file):
        kind = "an archive, such as numpy.savez and torch.save write"
        raise ValueError(f"{name} is {kind}; expected one array, as numpy.save writes it")
    file.seek(0)
    head = file.read(signatures.HEAD)
    if not head.startswith(npy.MAGIC_PREFIX):
        raise _unreadable(name, f"it is {signatures.describe_file(head)}")


def _claim(file: IO[bytes], name: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Read shape and dtype from the header; the file is left at the end of the header."""
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
