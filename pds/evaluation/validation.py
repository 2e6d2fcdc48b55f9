"""What the metrics see: one half of the data, spoiled in known ways, against the other half.

Blur, noise, noise that is smooth over pixels, lost texture and changed coarse contrast are applied
to pictures, and every metric is computed on the results. Two things must hold: more blur and more
noise are worse by every metric but contrast, and planted noise is recovered at its own strength,

    recovered = sqrt(grain of the noisy pictures^2 - their own grain^2) / sigma.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from pds import spectra
from pds.appearance import COARSE_BANDS
from pds.evaluation.features import Features, features
from pds.evaluation.metrics import RATIOS, Interval, Reference

SHOWN = (
    *("grain", "grain_everywhere", "contrast", "fine_power"),
    *("spectrum_db", "w2", "sliced", "frechet"),
)
ORDERED = tuple(metric for metric in SHOWN if metric != "contrast")
"""The metrics that blur and noise must increase, or take away from 1."""

MOST = 400
"""Largest number of images used."""
BLURS = (0.5, 1.0, 2.0)
"""Standard deviations of a Gaussian, in pixels."""
NOISES = (0.02, 0.05, 0.1)
"""Standard deviations of white noise, in pixel units."""
FAINT_NOISE = 0.01
"""The same of noise that grain sees, and that power cannot tell from other pictures."""
SMOOTH_NOISE = 0.05
"""Standard deviation of noise that a Gaussian of one pixel has made smooth."""
CONTRASTS = (0.8, 1.25)
"""Factors of everything about the mean picture below 6 cycles a picture."""
WIDTH = 18
"""Characters of a column."""


class Case(NamedTuple):
    """The scores of one half of the data, possibly spoiled, against the other half."""

    name: str
    scores: Mapping[str, float]


class Recovered(NamedTuple):
    """Planted noise as measured, relative to its standard deviation: 1 is right.

    sigma: of the noise.
    grain: by noise in flat places.
    everywhere: by the median over the whole picture.
    """

    sigma: float
    grain: float
    everywhere: float


@dataclass(frozen=True)
class Validation:
    """Scores of spoiled halves, the floor of the unspoiled, and the recovered noise."""

    cases: tuple[Case, ...]
    floor: Mapping[str, Interval]
    recovered: tuple[Recovered, ...]

    def sees(self, case: Case, metric: str) -> bool:
        """Return whether a score has changed by more than halves of the data differ by (95 %)."""
        floor, clean = self.floor[metric], self.cases[0].scores[metric]
        return not floor.low <= floor.value + case.scores[metric] - clean <= floor.high

    def ordered(self) -> dict[str, bool]:
        """Return for each of `ORDERED` whether more blur and more noise strictly increase it."""
        clean = self.cases[0]
        by_kind = (
            [clean, *(case for case in self.cases if case.name.startswith(kind))]
            for kind in ("blur", "noise")
        )
        series = list(by_kind)
        return {metric: all(_rises(part, metric) for part in series) for metric in ORDERED}


def check(images: Tensor) -> Validation:
    """Score one half of the data, as it is and spoiled, against the other half.

    Args:
        images: of the data, (n, C, H, W), n >= 8.
    """
    images = images[:MOST]
    one, reference = images[0::2], Reference.of(images[1::2])
    samples = {name: features(spoiled) for name, spoiled in _versions(one)}
    clean = samples["as it is"]
    return Validation(
        tuple(Case(name, reference.estimates(sample)) for name, sample in samples.items()),
        Reference.of(images).floor(len(images) // 2),
        tuple(
            _recovered(clean, features(_noisy(one, sigma)), sigma)
            for sigma in (FAINT_NOISE, *NOISES)
        ),
    )


def text(checked: Validation) -> str:
    """Return tables in aligned columns; the last line says which metrics are in order."""
    lines = [_line("", SHOWN)]
    for case in checked.cases:
        marks = ((metric, "*" if checked.sees(case, metric) else " ") for metric in SHOWN)
        lines.append(_line(case.name, [f"{case.scores[name]:.4f}{mark}" for name, mark in marks]))
    lines += ["* seen: changed by more than halves of the data differ by (95 %)", ""]
    lines.append(_line("noise found again", ["by grain", "everywhere"]))
    for sigma, *shares in checked.recovered:
        lines.append(_line(f"{sigma:g}", [f"{share:.3f}" for share in shares]))
    order = checked.ordered()
    verdicts = ["" if name not in order else "yes" if order[name] else "NO" for name in SHOWN]
    return "\n".join([*lines, "", _line("in order", verdicts)])


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Blur with a periodic Gaussian whose standard deviation is sigma pixels."""
    gain = torch.exp(-2 * (torch.pi * sigma * spectra.radii(*images.shape[-2:])) ** 2)
    return torch.fft.ifft2(torch.fft.fft2(images.double()) * gain).real.float()


def without_texture(images: Tensor) -> Tensor:
    """Replace every pixel by the median of 3 x 3: texture and noise go, edges stay."""
    padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
    return padded.unfold(2, 3, 1).unfold(3, 3, 1).flatten(-2).median(-1).values


def with_coarse_contrast(images: Tensor, factor: float) -> Tensor:
    """Multiply everything about the mean picture in the bands of contrast by a factor."""
    height, width = images.shape[-2:]
    gain = torch.where(spectra.cycles(height, width) < COARSE_BANDS[-1][1], factor, 1.0)
    mean = images.double().mean(0)
    changed = torch.fft.ifft2(torch.fft.fft2(images.double() - mean) * gain).real
    return (mean + changed).float()


def _versions(images: Tensor) -> Iterator[tuple[str, Tensor]]:
    smooth = blurred(_noisy(torch.zeros_like(images), 1.0), 1.0)
    yield "as it is", images
    for sigma in BLURS:
        yield f"blur {sigma:g} px", blurred(images, sigma)
    for sigma in NOISES:
        yield f"noise {sigma:g}", _noisy(images, sigma)
    yield f"faint noise {FAINT_NOISE:g}", _noisy(images, FAINT_NOISE)
    yield f"smooth noise {SMOOTH_NOISE:g}", images + SMOOTH_NOISE * smooth / smooth.std()
    yield "texture lost", without_texture(images)
    for factor in CONTRASTS:
        yield f"contrast {factor:g}", with_coarse_contrast(images, factor)


def _noisy(images: Tensor, sigma: float) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return images + sigma * noise


def _recovered(clean: Features, noisy: Features, sigma: float) -> Recovered:
    pairs = (
        (getattr(noisy, name).mean(), getattr(clean, name).mean())
        for name in ("grain", "everywhere")
    )
    shares = [math.sqrt(max(0.0, after**2 - before**2)) / sigma for after, before in pairs]
    return Recovered(sigma, *shares)


def _rises(part: list[Case], metric: str) -> bool:
    values = [case.scores[metric] for case in part]
    if metric in RATIOS:
        values = [abs(math.log(value)) for value in values]
    return all(a < b for a, b in pairwise(values))


def _line(name: str, values: tuple[str, ...] | list[str]) -> str:
    return f"{name:>{WIDTH}}" + "".join(f"{value:>{WIDTH}}" for value in values)
