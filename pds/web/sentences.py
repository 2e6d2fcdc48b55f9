"""Sentences that are computed from numbers.

Grain and contrast are relative, see `pds.appearance`: 1 is like the images of the same score
sampled with many iterations.
"""

import math
from collections.abc import Collection, Mapping, Sequence

from pds.appearance import ALIKE, GRAINY, SMOOTH
from pds.evaluation.appearance_record import RecordedSampler
from pds.jobs.quality import contrast_margin

NEAR = 2.0
"""A measurement at N is quoted for numbers of iterations within this factor of N."""

ARMS = {
    "vanilla": "vanilla",
    "pds:5": "PDS (alpha 5)",
    "scalar": "a constant gain",
    "tuned": "tuned",
    "ode-heun": "Heun",
}
"""Names of the samplers of a recorded measurement in sentences."""

Sides = Sequence[float | None]
"""A number of the left and one of the right sampler."""


def verdict(
    grain: Sides, contrast: Sides, *, names: Sequence[str], same: bool, num_images: int, own: str
) -> str:
    """Compare the grain of both sides, and say which are grainy, smooth or have lost contrast.

    Args:
        grain: relative; None for a chain that left the range of floating-point numbers.
        contrast: relative; None where it cannot be measured, as of a single image.
        names: of the samplers on the left and on the right.
        same: whether the two sides are one sampler.
        num_images: images on each side.
        own: name of the reference images, whose grain and contrast are 1; "" if there are none,
            and grain is in pixel units.
    """
    if same:
        return "The two sides are the same sampler."
    kept = [value for value in grain if value is not None]
    if not kept:
        return "Both samplers diverged."
    if len(kept) == 1:
        return f"{capital(names[grain.index(None)])} diverged."
    parts = [_compared(kept, names, own)]
    if own:
        parts += [_judged(kept, names, own), _faded(contrast, names, num_images)]
    return " ".join(filter(None, parts))


def _compared(grain: Sequence[float], names: Sequence[str], own: str) -> str:
    """Say which side has more grain, and by how much."""
    values = (times(value) if own else short(value) for value in grain)
    unit = f"the grain of {own}" if own else "between black (0) and white (1)"
    # After a name that ends with a number, a second number would read as part of the name.
    subjects = (f"{name} has" if name[-1].isdigit() else name for name in names)
    pairs = zip(subjects, values, strict=True)
    measured = f"{', '.join(f'{subject} {value}' for subject, value in pairs)} {unit}"
    if _alike(*grain):
        return f"The eye hardly tells their grain apart: {measured}."
    more, less = (0, 1) if grain[0] > grain[1] else (1, 0)
    factor = times(grain[more] / grain[less]) if grain[less] else "over 100 times"
    return f"{capital(names[more])} has {factor} the grain of {names[less]}: {measured}."


def _judged(grain: Sequence[float], names: Sequence[str], own: str) -> str:
    """Say which sides are grainy, and which are smooth."""
    grainy, smooth = [g > GRAINY for g in grain], [g < SMOOTH for g in grain]
    smoother = f"smoother than {own}"
    if all(grainy):
        return "Both are grainy."
    if all(smooth):
        return f"Both are {smoother}."
    if any(grainy):
        one = grainy.index(True)
        other = smoother if smooth[1 - one] else "not"
        return f"{capital(names[one])} is grainy, {names[1 - one]} is {other}."
    if any(smooth):
        return f"{capital(names[smooth.index(True)])} is {smoother}."
    return "Neither is grainy."


def _faded(contrast: Sides, names: Sequence[str], num_images: int) -> str:
    """Say which sides have lost contrast, and which has lost less."""
    left, right = contrast
    if left is None or right is None:
        return ""
    least = 1 - contrast_margin(num_images)
    pale = [value < least for value in (left, right)]
    measured = f"({_digits(left)} for {names[0]}, {_digits(right)} for {names[1]})"
    where = f"In these {num_images} images"
    more, less = names if left > right else names[::-1]
    alike = _alike(left, right)
    if not any(pale):
        return "" if alike else f"{where} {more} has more contrast {measured}."
    if all(pale):
        tail = "about equally" if alike else f"{more} less of it"
        return f"{where} both have lost contrast {measured}, {tail}."
    tail = f", and {more} has hardly more" if alike else ""
    return f"{where} {less} has lost contrast {measured}{tail}."


