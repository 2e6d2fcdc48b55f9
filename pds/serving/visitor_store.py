"""Models and masks of visitors: kept in memory for one visit, under names that cannot be guessed.

When a visit, or all visits together, exceed their limit, the oldest item is removed.
"""

import secrets
import threading
from collections import OrderedDict
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

NO_VISIT = ""
"""The visit of items that were added from Python: usable by all, kept until the process ends."""


class _Item(NamedTuple, Generic[T]):
    value: T
    visit: str


class VisitorStore(Generic[T]):
    """A bounded, thread-safe store.

    Args:
        max_items: number of items over all visits.
        title: name of an item in error messages.
        max_per_visit: number of items of one visit.
    """

    def __init__(self, max_items: int, title: str, *, max_per_visit: int | None = None) -> None:
        self._max_items, self._title = max_items, title
        self._max_per_visit = max_per_visit or max_items
        self._items: OrderedDict[str, _Item[T]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, value: T, visit: str = NO_VISIT) -> str:
        """Store an item for a visit and return its name."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._items[name] = _Item(value, visit)
            own = [other for other, item in self._items.items() if item.visit == visit]
            if visit != NO_VISIT and len(own) > self._max_per_visit:
                del self._items[own[0]]
            while len(self._items) > self._max_items:
                self._items.popitem(last=False)
        return name

    def drop(self, visit: str) -> int:
        """Remove all items of a visit and return their number."""
        with self._lock:
            own = [name for name, item in self._items.items() if item.visit == visit]
            for name in own:
                del self._items[name]
        return len(own)

    def foreign(self, name: object, visit: str) -> bool:
        """Return whether a name belongs to an item of another visit."""
        item = self._items.get(name) if isinstance(name, str) else None
        return item is not None and item.visit not in (NO_VISIT, visit)

    def __getitem__(self, name: str) -> T:
        """Return an item, which becomes the newest.

        Raises:
            ValueError: if there is no item of that name (any more).
        """
        with self._lock:
            if name not in self._items:
                raise ValueError(f"{self._title} is no longer on the server; please send it again")
            self._items.move_to_end(name)
            return self._items[name].value

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __len__(self) -> int:
        return len(self._items)
