"""Checks of values that several entry points take: one function and one sentence for each rule."""

import math
from numbers import Real
from typing import TypeGuard

from pds.limits import quoted


def require_alpha(alpha: object, *, most: float = math.inf) -> float:
    """Return the strength of a filter, > 1.

    Args:
        alpha: the value to check.
        most: largest alpha allowed; `limits.MAX_ALPHA` on the page.

    Raises:
        ValueError: unless alpha is a finite number above 1 and at most `most`.
    """
    if not (_is_number(alpha) and 1 < alpha <= most and alpha < math.inf):
        bound = "" if most == math.inf else f" and <= {most:g}"
        raise ValueError(
            f"alpha must be > 1{bound}, got {quoted(alpha)}; a larger alpha is a weaker filter, "
            "the paper uses 5"
        )
    return float(alpha)


def require_snr(snr: object) -> float:
    """Return the signal-to-noise ratio of a corrector, > 0.

    Raises:
        ValueError: unless snr is a finite number above 0.
    """
    if not (_is_number(snr) and 0 < snr < math.inf):
        raise ValueError(f"snr must be > 0, got {quoted(snr)}; the paper uses 0.075 to 0.16")
    return float(snr)


def require_positive(name: str, value: object) -> float:
    """Return a number above 0.

    Args:
        name: of the value in the error message.
        value: the value to check.

    Raises:
        ValueError: unless value is a finite number above 0.
    """
    if not (_is_number(value) and 0 < value < math.inf):
        raise ValueError(f"{name} must be > 0 and finite, got {quoted(value)}")
    return float(value)


def require_whole(
    name: str, value: object, low: int, high: float = math.inf, *, advice: str = ""
) -> int:
    """Return a whole number in a range; 5.0 counts as one.

    Args:
        name: of the value in the error message.
        value: the value to check.
        low, high: the range, both ends included.
        advice: end of the error message, such as a value that works well.

    Raises:
        ValueError: unless value is a whole number in the range.
    """
    if _is_number(value) and low <= value <= high and value < math.inf:
        whole = int(value)
        if whole == value:
            return whole
    bounds = f">= {low}" if high == math.inf else f"from {low} to {high}"
    end = f"; {advice}" if advice else ""
    raise ValueError(f"{name} must be a whole number {bounds}, got {quoted(value)}{end}")


def _is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a real number of Python or numpy; True and False are not."""
    return isinstance(value, Real) and not isinstance(value, bool)
