"""What visitors bring: kept in memory under names that cannot be guessed, the oldest goes first."""

import secrets
import threading
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """A bounded store; safe for threads.

    Args:
        places: how many things it holds.
        what: what one of them is called where it is missing.
    """

    def __init__(self, places: int, what: str) -> None:
        self._places, self._what = places, what
        self._things: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, thing: T) -> str:
        """Keep a thing and return its name."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._things[name] = thing
            while len(self._things) > self._places:
                self._things.popitem(last=False)
        return name

    def __getitem__(self, name: str) -> T:
        """Return the thing of that name, which makes it the newest.

        Raises:
            ValueError: if it is not there (any more).
        """
        with self._lock:
            if name not in self._things:
                raise ValueError(f"{self._what} is no longer here; please bring it again")
            self._things.move_to_end(name)
            return self._things[name]

    def __contains__(self, name: object) -> bool:
        return name in self._things
