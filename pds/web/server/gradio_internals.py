"""All use of gradio's internals, in one place; the version of gradio is pinned.

gradio keeps a queue of messages for every visit until they are read, and a set of runs until the
process ends. A sweeper drops unread messages, and the models and masks of visits that are over.
"""

import asyncio
import atexit
import math
import os
import platform
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from typing import Any

from gradio.utils import SyncToAsyncIterator
from starlette.middleware import Middleware
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

import pds
from pds import models
from pds.limits import MAX_RUNS, MAX_WAITING, SWEEP_SECONDS, TRIM_SECONDS, UNREAD_SECONDS, quoted
from pds.serving import memory
from pds.serving.visitor_store import NO_VISIT
from pds.web.server import journal, scripts
from pds.web.server.guard import Endpoints, Guard, Names
from pds.web.server.journal import JOURNAL
from pds.web.server.public_path import PublicPath
from pds.web.server.visits import Visits

FOLDER = "GRADIO_TEMP_DIR"
"""Environment variable of the only folder that gradio writes to; `Guard` keeps it empty."""
UPLOADS = frozenset({"bring_images", "open_filter", "run_file", "sheet_file", "filter_from_images"})
"""Functions and endpoints that take pictures, a mask, or a run that the page sends back."""

VISITS = Visits()


def claim_folder() -> Path:
    """Set the folder that gradio writes to, and limit gradio's statistics.

    Call it before gradio reads the environment. Without a folder there, a temporary one is made and
    removed when this process ends.

    Raises:
        ValueError: if the folder that it names cannot be made.
    """
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="pds-")
        atexit.register(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)
    folder = Path(os.environ[FOLDER])
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"{FOLDER} must name a folder that can be made, got {quoted(str(folder))} "
            f"({error.strerror})"
        ) from None
    # gradio summarizes this many past events after each one, and keeps their names.
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", str(MAX_RUNS))
    return folder


_CLOSING: set["asyncio.Task[None]"] = set()


class RunIterator(SyncToAsyncIterator):
    """Messages of a run, closed when the task that reads them ends.

    Gradio itself closes a stopped run only after its first message has been sent. The iterator
    must be made in that task.
    """

    def __init__(self, iterator: Any, limiter: Any) -> None:
        super().__init__(iterator, limiter)
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(self._close)

    def _close(self, _: Any) -> None:
        # A step may be under way in a thread of gradio's: `aclose` waits for its end.
        closing = asyncio.create_task(self.aclose(timeout=math.inf))  # type: ignore[no-untyped-call]
        _CLOSING.add(closing)  # the event loop itself keeps no task alive
        closing.add_done_callback(_CLOSING.discard)


def app_settings(plotly: Path, *, root: str = "", mounted: str = "") -> dict[str, Any]:
    """Return the additions to gradio's app: the public path, the guard, three routes, the sweeper.

    Args:
        plotly: the script that draws figures in the browser.
        root: value of `public_path.configured`.
        mounted: path of the page in the application that mounts it.
    """
    current: list[Any] = []

    def state() -> Mapping[str, Any]:
        return server_state(current[0].get_blocks()._queue if current else None)

    @asynccontextmanager
    async def lifespan(gradio: Any) -> AsyncIterator[None]:
        current[:] = [gradio]
        sweeping = asyncio.create_task(_sweep(gradio))
        yield
        sweeping.cancel()

    async def script(_: Any) -> Response:
        return FileResponse(plotly, headers={"cache-control": "max-age=86400"})

    return {
        "lifespan": lifespan,
        "middleware": [
            Middleware(PublicPath, root=root, mounted=mounted),
            Middleware(Guard, endpoints=endpoints, visits=VISITS),
        ],
        "routes": [
            Route("/healthz", health(state)),
            Route("/plotly.min.js", script),
            scripts.ROUTE,
        ],
    }


def base_url(request: Any) -> dict[str, str]:
    """Return the base of the page's addresses, which gradio takes to be "./".

    At "/pds", an address without a final slash, that would be "/".
    """
    root = request.scope.get("root_path", "")
    return {"base_url": f"{root}/"} if root else {}


def health(state: Callable[[], Mapping[str, Any]]) -> Callable[..., Any]:
    """Return the endpoint that answers with the state of the server, 503 if it is not ok."""

    async def healthz(_: Any) -> Response:
        body = dict(state())
        status = 200 if body["status"] == "ok" else 503
        return JSONResponse(body, status, headers={"cache-control": "no-store"})

    return healthz


