"""The server's log for its operator: one JSON line per run, and the current state.

Lines go through `logging`, logger "pds", to stderr. They contain the settings and the outcome of a
run, but nothing about the visitor and no name of a visitor's model.
"""

import json
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import mean
from typing import Any, Literal

from pds import models
from pds.arms import names

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None  # type: ignore[assignment]

LOG = logging.getLogger("pds")
NUMBERS = ("num_steps", "num_images", "alpha", "seed", "tuned", "snr", "corrector_steps")
"""Fields of a request that are logged where they are numbers."""
RECENT = 20
"""Number of recent runs whose mean time gives the estimate of a wait."""

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


@dataclass(eq=False)
class Entry:
    """A run under way: when it began, its first and its last message."""

    clock: Callable[[], float]
    begin: float
    first_seconds: float | None = None
    last: Mapping[str, Any] | None = None

    def add(self, message: Mapping[str, Any]) -> None:
        """Note a message of the run."""
        if self.first_seconds is None:
            self.first_seconds = self.clock() - self.begin
        self.last = message

    @property
    def refused(self) -> bool:
        """Return whether the last message is an error in the request."""
        return (self.last or {}).get("kind") == "error"


class Journal:
    """Follows the runs of a server; safe for threads.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._start = clock, clock()
        self._lock = threading.Lock()
        self._under_way: set[Entry] = set()
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self._outcomes: dict[Outcome, int] = dict.fromkeys(
            ("done", "stopped", "refused", "failed"), 0
        )

    @property
    def under_way(self) -> int:
        """Return how many runs are under way."""
        return len(self._under_way)

    def wait(self, waiting: int, places: int) -> float | None:
        """Estimate the seconds until a place is free behind `waiting` runs in the queue.

        The estimate is the mean time of recent runs and of those under way, so far.
        """
        if self.under_way + waiting < places:
            return 0.0
        now = self._clock()
        with self._lock:
            spent = [*self._seconds, *(now - entry.begin for entry in self._under_way)]
        return mean(spent) * (1 + waiting) / places if spent else None

    def state(self) -> dict[str, Any]:
        """Return the current state of the server; "memory" only where it can be measured."""
        memory = resident()
        return {
            "uptime": round(self._clock() - self._start, 3),
            "runs": self.under_way,
            "outcomes": dict(self._outcomes),
            **({} if memory is None else {"memory": memory}),
        }

    @contextmanager
    def entry(self, kind: str, values: object) -> Iterator[Entry]:
        """Follow a run, and write a line when it ends.

        Args:
            kind: name of the run.
            values: its request as received.
        """
        entry = Entry(self._clock, self._clock())
        with self._lock:
            self._under_way.add(entry)
            together = self.under_way
        outcome: Outcome = "failed"
        try:
            yield entry
            outcome = "refused" if entry.refused else "done"
        except (GeneratorExit, TimeoutError):
            outcome = "stopped"
            raise
        except ValueError:
            outcome = "refused"
            raise
        finally:
            seconds = self._end(entry, outcome)
            write(
                "run",
                kind=kind,
                outcome=outcome,
                seconds=round(seconds, 3),
                first=None if entry.first_seconds is None else round(entry.first_seconds, 3),
                together=together,
                **_request_fields(values),
                **_result_fields(entry.last or {}),
            )

    def _end(self, entry: Entry, outcome: Outcome) -> float:
        """Count a run that has ended, and return how many seconds it took."""
        seconds = self._clock() - entry.begin
        with self._lock:
            self._under_way.remove(entry)
            self._outcomes[outcome] += 1
            if outcome in ("done", "stopped"):
                self._seconds.append(seconds)
        return seconds


JOURNAL = Journal()
"""The journal of this process."""


def resident() -> int | None:
    """Return the bytes of memory that this process holds, None where the system does not say.

    On other systems than Linux it is the most that the process ever held.
    """
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        if resource is None:
            return None
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024  # kilobytes elsewhere


def _request_fields(values: object) -> dict[str, Any]:
    """Return what is logged of a request: numbers, names of samplers, and a model of the page."""
    if not isinstance(values, Mapping):
        return {}
    model = values.get("model")
    known = isinstance(model, str) and model in models.MODELS
    numbers = {name: values.get(name) for name in NUMBERS}
    samplers = {name: _sampler(values[name]) for name in ("left", "right") if values.get(name)}
    return (
        {"model": model if known else "brought"}
        | {
            name: value
            for name, value in numbers.items()
            if isinstance(value, int | float) and abs(value) < 1e12
        }
        | samplers
    )


def _sampler(name: Any) -> str:
    """Return the name of a sampler as it is logged; a text that is none belongs to the visitor."""
    try:
        return str(names.parse(name))
    except ValueError:
        return "unknown"


def _result_fields(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the last message of a run says of its result."""
    step = (message.get("steps") or [message])[-1]
    result = {name: step[name] for name in ("iteration", "nfe") if name in step}
    if message.get("kind") == "error":
        # The refused value belongs to the visitor and is not logged.
        result["sentence"] = str(message["sentence"]).partition(", got")[0]
    return result
