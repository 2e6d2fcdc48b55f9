"""What this page relies on of gradio's inside, in one place, and what it cleans up behind it.

gradio keeps a queue of messages for every visit, until they are read, and a set of runs, until the
process ends. Here those that nobody reads are dropped, runs wait for their readers, and what
visitors brought is dropped when they have left. The version of gradio is pinned.
"""

import asyncio
import atexit
import os
import platform
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from typing import Any, TypeVar

from starlette.middleware import Middleware
from starlette.responses import FileResponse, Response
from starlette.routing import Route

import pds
from pds import models
from pds.limits import (
    MAX_RUNS,
    MAX_UNREAD,
    MAX_WAITING,
    SWEEP_SECONDS,
    TRIM_SECONDS,
    UNREAD_SECONDS,
)
from pds.serving import memory
from pds.serving.visitor_store import NOBODY
from pds.web import figures
from pds.web.server import journal, visits
from pds.web.server.guard import Doors, Guard, Named, health
from pds.web.server.journal import Journal
from pds.web.server.visits import Visits

T = TypeVar("T")

FOLDER = "GRADIO_TEMP_DIR"
"""Names the only folder that gradio writes to; with `Guard` before it, it stays empty."""
BRINGING = frozenset({"bring_images", "open_filter", "run_file", "filter_from_images"})
"""Functions and endpoints that take pictures, a mask, or a run that the page sends back."""
LOOK = 0.02
"""Seconds between two looks whether messages were read."""

JOURNAL = Journal()
VISITS = Visits()


def claim_folder() -> Path:
    """Settle where gradio writes, before it asks, and how much of the past it keeps.

    Where the environment names no folder, it is a new one of this process, and goes with it.
    """
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="pds-")
        atexit.register(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)
    folder = Path(os.environ[FOLDER])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # gradio summarizes this many past events after each one, and keeps their names.
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", str(MAX_RUNS))
    return folder


def app() -> dict[str, Any]:
    """Return what makes gradio's app ours: the guard before it, a route, a sweeper beside it."""
    current: list[Any] = []

    def state() -> Mapping[str, Any]:
        return server_state(current[0].get_blocks()._queue if current else None)

    @asynccontextmanager
    async def lifespan(gradio: Any) -> AsyncIterator[None]:
        current[:] = [gradio]
        sweeping = asyncio.create_task(_sweep(gradio))
        yield
        sweeping.cancel()

    return {
        "lifespan": lifespan,
        "middleware": [Middleware(Guard, doors=doors, visits=VISITS)],
        "routes": [Route("/healthz", health(state)), Route("/plotly.min.js", _plotly)],
    }


async def _plotly(_: Any) -> Response:
    return FileResponse(figures.PLOTLY, headers={"cache-control": "max-age=86400"})


def server_state(queue: Any) -> dict[str, Any]:
    """Return what /healthz answers."""
    waiting = len(queue) if queue is not None else 0
    return {
        "status": "ok" if models.WORKER.alive else "the sampler's thread has ended",
        "version": pds.__version__,
        "gradio": version("gradio"),
        "python": platform.python_version(),
        **JOURNAL.state(),
        "computing": models.WORKER.num_runs,
        "places": MAX_RUNS,
        "waiting": waiting,
        "room": MAX_WAITING - waiting,
        "wait": JOURNAL.wait(waiting, MAX_RUNS),
        "visits": len(VISITS),
    }


def full(queue: Any) -> str:
    """Say that there is no place, and when there will be one."""
    wait = JOURNAL.wait(len(queue), MAX_RUNS)
    when = "a minute" if wait is None else f"about {max(1, round(wait))} s"
    return (
        f"The queue is full: {MAX_RUNS} runs are under way and {len(queue)} wait. "
        f"Please try again in {when}."
    )


