"""What the server does, for those who run it: a JSON line per run, and its state right now.

Lines go through `logging`, logger "pds", to stderr. They say what was computed and how it ended,
never for whom, nor any name of what a visitor brought.
"""

import json
import logging
import os
import resource
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from statistics import mean
from typing import Any, Literal

from pds import models

LOG = logging.getLogger("pds")
RECENT = 20
"""Runs from whose mean time a wait is estimated."""

Outcome = Literal["done", "stopped", "refused", "failed"]


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def start() -> None:
    """Write the journal to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    LOG.handlers[:] = [handler]
    LOG.propagate = False
    LOG.setLevel(logging.INFO)


def write(event: str, **fields: Any) -> None:
    """Write a line."""
    LOG.info(event, extra={"fields": fields})


class Journal:
    """Follows the runs of a server; safe for threads.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._start = clock, clock()
        self._lock = threading.Lock()
        self._under_way: dict[object, float] = {}  # when each of them began
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self._outcomes: dict[Outcome, int] = dict.fromkeys(
            ("done", "stopped", "refused", "failed"), 0
        )

    @property
    def under_way(self) -> int:
        """Return how many runs are under way."""
        return len(self._under_way)

    def wait(self, waiting: int, places: int) -> float | None:
        """Estimate the seconds until a place is free for one who comes after `waiting` others.

        From how long recent runs took, and those under way have taken so far.
        """
        if self.under_way + waiting < places:
            return 0.0
        now = self._clock()
        with self._lock:
            spent = [*self._seconds, *(now - begin for begin in self._under_way.values())]
        return mean(spent) * (1 + waiting) / places if spent else None

    def state(self) -> dict[str, Any]:
        """Return the state of the server right now."""
        return {
            "uptime": round(self._clock() - self._start, 3),
            "runs": self.under_way,
            "outcomes": dict(self._outcomes),
            "memory": resident(),
            "device": models.DEVICE,
        }

    def follow(self, kind: str, asked: object, messages: Iterator[Any]) -> Iterator[Any]:
        """Pass the messages of a run on, and write a line when it ends.

        Args:
            kind: what is run.
            asked: the request as it came.
            messages: JSON texts, or mappings; the iterator is closed with this one.
        """
        begin, first, last = self._clock(), None, None
        with self._lock:
            self._under_way[messages] = begin
            together = self.under_way
        outcome: Outcome = "failed"
        try:
            for last in messages:
                first = self._clock() - begin if first is None else first
                yield last
            outcome = "refused" if _fields(last).get("kind") == "error" else "done"
        except (GeneratorExit, TimeoutError):
            outcome = "stopped"
            raise
        except ValueError:
            outcome = "refused"
            raise
        finally:
            close = getattr(messages, "close", None)
            if close is not None:
                close()
            seconds = self._clock() - begin
            with self._lock:
                del self._under_way[messages]
                self._outcomes[outcome] += 1
                if outcome in ("done", "stopped"):
                    self._seconds.append(seconds)
            write(
                "run",
                kind=kind,
                outcome=outcome,
                seconds=round(seconds, 3),
                first=None if first is None else round(first, 3),
                together=together,
                **_asked(asked),
                **_told(_fields(last)),
            )


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:  # not Linux: the most it ever held
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _asked(asked: object) -> dict[str, Any]:
    """Return what of a request is written down: its numbers."""
    if not isinstance(asked, Mapping):
        return {}
    model = asked.get("model")
    known = isinstance(model, str) and model in models.MODELS
    numbers = {
        name: asked.get(name) for name in ("num_steps", "num_images", "alpha", "seed", "tuned")
    }
    return {"model": model if known else "brought"} | {
        name: value
        for name, value in numbers.items()
        if isinstance(value, int | float) and abs(value) < 1e12
    }


def _fields(message: object) -> Mapping[str, Any]:
    if isinstance(message, str):
        message = json.loads(message)
    return message if isinstance(message, Mapping) else {}


def _told(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the last message of a run says of how it went."""
    step = (message.get("steps") or [message])[-1]
    told = {name: step[name] for name in ("iteration", "nfe") if name in step}
    if message.get("kind") == "error":
        # Without what was sent, which is nobody's to keep.
        told["sentence"] = str(message["sentence"]).partition(", got")[0]
    return told
