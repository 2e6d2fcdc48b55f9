"""Encoding of messages to the page: JSON without NaN, pictures as lossless PNG."""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pds.web.server.frames import png

Message = dict[str, Any]


def dumps(message: Mapping[str, Any]) -> str:
    """Write a message as compact JSON."""
    return json.dumps(message, allow_nan=False, separators=(",", ":"))


def finite(value: float) -> float | None:
    """Round to 5 digits; None if the value is not finite."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def rounded(values: NDArray[Any]) -> list[Any]:
    """Round every number of an array of any shape; None for those that are not finite."""
    if values.ndim > 1:
        return [rounded(row) for row in values]
    return [finite(value) for value in values.tolist()]


def picture(pixels: NDArray[np.uint8]) -> str:
    """Encode (H, W, 1 or 3) as PNG in base64."""
    return base64.b64encode(png(pixels)).decode("ascii")
