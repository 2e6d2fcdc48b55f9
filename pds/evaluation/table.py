"""The table: one row for each cell in the folder.

| column                                    | meaning                                              |
|-------------------------------------------|------------------------------------------------------|
| arm, N, images                            | the cell and its number of images                    |
| diverged                                  | how many of them are not finite or exceed 1000       |
| nfe, seconds                              | network evaluations and mean time, for each image    |
| METRIC, METRIC_low, METRIC_high           | see `pds.evaluation.metrics`, with a 95 % interval   |
| METRIC_floor                              | the same of as many images of the data               |
| METRIC_vs_vanilla, ..._low, ..._high      | ratio to vanilla's at this N, same seeds, paired     |
| theory_noise_left, theory_w2              | exact for Gaussian data of this spectrum             |

A value is empty if there is no vanilla at this N, if the recursion cannot follow the arm, or if an
image of the cell diverged. If vanilla has another number of images, the ratio is that of the images
that both have.
"""

import csv
import io
import math
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from pds import theory
from pds.evaluation import arms
from pds.evaluation.evidence import Evidence, Prediction, Row
from pds.evaluation.metrics import METRICS
from pds.evaluation.store import Cell, Store
from pds.evaluation.subject import Subject


def cells(store: Store) -> list[Cell]:
    """Return the cells of a folder in the order of the table: by arm, then from the largest N."""
    stored = store.cells()
    order = arms.ordered(sorted({cell.arm for cell in stored}))
    return sorted(stored, key=lambda cell: (order.index(cell.arm), -cell.num_steps))


def rows(evidence: Evidence, subject: Subject) -> Iterator[Row]:
    """Yield the rows of the table, in the order of the evidence's cells."""
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
    """Return the exact values for Gaussian data with the subject's spectrum."""
    field = subject.field
    plan = arms.parse(cell.arm).plan(field, cell.num_steps)
    if plan.gain is None:
        return Prediction()
    with np.errstate(over="ignore", invalid="ignore"):
        exact = theory.trajectory(field.data, plan.gain, field.model.sde, plan.sampler)
        (variance,) = deque(exact, maxlen=1)
        left = float(theory.noise_left(field.data, variance))
        return Prediction(left, float(theory.w2(field.data, variance)))


def to_csv(rows: Sequence[Row]) -> str:
    """Return the table as CSV, numbers with 5 digits."""
    names = ["arm", "N", "images", "diverged", "nfe", "seconds"]
    for metric in METRICS:
        names += [metric, f"{metric}_low", f"{metric}_high", f"{metric}_floor"]
        names += [f"{metric}_vs_vanilla{end}" for end in ("", "_low", "_high")]
    names += ["theory_noise_left", "theory_w2"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(map(_values, rows))
    return text.getvalue()


def _values(row: Row) -> list[str]:
    measured, nothing = row.measured, (math.nan,) * 3
    values = [row.cell.arm, str(row.cell.num_steps), str(measured.images), str(measured.diverged)]
    values += [str(measured.nfe), _number(measured.seconds)]
    for metric in METRICS:
        numbers = [*row.scores.get(metric, nothing), row.floor.get(metric, math.nan)]
        numbers += row.against.get(metric, nothing)
        values += map(_number, numbers)
    return [*values, *map(_number, row.theory)]


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.5g}"
