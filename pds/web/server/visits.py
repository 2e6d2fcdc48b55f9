"""Who is here: visits, the streams that they read, and when what they brought is to be dropped.

A visit is a browser tab or a program, named by the random name that it gives itself. It has left
when its last heartbeat has been closed for `LEFT_SECONDS`, or when it was idle for `IDLE_SECONDS`.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from pds import models
from pds.limits import IDLE_SECONDS, LEFT_SECONDS, MAX_VISITS
from pds.web.tabs.filter import filter_tab

SHELVES = (models.brought, filter_tab.brought)
"""Where things that visitors bring are kept."""
GONE = "gone"
"""The name of nothing."""


@dataclass
class _Visit:
    seen: float
    heartbeats: int = 0
    streams: int = 0
    left: float | None = None  # since when its tab is closed


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
            visit.left = None if kind == "heartbeats" else visit.left
        try:
            yield
        finally:
            with self._lock:
                visit.seen = self._clock()
                setattr(visit, kind, getattr(visit, kind) - 1)
                if kind == "heartbeats" and not visit.heartbeats:
                    visit.left = visit.seen

    def streams(self, name: str) -> int:
        """Return how many streams a visit reads."""
        visit = self._visits.get(name)
        return visit.streams if visit else 0

    def silent(self, name: str) -> float | None:
        """Return for how long a visit has read and asked for nothing; None if it is not known."""
        visit = self._visits.get(name)
        if visit is None:
            return None
        return 0.0 if visit.streams else self._clock() - visit.seen

    def sweep(self) -> list[str]:
        """Drop what those who left had brought, and return their names."""
        now = self._clock()
        with self._lock:
            gone = [name for name, visit in self._visits.items() if _over(visit, now)]
            idle = [n for n, v in self._visits.items() if not v.heartbeats and not v.streams]
            gone += [n for n in idle if n not in gone][: max(0, len(self._visits) - MAX_VISITS)]
            for name in gone:
                del self._visits[name]
        for name in gone:
            drop(name)
        return gone

    def __len__(self) -> int:
        return len(self._visits)

    def _of(self, name: str) -> _Visit:
        visit = self._visits.setdefault(name, _Visit(0))
        visit.seen = self._clock()
        self._visits.move_to_end(name)
        return visit


def drop(visit: str) -> int:
    """Drop everything that a visit brought, and return how many things that were."""
    return sum(shelf.drop(visit) for shelf in SHELVES)


def own(values: object, visit: str) -> object:
    """Return what a visit sent with its name as `visit`; what others brought is not there for it.

    Anything but named values, within each other or not, comes back as it is.
    """
    if not isinstance(values, dict):
        return values
    return {name: _own(value, visit) for name, value in values.items()} | {"visit": visit}


def _own(value: object, visit: str) -> object:
    if isinstance(value, dict):
        return {name: _own(inner, visit) for name, inner in value.items()}
    return GONE if any(shelf.foreign(value, visit) for shelf in SHELVES) else value


def _over(visit: _Visit, now: float) -> bool:
    if visit.left is not None and not visit.heartbeats and now - visit.left >= LEFT_SECONDS:
        return True
    return not visit.streams and now - visit.seen >= IDLE_SECONDS
