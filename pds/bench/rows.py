"""A line of the table: a measurement and its target."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pds.bench.timing import Effort, Measurement


@dataclass(frozen=True)
class Target:
    """A bound on the median: at least or at most this."""

    bound: float
    at_least: bool

    def met_by(self, measured: Measurement) -> bool:
        """Whether the median is on the right side."""
        if self.at_least:
            return measured.median >= self.bound
        return measured.median <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


@dataclass(frozen=True)
class Row:
    """One measurement.

    name: what was run, and how large.
    what: the ratio or the quantity.
    measured: None if it cannot be measured here; the note says why.
    """

    name: str
    what: str
    measured: Measurement | None
    target: Target | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target or a measurement."""
        if self.target is None or self.measured is None:
            return None
        return self.target.met_by(self.measured)


Benchmark = Callable[[Effort], Iterator[Row]]


def at_least(bound: float) -> Target:
    """Return the target of a median that should be large."""
    return Target(bound, at_least=True)


def at_most(bound: float) -> Target:
    """Return the target of a median that should be small."""
    return Target(bound, at_least=False)


def skipped(name: str, what: str, why: str) -> Row:
    """Return a row without a measurement that says why."""
    return Row(name, what, None, note=why)
