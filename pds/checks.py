"""The checks of values that several entry points take, each in one place and with one sentence."""

import math

from pds.limits import quoted


def require_alpha(alpha: object, *, most: float = math.inf) -> float:
    """Return the strength of a filter, > 1.

    Args:
        alpha: what was asked for.
        most: the largest alpha that is taken; `limits.MAX_ALPHA` on the page.

    Raises:
        ValueError: unless it is a finite number above 1 and at most `most`.
    """
    number = isinstance(alpha, int | float) and not isinstance(alpha, bool)
    if not number or not (1 < alpha <= most and alpha < math.inf):  # type: ignore[operator]
        bound = "" if most == math.inf else f" and <= {most:g}"
        raise ValueError(
            f"alpha must be > 1{bound}, got {quoted(alpha)}; a larger alpha is a weaker filter, "
            "the paper uses 5"
        )
    return float(alpha)  # type: ignore[arg-type]


def require_snr(snr: float) -> float:
    """Return the signal-to-noise ratio of a corrector, > 0.

    Raises:
        ValueError: unless it is a finite number above 0.
    """
    if not 0 < snr < math.inf:
        raise ValueError(f"snr must be > 0, got {snr:g}; the paper uses 0.075 to 0.16")
    return float(snr)


def require_whole(name: str, value: object, low: int, high: float = math.inf) -> int:
    """Return a whole number in a range; 5.0 counts as one.

    Args:
        name: what to call it where it is refused.
        value: what was asked for.
        low, high: the range, ends included.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        whole = int(value)
        if whole == value:
            return whole
    bounds = f">= {low}" if high == math.inf else f"from {low} to {high}"
    raise ValueError(f"{name} must be a whole number {bounds}, got {quoted(value)}")
