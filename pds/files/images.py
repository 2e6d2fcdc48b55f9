"""A user's images, from a folder or an array file, one batch at a time.

A picture is rotated by its EXIF orientation, cropped around its center to a square, and resized
(Lanczos) unless it has the requested size. Transparency is dropped; of an animation the first frame
is read. Files that cannot be read are skipped and listed.
"""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from pds.limits import MAX_PICTURE_PIXELS, PICTURE_FORMATS, require_whole

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
BATCH = 16


@dataclass
class Images:
    """The images of a source; each iteration reads them anew.

    Args:
        source: a folder, searched recursively, or an .npy or .npz file with images (B, H, W, C),
            (B, C, H, W) or (B, H, W): whole numbers up to 255, or floats in [0, 1].
        size: height and width in pixels, >= 2.
        channels: 3 for color, 1 for gray.
        skipped: names of files that could not be read, filled by an iteration.

    Raises:
        FileNotFoundError: if there is no such source.
        ValueError: if size or channels are out of range; by an iteration, if the source holds no
            image or an array of another kind.
    """

    source: Path
    size: int
    channels: int = 3
    skipped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.source.exists():
            raise FileNotFoundError(
                f"no images at {self.source}; expected a folder, an .npy or an .npz file"
            )
        require_whole("the size of images", self.size, 2)
        if self.channels not in (1, 3):
            raise ValueError(f"images have 1 or 3 channels, got {self.channels}")

    def __iter__(self) -> Iterator[Tensor]:
        """Yield float32 batches (B, channels, size, size) in [0, 1]."""
        self.skipped.clear()
        batch: list[Tensor] = []
        for picture in self._pictures():
            batch.append(self._fitted(picture))
            if len(batch) == BATCH:
                yield torch.stack(batch)
                batch = []
        if batch:
            yield torch.stack(batch)

    def _pictures(self) -> Iterator[Image.Image]:
        pictures: Iterator[Image.Image]
        if self.source.is_dir():
            paths = sorted(p for p in self.source.rglob("*") if p.suffix.lower() in SUFFIXES)
            opened = map(self._open, paths)
            pictures = (picture for picture in opened if picture is not None)
        else:
            pictures = map(Image.fromarray, _array(self.source))
        first = next(pictures, None)
        if first is None:
            unread = f"; {len(self.skipped)} could not be read" if self.skipped else ""
            raise ValueError(f"{self.source} holds no image that can be read{unread}")
        yield first
        yield from pictures

    def _open(self, path: Path) -> Image.Image | None:
        try:
            with warnings.catch_warnings():
                # A header that claims an enormous picture may be an attack.
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(path, formats=PICTURE_FORMATS) as picture:
                    if math.prod(picture.size) > MAX_PICTURE_PIXELS:
                        raise ValueError(f"{picture.size} pixels are too many")
                    picture.load()
                    return ImageOps.exif_transpose(_eight_bit(picture))
        except (
            OSError,
            ValueError,
            SyntaxError,
            MemoryError,
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ):
            self.skipped.append(str(path.relative_to(self.source)))
            return None

    def _fitted(self, picture: Image.Image) -> Tensor:
        picture = picture.convert("RGB" if self.channels == 3 else "L")
        if picture.size != (self.size, self.size):
            picture = ImageOps.fit(picture, (self.size, self.size), Image.Resampling.LANCZOS)
        pixels = np.asarray(picture, np.float32) / 255
        return torch.from_numpy(pixels.reshape(self.size, self.size, -1)).permute(2, 0, 1)


def _eight_bit(picture: Image.Image) -> Image.Image:
    """Scale 16-bit gray to 8 bits; Pillow would clip it instead."""
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture).astype(np.float64) / 257
    return Image.fromarray(np.rint(values.clip(0, 255)).astype(np.uint8))


def _array(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield the images of an array file as (H, W) or (H, W, 3) pixels."""
    images = _loaded(path)
    if images.ndim == 4 and images.shape[-1] not in (1, 3) and images.shape[1] in (1, 3):
        images = np.moveaxis(images, 1, -1)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] != 3):
        raise ValueError(
            f"{path} has shape {images.shape}; expected images (B, H, W, 3), (B, 3, H, W) or "
            "(B, H, W)"
        )
    for image in images:
        if image.dtype.kind == "f":
            if not 0 <= image.min() <= image.max() <= 1:
                raise ValueError(f"{path} holds floats outside [0, 1], such as {image.max():g}")
            image = np.rint(255 * image)
        elif image.dtype.kind not in "ui" or image.min() < 0 or image.max() > 255:
            raise ValueError(f"{path} must hold whole numbers from 0 to 255, or floats in [0, 1]")
        yield image.astype(np.uint8)


def _loaded(path: Path) -> NDArray[np.generic]:
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            names = loaded.files
            if len(names) != 1 and "images" not in names:
                listing = ", ".join(names) or "nothing"
                raise ValueError(f"expected one array or one named images, found {listing}")
            return np.asarray(loaded["images" if "images" in names else names[0]])
    except (ValueError, EOFError, OSError, KeyError) as error:
        raise ValueError(f"{path} is not a readable array file ({error})") from None
