"""From states to 8-bit pixels, grids, labeled sheets, PNG with a text, and animations.

A noisy state x = x0 + sigma z has values far outside [0, 1]. Its picture is

    0.5 + (x_mean - 0.5) s / sqrt(s^2 + sigma^2),   clipped to [0, 1],

with s the standard deviation of the data: at every sigma the picture has the contrast of the data.
At sigma = 0 it is x_mean itself.
"""

import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from pds.files import png_text

Pixels = NDArray[np.uint8]
"""One image, (H, W, 1 or 3)."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

KEY = "pds"
"""Name of the text in a PNG."""
GRAIN_KEY = "grain"
"""Name of the text with the grain of a PNG's image, in pixel units."""

DATA_STD = 0.25
"""Standard deviation of natural images, about."""

GAP = 4
TILE_PIXELS = 96
"""Tiles of a sheet are enlarged, by a whole factor, to at least this height."""


def to_uint8(
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


def encode_png(pixels: Pixels, text: str, *, grain: float | None = None) -> bytes:
    """Encode an image with a text, which `read_text` returns.

    Args:
        pixels: the image.
        text: its record.
        grain: of the image before it was rounded to 8 bits, which `read_grain` returns.
    """
    metadata = PngInfo()
    metadata.add_text(KEY, text)
    if grain is not None:
        metadata.add_text(GRAIN_KEY, f"{grain:.6g}")
    buffer = io.BytesIO()
    _image(pixels).save(buffer, "PNG", pnginfo=metadata)
    return buffer.getvalue()


def read_text(path: Path) -> str | None:
    """Return the text of a PNG, "" if it has none, None if the file is incomplete or no PNG."""
    return png_text.read(path, KEY)


def read_grain(path: Path) -> float | None:
    """Return the grain that a PNG carries, None if it has none or is incomplete."""
    try:
        grain = float(png_text.read(path, GRAIN_KEY) or "none")
    except ValueError:
        return None
    return grain if math.isfinite(grain) else None


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


def tile_images(images: Sequence[Pixels] | NDArray[np.uint8], *, columns: int) -> Pixels:
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


def labeled_sheet(
    rows: Sequence[tuple[str, Sequence[Pixels | None]]],
    columns: Sequence[str] = (),
    *,
    note: str = "",
) -> Pixels:
    """Return a labeled sheet: rows of images of one size with white gaps, enlarged if small.

    Args:
        rows: the label on the left, "" for none, and the images; None leaves its place empty. At
            least one image. Of a label with several lines the first is large, the others small.
        columns: labels above the columns, if any.
        note: a small line above everything, if any.
    """
    tiles = [[i if i is None else _enlarged(i) for i in images] for _, images in rows]
    width, height = next(tile for row in tiles for tile in row if tile is not None).size
    fonts = _Fonts.of(max(14, height // 16))
    widest = max(fonts.width(label) for label, _ in rows)
    across = max(map(len, tiles)) * (width + GAP)
    left = max(
        GAP + (widest + 2 * GAP if widest else 0), fonts.width("\n" + note) + 4 * GAP - across
    )
    head = GAP + (fonts.height("\n") - fonts.height("") + GAP if note else 0)
    top = head + max((fonts.height(label) + GAP for label in columns), default=0)
    x = [left + j * (width + GAP) for j in range(max(map(len, tiles)))]
    y = [top + i * (height + GAP) for i in range(len(tiles))]
    page = Image.new("RGB", (left + across, y[-1] + height + GAP), "white")
    draw = ImageDraw.Draw(page)
    draw.text((2 * GAP, GAP), note, fill="black", font=fonts.small, anchor="la")
    for j, label in enumerate(columns):
        fonts.write(draw, (x[j] + width // 2, head), label, anchor="ma")
    for i, ((label, _), row) in enumerate(zip(rows, tiles, strict=True)):
        fonts.write(draw, (2 * GAP, y[i] + height // 2), label, anchor="lm")
        for j, tile in enumerate(row):
            if tile is not None:
                page.paste(tile, (x[j], y[i]))
    return np.asarray(page)


class _Fonts(NamedTuple):
    """The fonts of a label: its first line is large, the others are small."""

    large: Font
    small: Font

    @classmethod
    def of(cls, size: int) -> "_Fonts":
        large, small = (ImageFont.load_default(size=s) for s in (size, max(12, 3 * size // 4)))
        return cls(large, small)

    def lines(self, label: str) -> Iterator[tuple[str, Font]]:
        """Yield the lines of a label with their fonts."""
        first, *others = label.split("\n")
        yield first, self.large
        yield from ((line, self.small) for line in others)

    def width(self, label: str) -> int:
        """Return the width of the widest line."""
        return max(math.ceil(font.getlength(line)) for line, font in self.lines(label))

    def height(self, label: str) -> int:
        """Return the height of all lines."""
        return sum(math.ceil(font.getbbox("Ng")[3]) for _, font in self.lines(label))

    def write(
        self, draw: ImageDraw.ImageDraw, at: tuple[int, int], label: str, anchor: str
    ) -> None:
        """Write the lines of a label below each other, as Pillow's anchor says for all of them."""
        x, y = at
        if anchor[1] == "m":
            y -= (self.height(label) - self.height("")) // 2
        for line, font in self.lines(label):
            draw.text((x, y), line, fill="black", font=font, anchor=anchor)
            y += math.ceil(font.getbbox("Ng")[3])


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _enlarged(pixels: Pixels) -> Image.Image:
    factor = max(1, math.ceil(TILE_PIXELS / pixels.shape[0]))
    size = (factor * pixels.shape[1], factor * pixels.shape[0])
    return _image(pixels).resize(size, Image.Resampling.NEAREST)
