"""A check of the metrics: they must rank one half of the data before blurred and noisy versions."""

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
    """The scores of one half of the data, possibly blurred or noisy, against the other half."""

    name: str
    scores: dict[str, float]


def cases(images: Tensor) -> list[Case]:
    """Score one half of the data, as it is, blurred and with noise, against the other half.

    Args:
        images: of the data, (n, C, H, W), n >= 4.
    """
    one, other = images[0::2], images[1::2]
    height, width = images.shape[-2:]
    reference = Reference(features(other), (height, width))
    noise = torch.randn(one.shape, generator=torch.Generator().manual_seed(0))
    versions = {"as it is": one}
    versions |= {f"blur {sigma:g} px": blurred(one, sigma) for sigma in BLURS}
    versions |= {f"noise {sigma:g}": one + sigma * noise for sigma in NOISES}
    return [Case(name, reference.estimates(features(x))) for name, x in versions.items()]


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Blur with a periodic Gaussian whose standard deviation is sigma pixels."""
    gain = torch.exp(-2 * (torch.pi * sigma * spectra.radii(*images.shape[-2:])) ** 2)
    return torch.fft.ifft2(torch.fft.fft2(images.double()) * gain).real.float()


def ordered(checked: list[Case]) -> dict[str, bool]:
    """Return for each metric whether more blur and more noise strictly increase it."""
    blurs, noises = checked[: 1 + len(BLURS)], [checked[0], *checked[1 + len(BLURS) :]]
    return {metric: all(_rises(part, metric) for part in (blurs, noises)) for metric in COMPARED}


def _rises(part: list[Case], metric: str) -> bool:
    values = [case.scores[metric] for case in part]
    return all(a < b for a, b in pairwise(values))


def text(checked: list[Case]) -> str:
    """Return a table in aligned columns; its last line says which metrics are in order."""
    lines = ["".join(f"{title:>13}" for title in ("", *COMPARED))]
    for case in checked:
        values = "".join(f"{case.scores[metric]:>13.4f}" for metric in COMPARED)
        lines.append(f"{case.name:>13}{values}")
    verdict = {True: "yes", False: "NO"}
    order = ordered(checked)
    lines.append(
        f"{'in order':>13}" + "".join(f"{verdict[order[metric]]:>13}" for metric in COMPARED)
    )
    return "\n".join(lines)
