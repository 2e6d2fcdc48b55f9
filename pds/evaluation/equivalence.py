"""The number of vanilla iterations with the same quality as an arm.

An arm with N = a matches vanilla with N = b if vanilla's metric at b, interpolated over log N,
equals the arm's. Vanilla's metric may rise with N; the comparison uses the best value that vanilla
reaches with at most N iterations:

    best(N) = min of vanilla's metric over all N' <= N in the table
    b       = the smallest N with best(N) <= the arm's, linear in log N and the metric's logarithm

b is 0 if the arm is no better than vanilla with the fewest iterations, and infinite if it is better
than vanilla at every N in the table. The acceleration is b / a. Vanilla cells that diverged are
left out.

Less grain than the reference is no improvement, and vanilla approaches the reference's grain from
above without reaching it exactly. By `grain`, therefore, vanilla has to reach the arm's grain or
the upper end of the floor, whichever is higher; within the floor its grain cannot be distinguished
from that of the reference. A smoother arm than the reference gains by `grain`, and loses by
`grain_db`, contrast and the distances.

All cells are reduced to the smallest number of images of any cell: metrics of different numbers of
images have different floors. For the intervals, all cells are resampled with the same indices.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pds.evaluation.evidence import Evidence
from pds.evaluation.metrics import COMPARED, LEVEL, Draws, Interval
from pds.evaluation.store import Cell
from pds.spectra import Array

EQUAL = ("grain", *COMPARED)
"""The metrics by which quality can be equal."""


@dataclass(frozen=True)
class Match:
    """The N of vanilla that a cell matches: 0 is below the table's range, infinity above it.

    cell: the arm and its own N.
    reference: what both are compared with.
    metric: the metric that is compared.
    images: the number of images of each cell.
    fewest, most: smallest and largest N of vanilla in the table.
    value, low, high: N with its 95 % interval.
    """

    cell: Cell
    reference: str
    metric: str
    images: int
    fewest: int
    most: int
    value: float
    low: float
    high: float

    @property
    def acceleration(self) -> float:
        """Return vanilla's number of iterations over the arm's own."""
        return self.value / self.cell.num_steps

    @property
    def sentence(self) -> str:
        """Return the match as a sentence."""
        arm, own = self.cell
        if self.value == 0:
            return f"{arm} at N = {own} is no better than vanilla at N = {self.fewest}, the fewest"
        if math.isinf(self.value):
            return f"{arm} at N = {own} is better than vanilla at every N in the table"
        low, high = self.bound(self.low), self.bound(self.high)
        times = f"{self.acceleration:.2g} times"
        span = f"vanilla at N = {self.value:.0f} ({low} to {high})"
        return f"{arm} at N = {own} matches {span}: {times}"

    def bound(self, value: float) -> str:
        """Return an N as text, such as "<10" or ">2000" outside the table's range."""
        if value == 0:
            return f"<{self.fewest}"
        return f">{self.most}" if math.isinf(value) else f"{value:.0f}"


def matches(evidence: Evidence) -> Iterator[Match]:
    """Yield a match for every metric and every cell that is not vanilla.

    There are none if fewer than two vanilla cells can be compared.
    """
    vanilla = sorted(
        (c for c in evidence.cells if c.arm == "vanilla" and evidence.count(c)),
        key=lambda cell: cell.num_steps,
    )
    if len(vanilla) < 2:
        return
    counts = np.array([cell.num_steps for cell in vanilla], dtype=np.float64)
    for cell in evidence.cells:
        if cell.arm == "vanilla" or not evidence.count(cell):
            continue
        images = min(map(evidence.count, [cell, *vanilla]))
        ours = evidence.draws(cell, images)
        theirs = [evidence.draws(c, images) for c in vanilla]
        enough = {"grain": evidence.floor(images)["grain"].high}
        for metric in EQUAL:
            matched = interval(
                counts,
                [draws[metric] for draws in theirs],
                ours[metric],
                enough=enough.get(metric, 0.0),
            )
            ends = vanilla[0].num_steps, vanilla[-1].num_steps
            yield Match(cell, evidence.name, metric, images, *ends, *matched)


def interval(
    counts: Array, curve: Sequence[Draws], value: Draws, *, enough: float = 0.0
) -> Interval:
    """Return the N at which a curve reaches a value, with a 95 % interval.

    Args:
        counts: N, (K,), ascending, K >= 2.
        curve: the metric at each.
        value: to reach.
        enough: a value that counts as reached even if `value` is less; NaN for none.
    """
    points = np.array([[draws.value for draws in curve]])
    (reached,) = match(counts, points, np.fmax([value.value], enough))
    resampled = np.stack([draws.resampled for draws in curve], axis=1)
    spread = match(counts, resampled, np.fmax(value.resampled, enough))
    # Interpolation between infinities would give NaN.
    low, high = np.percentile(spread, LEVEL, method="nearest")
    return Interval(*(float(n) for n in (reached, low, high)))


def match(counts: Array, curve: Array, values: Array) -> Array:
    """Return the N at which a decreasing curve first reaches a value.

    Args:
        counts: N, (K,), ascending, K >= 2.
        curve: the metric at each, (B, K), > 0.
        values: (B,), > 0.

    Returns:
        N, (B,): 0 where the value is at or above the curve's first value, infinity where it is
        below the whole curve.
    """
    best = np.log(np.minimum.accumulate(curve, axis=1))
    level, n = np.log(values), np.log(counts)
    reached = best <= level[:, None]
    after = reached.argmax(1).clip(1)
    rows = np.arange(len(values))
    high, low = best[rows, after - 1], best[rows, after]
    # Beyond the curve's ends the share is anything; these values are replaced below.
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        share = (high - level) / (high - low)
        matched = np.exp(n[after - 1] + share * (n[after] - n[after - 1]))
    matched[reached[:, 0]] = 0.0
    matched[~reached.any(1)] = np.inf
    return matched


def to_csv(matches: Sequence[Match]) -> str:
    """Return the matches as CSV; "<10" and ">2000" are outside the table's range."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ["arm", "N", "reference", "metric", "images"]
    writer.writerow([*names, "vanilla_N", "low", "high", "acceleration"])
    for m in matches:
        inside = 0 < m.value < math.inf
        times = f"{m.acceleration:.3g}" if inside else ""
        bounds = [m.bound(value) for value in (m.value, m.low, m.high)]
        writer.writerow([*m.cell, m.reference, m.metric, m.images, *bounds, times])
    return text.getvalue()