def server_state(queue: Any) -> dict[str, Any]:
    """Return the state of the server for /healthz."""
    waiting, workers = len(queue) if queue is not None else 0, models.workers()
    ended = ", ".join(workers.ended)
    return {
        "status": f"the sampler's thread has ended on {ended}" if ended else "ok",
        "version": pds.__version__,
        "gradio": version("gradio"),
        "python": platform.python_version(),
        **JOURNAL.state(),
        "computing": workers.num_runs,
        "devices": workers.by_device,
        "places": MAX_RUNS,
        "waiting": waiting,
        "room": MAX_WAITING - waiting,
        "wait": JOURNAL.wait(waiting, MAX_RUNS),
        "visits": len(VISITS),
    }


def queue_full(queue: Any) -> str:
    """Return the sentence that the queue is full, and when to try again."""
    wait = JOURNAL.wait(len(queue), MAX_RUNS)
    when = "a minute" if wait is None else f"about {max(1, round(wait))} s"
    return (
        f"The queue is full: {MAX_RUNS} runs are under way and {len(queue)} wait. "
        f"Please try again in {when}."
    )


def endpoints(gradio: Any) -> Endpoints:
    """Return the functions and endpoints of a gradio app for the guard."""
    blocks = gradio.get_blocks()
    queue = blocks._queue

    def visit_of_run(run: str) -> str | None:
        event = queue.event_ids_to_events.get(run)
        if event is not None:
            return str(event.session_hash)
        pending = queue.pending_event_ids_session.items()
        return next((visit for visit, runs in pending if run in runs), None)

    functions = [f for f in blocks.fns.values() if f.fn is not None]
    return Endpoints(
        inputs={f._id: len(f.inputs) for f in functions},
        public={f.api_name: len(f.inputs) for f in functions if f.api_visibility == "public"},
        named={f.api_name: _names(f.fn) for f in functions if f.api_visibility == "public"},
        servers={
            number: frozenset(f.__name__ for f in getattr(block, "server_fns", ()))
            for number, block in blocks.blocks.items()
        },
        uploads=UPLOADS,
        num_uploads_waiting=lambda: sum(
            event.fn.api_name in UPLOADS for event in list(queue.event_ids_to_events.values())
        ),
        tools=bool(blocks.mcp_server),
        has_messages=lambda visit: visit in queue.pending_messages_per_session,
        visit_of_run=visit_of_run,
        queue_full=lambda: queue_full(queue),
    )


def _names(function: Callable[..., Any]) -> Names:
    """Return the names of an endpoint's values."""
    parameters = [p for p in signature(function).parameters.values() if p.name != "request"]
    return Names(
        frozenset(p.name for p in parameters),
        frozenset(p.name for p in parameters if p.default is p.empty),
    )


def visit_of(request: Any) -> str:
    """Return the visit of gradio's request of an event or of a server function."""
    if request is None:
        return NO_VISIT
    if getattr(request, "session_hash", None):
        return str(request.session_hash)
    return str(request.scope.get("pds.visit", NO_VISIT))


def unread_messages(request: Any) -> Callable[[], int]:
    """Return a function that counts the unread messages of the visit of a request."""
    app = getattr(getattr(request, "request", None), "app", None)
    if app is None:
        return lambda: 0
    queues = app.get_blocks()._queue.pending_messages_per_session
    visit = visit_of(request)
    return lambda: queues[visit].qsize() if visit in queues else 0


async def _sweep(gradio: Any) -> None:
    """Drop unread messages and the data of visits that are over, periodically."""
    queue = gradio.get_blocks()._queue
    trimmed = time.monotonic()
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        if time.monotonic() - trimmed >= TRIM_SECONDS:
            trimmed = time.monotonic()
            if not models.workers().num_runs:
                await asyncio.to_thread(memory.release)
        for _ in VISITS.sweep():
            journal.write("left", visits=len(VISITS))
        await drop_unread(queue, VISITS)
        gradio.iterators_to_reset.intersection_update(gradio.iterators)


async def drop_unread(queue: Any, current: Visits) -> None:
    """Drop the messages of visits that have been silent for `UNREAD_SECONDS`.

    The time counts from the last request too, since a visit reads nothing between two runs.

    Args:
        queue: gradio's.
        current: the visits under way; unknown ones are added.
    """
    for visit in {*queue.pending_messages_per_session, *queue.pending_event_ids_session}:
        silent = current.silent(visit)
        if silent is None:
            current.see(visit)
        elif silent > UNREAD_SECONDS:
            await queue.clean_events(session_hash=visit)
            queue.pending_messages_per_session.pop(visit, None)
            queue.pending_event_ids_session.pop(visit, None)
