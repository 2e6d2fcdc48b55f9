"""Middleware before gradio: only requests that the page needs, small and well-formed, pass.

gradio serves more than this page uses (uploads to disk, proxies, recordings, editors), prints a
traceback for many malformed requests, and keeps unread messages. The guard
refuses a request with one JSON sentence, or passes it on with its body read and checked:

    address   one of those below, of bounded length; without the prefix, see `public_path`
    body      JSON of bounded size, depth and number of values, arriving in bounded time
    names     of visits, functions and components: known, of bounded length
    streams   of messages: of a visit that has any, a bounded number each

It is an ASGI middleware and knows only the routes and the queue of gradio.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pds.limits import (
    MAX_BODY_BYTES,
    MAX_BROUGHT_ARRIVING,
    MAX_BROUGHT_AT_ONCE,
    MAX_BROUGHT_BYTES,
    MAX_BROUGHT_WAITING,
    MAX_NAME,
    MAX_PATH_BYTES,
    MAX_QUERY_BYTES,
    MAX_STREAMS,
    quoted,
)
from pds.web.server.public_path import route_path
from pds.web.server.request_body import Bounded, Refused, Replay, parsed, read
from pds.web.server.visits import Visits

API = "/gradio_api"
PAGES = {"/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json"}
PAGES |= {"/healthz", "/plotly.min.js"}
PAGES |= {API + name for name in ("/info", "/openapi.json", "/theme.css", "/startup-events")}
PAGES |= {API + name for name in ("/app_id", "/queue/status")}
FOLDERS = ("/scripts/", "/assets/", "/static/", "/svelte/", "/pwa_icon")
HEARTBEAT, MESSAGES, CALL = (API + name for name in ("/heartbeat/", "/queue/data", "/call/"))
MCP = API + "/mcp"
V2 = "v2/"
"""Prefix of the name of an endpoint whose values are named."""
JOIN, CANCEL, RESET, SERVER = (
    API + name for name in ("/queue/join", "/cancel", "/reset", "/component_server")
)
ACCEPTED = {
    JOIN: ("data", "event_data", "fn_index", "trigger_id", "session_hash"),
    CALL: ("data", "session_hash"),
    CANCEL: ("session_hash", "fn_index", "event_id"),
    RESET: ("event_id",),
    SERVER: ("data", "component_id", "fn_name", "session_hash"),
}
"""Values of a body that are passed on, by address; all others are removed."""

_NAME = re.compile(rf"[\w.-]{{1,{MAX_NAME}}}", re.ASCII)

Kind = Literal["heartbeats", "streams"]


class Names(NamedTuple):
    """Names of the values of an endpoint, and those that are required."""

    all: frozenset[str]
    required: frozenset[str]


@dataclass(frozen=True)
class Endpoints:
    """The functions and endpoints of the gradio app, and the state of its queue.

    inputs: number of values of each function, by the function's number.
    public: number of values of each endpoint for programs, by its name.
    named: names of these values.
    servers: names of the server functions of each component, by the component's number.
    uploads: names of the functions that take pictures or a mask.
    num_uploads_waiting: returns how many runs of these are in the queue.
    tools: whether language models are served too, at `MCP`.
    has_messages: returns whether there are messages of a visit.
    visit_of_run: returns the visit of a run, None if there is no such run.
    queue_full: returns the sentence for requests that the queue has no room for.
    """

    inputs: Mapping[int, int]
    public: Mapping[str, int]
    named: Mapping[str, Names]
    servers: Mapping[int, frozenset[str]]
    uploads: frozenset[str]
    num_uploads_waiting: Callable[[], int]
    tools: bool
    has_messages: Callable[[str], bool]
    visit_of_run: Callable[[str], str | None]
    queue_full: Callable[[], str]


class Guard:
    """The middleware.

    Args:
        app: receives the requests that pass.
        endpoints: returns the endpoints of the gradio app in the scope; called once.
        visits: records the requests and streams of visits.
    """

    def __init__(
        self, app: ASGIApp, *, endpoints: Callable[[Any], Endpoints], visits: Visits
    ) -> None:
        self._app, self._read_endpoints, self._visits = app, endpoints, visits
        self.endpoints: Any = None
        self._uploading = asyncio.Semaphore(MAX_BROUGHT_AT_ONCE)
        self._arriving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self.endpoints is None:
            self.endpoints = self._read_endpoints(scope["app"])
        try:
            await self._admit(scope, receive, send)
        except Refused as refused:
            answer = JSONResponse({"detail": refused.sentence}, refused.status)
            # The rest of a body is not read.
            answer.headers["connection"] = "close"
            await answer(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = route_path(scope)
        if len(path) > MAX_PATH_BYTES or len(scope["query_string"]) > MAX_QUERY_BYTES:
            raise Refused(414, "the address is too long")
        if self.endpoints.tools and (path == MCP or path.startswith(MCP + "/")):
            await self._app(scope, Bounded(receive), send)
        elif scope["method"] in ("GET", "HEAD"):
            await self._get(path.rstrip("/") or "/", scope, receive, send)
        elif scope["method"] == "POST":
            await self._post(path.rstrip("/"), scope, receive, send)
        else:
            raise Refused(405, "only GET, HEAD and POST are answered")

    async def _get(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=100)
        if path.startswith(HEARTBEAT):
            visit = _name(path.removeprefix(HEARTBEAT), "the visit")
            with self._visits.connected(visit, "heartbeats"):
                await self._app(scope, receive, send)
        elif path == MESSAGES or path.startswith(CALL):
            visit = self._reader(path, query)
            if self._visits.streams(visit) >= MAX_STREAMS:
                raise Refused(429, f"a visit reads at most {MAX_STREAMS} streams at a time")
            with self._visits.connected(visit, "streams"):
                await self._app(scope, receive, _unbuffered(send))
        elif path in PAGES or path.startswith(FOLDERS):
            if "page" in query or "deep_link" in query or "\0" in path:
                raise _not_found()
            await self._app(scope, receive, send)
        else:
            raise _not_found()

    def _reader(self, path: str, query: Mapping[str, list[str]]) -> str:
        """Return the visit whose messages are requested."""
        if path == MESSAGES:
            visit = _name(query.get("session_hash", [""])[0], "the visit")
            if not self.endpoints.has_messages(visit):
                raise Refused(404, "there are no messages for this visit")
            return visit
        run = path.removeprefix(CALL).removeprefix(V2).partition("/")[2]
        owner = self.endpoints.visit_of_run(_name(run, "the run"))
        if owner is None or not self.endpoints.has_messages(owner):
            raise Refused(404, "there is no such run")
        return owner

    async def _post(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        name = path.removeprefix(CALL) if path.startswith(CALL) else ""
        if path not in ACCEPTED and (not name or "/" in name.removeprefix(V2)):
            raise _not_found()
        kind = _header(scope, b"content-type").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refused(415, "the body must be application/json")
        uploads = path == SERVER or name.removeprefix(V2) in self.endpoints.uploads
        length = _header(scope, b"content-length") or "0"
        if not length.isdigit() or len(length) > 12:
            raise Refused(400, "the length of the body is not a number")
        most = MAX_BROUGHT_BYTES if uploads else MAX_BODY_BYTES
        if int(length) > most:
            raise Refused(413, f"the body is over {most:,} bytes")
        body = await self._arrived(receive, most, known=int(length))
        values = parsed(body)
        self._check(path, values, len(body), scope)
        accepted = ACCEPTED.get(CALL if name else path, ())
        if not name.startswith(V2) and values.keys() - set(accepted):
            body = json.dumps({k: v for k, v in values.items() if k in accepted}).encode()
        async with self._uploading if len(body) > MAX_BODY_BYTES else nullcontext():
            await self._app(scope, Replay(body, receive), self._with_wait(path, send))

    async def _arrived(self, receive: Receive, most: int, *, known: int) -> bytes:
        """Read a body; the number of large ones, or of unknown length, at a time is limited."""
        if 0 < known <= MAX_BODY_BYTES:
            return await read(receive, known)
        if self._arriving >= MAX_BROUGHT_ARRIVING:
            raise Refused(503, "too many files are arriving; please try again in a minute")
        self._arriving += 1
        try:
            return await read(receive, most)
        finally:
            self._arriving -= 1

    def _check(self, path: str, values: Mapping[str, Any], size: int, scope: Scope) -> None:
        """Check that gradio and the page accept the values of a body."""
        if path == JOIN:
            _check_count(values, self.endpoints.inputs, values.get("fn_index"), "function")
            _integer(values.get("trigger_id"), "trigger_id")
        elif path.startswith(CALL):
            name = path.removeprefix(CALL)
            if name.startswith(V2):
                _check_names(values, self.endpoints.named, name.removeprefix(V2))
            else:
                _check_count(values, self.endpoints.public, name, "endpoint")
            if (
                size > MAX_BODY_BYTES
                and self.endpoints.num_uploads_waiting() >= MAX_BROUGHT_WAITING
            ):
                raise Refused(503, "too many images are waiting; please try again in a minute")
        elif path == SERVER:
            self._check_server(values, size)
        else:
            _integer(values.get("fn_index", 0), "fn_index")
            _name(values.get("event_id"), "the run")
        visit = None if path.startswith(CALL + V2) else values.get("session_hash")
        if visit is None and (path == RESET or path.startswith(CALL)):
            return
        scope["pds.visit"] = visit = _name(visit, "the visit")
        self._visits.see(visit)

    def _check_server(self, values: Mapping[str, Any], size: int) -> None:
        component, name = values.get("component_id"), values.get("fn_name")
        names = self.endpoints.servers.get(component) if type(component) is int else None
        if names is None or not isinstance(name, str) or name not in names:
            raise Refused(404, "there is no such function")
        if "data" not in values:
            raise Refused(422, "data is missing")
        if size > MAX_BODY_BYTES and name not in self.endpoints.uploads:
            raise Refused(413, f"the body is over {MAX_BODY_BYTES:,} bytes")

    def _with_wait(self, path: str, send: Send) -> Send:
        """Replace the answer that the queue is full by one with the expected wait."""
        refused = False

        async def explained(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == 503:
                refused = True
                return
            if not refused:
                await send(message)
            elif not message.get("more_body"):
                answer = JSONResponse({"detail": self.endpoints.queue_full()}, 503)
                head = {"type": "http.response.start", "status": 503, "headers": answer.raw_headers}
                await send(head)
                await send({"type": "http.response.body", "body": answer.body})

        return explained if path == JOIN or path.startswith(CALL) else send


def _check_count(
    values: Mapping[str, Any], known: Mapping[Any, int], name: object, what: str
) -> None:
    """Check that `data` has the number of values that a function takes."""
    if type(name) not in (int, str) or name not in known:
        raise Refused(404, f"there is no {what} {quoted(name)}")
    data = values.get("data")
    if not isinstance(data, list) or len(data) != known[name]:
        raise Refused(422, f"data must be a list of {known[name]} values")


def _check_names(values: Mapping[str, Any], known: Mapping[str, Names], name: str) -> None:
    """Check the names of the values of an endpoint."""
    if name not in known:
        raise Refused(404, f"there is no endpoint {quoted(name)}")
    unknown, missing = values.keys() - known[name].all, known[name].required - values.keys()
    if unknown or missing:
        what = quoted(sorted(unknown or missing)[0])
        raise Refused(422, f"{what} is {'not a value of this endpoint' if unknown else 'missing'}")


def _integer(value: object, name: str) -> None:
    if value is not None and (type(value) is not int or not 0 <= value < 10_000):
        raise Refused(422, f"{name} must be a whole number, got {quoted(value)}")


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise Refused(400, f"{what} must be named by 1 to {MAX_NAME} letters and digits")
    return value


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""


def _unbuffered(send: Send) -> Send:
    """Add headers that keep nginx and other proxies from buffering, compressing or caching."""

    async def unbuffered(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            headers["x-accel-buffering"] = "no"
            headers["cache-control"] = "no-cache, no-transform"
            message = {**message, "headers": headers.raw}
        await send(message)

    return unbuffered


def _not_found() -> Refused:
    return Refused(404, "there is nothing at this address")
