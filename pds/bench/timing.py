"""A stopwatch for CPU and GPU, and ratios from runs that alternate.

    A, B, A, B, ...     ratio = median(A) / median(B),   low and high = min and max of A_i / B_i

If the machine slows down for a while, both are slower, and low and high show how reliable the ratio
is. The ratio always lies between them.
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

Work = Callable[[], object]
Clock = Callable[[], float]


LONG = 1.0
"""Seconds from which on the first call of a work is an estimate that is good enough."""


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    num_runs: of each contender, in turn.
    least_seconds: one run repeats its work until it takes so long.
    limit_seconds: fewer runs, down to `fewest_runs`, where all of them would take longer; a
        single one where even one of each does.
    fewest_runs: >= 1.
    quick: leave out the largest sizes.
    clock: in seconds; `time.process_time` does not count other programs on a busy CPU.
    """

    num_runs: int = 11
    least_seconds: float = 0.02
    limit_seconds: float = 20.0
    fewest_runs: int = 3
    quick: bool = False
    clock: Clock = time.perf_counter


QUICK = Effort(num_runs=3, least_seconds=0.0, limit_seconds=1.0, fewest_runs=1, quick=True)


@dataclass(frozen=True)
class Measurement:
    """A median with its range; `unit` is "x" for a ratio."""

    median: float
    low: float
    high: float
    num_runs: int
    unit: str = "x"

    def scaled(self, factor: float, unit: str) -> "Measurement":
        """Return the same in another unit."""
        low, high = sorted((self.low * factor, self.high * factor))
        return Measurement(self.median * factor, low, high, self.num_runs, unit)

    def per(self, amount: float, unit: str) -> "Measurement":
        """Return amount / this: seconds become so much a second."""
        ends = (amount / self.high, amount / self.low)
        return Measurement(amount / self.median, *ends, self.num_runs, unit)


def seconds(work: Work, *, repeats: int = 1, clock: Clock = time.perf_counter) -> float:
    """Return the mean time of `work` once everything on a GPU has ended, before and after."""
    synchronize()
    start = clock()
    for _ in range(repeats):
        work()
    synchronize()
    return (clock() - start) / repeats


def alternate(works: Sequence[Work], effort: Effort) -> list[list[float]]:
    """Time every work in turn, again and again; return the seconds of each.

    The first call of each warms it up and is not counted.
    """
    first = [_first(work, effort.clock) for work in works]
    repeats = [max(1, math.ceil(effort.least_seconds / max(s, 1e-9))) for s in first]
    total = sum(s * count for s, count in zip(first, repeats, strict=True))
    affordable = int(effort.limit_seconds / max(total, 1e-9))
    fewest = effort.fewest_runs if affordable else 1
    num_runs = min(effort.num_runs, max(fewest, affordable))
    times: list[list[float]] = [[] for _ in works]
    for _ in range(num_runs):
        for work, count, taken in zip(works, repeats, times, strict=True):
            taken.append(seconds(work, repeats=count, clock=effort.clock))
    return times


def ratio(a: Sequence[float], b: Sequence[float]) -> Measurement:
    """Return median(a) / median(b), with the smallest and the largest of the paired ratios."""
    pairs = [x / y for x, y in zip(a, b, strict=True)]
    median = statistics.median(a) / statistics.median(b)
    return Measurement(median, min(pairs), max(pairs), len(pairs))


def median_and_range(times: Sequence[float]) -> Measurement:
    """Return the median, the smallest and the largest time in seconds."""
    return Measurement(statistics.median(times), min(times), max(times), len(times), "s")


def single(value: float, unit: str) -> Measurement:
    """Return what was measured once."""
    return Measurement(value, value, value, 1, unit)


def versus(a: Work, b: Work, effort: Effort) -> Measurement:
    """Return how many times as long `a` takes as `b`."""
    return ratio(*alternate([a, b], effort))


def _first(work: Work, clock: Clock) -> float:
    """Warm up, and estimate the time of `work`; a long call is not repeated for the estimate."""
    cold = seconds(work, clock=clock)
    return cold if cold > LONG else seconds(work, clock=clock)


def synchronize() -> None:
    """Wait until everything on a GPU has ended."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
