"""The densities of the story's first step, from the values of its controls."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch

from pds.limits import quoted, require_choice
from pds.theory.plane import Banana, Gaussian, Mixture, Target
from pds.web.server.messages import Message, picture, rounded
from pds.web.tabs.story.values import require_number

REACH = (3.0, 2.1)
"""Half the width and half the height of the plane that is shown."""
PIXELS = (180, 126)
"""Width and height of the picture of a density."""
NUM_POINTS = 80
"""Most points of a drawing."""
PEN = 0.16
"""Standard deviation of the round Gaussians along the strokes of a drawing."""
EDGE = (0.32, 0.42)
"""Root of the density, over its peak, where the picture fades out; exp(-1) = 0.37 is two standard
deviations of a Gaussian."""
HILL = 0.25
"""Standard deviation of each of the two hills; together their largest variance is 1."""
HILLTOP = math.sqrt(1 - HILL**2) * Gaussian(1.0).axes[0]
"""The center of one hill; the other is at the opposite point."""


class Beginning(NamedTuple):
    """The start of the walks on a target, and the step that is set when it is chosen."""

    title: str
    start: tuple[float, float]
    step: float


BEGINNINGS = {
    "ellipse": Beginning("Ellipse", (1.33, 1.69), 0.036),
    "banana": Beginning("Banana", (1.9, 1.0), 0.01),
    "hills": Beginning("Two hills", (1.33, 1.69), 0.036),
    "drawing": Beginning("Your drawing", (1.33, 1.69), 0.01),
}
"""Start and step of each target."""


def require_target(values: Mapping[str, Any]) -> Target:
    """Return the target that the values name: target, and kappa or drawing.

    Raises:
        ValueError: for an unknown target or a value out of range.
    """
    name = require_choice("target", values.get("target"), BEGINNINGS)
    if name == "ellipse":
        return ellipse(require_number(values, "kappa", 1, 1000))
    return _drawing(require_drawing(values.get("drawing"))) if name == "drawing" else _fixed(name)


def require_point(point: object, name: str) -> tuple[float, float]:
    """Return a point of the plane that is shown.

    Raises:
        ValueError: if it is not two numbers within the plane.
    """
    if not isinstance(point, list) or len(point) != 2:
        raise ValueError(f"{name} must be a point [x, y], got {quoted(point)}")
    x, y = (
        require_number({f"{axis} of {name}": at}, f"{axis} of {name}", -most, most)
        for axis, at, most in zip("xy", point, REACH, strict=True)
    )
    return x, y


def require_drawing(points: object) -> tuple[tuple[float, float], ...]:
    """Return the points of a drawing.

    Raises:
        ValueError: unless there are 1 to `NUM_POINTS` of them, all within the plane.
    """
    count = len(points) if isinstance(points, list) else None
    if not isinstance(points, list) or not 1 <= len(points) <= NUM_POINTS:
        got = quoted(points) if count is None else str(count)
        raise ValueError(f"a drawing must have 1 to {NUM_POINTS} points, got {got}")
    return tuple(require_point(point, "a drawing's point") for point in points)


@lru_cache(maxsize=64)
def ellipse(kappa: float) -> Gaussian:
    """Return the elongated Gaussian."""
    return Gaussian(kappa)


@lru_cache(maxsize=2)
def _fixed(name: str) -> Target:
    if name == "banana":
        return Banana(bend=0.4, width=0.2)
    return Mixture(torch.stack([-HILLTOP, HILLTOP]), HILL)


@lru_cache(maxsize=32)
def _drawing(points: Sequence[tuple[float, float]]) -> Target:
    return Mixture(torch.tensor(points, dtype=torch.float64), PEN)


@lru_cache(maxsize=32)
def drawn(target: Target) -> Message:
    """Return what the page draws of a target.

    Returns:
        picture: a PNG in base64, white where the density is highest, black beyond about two
        standard deviations; marginals: the density of each coordinate at even distances over the
        plane; mean; handle: the standard deviation that M changes most, and its unit vector.
    """
    x, y = (
        torch.linspace(-reach, reach, count, dtype=torch.float64)
        for reach, count in zip(REACH, PIXELS, strict=True)
    )
    grid = torch.stack(torch.meshgrid(x, y.flip(0), indexing="xy"), -1)
    log_density = target.at(grid).log_density
    shade = ((log_density - log_density.max()) / 2).exp()
    shade *= ((shade - EDGE[0]) / (EDGE[1] - EDGE[0])).clamp(0, 1)
    pixels = (255 * shade).round().to(torch.uint8).numpy()[..., None]
    variances, vectors = torch.linalg.eigh(target.covariance)
    which = int(variances.log().abs().argmax())
    return {
        "picture": picture(np.ascontiguousarray(pixels)),
        "marginals": [rounded(target.marginal(axis, at).numpy()) for axis, at in enumerate((x, y))],
        "mean": rounded(target.mean.numpy()),
        "handle": {
            "std": float(variances[which].sqrt()),
            "along": rounded(vectors[:, which].numpy()),
        },
    }
