"""A line of the table: a measurement and its target."""

import logging
import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

from pds.bench.timing import Effort, Measurement

log = logging.getLogger(__name__)


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


def guarded(name: str, rows: Iterator[Row]) -> Generator[Row, None, None]:
    """Yield rows; after a missing package or an error of torch, a skipped one that says why.

    A form of a network that does not fit into memory or cannot be captured then affects only its
    own rows. A measurement that is not a number is a skipped row, too.
    """
    try:
        yield from map(_finite, rows)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("pds"):
            raise
        yield skipped(name, "further rows", f"{error.name} is not installed")
    except RuntimeError as error:
        log.warning("rows of %s failed", name, exc_info=True)
        first_line = (str(error).splitlines() or [""])[0]
        yield skipped(name, "further rows", f"failed: {type(error).__name__}: {first_line}")


def _finite(row: Row) -> Row:
    m = row.measured
    if m is None or all(map(math.isfinite, (m.median, m.low, m.high))):
        return row
    return replace(row, measured=None, note=f"not finite: {m.median}")
