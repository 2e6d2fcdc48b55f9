"""Grain and contrast of finished images: the measurement, and sentences about it.

Both are relative to the network's own images, sampled with many iterations, see
`pds.appearance`. Where that is unknown, as for a foreign checkpoint, grain is in pixel units, and
contrast, which is always relative, is left out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from pds.appearance import SMALLEST, Appearance
from pds.models import Model
from pds.scores.ncsnpp import NetworkScore

TOO_SMALL = f"images below {SMALLEST} px have no grain measure"
MOST = 1000
"""Relative numbers from here on are written as large."""


@dataclass(frozen=True)
class Quality:
    """Grain and contrast of one sampler's images.

    grain: relative to the reference, or in pixel units without one; NaN if an image is not finite.
    contrast: relative to the reference; NaN for one image, or without a reference.
    reference: name of the images whose grain and contrast are 1, "" for pixel units.
    num_images: how many images; 1 where contrast is not measured.
    """

    grain: float
    contrast: float = math.nan
    reference: str = ""
    num_images: int = 1


def contrast_margin(num_images: int) -> float:
    """Return 1 / sqrt(num_images), by which contrast varies with the choice of images.

    It is about twice the standard deviation over groups of held-out portraits.
    """
    return 1 / math.sqrt(num_images)


def measured(model: Model, x_mean: Tensor) -> Quality | None:
    """Return the quality of final images in the score's range, None below 8 x 8 pixels."""
    if not measurable(model):
        return None
    return of(model, Appearance.of(model.to_pixels(x_mean)))


def of(model: Model, appearance: Appearance) -> Quality:
    """Return the quality of images that were measured in pixel units."""
    reference = model.references.network if model.references else None
    if reference is None or not reference.grain > 0:
        return Quality(appearance.grain, num_images=appearance.num_images)
    relative = appearance.relative_to(reference)
    return Quality(*relative, reference_of(model), appearance.num_images)


def of_grain(model: Model, grain: float) -> Quality:
    """Return the quality of images of which only the mean grain, in pixel units, was kept."""
    reference = model.references.network if model.references else None
    if reference is None or not reference.grain > 0:
        return Quality(grain)
    return Quality(grain / reference.grain, reference=reference_of(model))


def measurable(model: Model) -> bool:
    """Return whether a model's images are large enough to be measured."""
    return min(model.image_shape[1:]) >= SMALLEST


def reference_of(model: Model) -> str:
    """Return the name of the images that a model's grain and contrast are relative to."""
    is_network = isinstance(model.score, NetworkScore)
    return "the network's own images" if is_network else "exact samples"


def sentence(sides: Mapping[str, Quality | None]) -> str:
    """Say grain and contrast of some samplers by name, all of one model and as many images."""
    qualities = [quality for quality in sides.values() if quality is not None]
    if len(qualities) < len(sides):
        return TOO_SMALL
    if all(map(_diverged, qualities)):
        return f"{' and '.join(sides)} diverged; their images have no grain to measure"
    first, *_ = qualities
    values = ", ".join(
        f"{_grain(quality)} ({name})" for name, quality in zip(sides, qualities, strict=True)
    )
    if not first.reference:
        return f"grain {values} in pixel units, 0 to 1{_ratio(sides, qualities)}"
    relative = f"grain {values} times that of {first.reference}"
    if all(math.isnan(quality.contrast) for quality in qualities):
        return relative
    contrasts = ", ".join(format_number(quality.contrast) for quality in qualities)
    margin = f"{first.num_images} images: give or take {contrast_margin(first.num_images):.1f}"
    return f"{relative}; contrast {contrasts} ({margin})"


def label(name: str, quality: Quality | None) -> str:
    """Return a sampler's name for a sheet, with a line for each number that is known."""
    if quality is None:
        return name
    lines = [name, f"grain {_grain(quality)}"]
    if math.isfinite(quality.contrast):
        lines.append(f"contrast {format_number(quality.contrast)}")
    return "\n".join(lines)


def heading(title: str, sides: Mapping[str, Quality]) -> str:
    """Return the title of a column of a sheet, with a line for the grain of each sampler."""
    return "\n".join([title, *(f"{name} {_grain(quality)}" for name, quality in sides.items())])


def note(quality: Quality | None) -> str:
    """Return what the numbers on a sheet are relative to, "" if there are none."""
    if quality is None:
        return ""
    if not quality.reference:
        return "grain in pixel units, 0 to 1"
    if quality.num_images == 1:
        return f"grain: 1 = {quality.reference}"
    return f"1 = {quality.reference}; contrast ± {contrast_margin(quality.num_images):.1f}"


def _ratio(names: Mapping[str, object], qualities: list[Quality]) -> str:
    """Return how the grain of the first two sides compares, "" if that cannot be said."""
    if len(qualities) != 2 or any(map(_diverged, qualities)) or not qualities[1].grain > 0:
        return ""
    return f"; {' / '.join(names)} {format_number(qualities[0].grain / qualities[1].grain)}"


def _diverged(quality: Quality) -> bool:
    return not math.isfinite(quality.grain)


def _grain(quality: Quality) -> str:
    return format_number(quality.grain, decimals=2 if quality.reference else 4)


def format_number(value: float, *, decimals: int = 2) -> str:
    """Format a positive number; one that is not finite means that the sampler diverged."""
    if not math.isfinite(value):
        return "diverged"
    if value >= MOST:
        return f"over {MOST}"
    return f"{value:.{decimals if value < 10 else 1 if value < 100 else 0}f}"
