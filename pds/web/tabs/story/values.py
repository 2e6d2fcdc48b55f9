"""Checked values of the story's controls."""

from collections.abc import Mapping, Sequence
from typing import Any

from pds.jobs.hosting import from_page
from pds.limits import quoted


def require_number(values: Mapping[str, Any], name: str, low: float, high: float) -> float:
    """Return a value that must be a number from low to high.

    Raises:
        ValueError: if it is not.
    """
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {quoted(value)}")
    return float(value)


def require_stop(values: Mapping[str, Any], name: str, stops: Sequence[float]) -> int:
    """Return the index of a value that must be one of the stops.

    Raises:
        ValueError: if it is not.
    """
    if values.get(name) not in stops:
        listing = ", ".join(f"{stop:g}" for stop in stops)
        raise ValueError(f"{name} must be one of {listing}, got {quoted(values.get(name))}")
    return stops.index(values[name])


def require_alpha(values: Mapping[str, Any]) -> float:
    """Return alpha, within the limits of the page.

    Raises:
        ValueError: if it is not.
    """
    return from_page({"alpha": values.get("alpha", 0)}).alpha
