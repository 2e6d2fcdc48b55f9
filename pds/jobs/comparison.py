"""A finished comparison: what Python gets of it, and the PNG that carries its request."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pds.files import pictures, writing
from pds.files.pictures import Pixels
from pds.jobs import request_text
from pds.models import Request, compare_request

Tiles = NDArray[np.uint8]
"""Images of one sampler, (num_images, H, W, C)."""


def final(request: Request) -> tuple[Tiles, Tiles]:
    """Sample a request; return the images of vanilla and of what it is compared with, as shown."""
    for pair in compare_request(request):
        last = pair
    vanilla, pds = (pictures.view(step.x_mean.float().cpu().numpy()) for step in last)
    return vanilla, pds


def png(request: Request, vanilla: Tiles, pds: Tiles) -> bytes:
    """Encode both samplers' images, one row each, with the request in the PNG's record."""
    return pictures.png(sheet(request, vanilla, pds), request_text.to_record(request))


def sheet(request: Request, vanilla: Tiles, pds: Tiles, captions: Sequence[str] = ()) -> Pixels:
    """Return both samplers' images, one named row each."""
    return pictures.sheet([("vanilla", list(vanilla)), (request.method, list(pds))], captions)


def save(path: str | Path, request: Request, vanilla: Tiles, pds: Tiles) -> None:
    """Write that PNG.

    Raises:
        OSError: if it cannot be written; nothing is left of it.
    """
    writing.write(Path(path), png(request, vanilla, pds))
