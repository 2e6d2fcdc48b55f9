"""Array files of images: the order of their axes, and the values of black and white.

- (B, H, W, C) and (B, C, H, W) with 1, 3 or 4 channels (the fourth is opacity), (B, H, W) gray, and
  (H, W, 3 or 4), one image. Where both orders fit, the channels are last.
- Floats are in [0, 1]; whole numbers up to 255 are of 8 bits, and larger ones of uint16 are of 16
  bits. Ambiguous values are refused with their range, unless the values of black and white are
  given: floats in [-1, 1] or up to 255, whole numbers 0 and 1, 16-bit ones up to 4095, and signed
  ones.

A .npy file is mapped and read image by image, so that it may be larger than memory.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pds.files import arrays
from pds.files.decoding import OVERSHOOT
from pds.files.rasters import DAMAGE, Raster

SUFFIXES = (".npy", ".npz")
CHUNK = 1 << 24
"""Numbers that are searched for the smallest and largest at a time."""
TWELVE_BITS = 4095
MAX_LISTED = 8
"""Arrays of a .npz file that a sentence names."""

Range = tuple[float, float]


class ImageArray(NamedTuple):
    """Images as an array, and the values of black and white.

    values: (B, H, W, C).
    """

    values: NDArray[Any]
    black: float
    white: float

    def rasters(self) -> Iterator[Raster]:
        """Yield the images with their values from 0 to white - black."""
        for image in self.values:
            values = image.astype(np.float32) - np.float32(self.black)
            if image.shape[-1] == 4:
                # Opacity is of the same range.
                yield Raster(values, self.white - self.black, opacity=True)
            else:
                yield Raster(values, self.white - self.black)


def open_array(path: Path, key: str | None, value_range: Range | None) -> ImageArray:
    """Open an array file.

    Args:
        path: .npy or .npz.
        key: name of the array in a .npz file; may be None if there is one, or one named images.
        value_range: values of black and white, None for those of the module's docstring.

    Raises:
        ValueError: if it is damaged, or no array of images, or its range is not known.
    """
    images = _channels_last(path, _opened(path, key))
    if not images.size:
        raise ValueError(f"{path} holds no image: its shape is {images.shape}")
    if images.dtype.kind == "b":
        return ImageArray(images, 0, 1)
    if images.dtype.kind not in "fui":
        raise ValueError(
            f"{path} must hold whole numbers from 0 to 255, or floats in [0, 1], got dtype "
            f"{images.dtype}"
        )
    low, high = _extremes(images)
    if not np.isfinite([low, high]).all():
        raise ValueError(
            f"{path} holds floats outside [0, 1]: NaN or infinite ones; remove the images with them"
        )
    if value_range is None:
        return ImageArray(images, 0, _white(path, images.dtype, low, high))
    black, white = value_range
    margin = OVERSHOOT * (white - black)
    if low < black - margin or high > white + margin:
        raise ValueError(
            f"{path} holds values from {low:g} to {high:g}, outside the range {black:g} to "
            f"{white:g}"
        )
    return ImageArray(images, black, white)


def _white(path: Path, dtype: np.dtype[Any], low: float, high: float) -> float:
    """Return the value of white where black is 0."""
    span = f"from {low:.9g} to {high:.9g}"
    if dtype.kind == "f":
        if -OVERSHOOT <= low and high <= 1 + OVERSHOOT:
            return 1
        likely = "-1 1" if -1 <= low and high <= 1 else "0 255" if 0 <= low and high <= 255 else ""
        advice = f"pass --range {likely}" if likely else "scale them, or pass --range BLACK WHITE"
        raise ValueError(f"{path} holds floats outside [0, 1], {span}; {advice}")
    if low >= 0 and 1 < high <= 255:
        return 255
    if dtype == np.uint16 and high > TWELVE_BITS:
        return 65535
    if low == 0 and high == 0:
        return 255
    likely = "0 1" if low >= 0 and high <= 1 else "BLACK WHITE, such as --range 0 4095"
    raise ValueError(
        f"{path} holds {dtype} numbers {span}; expected whole numbers from 0 to 255, or uint16 up "
        f"to 65535; if they mean something else, pass --range {likely}"
    )


def _extremes(images: NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest value, NaN if there is one, within bounded memory."""
    step = max(1, CHUNK // images[0].size)
    parts = [images[i : i + step] for i in range(0, len(images), step)]
    return (
        float(np.min([part.min() for part in parts])),
        float(np.max([part.max() for part in parts])),
    )


def _channels_last(path: Path, images: NDArray[Any]) -> NDArray[Any]:
    shape = images.shape
    if images.ndim == 3:
        return images[None] if shape[-1] in (3, 4) else images[..., None]
    if images.ndim == 4:
        if shape[-1] in (1, 3):
            return images
        if shape[1] in (1, 3):
            return np.moveaxis(images, 1, -1)
        if shape[-1] == 4:
            return images
        if shape[1] == 4:
            return np.moveaxis(images, 1, -1)
    raise ValueError(
        f"{path} has shape {shape}; expected images (B, H, W, 3), (B, 3, H, W) or (B, H, W)"
    )


def _opened(path: Path, key: str | None) -> NDArray[Any]:
    """Map a .npy file, or load an array of a .npz file."""
    loaded = _read(path, lambda: np.load(path, mmap_mode="r", allow_pickle=False))
    if not isinstance(loaded, np.ndarray):
        with loaded:
            chosen = _key(path, loaded.files, key)
            return np.asarray(_read(path, lambda: loaded[chosen]))
    if key is not None:
        raise ValueError(f"{path} is one array, without the key {key}; keys are of .npz files")
    return loaded


def _read(path: Path, reading: Callable[[], Any]) -> Any:
    """Read a file by numpy; its errors become one sentence."""
    try:
        return reading()
    except MemoryError:
        raise ValueError(f"{path} is too large for the memory; save it as .npy") from None
    except DAMAGE as error:
        # numpy takes all that it does not know for a pickle.
        pickled = "pickle" in str(error) or "Object" in str(error) or "objects" in str(error)
        why = "Python objects, or no array; save numbers with numpy.save" if pickled else error
        raise ValueError(f"{path} is not a readable array file ({why})") from None


def _key(path: Path, names: Sequence[str], key: str | None) -> str:
    """Choose an array of a .npz file."""
    if key is None and len(names) == 1:
        return names[0]
    chosen = "images" if key is None else key
    if chosen in names:
        return chosen
    shapes = _read(path, lambda: arrays.npz_shapes(path))
    listing = ", ".join(f"{name} {shape}" for name, shape in list(shapes.items())[:MAX_LISTED])
    more = f" and {len(shapes) - MAX_LISTED} more" if len(shapes) > MAX_LISTED else ""
    found = f"it holds {listing}{more}" if names else "it holds nothing"
    wanted = "one array or one named images" if key is None else key
    raise ValueError(f"{path}: expected {wanted}; {found}; name the images with --key")
