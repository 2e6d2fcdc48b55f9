"""Visits: the streams that they read, their models and masks, and when these are dropped.

A visit is a browser tab or a program, named by the random name that it gives itself. It is over
when its last heartbeat has been closed for `LEFT_SECONDS`, or when it was idle for `IDLE_SECONDS`.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from pds.limits import IDLE_SECONDS, LEFT_SECONDS, MASKS_PER_VISIT, MAX_MASKS, MAX_VISITS
from pds.models import visitor_models
from pds.serving.visitor_store import VisitorStore

visitor_masks: VisitorStore[Tensor] = VisitorStore(
    MAX_MASKS, "The filter that you opened", max_per_visit=MASKS_PER_VISIT
)
"""Raw masks (C, H, W) of the files that visitors open."""

UNKNOWN = "gone"
"""Replaces the name of an item of another visit; no item has this name."""


@dataclass
class _Visit:
    seen: float
    heartbeats: int = 0
    streams: int = 0
    closed_at: float | None = None  # when the last heartbeat ended


class Visits:
    """All visits under way; safe for threads.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._visits: OrderedDict[str, _Visit] = OrderedDict()
        self._lock = threading.Lock()

    def see(self, name: str) -> None:
        """Note a request of a visit."""
        with self._lock:
            self._of(name)

    @contextmanager
    def connected(self, name: str, kind: Literal["heartbeats", "streams"]) -> Iterator[None]:
        """Note that a visit keeps a heartbeat, or a stream of messages, open."""
        with self._lock:
            visit = self._of(name)
            setattr(visit, kind, getattr(visit, kind) + 1)
            visit.closed_at = None if kind == "heartbeats" else visit.closed_at
        try:
            yield
        finally:
            with self._lock:
                visit.seen = self._clock()
                setattr(visit, kind, getattr(visit, kind) - 1)
                if kind == "heartbeats" and not visit.heartbeats:
                    visit.closed_at = visit.seen

    def streams(self, name: str) -> int:
        """Return how many streams a visit reads."""
        visit = self._visits.get(name)
        return visit.streams if visit else 0

    def silent(self, name: str) -> float | None:
        """Return the seconds since the last request or stream of a visit, None if it is unknown."""
        visit = self._visits.get(name)
        if visit is None:
            return None
        return 0.0 if visit.streams else self._clock() - visit.seen

    def sweep(self) -> list[str]:
        """Drop the items of the visits that are over, and return the names of these visits."""
        now = self._clock()
        with self._lock:
            over = [name for name, visit in self._visits.items() if _over(visit, now)]
            idle = [n for n, v in self._visits.items() if not v.heartbeats and not v.streams]
            over += [n for n in idle if n not in over][: max(0, len(self._visits) - MAX_VISITS)]
            for name in over:
                del self._visits[name]
        for name in over:
            drop(name)
        return over

    def __len__(self) -> int:
        return len(self._visits)

    def _of(self, name: str) -> _Visit:
        visit = self._visits.setdefault(name, _Visit(0))
        visit.seen = self._clock()
        self._visits.move_to_end(name)
        return visit


def drop(visit: str) -> int:
    """Remove the models and masks of a visit, and return their number."""
    return visitor_models.drop(visit) + visitor_masks.drop(visit)


def restrict(values: Mapping[str, Any], visit: str) -> dict[str, Any]:
    """Return the values of a visit without the names of other visits' models and masks.

    Args:
        values: as received; values may be mappings themselves.
        visit: the name of the visit, which is added as `visit`.
    """
    return {name: _restrict(value, visit) for name, value in values.items()} | {"visit": visit}


def _restrict(value: object, visit: str) -> object:
    if isinstance(value, dict):
        return {name: _restrict(inner, visit) for name, inner in value.items()}
    if visitor_models.foreign(value, visit) or visitor_masks.foreign(value, visit):
        return UNKNOWN
    return value


def _over(visit: _Visit, now: float) -> bool:
    if visit.closed_at is not None and not visit.heartbeats:
        if now - visit.closed_at >= LEFT_SECONDS:
            return True
    return not visit.streams and now - visit.seen >= IDLE_SECONDS
