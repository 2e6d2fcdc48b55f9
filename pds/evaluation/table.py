"""The table: one row for each cell in the folder.

| column                                    | what it is                                           |
|-------------------------------------------|------------------------------------------------------|
| arm, N, images                            | the cell and how many images it has                  |
| diverged                                  | of these, how many are not finite or beyond 1000     |
| nfe, seconds                              | network evaluations and mean time, for each image    |
| METRIC, METRIC_low, METRIC_high           | see `pds.evaluation.metrics`, with a 95 % interval   |
| METRIC_floor                              | the same of as many images of the data               |
| METRIC_vs_vanilla, ..._low, ..._high      | ratio to vanilla's at this N, same seeds, paired     |
| theory_noise_left, theory_w2              | exact for Gaussian data of this spectrum             |

Empty: no vanilla at this N, an arm that the recursion cannot follow, or a cell that diverged. Where
vanilla has another number of images, the ratio is of those that both have.
"""

import csv
import io
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pds import theory
from pds.evaluation import arms, draw
from pds.evaluation.features import Features, features
from pds.evaluation.metrics import METRICS, Draws, Interval, Reference
from pds.evaluation.store import Cell, Store
from pds.evaluation.subject import Subject

TOO_FAR = 1000.0
"""Pixel values beyond which an image has diverged."""


class Prediction(NamedTuple):
    """What the recursion says of a cell, NaN where it cannot follow."""

    noise_left: float = math.nan
    w2: float = math.nan


class Measured(NamedTuple):
    """A cell as it lies in the folder.

    images: how many it has.
    diverged: how many of them.
    nfe: network evaluations of each.
    seconds: mean for each.
    features: of the images, None where one diverged or there is only one.
    """

    images: int
    diverged: int
    nfe: int
    seconds: float
    features: Features | None


@dataclass(frozen=True)
class Row:
    """A cell in the table; scores, floor and ratios to vanilla by metric, empty without any."""

    cell: Cell
    measured: Measured
    scores: dict[str, Interval]
    floor: dict[str, float]
    against: dict[str, Interval]
    theory: Prediction


@dataclass(frozen=True, eq=False)
class Evidence:
    """All cells of a folder against held-out data; what is asked twice is computed once."""

    reference: Reference
    cells: dict[Cell, Measured]
    _draws: dict[tuple[Cell, int], dict[str, Draws]] = field(default_factory=dict)
    _floors: dict[int, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store, reference: Reference) -> "Evidence":
        """Read a folder: cells by arm, and by N from the largest."""
        found = store.cells()
        order = arms.ordered(sorted({cell.arm for cell in found}))
        found.sort(key=lambda cell: (order.index(cell.arm), -cell.num_steps))
        return cls(reference, {cell: _measured(store, cell) for cell in found})

    def count(self, cell: Cell) -> int:
        """Return how many images of a cell can be compared, 0 for a cell that is not there."""
        measured = self.cells.get(cell)
        return 0 if measured is None or measured.features is None else measured.images

    def draws(self, cell: Cell, num_images: int) -> dict[str, Draws]:
        """Return the metrics of the first images of a cell that has so many."""
        key = (cell, num_images)
        if key not in self._draws:
            sample = self.cells[cell].features
            assert sample is not None
            self._draws[key] = self.reference.draws(sample[:num_images])
        return self._draws[key]

    def floor(self, num_images: int) -> dict[str, float]:
        """Return the metrics of as many images of the data."""
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


def rows(evidence: Evidence, subject: Subject) -> Iterator[Row]:
    """Yield the table, arm by arm, from the largest N."""
    for cell, measured in evidence.cells.items():
        count = evidence.count(cell)
        draws = evidence.draws(cell, count) if count else {}
        yield Row(
            cell,
            measured,
            {name: metric.interval() for name, metric in draws.items()},
            evidence.floor(count) if count else {},
            evidence.against(cell),
            predict(subject, cell),
        )


def predict(subject: Subject, cell: Cell) -> Prediction:
    """Return the exact answer for Gaussian data with the spectrum of the subject's."""
    plan, field = draw.plan(subject, *cell), subject.field
    if plan.gain is None:
        return Prediction()
    with np.errstate(over="ignore", invalid="ignore"):
        exact = theory.trajectory(field.data, plan.gain, field.experiment.sde, plan.sampler)
        (variance,) = deque(exact, maxlen=1)
        left = float(theory.noise_left(field.data, variance))
        return Prediction(left, float(theory.w2(field.data, variance)))


def to_csv(found: Sequence[Row]) -> str:
    """Return the table as text, numbers with 5 digits."""
    names = ["arm", "N", "images", "diverged", "nfe", "seconds"]
    for metric in METRICS:
        names += [metric, f"{metric}_low", f"{metric}_high", f"{metric}_floor"]
        names += [f"{metric}_vs_vanilla{end}" for end in ("", "_low", "_high")]
    names += ["theory_noise_left", "theory_w2"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(map(_cells, found))
    return text.getvalue()


def _cells(row: Row) -> list[str]:
    measured, nothing = row.measured, (math.nan,) * 3
    cells = [row.cell.arm, str(row.cell.num_steps), str(measured.images), str(measured.diverged)]
    cells += [str(measured.nfe), _number(measured.seconds)]
    for metric in METRICS:
        numbers = [*row.scores.get(metric, nothing), row.floor.get(metric, math.nan)]
        numbers += row.against.get(metric, nothing)
        cells += map(_number, numbers)
    return [*cells, *map(_number, row.theory)]


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.5g}"


def _measured(store: Store, cell: Cell) -> Measured:
    drawn = store.drawn(cell)
    flat = drawn.images.flatten(1)
    # A comparison with NaN is false.
    diverged = int((~(flat.abs() <= TOO_FAR)).any(1).sum())
    sound = len(flat) > 1 and not diverged
    found = features(drawn.images) if sound else None
    return Measured(len(flat), diverged, drawn.nfe, drawn.seconds, found)
