"""What visitors bring: kept in memory for their visit, under names that cannot be guessed.

The oldest goes first where a visit, or all of them together, brought more than there is room for.
"""

import secrets
import threading
from collections import OrderedDict
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

NOBODY = ""
"""The visit of what is brought in Python: it may be used by all and ends with the process."""


class _Kept(NamedTuple, Generic[T]):
    thing: T
    visit: str


class Shelf(Generic[T]):
    """A bounded store; safe for threads.

    Args:
        places: how many things it holds.
        what: what one of them is called where it is missing.
        per_visit: how many of these may belong to one visit.
    """

    def __init__(self, places: int, what: str, *, per_visit: int | None = None) -> None:
        self._places, self._what, self._per_visit = places, what, per_visit or places
        self._kept: OrderedDict[str, _Kept[T]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, thing: T, visit: str = NOBODY) -> str:
        """Keep a thing for a visit and return its name."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._kept[name] = _Kept(thing, visit)
            own = [other for other, kept in self._kept.items() if kept.visit == visit]
            if visit != NOBODY and len(own) > self._per_visit:
                del self._kept[own[0]]
            while len(self._kept) > self._places:
                self._kept.popitem(last=False)
        return name

    def drop(self, visit: str) -> int:
        """Forget everything that a visit brought, and return how many things that were."""
        with self._lock:
            own = [name for name, kept in self._kept.items() if kept.visit == visit]
            for name in own:
                del self._kept[name]
        return len(own)

    def foreign(self, name: object, visit: str) -> bool:
        """Return whether a name belongs to something that another visit brought."""
        kept = self._kept.get(name) if isinstance(name, str) else None
        return kept is not None and kept.visit not in (NOBODY, visit)

    def __getitem__(self, name: str) -> T:
        """Return the thing of that name, which makes it the newest.

        Raises:
            ValueError: if it is not there (any more).
        """
        with self._lock:
            if name not in self._kept:
                raise ValueError(self._missing)
            self._kept.move_to_end(name)
            return self._kept[name].thing

    def __contains__(self, name: object) -> bool:
        return name in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def _missing(self) -> str:
        return f"{self._what} is no longer here; please bring it again"
