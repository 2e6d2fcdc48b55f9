"""A finished comparison for Python users, and the PNG that carries its request.

left, right = final(Request(num_steps=25, seed=7))
save("comparison.png", request, left, right)
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pds.files import pictures, writing
from pds.files.pictures import Pixels
from pds.jobs import quality, request_text
from pds.jobs.quality import Quality
from pds.models import Model, compare_request, load_model
from pds.request import Request
from pds.sampling import Step

Tiles = NDArray[np.uint8]
"""Images of one sampler, (num_images, H, W, C)."""


@dataclass(frozen=True)
class Finished:
    """The images of one sampler.

    tiles: the 8-bit images.
    quality: their grain and contrast before they were rounded and clipped; None if unknown.
    """

    tiles: Tiles
    quality: Quality | None = None


def final(request: Request) -> tuple[Finished, Finished]:
    """Sample a request; return the images of the samplers on the left and on the right."""
    (last,) = deque(compare_request(request), maxlen=1)
    model = load_model(request.model)
    return _finished(model, last.left), _finished(model, last.right)


def _finished(model: Model, step: Step) -> Finished:
    images = model.to_pixels(step.x_mean)
    return Finished(pictures.to_uint8(images.cpu().numpy()), quality.measured(model, step.x_mean))


def sentence(request: Request, left: Finished, right: Finished) -> str:
    """Say grain and contrast of both samplers, and relative to what."""
    return quality.sentence(dict(zip(request.labels, (left.quality, right.quality), strict=True)))


def png(request: Request, left: Finished, right: Finished) -> bytes:
    """Encode both samplers' images, one row each, with the request as the PNG's record."""
    return pictures.encode_png(sheet(request, left, right), request_text.to_record(request))


def sheet(
    request: Request, left: Finished, right: Finished, captions: Sequence[str] = ()
) -> Pixels:
    """Return both samplers' images, a row each with its name, grain and contrast."""
    rows = [
        (quality.label(name, side.quality), list(side.tiles))
        for name, side in zip(request.labels, (left, right), strict=True)
    ]
    return pictures.labeled_sheet(rows, captions, note=quality.note(left.quality))


def save(path: str | Path, request: Request, left: Finished, right: Finished) -> None:
    """Write the PNG of `png`.

    Raises:
        OSError: if it cannot be written; no partial file is left.
    """
    writing.write(Path(path), png(request, left, right))
