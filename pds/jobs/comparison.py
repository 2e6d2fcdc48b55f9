"""A finished comparison for Python users, and the PNG that carries its request.

vanilla, pds = final(Request(num_steps=25, seed=7))
save("comparison.png", request, vanilla, pds)
"""

from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pds.files import pictures, writing
from pds.files.pictures import Pixels
from pds.jobs import request_text
from pds.models import compare_request
from pds.request import Request

Tiles = NDArray[np.uint8]
"""Images of one sampler, (num_images, H, W, C)."""


def final(request: Request) -> tuple[Tiles, Tiles]:
    """Sample a request; return the 8-bit images of vanilla and of the other sampler."""
    (last,) = deque(compare_request(request), maxlen=1)
    vanilla, pds = (pictures.view(step.x_mean.float().cpu().numpy()) for step in last)
    return vanilla, pds


def png(request: Request, vanilla: Tiles, pds: Tiles) -> bytes:
    """Encode both samplers' images, one row each, with the request as the PNG's record."""
    return pictures.png(sheet(request, vanilla, pds), request_text.to_record(request))


def sheet(request: Request, vanilla: Tiles, pds: Tiles, captions: Sequence[str] = ()) -> Pixels:
    """Return both samplers' images, one named row each."""
    return pictures.sheet([("vanilla", list(vanilla)), (request.method, list(pds))], captions)


def save(path: str | Path, request: Request, vanilla: Tiles, pds: Tiles) -> None:
    """Write the PNG of `png`.

    Raises:
        OSError: if it cannot be written; no partial file is left.
    """
    writing.write(Path(path), png(request, vanilla, pds))
