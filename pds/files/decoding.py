"""From a picture file to pixels: the one way for the command line, the page and its endpoint.

- **Kind.** A file is what its first bytes say, whatever its name: PNG, JPEG, WebP, GIF, BMP, TIFF,
  netpbm and PFM, AVIF, JPEG 2000. Of an animation or a file of several pages, the first picture.
- **Orientation.** Pictures are turned upright by their EXIF orientation, which PNG, WebP and TIFF
  have too. Where the EXIF is damaged, the picture is taken as it is stored.
- **Depth.** White is the largest number of the depth: 1 for 1 bit, 255 for 8, 4095 for 12 and 65535
  for 16, gray or color, or the maximum of a netpbm file. Floats are taken as they are: black is 0,
  white is 1. Whole numbers of 32 bits and signed ones have no usual white. With a `value_range`
  (black, white), deeper pictures than 8 bits are scaled by it. What lies outside by more than
  `OVERSHOOT` of the range, or is NaN, is refused with its value; less is clipped.
- **Transparency** shows white, before anything is resized.
- **Color.** Gray and color become each other (luma .299 R + .587 G + .114 B); CMYK and palettes
  become RGB. ICC profiles and gamma are ignored: the numbers of a file are its pixels.
- **Size.** A square around the center is resized by Lanczos, in floats; of a large one, blocks are
  averaged first, to no less than `OVERSAMPLING` times the size. Smaller pictures lack the fine
  frequencies, so that they are refused unless they are to be enlarged.

A file that gives no picture raises `Unread`, with the kind of file and what to do.
"""

import math
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pds.files import rasters, signatures
from pds.files.rasters import Budget, Raster
from pds.files.unread import Reason, Unread
from pds.limits import MAX_PICTURE_BYTES, require_whole

Pixels = NDArray[np.float32]
"""One image, (C, size, size) in [0, 1]."""

OVERSHOOT = 1e-3
"""Part of the range of values by which resizing in floats, or rounding, may have left it."""
OVERSAMPLING = 4
"""Blocks are averaged to no less than this many times the size."""
LUMA = (0.299, 0.587, 0.114)
STRIP = 256
"""Rows of blocks that are averaged at a time."""

NOT_FINITE = Reason("image", " with values that are not numbers (NaN or infinite)")
UNSCALED = Reason("image", " whose black and white are not known", "{range}")
OUTSIDE = Reason("image", " with values outside the range of black and white", "{range}")


@dataclass(frozen=True)
class Fit:
    """How pictures become pixels.

    Args:
        size: height and width, >= 2.
        channels: 3 for color, 1 for gray.
        enlarge: whether smaller pictures are taken too.
        value_range: the values of black and white in pictures deeper than 8 bits, None for those
            that the module's docstring names.

    Raises:
        ValueError: if one is out of range.
    """

    size: int
    channels: int = 3
    enlarge: bool = False
    value_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        require_whole("the size of images", self.size, 2)
        if self.channels not in (1, 3):
            raise ValueError(f"images have 1 or 3 channels, got {self.channels}")
        if self.value_range is not None:
            black, white = self.value_range
            if not -math.inf < black < white < math.inf:
                raise ValueError(
                    "the range must be two finite values, first that of black and then the larger "
                    f"one of white, got {black:g} and {white:g}"
                )


def decode(file: IO[bytes], name: str, fit: Fit, budget: Budget) -> Pixels:
    """Decode a picture file.

    Args:
        file: open, at its beginning.
        name: of the file, to tell a camera's raw file.
        fit: size, channels and values.
        budget: of pixels.

    Raises:
        Unread: if it gives no picture.
    """
    kind = "image"
    try:
        head = file.read(signatures.HEAD)
        kind = signatures.picture_format(head, name)
        content = head + file.read(MAX_PICTURE_BYTES)
        if len(content) > MAX_PICTURE_BYTES:
            raise Unread(rasters.TOO_LARGE)
        least = OVERSAMPLING * fit.size
        return fitted(rasters.read(content, kind, least=least, budget=budget), fit)
    except Unread:
        raise
    except PermissionError:
        raise Unread(Reason("file", " that cannot be opened", "change its permissions")) from None
    except rasters.DAMAGE:
        advice = "save {it} again as PNG or JPEG"
        raise Unread(Reason(f"damaged or unusual {kind} file", advice=advice)) from None


