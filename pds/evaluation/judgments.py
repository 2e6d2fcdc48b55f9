"""The classifier two-sample test of every cell against the network's own pictures: classifier.csv.

| column               | meaning                                                                   |
|----------------------|---------------------------------------------------------------------------|
| arm, N               | the cell; converged:ARM is the control, the network's own pictures        |
|                      | against other pictures of the same network                                |
| images               | number of pictures of each of the two kinds                               |
| accuracy, low, high  | see `pds.evaluation.classifier`; 0.5 is perfect                           |
| digest               | of the pictures and the classifier's settings: a row with the same digest |
|                      | is not computed again                                                     |

Accuracy grows with the number of pictures that a classifier learns from, so that the
same number of pictures of each cell is used, its first ones.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pds.evaluation import classifier, equivalence
from pds.evaluation.equivalence import Match
from pds.evaluation.metrics import RESAMPLES, Draws, Interval
from pds.evaluation.store import Cell, Store
from pds.files.digest import digest
from pds.files.writing import write

FILE = "classifier.csv"
METRIC = "classifier"
"""The name of the accuracy among the metrics of equal quality."""


class Judgment(NamedTuple):
    """The accuracy of the classifier on a cell; see the module."""

    cell: Cell
    images: int
    accuracy: Interval
    digest: str


def judge(
    store: Store,
    cells: Sequence[Cell],
    own: Tensor,
    control: Cell,
    count: int,
    *,
    device: torch.device | str = "cpu",
) -> None:
    """Judge every cell that has enough pictures, and write the table after each.

    Args:
        store: the folder.
        cells: see `table.cells`; cells with fewer pictures are left out.
        own: the network's own pictures.
        control: the cell of these.
        count: number of pictures of each kind.
        device: that the classifier is trained on.

    Raises:
        ValueError: if there are fewer of the network's own.
    """
    if len(own) < count:
        raise ValueError(
            f"--classifier {count} needs as many of the network's own images, the folder has "
            f"{len(own)}"
        )
    known = {judgment.digest: judgment for judgment in read_judgments(store)}
    judgments: list[Judgment] = []
    for cell, pictures in tqdm(list(_candidates(store, cells, own, control, count)), desc=METRIC):
        key = digest([own[:count], pictures, classifier.SETTINGS])
        accuracy = known[key].accuracy if key in known else None
        accuracy = accuracy or classifier.accuracy(own[:count], pictures, device=device)
        judgments.append(Judgment(cell, count, accuracy, key))
        write(store.folder / FILE, _to_csv([*judgments, *_others(known, judgments)]).encode())
    write(store.folder / FILE, _to_csv(judgments).encode())


def read_judgments(store: Store) -> list[Judgment]:
    """Return the judgments of a folder, none if it has no table."""
    path: Path = store.folder / FILE
    if not path.is_file():
        return []
    return [
        Judgment(
            Cell(row["arm"], int(row["N"])),
            int(row["images"]),
            Interval(*(float(row[name]) for name in ("accuracy", "low", "high"))),
            row["digest"],
        )
        for row in csv.DictReader(io.StringIO(path.read_text("utf-8")))
    ]


def matches(judgments: Sequence[Judgment]) -> Iterator[Match]:
    """Yield the N at which the classifier is as accurate on vanilla as on each cell.

    Accuracy at chance level counts as reached. Cells with an accuracy of 1 are left out: it cannot
    rank two such cells. Intervals take the accuracies as independent and normal.
    """
    cells = [judgment for judgment in judgments if not judgment.cell.is_converged]
    vanilla = sorted((j for j in cells if j.cell.arm == "vanilla"), key=lambda j: j.cell.num_steps)
    if len(vanilla) < 2:
        return
    rng = np.random.default_rng(0)
    counts = np.array([judgment.cell.num_steps for judgment in vanilla], dtype=np.float64)
    curve = [_draws(judgment.accuracy, rng) for judgment in vanilla]
    chance = 0.5 + classifier.NORMAL * math.sqrt(0.25 / vanilla[0].images)
    for judgment in cells:
        if judgment.cell.arm != "vanilla" and judgment.accuracy.value < 1:
            reached = equivalence.interval(
                counts, curve, _draws(judgment.accuracy, rng), enough=chance
            )
            ends = vanilla[0].cell.num_steps, vanilla[-1].cell.num_steps
            yield Match(judgment.cell, "network", METRIC, judgment.images, *ends, *reached)


def _candidates(
    store: Store, cells: Sequence[Cell], own: Tensor, control: Cell, count: int
) -> Iterator[tuple[Cell, Tensor]]:
    """Yield the pictures of each cell that has as many, and of the control."""
    if len(own) >= 2 * count:
        yield control, own[count : 2 * count]
    for cell in cells:
        pictures = store.drawn(cell).images[:count]
        if len(pictures) == count and bool(pictures.isfinite().all()):
            yield cell, pictures


def _others(known: dict[str, Judgment], judgments: Sequence[Judgment]) -> list[Judgment]:
    """Return the judgments of the earlier table that this run has not reached yet."""
    done = {judgment.digest for judgment in judgments}
    return [judgment for judgment in known.values() if judgment.digest not in done]


def _draws(accuracy: Interval, rng: np.random.Generator) -> Draws:
    error = (accuracy.high - accuracy.low) / (2 * classifier.NORMAL)
    drawn = accuracy.value + error * rng.standard_normal(RESAMPLES)
    return Draws(accuracy.value, drawn.clip(0.01, 1.0))


def _to_csv(judgments: Sequence[Judgment]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "N", "images", "accuracy", "low", "high", "digest"])
    for cell, images, accuracy, key in judgments:
        writer.writerow([*cell, images, *(f"{value:.4g}" for value in accuracy), key])
    return text.getvalue()
