"""The table: one row for each cell in the folder and each reference.

| column                                    | meaning                                              |
|-------------------------------------------|------------------------------------------------------|
| arm, N                                    | the cell                                             |
| reference                                 | network or data: what it is compared with            |
| images                                    | number of images                                     |
| diverged                                  | how many of them are not finite or exceed 1000       |
| nfe, seconds                              | network evaluations and mean time, for each image    |
| METRIC, METRIC_low, METRIC_high           | see `pds.evaluation.metrics`, with a 95 % interval   |
| METRIC_floor, ..._low, ..._high           | the same of as many images of the reference itself   |
| METRIC_vs_vanilla, ..._low, ..._high      | ratio to vanilla's at this N, same seeds, paired     |
| theory_fine_power, theory_w2              | exact for Gaussian data of the data's spectrum       |

A value is empty if there is no vanilla at this N, if the recursion cannot follow the arm, if an
image of the cell diverged, or if the reference has fewer than twice as many images (the floor). If
vanilla has another number of images, the ratio is that of the images that both have. Theory is of
the data, so that rows of the network have none.
"""

import csv
import io
import math
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from pds import theory
from pds.arms.names import ordered
from pds.evaluation.evidence import Evidence, Prediction, Row
from pds.evaluation.metrics import METRICS
from pds.evaluation.store import Cell, Store
from pds.evaluation.subject import Subject


def cells(store: Store) -> list[Cell]:
    """Return the cells of a folder in the order of the table: by arm, then from the largest N."""
    stored = store.cells()
    order = ordered(sorted({cell.arm for cell in stored}))
    return sorted(stored, key=lambda cell: (order.index(cell.arm), -cell.num_steps))


def rows(evidence: Evidence, subject: Subject) -> Iterator[Row]:
    """Yield the rows of one reference, in the order of the evidence's cells."""
    for cell, measured in evidence.cells.items():
        count = evidence.count(cell)
        draws = evidence.draws(cell, count) if count else {}
        yield Row(
            cell,
            evidence.name,
            measured,
            {name: metric.interval() for name, metric in draws.items()},
            evidence.floor(count) if count else {},
            evidence.against(cell),
            predict(subject, cell) if evidence.name == "data" else Prediction(),
        )


def predict(subject: Subject, cell: Cell) -> Prediction:
    """Return the exact values for Gaussian data with the subject's spectrum."""
    field = subject.field
    plan = field.plan(cell.arm, cell.num_steps)
    if plan.gain is None:
        return Prediction()
    with np.errstate(over="ignore", invalid="ignore"):
        exact = theory.trajectory(field.data, plan.gain, field.model.sde, plan.sampler)
        (variance,) = deque(exact, maxlen=1)
        left = float(theory.noise_left(field.data, variance))
        return Prediction(left, float(theory.w2(field.data, variance)))


def to_csv(rows: Sequence[Row]) -> str:
    """Return the table as CSV, numbers with 5 digits."""
    names = ["arm", "N", "reference", "images", "diverged", "nfe", "seconds"]
    for metric in METRICS:
        for kind in ("", "_floor", "_vs_vanilla"):
            names += [f"{metric}{kind}{end}" for end in ("", "_low", "_high")]
    names += ["theory_fine_power", "theory_w2"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(map(_values, rows))
    return text.getvalue()


def _values(row: Row) -> list[str]:
    measured, nothing = row.measured, (math.nan,) * 3
    values = [row.cell.arm, str(row.cell.num_steps), row.reference]
    values += [str(measured.images), str(measured.diverged)]
    values += [str(measured.nfe), _number(measured.seconds)]
    for metric in METRICS:
        for intervals in (row.scores, row.floor, row.against):
            values += map(_number, intervals.get(metric, nothing))
    return [*values, *map(_number, row.theory)]


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.5g}"