def doors(gradio: Any) -> Doors:
    """Return what may be asked for of a gradio app."""
    blocks = gradio.get_blocks()
    queue = blocks._queue

    def visit_of(run: str) -> str | None:
        event = queue.event_ids_to_events.get(run)
        if event is not None:
            return str(event.session_hash)
        held = queue.pending_event_ids_session.items()
        return next((visit for visit, runs in held if run in runs), None)

    functions = [f for f in blocks.fns.values() if f.fn is not None]
    return Doors(
        inputs={f._id: len(f.inputs) for f in functions},
        public={f.api_name: len(f.inputs) for f in functions if f.api_visibility == "public"},
        named={f.api_name: _names(f.fn) for f in functions if f.api_visibility == "public"},
        servers={
            number: frozenset(f.__name__ for f in getattr(block, "server_fns", ()))
            for number, block in blocks.blocks.items()
        },
        bringing=BRINGING,
        bringing_waiting=lambda: sum(
            event.fn.api_name in BRINGING for event in list(queue.event_ids_to_events.values())
        ),
        tools=bool(blocks.mcp_server),
        has_messages=lambda visit: visit in queue.pending_messages_per_session,
        visit_of=visit_of,
        full=lambda: full(queue),
    )


def _names(function: Callable[..., Any]) -> Named:
    """Return the names of an endpoint's values."""
    parameters = [p for p in signature(function).parameters.values() if p.name != "request"]
    return Named(
        frozenset(p.name for p in parameters),
        frozenset(p.name for p in parameters if p.default is p.empty),
    )


def visit_of(request: Any) -> str:
    """Return the visit of a request, of an event or of a server function."""
    if request is None:
        return NOBODY
    if getattr(request, "session_hash", None):
        return str(request.session_hash)
    return str(request.scope.get("pds.visit", NOBODY))


def paced(
    run: Callable[[], Iterator[T]], request: Any, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[T]:
    """Yield the messages of a run no faster than its visit reads them.

    Raises:
        TimeoutError: if none was read for `UNREAD_SECONDS`.
    """
    unread = _unread(request)
    for message in run():
        yield message
        deadline, least = time.monotonic() + UNREAD_SECONDS, unread()
        while unread() > MAX_UNREAD:
            if unread() < least:
                deadline, least = time.monotonic() + UNREAD_SECONDS, unread()
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody read the run's messages for {UNREAD_SECONDS} s")
            sleep(LOOK)


def run(kind: str, asked: object, make: Callable[[Any], Iterator[T]], request: Any) -> Iterator[T]:
    """Run what a visit asks for, at the pace at which it reads, and write it down.

    Args:
        kind: what is run.
        asked: the request as it came.
        make: starts the run of such a request, without what others brought.
        request: gradio's.
    """
    own = visits.own(asked, visit_of(request))
    yield from JOURNAL.follow(kind, asked, paced(lambda: make(own), request))


def _unread(request: Any) -> Callable[[], int]:
    """Return what counts the messages that wait for the visit of a request."""
    app = getattr(getattr(request, "request", None), "app", None)
    if app is None:
        return lambda: 0
    queues = app.get_blocks()._queue.pending_messages_per_session
    visit = visit_of(request)
    return lambda: queues[visit].qsize() if visit in queues else 0


async def _sweep(gradio: Any) -> None:
    """Drop what nobody will ask for again, for as long as the server runs."""
    queue = gradio.get_blocks()._queue
    trimmed = time.monotonic()
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        if time.monotonic() - trimmed >= TRIM_SECONDS:
            trimmed = time.monotonic()
            if not models.WORKER.num_runs:
                await asyncio.to_thread(memory.release)
        for _ in VISITS.sweep():
            journal.write("left", visits=len(VISITS))
        await drop_unread(queue, VISITS)
        gradio.iterators_to_reset.intersection_update(gradio.iterators)


async def drop_unread(queue: Any, here: Visits) -> None:
    """Drop the messages of visits that nobody has read for `UNREAD_SECONDS`.

    Between two runs a visit reads nothing, and must not be taken for one that left.

    Args:
        queue: gradio's.
        here: knows who reads; those that it does not know are heard of now.
    """
    for visit in {*queue.pending_messages_per_session, *queue.pending_event_ids_session}:
        silent = here.silent(visit)
        if silent is None:
            here.see(visit)
        elif silent > UNREAD_SECONDS:
            await queue.clean_events(session_hash=visit)
            queue.pending_messages_per_session.pop(visit, None)
            queue.pending_event_ids_session.pop(visit, None)