def measured(recorded: Sequence[RecordedSampler], num_steps: int, pair: Collection[str]) -> str:
    """Quote the measurement over many images at the recorded N next to a number of iterations.

    Args:
        recorded: the samplers of a model.
        num_steps: N of both sides.
        pair: names of the two samplers.

    Returns:
        "" if not both were recorded at an N within a factor `NEAR`.
    """
    arms = {(cell.arm, cell.num_steps) for cell in recorded}
    counts = [n for n in {n for _, n in arms} if all((arm, n) in arms for arm in pair)]
    near = min(counts, key=lambda n: abs(math.log(n / num_steps)), default=0)
    if not near or not ARMS.keys() >= set(pair) or not 1 / NEAR <= near / num_steps <= NEAR:
        return ""
    at = {cell.arm: cell for cell in recorded if cell.num_steps == near}
    cells = [at[arm] for arm in ARMS if arm in at]
    images = min(cell.images for cell in cells)
    values = "; ".join(
        f"{ARMS[cell.arm]} {cell.grain.value:.2f} and {cell.contrast.value:.2f}" for cell in cells
    )
    sentence = f"Grain and contrast over {images} images at N = {number(near)}: {values}."
    control = ""
    if not {"pds:5", "scalar"}.isdisjoint(pair):
        control = _constant_gain({arm: cell.grain.value for arm, cell in at.items()})
    return f"{sentence} {control}".strip()


def _constant_gain(grain: Mapping[str, float]) -> str:
    """Compare the grain that a constant gain removes with that of PDS, on a log scale."""
    vanilla, pds, scalar = (grain.get(arm, math.nan) for arm in ("vanilla", "pds:5", "scalar"))
    if not vanilla > ALIKE * pds:
        return ""
    part = math.log(vanilla / scalar) / math.log(vanilla / pds)
    if math.isnan(part):
        return ""
    if part > 0.95:
        return "A constant gain removes as much grain as PDS."
    much = "most" if part >= 0.5 else "a smaller part" if part > 0.05 else "none"
    return f"A constant gain removes {much} of the grain that PDS removes."


def grain_begins(grain: Mapping[int, Sides], names: Sequence[str], own: str) -> str:
    """Say at which numbers of iterations each sampler is grainy.

    Args:
        grain: of each sampler at each N, relative.
        names: of the samplers.
        own: name of the reference images, whose grain is 1.
    """
    counts, parts = sorted(grain, reverse=True), []
    for chain, name in enumerate(names):
        grainy = [n for n in counts if _is_grainy(grain[n][chain])]
        if not grainy:
            parts.append(f"{name} leaves no grain at any of these counts.")
            continue
        first = grainy[0]
        where = " and ".join(f"N = {n}" for n in grainy)
        if grainy == counts[counts.index(first) :] and len(grainy) > 1:
            where = f"N = {first} and below"
        value = grain[first][chain]
        much = "it diverged" if value is None else f"{times(value)} that of {own}"
        parts.append(f"{name} leaves grain at {where}: {much} at {first}.")
    return " ".join(parts)


def capital(text: str) -> str:
    """Capitalize the first letter."""
    return text[:1].upper() + text[1:]


def number(value: float) -> str:
    """Write a number as the page's sliders do: four digits, commas in the thousands."""
    return f"{value:,.4g}".replace("-", "−")  # noqa: RUF001


def short(value: float) -> str:
    """Write a number with three significant digits."""
    return number(float(f"{value:.3g}"))


def error(value: float) -> str:
    """Write a positive number with two significant digits: 0.016, 4.9 · 10⁻⁵."""
    if not math.isfinite(value):
        return "out of range"
    if 1e-4 <= value < 1e4:
        return f"{value:.2g}" if value < 100 else f"{value:,.0f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} · 10{power}"


def ratio(value: float) -> str:
    """Write a factor: "3.8 times", "over 1,000 times"."""
    if value >= 1000:
        return "over 1,000 times"
    return f"{value:.0f} times" if value >= 9.95 else f"{value:.1f} times"


def share(value: float) -> str:
    """Write a share in percent; only exactly 0 and 1 become 0% and 100%."""
    percent = 100 * value
    if 0 < percent < 0.1:
        return "less than 0.1%"
    if 99.5 <= percent < 100:
        return f"{min(percent, 99.9):.1f}%"
    return f"{percent:.1f}%" if percent < 9.95 else f"{percent:.0f}%"


def times(value: float) -> str:
    """Write a factor: "1.6 times", "0.98 times", "over 100 times"."""
    return "over 100 times" if value >= 99.5 else f"{_digits(value)} times"


def _digits(value: float) -> str:
    """Write a number with two significant digits, as below the images of the page."""
    return f"{value:.{0 if value >= 9.95 else 1 if value >= 0.995 else 2}f}"


def _alike(first: float, second: float) -> bool:
    return max(first, second) <= ALIKE * min(first, second)


def _is_grainy(grain: float | None) -> bool:
    return grain is None or grain > GRAINY
