"""From states to 8-bit pixels, grids, labeled sheets, PNG with a text, and animations.

A noisy state x = x0 + sigma z has values far outside [0, 1]. Its picture is

    0.5 + (x_mean - 0.5) s / sqrt(s^2 + sigma^2),   clipped to [0, 1],

with s the standard deviation of the data: at every sigma the picture has the contrast of the data.
At sigma = 0 it is x_mean itself.
"""

import io
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

Pixels = NDArray[np.uint8]
"""One image, (H, W, 1 or 3)."""

KEY = "pds"
"""Name of the text in a PNG."""
END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
"""The last bytes of a complete PNG."""

DATA_STD = 0.25
"""Standard deviation of natural images, about."""

GAP = 4
TILE_PIXELS = 96
"""Tiles of a sheet are enlarged, by a whole factor, to at least this height."""


def view(
    x_mean: NDArray[np.float32], *, sigma: float = 0.0, data_std: float = DATA_STD
) -> NDArray[np.uint8]:
    """Return states as 8-bit pixels (B, H, W, C); NaN becomes middle gray.

    Args:
        x_mean: (B, C, H, W), in pixel units, [0, 1] when clean.
        sigma: standard deviation of the noise in x_mean; 0 leaves the contrast as it is.
        data_std: standard deviation of the data, > 0.
    """
    contrast = data_std / math.hypot(data_std, sigma)
    shown = np.nan_to_num(0.5 + (x_mean - 0.5) * contrast, nan=0.5)
    pixels: NDArray[np.uint8] = np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8)
    return pixels.transpose(0, 2, 3, 1)


def png(pixels: Pixels, text: str) -> bytes:
    """Encode an image with a text, which `read_text` returns."""
    metadata = PngInfo()
    metadata.add_text(KEY, text)
    buffer = io.BytesIO()
    _image(pixels).save(buffer, "PNG", pnginfo=metadata)
    return buffer.getvalue()


def read_text(path: Path) -> str | None:
    """Return the text of a PNG, "" if it has none, None if the file is incomplete."""
    try:
        with path.open("rb") as file:
            file.seek(-len(END), os.SEEK_END)
            if file.read() != END:
                return None
            file.seek(0)
            with Image.open(file, formats=["PNG"]) as image:
                return str(image.info.get(KEY, ""))
    except (OSError, SyntaxError, ValueError):
        return None


def read_pixels(path: Path) -> Pixels:
    """Read the pixels of a PNG, (H, W, 1 or 3)."""
    with Image.open(path, formats=["PNG"]) as image:
        pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def animation(frames: Sequence[Pixels], *, seconds: float = 4.0) -> bytes:
    """Encode frames as a lossless animated WebP.

    Small frames are enlarged like the tiles of a sheet.

    Args:
        frames: of one size, at least one.
        seconds: duration of the animation, about; the last frame then stays for 1.5 s.
    """
    images = [_enlarged(frame).convert("RGB") for frame in frames]
    each = max(20, round(1000 * seconds / len(images)))
    durations = [each] * (len(images) - 1) + [1500]
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=durations,
        loop=0,
        lossless=True,
        quality=0,
        method=0,
    )
    return buffer.getvalue()


def grid(images: Sequence[Pixels] | NDArray[np.uint8], *, columns: int) -> Pixels:
    """Tile images of one size without gaps, row by row; a last row that is not full ends in white.

    Args:
        images: at least one.
        columns: images in a row.
    """
    tiles = np.stack(list(images))
    count, height, width, channels = tiles.shape
    rows = -(-count // columns)
    missing = np.full((rows * columns - count, height, width, channels), 255, np.uint8)
    table = np.concatenate([tiles, missing]).reshape(rows, columns, height, width, channels)
    return table.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def sheet(
    rows: Sequence[tuple[str, Sequence[Pixels | None]]], columns: Sequence[str] = ()
) -> Pixels:
    """Return a labeled sheet: rows of images of one size with white gaps, enlarged if small.

    Args:
        rows: the label on the left, "" for none, and the images; None leaves its place empty. At
            least one image.
        columns: labels above the columns, if any.
    """
    tiles = [[i if i is None else _enlarged(i) for i in images] for _, images in rows]
    width, height = next(tile for row in tiles for tile in row if tile is not None).size
    font = ImageFont.load_default(size=max(14, height // 16))
    widest = max(math.ceil(font.getlength(label)) for label, _ in rows)
    left = GAP + (widest + 2 * GAP if widest else 0)
    top = GAP + (math.ceil(font.getbbox("Ng")[3]) + GAP if columns else 0)
    x = [left + j * (width + GAP) for j in range(max(map(len, tiles)))]
    y = [top + i * (height + GAP) for i in range(len(tiles))]
    page = Image.new("RGB", (x[-1] + width + GAP, y[-1] + height + GAP), "white")
    draw = ImageDraw.Draw(page)
    for j, label in enumerate(columns):
        draw.text((x[j] + width // 2, GAP), label, fill="black", font=font, anchor="ma")
    for i, ((label, _), row) in enumerate(zip(rows, tiles, strict=True)):
        draw.text((2 * GAP, y[i] + height // 2), label, fill="black", font=font, anchor="lm")
        for j, tile in enumerate(row):
            if tile is not None:
                page.paste(tile, (x[j], y[i]))
    return np.asarray(page)


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _enlarged(pixels: Pixels) -> Image.Image:
    factor = max(1, math.ceil(TILE_PIXELS / pixels.shape[0]))
    size = (factor * pixels.shape[1], factor * pixels.shape[0])
    return _image(pixels).resize(size, Image.Resampling.NEAREST)
