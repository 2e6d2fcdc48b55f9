"""Picture files as arrays of the values that they store, at full depth and upright."""

import io
import lzma
import math
import struct
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from pds.files import netpbm, orientation, signatures
from pds.files.unread import Reason, Unread

PHOTOMETRIC, BITS, SUBFILE, DNG_VERSION, TILE_WIDTH, TILE_HEIGHT = 262, 258, 254, 50706, 322, 323
"""Numbers of TIFF tags."""

DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    Image.DecompressionBombError,
)
"""What is raised for damaged files, depending on where they are damaged: Pillow checks little
before it unpacks, indexes and computes with what a file says, and archives are read late."""

TOO_LARGE = Reason("image", " of too many pixels", "shrink {it} first")
LAB = Reason("image", " in Lab colors", "convert {it} to RGB")

_SWAPPED = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGBA;16B": "RGBA;16L"}
_SWAPPED |= {"RGBA;16L": "RGBA;16B", "RGB;16N": "RGB;16B", "RGBA;16N": "RGBA;16B"}
"""Pillow keeps the high bytes of 16-bit colors; read in the other byte order it keeps the low ones.
N is the order of the machine, little-endian on all that torch runs on."""

_GRAY_LEVELS = {"L;2": 85, "L;4": 17}
"""Factor to 8 bits from the values of gray PNG files of few bits, which name a transparent one."""


class Budget:
    """How many pixels may be decoded, spent as headers claim them.

    Args:
        each: pixels of one picture; 16-bit colors count twice.
        together: pixels of all pictures.
    """

    def __init__(self, each: int, together: float = math.inf) -> None:
        self._each, self._together, self._left = each, together, together

    def spend(self, pixels: int) -> None:
        """Take the pixels of a picture.

        Raises:
            Unread: if they are too many.
        """
        if pixels > self._each:
            raise Unread(TOO_LARGE, f"over {self._each:,}")
        if pixels > self._left:
            rest = f" beyond {self._together:,} pixels together"
            raise Unread(Reason("image", rest, "shrink the images first"))
        self._left -= pixels


@dataclass(frozen=True)
class Raster:
    """The values of a picture.

    values: (H, W, bands); gray or RGB, then opacity if `opacity`.
    white: the value of white, where black is 0; None if the file does not say.
    opacity: whether the last band is opacity, of the same scale.
    """

    values: NDArray[Any]
    white: float | None
    opacity: bool = False


def read(content: bytes, kind: str, *, least: int, budget: Budget) -> Raster:
    """Read the first picture of a file, turned upright.

    Args:
        content: of the file.
        kind: Pillow's name of its format.
        least: side in pixels; a JPEG may be decoded at a fraction of its size that is not smaller.
        budget: of pixels.

    Raises:
        Unread: for a file of a kind that is not read.
        Exception: one of `DAMAGE`, if the file is damaged.
    """
    if kind == "PPM" and content[:2] in netpbm.MAGICS:
        head = netpbm.header(content)
        budget.spend(head.width * head.height)
        return Raster(*netpbm.read(content))
    with warnings.catch_warnings():
        # Pillow warns of damaged tags and of large pictures; both are checked here.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        return _read(content, kind, least, budget)


def _read(content: bytes, kind: str, least: int, budget: Budget) -> Raster:
    with _open(content, kind) as picture:
        mode = _raw_mode(picture)
        deep = mode if mode in _SWAPPED or mode == "LA;16B" else ""
        pixels = picture.width * picture.height
        budget.spend(2 * pixels if deep else pixels)
        if kind == "TIFF":
            _require_plain_tiff(picture, budget)
        picture.draft(None, (least, least))
        picture.load()
        raster = _deep(content, kind, picture, deep) if deep else _shallow(picture, mode)
        if kind != "TIFF":
            turned = orientation.upright(raster.values, orientation.of_picture(picture))
            return Raster(turned, raster.white, raster.opacity)
    return raster


def _open(content: bytes, kind: str) -> ImageFile.ImageFile:
    try:
        picture = Image.open(io.BytesIO(content), formats=[kind])
    except Image.DecompressionBombError:
        raise Unread(TOO_LARGE) from None
    if kind == "TIFF":
        _keep_orientation_only(picture)
    return picture


