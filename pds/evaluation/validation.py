"""Do the metrics see what they should: halves of the data alike, blur and noise worse in order?"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from pds import spectra
from pds.evaluation.features import features
from pds.evaluation.metrics import COMPARED, Reference

BLURS = (0.5, 1.0, 2.0)
"""Standard deviations of a Gaussian, in pixels."""
NOISES = (0.02, 0.05, 0.1)
"""Standard deviations of white noise, in pixel units."""


class Case(NamedTuple):
    """One half of the data, spoiled or not, against the other."""

    name: str
    scores: dict[str, float]


def cases(images: Tensor) -> list[Case]:
    """Return a half as it is, blurred and noisy more and more, against the other half.

    Args:
        images: of the data, (n, C, H, W), n >= 4.
    """
    one, other = images[0::2], images[1::2]
    height, width = images.shape[-2:]
    reference = Reference(features(other), (height, width))
    noise = torch.randn(one.shape, generator=torch.Generator().manual_seed(0))
    spoiled = {"as it is": one}
    spoiled |= {f"blur {sigma:g} px": blurred(one, sigma) for sigma in BLURS}
    spoiled |= {f"noise {sigma:g}": one + sigma * noise for sigma in NOISES}
    return [Case(name, reference.estimates(features(x))) for name, x in spoiled.items()]


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Blur with a periodic Gaussian of this standard deviation in pixels."""
    gain = torch.exp(-2 * (torch.pi * sigma * spectra.radii(*images.shape[-2:])) ** 2)
    return torch.fft.ifft2(torch.fft.fft2(images.double()) * gain).real.float()


def ordered(found: list[Case]) -> dict[str, bool]:
    """Return for each metric whether blur, and noise, are strictly worse in order."""
    blurs, noises = found[: 1 + len(BLURS)], [found[0], *found[1 + len(BLURS) :]]
    return {metric: all(_rises(part, metric) for part in (blurs, noises)) for metric in COMPARED}


def _rises(part: list[Case], metric: str) -> bool:
    values = [case.scores[metric] for case in part]
    return all(a < b for a, b in pairwise(values))


def text(found: list[Case]) -> str:
    """Return a table in aligned columns, the last line says which metrics are in order."""
    lines = ["".join(f"{title:>13}" for title in ("", *COMPARED))]
    for case in found:
        values = "".join(f"{case.scores[metric]:>13.4f}" for metric in COMPARED)
        lines.append(f"{case.name:>13}{values}")
    verdict = {True: "yes", False: "NO"}
    order = ordered(found)
    lines.append(
        f"{'in order':>13}" + "".join(f"{verdict[order[metric]]:>13}" for metric in COMPARED)
    )
    return "\n".join(lines)
