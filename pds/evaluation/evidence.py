"""The cells of an evaluation against reference images, and the rows of its table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pds.evaluation.features import Features, features
from pds.evaluation.metrics import METRICS, Draws, Interval, Reference
from pds.evaluation.store import Cell, Drawn, Store

MAX_PIXEL = 1000.0
"""Absolute pixel value above which an image has diverged."""


REFERENCES = {
    "network": "the network's own images, sampled with many iterations",
    "data": "held-out data",
}
"""What cells are compared with, by the name in the table."""


class Prediction(NamedTuple):
    """Exact values of the recursion for Gaussian data; NaN for arms that it cannot follow."""

    fine_power: float = math.nan
    w2: float = math.nan


class Measured(NamedTuple):
    """A cell as it is stored.

    images: number of images.
    diverged: how many of them diverged.
    nfe: network evaluations for each image.
    seconds: mean for each image.
    features: of the images; None if one diverged or there is only one.
    """

    images: int
    diverged: int
    nfe: int
    seconds: float
    features: Features | None


@dataclass(frozen=True)
class Row:
    """A cell against one reference; scores, floor and ratios to vanilla by metric, if any."""

    cell: Cell
    reference: str
    measured: Measured
    scores: dict[str, Interval]
    floor: dict[str, Interval]
    against: dict[str, Interval]
    theory: Prediction


@dataclass(frozen=True, eq=False)
class Evidence:
    """Cells against one reference; metrics are computed once for each cell and sample size.

    name: of the reference, a key of `REFERENCES`.
    reference: its images.
    cells: by cell, in the order of the table.
    """

    name: str
    reference: Reference
    cells: dict[Cell, Measured]
    _draws: dict[tuple[Cell, int], dict[str, Draws]] = field(default_factory=dict)
    _floors: dict[int, dict[str, Interval]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, store: Store, references: Mapping[str, Reference], cells: Sequence[Cell]
    ) -> list["Evidence"]:
        """Read these cells of a folder, see `table.cells`, and compare them with each reference."""
        measured = {cell: measure_cell(store, cell) for cell in cells}
        return [cls(name, reference, measured) for name, reference in references.items()]

    def count(self, cell: Cell) -> int:
        """Return the number of images of a cell that can be compared, 0 for an unknown cell."""
        measured = self.cells.get(cell)
        return 0 if measured is None or measured.features is None else measured.images

    def draws(self, cell: Cell, num_images: int) -> dict[str, Draws]:
        """Return the metrics of the first images of a cell; it must have as many."""
        key = (cell, num_images)
        if key not in self._draws:
            sample = self.cells[cell].features
            assert sample is not None
            self._draws[key] = self.reference.draws(sample[:num_images])
        return self._draws[key]

    def floor(self, num_images: int) -> dict[str, Interval]:
        """Return the metrics of as many images of the reference itself."""
        if num_images not in self._floors:
            self._floors[num_images] = self.reference.floor(num_images)
        return self._floors[num_images]

    def against(self, cell: Cell) -> dict[str, Interval]:
        """Return the ratios to vanilla at the same N."""
        vanilla = Cell("vanilla", cell.num_steps)
        both = min(self.count(cell), self.count(vanilla))
        if both == 0 or cell == vanilla:
            return {}
        ours, theirs = self.draws(cell, both), self.draws(vanilla, both)
        return {name: ours[name].over(theirs[name]) for name in METRICS}


def measure_cell(store: Store, cell: Cell) -> Measured:
    """Measure the images of a cell."""
    return measure_images(store.drawn(cell))


def measure_images(drawn: Drawn) -> Measured:
    """Count the images that diverged, and compute the features if none did."""
    flat = drawn.images.flatten(1)
    # A comparison with NaN is false.
    diverged = int((~(flat.abs() <= MAX_PIXEL)).any(1).sum())
    comparable = len(flat) > 1 and not diverged
    sample = features(drawn.images) if comparable else None
    return Measured(len(flat), diverged, drawn.nfe, drawn.seconds, sample)