def _keep_orientation_only(picture: Image.Image) -> None:
    """Remove other tags, which may be damaged: Pillow reads them to turn a TIFF as it loads it."""
    exif = picture.getexif()
    for tag in list(exif):
        if tag != orientation.TAG:
            del exif[tag]
    picture.info.pop("xmp", None)


def _require_plain_tiff(picture: ImageFile.ImageFile, budget: Budget) -> None:
    """Refuse raw files, whose first picture is a thumbnail, and tiles larger than any picture."""
    tags: Any = picture.tag_v2  # type: ignore[attr-defined]
    if DNG_VERSION in tags or tags.get(SUBFILE, 0) & 1:
        raise Unread(signatures.RAW)
    budget.spend(tags.get(TILE_WIDTH, 0) * tags.get(TILE_HEIGHT, 0))


def _raw_mode(picture: ImageFile.ImageFile) -> str:
    """Return Pillow's name of the order of bits in the file, "" if there are several."""
    if not picture.tile:
        return ""
    arguments = picture.tile[0].args
    first = arguments if isinstance(arguments, str) else (arguments or ("",))[0]
    return first if isinstance(first, str) else ""


def _deep(content: bytes, kind: str, high: ImageFile.ImageFile, mode: str) -> Raster:
    """Combine two readings of 8 bits into 16-bit colors."""
    # Gray and opacity of 16 bits are four bytes, as RGBA of 8 bits are.
    other = "RGBA" if mode == "LA;16B" else _SWAPPED[mode]
    with _open(content, kind) as picture:
        picture.tile = [tile._replace(args=_replaced(tile.args, other)) for tile in picture.tile]
        picture.load()
        low = np.asarray(picture)
    if mode == "LA;16B":
        values = low[..., 0::2].astype(np.uint16) << 8
        values |= low[..., 1::2]
        return Raster(values, 65535, opacity=True)
    values = np.asarray(high).astype(np.uint16) << 8
    values |= low
    key = high.info.get("transparency") if kind == "PNG" and high.mode == "RGB" else None
    if key is None:
        return Raster(values, 65535, opacity=high.mode == "RGBA")
    return _with_opacity(values, key, 65535)


def _replaced(arguments: Any, mode: str) -> Any:
    return mode if isinstance(arguments, str) else (mode, *arguments[1:])


def _shallow(picture: Image.Image, raw_mode: str) -> Raster:
    """Return the values that Pillow decoded; palettes, CMYK and others become 8-bit colors."""
    mode, key = picture.mode, picture.info.get("transparency")
    if mode == "LAB":
        raise Unread(LAB)
    if mode == "F":
        return Raster(np.asarray(picture)[..., None], None)
    if mode.startswith("I"):
        return _whole_numbers(picture, key)
    if mode in ("1", "L"):
        values = np.asarray(picture.convert("L"))[..., None]
        if isinstance(key, int):
            return _with_opacity(values, key * _GRAY_LEVELS.get(raw_mode, 1), 255)
        return Raster(values, 255)
    opacity = key is not None or mode in ("RGBA", "LA", "PA", "La", "RGBa")
    return Raster(np.asarray(picture.convert("RGBA" if opacity else "RGB")), 255, opacity)


def _whole_numbers(picture: Image.Image, key: Any) -> Raster:
    """Return values of 16 bits, or of 32, whose white is not known."""
    values = np.asarray(picture)[..., None]
    if picture.mode == "I":
        # Pillow scales text files of netpbm to 16 bits.
        return Raster(values, 65535 if picture.format == "PPM" else None)
    tags: Any = getattr(picture, "tag_v2", {})
    white = 2 ** min(tags.get(BITS, (16,))[0], 16) - 1
    if picture.format == "TIFF" and tags.get(PHOTOMETRIC) == 0:
        values = white - values
    return Raster(values, white) if key is None else _with_opacity(values, key, white)


def _with_opacity(values: NDArray[Any], key: Any, white: int) -> Raster:
    """Append the opacity of a picture in which one value is transparent."""
    clear = (values == np.asarray(key)).all(-1, keepdims=True)
    opacity = np.where(clear, 0, white).astype(values.dtype)
    return Raster(np.concatenate([values, opacity], -1), white, opacity=True)
