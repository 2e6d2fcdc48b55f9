"""A finished comparison: what Python gets of it, and the PNG that carries its request."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pds import pictures, request_text
from pds.experiments import Request, compare_request

Tiles = NDArray[np.uint8]
"""Images of one sampler, (num_images, H, W, C)."""


def final(request: Request) -> tuple[Tiles, Tiles]:
    """Sample a request and return the images of vanilla and of PDS, as the page shows them."""
    for pair in compare_request(request):
        last = pair
    vanilla, pds = (pictures.view(step.x_mean.float().cpu().numpy()) for step in last)
    return vanilla, pds


def png(request: Request, vanilla: Tiles, pds: Tiles) -> bytes:
    """Encode both samplers' images, one row each, with the request in the PNG's record."""
    rows = [("vanilla", list(vanilla)), ("PDS", list(pds))]
    return pictures.png(pictures.sheet(rows), request_text.to_record(request))


def save(path: str | Path, request: Request, vanilla: Tiles, pds: Tiles) -> None:
    """Write that PNG.

    Raises:
        OSError: if it cannot be written; nothing is left of it.
    """
    pictures.write(Path(path), png(request, vanilla, pds))