def fitted(raster: Raster, fit: Fit) -> Pixels:
    """Crop, scale and resize the values of a picture.

    Raises:
        Unread: if it is smaller than requested, or has values outside the range.
    """
    height, width = raster.values.shape[:2]
    side = min(height, width)
    if side < fit.size and not fit.enlarge:
        raise Unread(Reason("image", f" smaller than {fit.size} px", "{enlarge}"))
    top, left = (height - side) // 2, (width - side) // 2
    values = raster.values[top : top + side, left : left + side]
    black, white = _range(raster, fit, values)
    num_colors = values.shape[-1] - raster.opacity
    opacity = values[..., -1] if raster.opacity else None
    planes = [
        _resized(values[..., color], opacity, black, white, fit.size) for color in range(num_colors)
    ]
    if num_colors == fit.channels:
        return np.stack(planes)
    if num_colors == 1:
        return np.stack(planes * fit.channels)
    gray = sum(share * plane for share, plane in zip(LUMA, planes, strict=True))
    return np.asarray(gray, np.float32)[None]


def _range(raster: Raster, fit: Fit, values: NDArray[Any]) -> tuple[float, float]:
    """Return the values of black and white; values outside are refused."""
    if fit.value_range is None or raster.white == 255:
        if raster.white is not None:
            return 0, raster.white
        if values.dtype.kind != "f":
            raise Unread(UNSCALED, _span(values))
        black, white = 0.0, 1.0
    else:
        black, white = fit.value_range
    require_range(values, black, white)
    return black, white


def require_range(values: NDArray[Any], black: float, white: float) -> None:
    """Refuse values outside a range, and NaN.

    Raises:
        Unread: with the smallest and the largest value.
    """
    margin = OVERSHOOT * (white - black)
    low, high = float(values.min()), float(values.max())
    if not math.isfinite(low + high):
        raise Unread(NOT_FINITE)
    if low < black - margin or high > white + margin:
        raise Unread(OUTSIDE, _span(values))


def _span(values: NDArray[Any]) -> str:
    return f"from {float(values.min()):g} to {float(values.max()):g}"


def _resized(
    values: NDArray[Any], opacity: NDArray[Any] | None, black: float, white: float, size: int
) -> Pixels:
    """Scale one color (side, side) to [0, 1] on white, and resize it."""
    side = len(values)
    factor = max(1, side // (OVERSAMPLING * size))
    starts = np.arange(0, side, factor)
    widths = np.diff(starts, append=side)
    rows = []
    for first in range(0, side, STRIP * factor):
        strip = slice(first, first + STRIP * factor)
        plane = _scaled(values[strip], black, white)
        if opacity is not None:
            seen = _scaled(opacity[strip], 0, white)
            plane = 1 + seen * (plane - 1)
        if factor > 1:
            plane = _block_means(plane, starts, widths)
        rows.append(plane)
    whole = np.concatenate(rows)
    if side == size:
        return whole
    part = side / factor
    image = Image.fromarray(whole).resize(
        (size, size), Image.Resampling.LANCZOS, box=(0, 0, part, part)
    )
    return np.clip(np.asarray(image), 0, 1)


def _scaled(values: NDArray[Any], black: float, white: float) -> Pixels:
    floats = values.astype(np.float32)
    if black:
        floats -= np.float32(black)
    if white - black != 1:
        floats /= np.float32(white - black)
    return np.clip(floats, 0, 1, out=floats)


def _block_means(plane: Pixels, starts: NDArray[Any], widths: NDArray[Any]) -> Pixels:
    """Average blocks of a strip; those at the right and lower edge may be smaller."""
    own = starts[starts < len(plane)]
    heights = np.diff(own, append=len(plane))
    sums = np.add.reduceat(np.add.reduceat(plane, own, 0), starts, 1)
    means: Pixels = sums / (heights[:, None] * widths).astype(np.float32)
    return means
