"""Sentences that are computed from numbers."""

import math
from collections.abc import Mapping, Sequence

ALIKE = math.log(1.1)
"""Two values of "noise left" within 10% of each other are called equal."""

GRAINY = math.log(1.5)
"""Two images with more "noise left" than this have grain: one pair of real portraits in 40 has more
by dark hair and glasses alone."""


def verdict(vanilla: float | None, pds: float | None, *, method: str, same: bool) -> str:
    """Say which side came closer to the data in its finest detail, whichever it is.

    Args:
        vanilla, pds: power above half Nyquist relative to the data, 1 is like the data; None for
            a chain that left the range of floating-point numbers.
        method: what the side beside vanilla is called, "PDS" or "tuned".
        same: whether it has no filter, so that the two sides are one sampler.
    """
    if same:
        return "Both filters are off, so the two sides are the same sampler."
    left, right = _miss(vanilla), _miss(pds)
    if left == right == math.inf:
        return "Both samplers diverged."
    if max(left, right) <= ALIKE:
        return "Both are within 10% of the data's power in fine detail."
    powers = f"vanilla has {_power(vanilla)} the data's power, {method} {_power(pds)} it"
    if abs(left - right) <= ALIKE:
        return f"Both are about equally far from the data in fine detail: {powers}."
    winner = capital(method) if right < left else "Vanilla"
    return f"{winner} is closer to the data in fine detail: {powers}."


def grain_begins(left: Mapping[int, Sequence[float | None]], names: Sequence[str]) -> str:
    """Say at how many iterations each sampler leaves grain: from one count down, or at some.

    Args:
        left: noise left of each sampler at each N.
        names: of the samplers.
    """
    counts, parts = sorted(left, reverse=True), []
    for chain, name in enumerate(names):
        grainy = [n for n in counts if _grain(left[n][chain])]
        if not grainy:
            parts.append(f"{name} leaves no grain at any of these counts.")
            continue
        first = grainy[0]
        where = " and ".join(f"N = {n}" for n in grainy)
        if grainy == counts[counts.index(first) :] and len(grainy) > 1:
            where = f"N = {first} and below"
        power = _power(left[first][chain])
        parts.append(
            f"{name} leaves grain at {where}: {power} the data's power in fine detail at {first}."
        )
    return " ".join(parts)


def capital(words: str) -> str:
    """Write words as at the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def number(value: float) -> str:
    """Write a number as the page's sliders do: four digits, commas in the thousands."""
    return f"{value:,.4g}".replace("-", "−")  # noqa: RUF001


def short(value: float) -> str:
    """Write a number with three digits."""
    return number(float(f"{value:.3g}"))


def error(value: float) -> str:
    """Write a small positive number with two digits: 0.016, 4.9 · 10⁻⁵."""
    if not math.isfinite(value):
        return "out of range"
    if 1e-4 <= value < 1e4:
        return f"{value:.2g}" if value < 100 else f"{value:,.0f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} · 10{power}"


def ratio(value: float) -> str:
    """Say how many times: "3.8 times", "over 1,000 times"."""
    if value >= 1000:
        return "over 1,000 times"
    return f"{value:.0f} times" if value >= 9.95 else f"{value:.1f} times"


def share(value: float) -> str:
    """Say a part of the whole in percent, without rounding it to all or nothing."""
    percent = 100 * value
    if 0 < percent < 0.1:
        return "less than 0.1%"
    if 99.5 <= percent < 100:
        return f"{min(percent, 99.9):.1f}%"
    return f"{percent:.1f}%" if percent < 9.95 else f"{percent:.0f}%"


def _grain(noise_left: float | None) -> bool:
    return noise_left is None or math.log(noise_left) > GRAINY


def _miss(noise_left: float | None) -> float:
    return abs(math.log(noise_left)) if noise_left else math.inf


def _power(noise_left: float | None) -> str:
    if noise_left is None or noise_left >= 1000:
        return "over 1,000 times"
    digits = 0 if noise_left >= 9.95 else 1 if noise_left >= 0.995 else 2
    return f"{noise_left:.{digits}f} times"
