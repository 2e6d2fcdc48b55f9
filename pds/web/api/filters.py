"""Filters of a program's pictures."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from pds import filters
from pds.files.decoding import Fit
from pds.files.unread import Remedies, describe_skipped
from pds.jobs.hosting import from_page
from pds.limits import MAX_OWN, MAX_PICTURE_CHARACTERS, MIN_PICTURES, OWN_SIZES, quoted
from pds.web import picture_files
from pds.web.tabs.filter.gains import gains_of
from pds.web.tabs.filter.masks import npy
from pds.web.tabs.filter.sentences import gain_sentence


def filter_from_images(
    images: list[str], size: int = 32, alpha: float = 5.0, enlarge: bool = False
) -> dict[str, Any]:
    """Estimate the frequency and space filters of a few images of one kind.

    Args:
        images: 2 to 500 image files in base64, or data URLs of them: PNG, JPEG, WebP, GIF, BMP,
            TIFF, netpbm, AVIF or JPEG 2000. They are turned upright by their EXIF, 16 bits are
            scaled, and transparency shows white, as by `python -m pds filter`.
        size: side in pixels that they are cropped and shrunk to, 32 or 64.
        alpha: strength of the filter in the summary, above 1.
        enlarge: whether images smaller than size are taken too; they lack its fine frequencies.

    Returns:
        num_images, the number of images that were read; skipped, a sentence for each kind of
        those that were not, as "image 3" by their place in images; summary, a sentence; and
        frequency and space, the raw masks as .npy files in base64, as `main.py --freq_mask_path`
        and `--space_mask_path` take them. Fewer than 2 images that can be read are an error.
    """
    if not isinstance(images, list) or not MIN_PICTURES <= len(images) <= MAX_OWN:
        raise ValueError(f"images must be a list of {MIN_PICTURES} to {MAX_OWN} image files")
    if size not in OWN_SIZES:
        raise ValueError(
            f"size must be {' or '.join(map(str, OWN_SIZES))} pixels, got {quoted(size)}"
        )
    if not isinstance(enlarge, bool):
        raise ValueError(f"enlarge must be true or false, got {quoted(enlarge)}")
    alpha = from_page({"alpha": alpha}).alpha
    pixels, skipped = picture_files.decode(_contents(images), Fit(size, enlarge=enlarge))
    unread = describe_skipped(skipped, Remedies(enlarge="set enlarge to take {it} too"))
    if len(pixels) < MIN_PICTURES:
        first = skipped[0].name
        raise ValueError(f"{first} cannot be read: {'; '.join(unread)}")
    masks = filters.estimate([torch.from_numpy(pixels)])
    filters.require_usable(masks)
    return {
        "num_images": masks.num_images,
        "skipped": unread,
        "summary": gain_sentence(gains_of(masks.frequency, masks.space, alpha), alpha),
        "frequency": npy(masks.frequency, "frequency"),
        "space": npy(masks.space, "space"),
    }


def _contents(images: Sequence[object]) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of pictures.

    Raises:
        ValueError: for one that is not in base64, or too long.
    """
    for number, file in enumerate(images):
        try:
            if not isinstance(file, str) or len(file) > MAX_PICTURE_CHARACTERS:
                raise ValueError
            yield f"image {number}", picture_files.content_of(file)
        except ValueError:
            raise ValueError(
                f"image {number} cannot be read: expected a file in base64 of at "
                f"most {MAX_PICTURE_CHARACTERS:,} characters"
            ) from None
