"""The sheet of a run, and sentences on the grain of its two samplers.

Both are made of the pictures in the folder alone, so that a run that was interrupted ends with the
same sheet and sentence as one that was not. Each picture carries its grain, measured before it was
rounded to 8 bits and clipped: from the 8-bit pixels it would be a multiple of .003. Contrast is
relative to pictures of the same network, which hardly any checkpoint has, and is left to
`pds compare`.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from pds.files import pictures
from pds.files.pictures import Pixels
from pds.jobs import quality
from pds.jobs.folder import Folder
from pds.jobs.quality import Quality
from pds.models import Model

SHEET_COLUMNS = 8
SHEET_IMAGES = 64
SHEET_PIXELS = 2**24
"""A sheet shows as many of the first images as SHEET_IMAGES and SHEET_PIXELS allow."""

NOT_KEPT = (
    "the grain of some images is unknown: an older version sampled them; choose another "
    "--eval_folder to sample and measure them"
)


Sides = Mapping[int, Mapping[str, Quality]]
"""The quality of both samplers by name, for each N; empty where it is unknown."""


def sides(folder: Folder, model: Model) -> Sides:
    """Return the grain that the pictures of a run carry; empty if there is one sampler."""
    return {n: _sides(folder, model, n) for n in folder.job.counts}


def grain_sentences(folder: Folder, model: Model, sides: Sides) -> Iterator[str]:
    """Yield a sentence on the grain of both samplers for each N, none if there is one sampler."""
    job = folder.job
    if not folder.pictured:
        yield (
            f"images of {model.image_shape[0]} channels cannot be PNG files: each is an array "
            "(channels, height, width) in a .npy file, without a sheet or a measure of grain"
        )
        return
    if len(job.chains) == 1:
        return
    if not quality.measurable(model):
        yield quality.TOO_SMALL
        return
    for num_steps, measured in sides.items():
        if measured:
            start = f"N = {num_steps}: " if job.ladder else ""
            yield start + quality.sentence(measured)
    if not all(sides.values()):
        yield NOT_KEPT


def summary_sheet(folder: Folder, model: Model, sides: Sides) -> Pixels | None:
    """Return a sheet of the first images: left above right, a column for each N of a ladder.

    Returns:
        None if there is no picture.
    """
    if not folder.pictured:
        return None
    job, counts = folder.job, folder.job.counts
    _, height, width = model.image_shape
    room = min(SHEET_IMAGES, SHEET_PIXELS // (height * width)) // len(counts) // len(job.chains)
    images = range(min(job.request.num_images, max(1, room)))
    note = quality.note(next((q for side in sides.values() for q in side.values()), None))
    labels = job.labels if len(job.chains) > 1 else dict.fromkeys(job.chains, "")
    if job.ladder:
        rows = [
            (labels[chain], [_picture(folder, n, chain, image) for n in counts])
            for image, chain in itertools.product(images, job.chains)
        ]
        titles = [quality.heading(f"N = {n}", sides[n]) for n in counts]
        return pictures.labeled_sheet(rows, titles, note=note) if _any(rows) else None
    (n,) = counts
    rows = [
        (
            quality.label(labels[chain], sides[n].get(labels[chain])),
            [_picture(folder, n, chain, i) for i in part],
        )
        for part in _parts(images, SHEET_COLUMNS)
        for chain in job.chains
    ]
    return pictures.labeled_sheet(rows, note=note) if _any(rows) else None


def _any(rows: Sequence[tuple[str, Sequence[Pixels | None]]]) -> bool:
    """Return whether any picture exists: images that are not finite are not written."""
    return any(picture is not None for _, row in rows for picture in row)


def _sides(folder: Folder, model: Model, num_steps: int) -> dict[str, Quality]:
    """Return the quality of both samplers by name; {} if it is unknown or there is one sampler."""
    job = folder.job
    if len(job.chains) == 1:
        return {}
    kept = {job.labels[chain]: folder.grain(num_steps, chain) for chain in job.chains}
    known = {name: quality.of_grain(model, g) for name, g in kept.items() if g is not None}
    return known if len(known) == len(kept) else {}


def _picture(folder: Folder, num_steps: int, chain: str, image: int) -> Pixels | None:
    """Read a picture; None if another machine of the run has written it to its own disk."""
    path, _ = folder.picture(num_steps, chain, image)
    return pictures.read_pixels(path) if path.is_file() else None


def _parts(images: range, size: int) -> Iterator[range]:
    return (images[k : k + size] for k in range(0, len(images), size))
