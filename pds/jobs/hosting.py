"""The requests that a public page accepts: bounded, with its own models and filters only.

Values from a browser, a link, a picture or a program are checked here before they are used, so that
no text from outside opens a file or runs a configuration.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pds.limits import (
    MAX_ALPHA,
    MAX_IMAGES,
    MAX_SEED,
    MAX_STEPS,
    quoted,
    require_alpha,
    require_whole,
)
from pds.models import require_model
from pds.request import Request


def hosted(request: Request) -> Request:
    """Return a request after a check that a public page accepts it.

    Raises:
        ValueError: for a path, a model that is neither shipped nor a visitor's, more than
            `MAX_STEPS` iterations or `MAX_IMAGES` images, or an alpha above `MAX_ALPHA`.
    """
    return from_page(vars(request))


def from_page(values: Mapping[str, object]) -> Request:
    """Build a request from the values that a browser or a program sent.

    Args:
        values: the fields of a `Request` by name; missing ones have their defaults, other names
            are ignored.

    Raises:
        ValueError: as `hosted`, and for values of another type.
    """
    checked: dict[str, Any] = {
        name: check(values[name]) for name, check in _CHECKS.items() if name in values
    }
    return Request(**checked)


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, got {quoted(value)}")
    return value


_CHECKS: dict[str, Callable[[object], object]] = {
    "model": require_model,
    "num_steps": lambda n: require_whole("the number of iterations", n, 1, MAX_STEPS),
    "alpha": lambda alpha: require_alpha(alpha, most=MAX_ALPHA),
    "frequency": partial(_switch, "frequency"),
    "space": partial(_switch, "space"),
    "num_images": lambda n: require_whole("the number of images", n, 1, MAX_IMAGES),
    "seed": lambda n: require_whole("seed", n, 0, MAX_SEED),
    "tuned": partial(_switch, "tuned"),
}
"""For each field, a function that returns the checked value or raises ValueError."""
