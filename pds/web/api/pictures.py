"""Pictures as data URLs."""

import numpy as np
from numpy.typing import NDArray

from pds.web.server.messages import picture


def data_url(pixels: NDArray[np.uint8]) -> str:
    return png_url(picture(pixels))


def png_url(base64: str) -> str:
    return f"data:image/png;base64,{base64}"
