"""Check that the network's own pictures do not depend on the sampler that draws them.

They are drawn by one sampler with many iterations. Vanilla with many iterations must agree with
them.
"""

import math
from collections.abc import Iterator, Sequence

from pds.evaluation.evidence import Row
from pds.evaluation.metrics import RATIOS
from pds.evaluation.store import Cell

SHOWN = ("grain", "contrast", "fine_power", "frechet")
"""The metrics of the sentences."""

MANY = 200
"""N from which vanilla counts as converged."""


def sentences(rows: Sequence[Row], converged: Cell) -> Iterator[str]:
    """Yield a sentence for the sampler of the network's own pictures, and for converged vanilla.

    Cells with more than half as many pictures as the network's own are left out.

    Args:
        rows: the table.
        converged: the cell of the network's own pictures.
    """
    scored = [row for row in rows if row.reference == "network" and row.scores]
    vanilla = [r for r in scored if r.cell.arm == "vanilla" and r.cell.num_steps >= MANY]
    last = max(vanilla, key=lambda row: row.cell.num_steps, default=None)
    same = [row for row in scored if row.cell == converged.drawn_by]
    for row in [*same, *([last] if last else [])]:
        if not math.isnan(row.floor["grain"].value):
            yield _sentence(row)


def at_floor(row: Row, metric: str) -> bool:
    """Return whether a score is within the floor, the range of images of the reference itself."""
    value, floor = row.scores[metric].value, row.floor[metric]
    return value <= floor.high and (metric not in RATIOS or value >= floor.low)


def _sentence(row: Row) -> str:
    arm, num_steps = row.cell
    facts = [f"{metric} {_numbers(row, metric)}" for metric in SHOWN]
    away = [metric for metric in SHOWN if not at_floor(row, metric)]
    verdict = f"it differs by {', '.join(away)}" if away else "the images agree"
    return (
        f"{arm} at N = {num_steps}, {row.measured.images} images from other seeds, against the "
        f"network's own images: {'; '.join(facts)}; {verdict}."
    )


def _numbers(row: Row, metric: str) -> str:
    score, floor = row.scores[metric], row.floor[metric]
    return (
        f"{score.value:.3g} ({score.low:.3g} to {score.high:.3g}), as many of the network's own "
        f"{floor.low:.3g} to {floor.high:.3g}"
    )
