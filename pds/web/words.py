"""Sentences that are computed from numbers."""

import math

ALIKE = math.log(1.1)
"""Two values of "noise left" within 10% of each other are called equal."""


def verdict(vanilla: float | None, pds: float | None, *, same: bool) -> str:
    """Say which side came closer to the data in its finest detail, whichever it is.

    Args:
        vanilla, pds: power above half Nyquist relative to the data, 1 is like the data; None for
            a chain that left the range of floating-point numbers.
        same: whether PDS has no filter, so that the two sides are one sampler.
    """
    if same:
        return "Both filters are off, so the two sides are the same sampler."
    left, right = _miss(vanilla), _miss(pds)
    if left == right == math.inf:
        return "Both samplers diverged."
    if max(left, right) <= ALIKE:
        return "Both are within 10% of the data in fine detail."
    if abs(left - right) <= ALIKE:
        return f"Both are about equally far from the data: {_fine(vanilla)} and {_fine(pds)}."
    if right < left:
        return f"PDS is closer to the data here: {_fine(pds)}, vanilla {_fine(vanilla)}."
    return f"Vanilla is closer to the data here: {_fine(vanilla)}, PDS {_fine(pds)}."


def _miss(noise_left: float | None) -> float:
    return abs(math.log(noise_left)) if noise_left else math.inf


def _fine(noise_left: float | None) -> str:
    if noise_left is None:
        return "diverged"
    if noise_left >= 1000:
        return "more than 1,000 times the fine-detail power"
    return f"{noise_left:.2g} times the fine-detail power"
