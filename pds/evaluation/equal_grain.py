"""Contrast at equal grain: the effect of the filter's shape, apart from the longer step.

At a fixed N the filter of PDS traces a curve of contrast against grain as alpha varies, and so does
the constant gain M = c I, which is only a longer step, as c varies. At equal grain, the additional
contrast of PDS is the effect of the shape of its filter.

The cells of a family are sorted by grain; contrast is interpolated linearly in the logarithm of
grain. The curves are compared over their common range of grain, at `LEVELS` values that are evenly
spaced in the logarithm. For intervals, all cells are resampled with the same indices.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pds.evaluation.evidence import Evidence
from pds.evaluation.metrics import Draws, Interval
from pds.evaluation.store import Cell
from pds.spectra import Array

LEVELS = 9

FEWEST = 2
"""Least number of cells of a family at one N."""


class AtGrain(NamedTuple):
    """Contrast of both families at one grain, and PDS's over the constant gain's.

    num_steps: N.
    reference: what grain and contrast are relative to.
    images: of each cell.
    grain: NaN for the mean over the common range.
    pds, constant: contrast.
    ratio: with a 95 % interval; above 1 PDS keeps more contrast.
    """

    num_steps: int
    reference: str
    images: int
    grain: float
    pds: float
    constant: float
    ratio: Interval


class Curve(NamedTuple):
    """Grain and contrast of a family's cells, (..., K)."""

    grain: Array
    contrast: Array

    def at(self, grain: Array) -> Array:
        """Return the contrast at each grain, (L,), of one curve (K,); constant beyond its ends."""
        order = np.argsort(self.grain)
        return np.interp(np.log(grain), np.log(self.grain[order]), self.contrast[order])


def compare(evidence: Evidence) -> Iterator[AtGrain]:
    """Yield the comparison at each N with two or more cells of both families, level by level.

    The last one of each N is the mean over the levels. There is none where the ranges of grain of
    both families do not overlap.
    """
    for num_steps in sorted({cell.num_steps for cell in evidence.cells}):
        pds, constant = (_family(evidence, kind, num_steps) for kind in ("pds", "scalar"))
        if min(len(pds), len(constant)) >= FEWEST:
            yield from _compared(evidence, pds, constant)


def sentences(compared: Sequence[AtGrain]) -> Iterator[str]:
    """Yield what the comparison says at each N."""
    for mean in compared:
        if not np.isnan(mean.grain):
            continue
        grains = [row.grain for row in compared if row.num_steps == mean.num_steps][:-1]
        low, high = mean.ratio.low, mean.ratio.high
        verdict = "more contrast than" if low > 1 else "less contrast than"
        if low <= 1 <= high:
            verdict = "the same contrast, within the interval, as"
        yield (
            f"At N = {mean.num_steps} and equal grain, {grains[0]:.2f} to {grains[-1]:.2f} times "
            f"the reference's, PDS keeps {verdict} a constant gain: {mean.ratio.value:.3f} times "
            f"({low:.3f} to {high:.3f}), {mean.images} images of each."
        )


def to_csv(compared: Sequence[AtGrain]) -> str:
    """Return the comparison as CSV; the row of a mean has an empty grain."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ["N", "reference", "images", "grain", "contrast_pds", "contrast_constant"]
    writer.writerow([*names, "ratio", "low", "high"])
    for *facts, grain, pds, constant, ratio in compared:
        numbers = [f"{value:.5g}" for value in (pds, constant, *ratio)]
        writer.writerow([*facts, "" if np.isnan(grain) else f"{grain:.5g}", *numbers])
    return text.getvalue()


def _family(evidence: Evidence, kind: str, num_steps: int) -> list[Cell]:
    return [
        cell
        for cell in evidence.cells
        if cell.arm.partition(":")[0] == kind
        and cell.num_steps == num_steps
        and evidence.count(cell)
    ]


def _compared(evidence: Evidence, pds: list[Cell], constant: list[Cell]) -> Iterator[AtGrain]:
    images = min(map(evidence.count, [*pds, *constant]))
    curves = [_curves(evidence, cells, images) for cells in (pds, constant)]
    ends = [(curve.grain[0].min(), curve.grain[0].max()) for curve in curves]
    low, high = max(end[0] for end in ends), min(end[1] for end in ends)
    if low >= high:
        return
    levels = np.geomspace(low, high, LEVELS)
    filtered, scaled = (_contrast(curve, levels) for curve in curves)
    facts = pds[0].num_steps, evidence.name, images
    for column, level in enumerate(levels):
        yield AtGrain(*facts, float(level), *_ratio(filtered[:, column], scaled[:, column]))
    yield AtGrain(*facts, np.nan, *_ratio(filtered.mean(1), scaled.mean(1)))


def _curves(evidence: Evidence, cells: list[Cell], images: int) -> Curve:
    """Return the estimates and then the resamples of a family, (1 + B, K)."""
    draws = [evidence.draws(cell, images) for cell in cells]
    values = (
        np.stack([np.append(d[name].value, d[name].resampled) for d in draws], axis=1)
        for name in Curve._fields
    )
    return Curve(*values)


def _contrast(curve: Curve, levels: Array) -> Array:
    """Return the contrast of each row of a curve at each level, (1 + B, L)."""
    return np.stack([Curve(*row).at(levels) for row in zip(*curve, strict=True)])


def _ratio(pds: Array, constant: Array) -> tuple[float, float, Interval]:
    """Return both contrasts and their ratio, from estimate and resamples (1 + B,)."""
    ratio = Draws(float(pds[0]), pds[1:]).over(Draws(float(constant[0]), constant[1:]))
    return float(pds[0]), float(constant[0]), ratio
