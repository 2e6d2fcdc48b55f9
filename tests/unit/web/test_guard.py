"""The guard: requests that it passes to gradio and those that it refuses, without a server."""

import asyncio
import json
from dataclasses import replace

import pytest

from pds import limits
from pds.web.server.guard import API, CALL, JOIN, MCP, MESSAGES, SERVER, Endpoints, Guard, Names
from pds.web.server.visits import Visits
from tests.support.loops import run

ENDPOINTS = Endpoints(
    inputs={0: 1, 3: 0},
    public={"compare": 7, "estimate": 1},
    named={"theory": Names(frozenset({"model", "alpha"}), frozenset({"model"}))},
    servers={5: frozenset({"story_view", "open_filter"})},
    uploads=frozenset({"open_filter", "estimate"}),
    num_uploads_waiting=lambda: 0,
    tools=False,
    has_messages=lambda visit: visit == "known",
    visit_of_run={"run": "known", "old": "unknown"}.get,
    queue_full=lambda: "The queue is full: 64 runs are under way.",
)


async def gradio(scope, receive, send):
    """Stands for what comes after the guard: echoes the body that it got."""
    body = (await receive())["body"] if scope["method"] == "POST" else b"passed"
    status = 503 if b"crowd" in body else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


def ask(method, path, body=b"", *, kind="application/json", length=None, chunks=None, guard=None):
    """Return status and answer of a request."""
    guard = guard or Guard(gradio, endpoints=lambda app: ENDPOINTS, visits=Visits())
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    address, _, query = path.partition("?")
    headers = [(b"content-type", kind.encode())]
    headers += [(b"content-length", str(len(body) if length is None else length).encode())]
    scope = {"type": "http", "method": method, "path": address, "headers": headers, "app": None,
             "query_string": query.encode()}  # fmt: skip
    arriving = [{"body": c, "more_body": True} for c in chunks or ()] + [{"body": body}]
    sent = []

    async def receive():
        return {"type": "http.request", "more_body": False, **arriving.pop(0)}

    async def send(message):
        sent.append(message)

    run(guard(scope, receive, send))
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent)


def call(**changes):
    return {"data": {}, "component_id": 5, "fn_name": "story_view", "session_hash": "v"} | changes


def join(**changes):
    return {"data": [1], "fn_index": 0, "session_hash": "v"} | changes


@pytest.mark.parametrize(
    "path",
    ["/", "/?model=field64&num_steps=5", "/config", "/healthz", "/assets/index.js", "/theme.css",
     "/plotly.min.js",     API + "/info", API + "/startup-events", API + "/heartbeat/abc",
     MESSAGES + "?session_hash=known", CALL + "compare/run"],
)  # fmt: skip
def test_what_the_page_needs_passes(path):
    assert ask("GET", path) == (200, b"passed")


@pytest.mark.parametrize(
    "path",
    ["/upload", "/proxy=https://x.hf.space/", "/file=/etc/passwd", "/file=/srv/../etc/passwd",
     "/file=https://example.org/x", "/runs", "/deep_link", "/vibe-code",
     "/stream/a/b/c/playlist.m3u8", "/custom_component/a/client/b/c",
     "/run/compare", "/token", "/dev/reload"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_else_gradio_serves_does_not(method, path):
    assert ask(method, API + path, {})[0] == 404


@pytest.mark.parametrize("path", ["/?page=x", "/?deep_link=x", "/monitoring/summary", "/login"])
def test_pages_that_are_not_ours_do_not_exist(path):
    assert ask("GET", path)[0] == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_refused(method):
    assert ask(method, "/")[0] == 405


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SERVER, call()),
        (JOIN, join()),
        (CALL + "compare", {"data": [0] * 7}),
        (CALL + "v2/theory", {"model": 1}),
    ],
)
def test_a_good_call_and_a_good_run_arrive_as_they_were_sent(path, body):
    status, answer = ask("POST", path, body)
    assert (status, json.loads(answer)) == (200, body)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (SERVER, b"{", 400),
        (SERVER, b"[" * 900, 400),
        (SERVER, [], 422),
        (SERVER, call(component_id=6), 404),
        (SERVER, call(component_id=True), 404),
        (SERVER, call(component_id="5"), 404),
        (SERVER, call(fn_name="__init__"), 404),
        (SERVER, call(fn_name=["story_view"]), 404),
        (SERVER, call(session_hash=None), 400),
        (SERVER, call(session_hash="a/b"), 400),
        (SERVER, call(session_hash="a" * 65), 400),
        (SERVER, call(data=[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]), 413),
        (SERVER, call(data={"content": [0] * 100_001}), 413),
        (JOIN, join(fn_index=1), 404),
        (JOIN, join(fn_index=0.0), 404),
        (JOIN, join(fn_index=[]), 404),
        (JOIN, join(data=[]), 422),
        (JOIN, join(data={}), 422),
        (JOIN, join(data=[1, 2]), 422),
        (JOIN, join(trigger_id=-1), 422),
        (CALL + "_sample", {"data": []}, 404),
        (CALL + "compare", {"data": [1]}, 422),
        (CALL + "v2/compare", {}, 404),
        (CALL + "v2/theory", {}, 422),
        (CALL + "v2/theory", {"model": 1, "session_hash": 1}, 422),
        (CALL + "v2/", {}, 404),
        (CALL + "v2/theory/x", {}, 404),
        (API + "/cancel", {"session_hash": "v", "fn_index": "x"}, 422),
        (API + "/cancel", {"session_hash": "v", "fn_index": 1, "event_id": 7}, 400),
        (API + "/reset", {"event_id": None}, 400),
    ],
)
def test_a_body_that_gradio_would_stumble_over_is_refused(path, body, status):
    answered, answer = ask("POST", path, body)
    assert answered == status
    assert json.loads(answer)["detail"]


def test_what_gradio_would_take_and_the_page_never_sends_is_left_out():
    """Its types of these are not ours to check, and NaN in a wrong one was an error of its own."""
    odd = {"simple_format": {"x": float("nan")}, "batched": True, "event_id": 7, "oauth_token": []}
    status, answer = ask("POST", JOIN, join() | odd)
    assert (status, json.loads(answer)) == (200, join())


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data; boundary=x"])
def test_only_json_is_taken_so_that_no_file_is_spooled(kind):
    assert ask("POST", SERVER, call(), kind=kind)[0] == 415


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        (JOIN, limits.MAX_BODY_BYTES, 413),
        (SERVER, limits.MAX_BROUGHT_BYTES, 413),
        (SERVER, limits.MAX_BODY_BYTES, 413),  # of a function that brings nothing
    ],
)
def test_a_large_body_is_refused(path, size, status):
    assert ask("POST", path, call(data="A" * size))[0] == status


def test_a_mask_may_be_larger_than_other_bodies():
    body = call(data={"content": "A" * 100_000}, fn_name="open_filter")
    assert ask("POST", SERVER, body)[0] == 200


def test_pictures_are_taken_until_too_many_of_them_wait():
    body = {"data": ["A" * 100_000]}
    assert ask("POST", CALL + "estimate", body)[0] == 200
    crowded = replace(ENDPOINTS, num_uploads_waiting=lambda: limits.MAX_BROUGHT_WAITING)
    guard = Guard(gradio, endpoints=lambda app: crowded, visits=Visits())
    assert ask("POST", CALL + "estimate", body, guard=guard)[0] == 503
    assert ask("POST", CALL + "estimate", {"data": ["A"]}, guard=guard)[0] == 200


def test_tools_for_language_models_are_served_only_where_they_are_switched_on():
    assert ask("POST", MCP, b"{}")[0] == 404
    guard = Guard(gradio, endpoints=lambda app: replace(ENDPOINTS, tools=True), visits=Visits())
    assert ask("POST", MCP, b"{}", guard=guard) == (200, b"{}")
    assert ask("POST", MCP, b"A" * 70_000, guard=guard)[0] == 413


def test_a_stated_length_is_not_believed():
    chunks = [b"A" * 1000] * 100
    assert ask("POST", JOIN, chunks=chunks, length=10)[0] == 413
    assert ask("POST", JOIN, b"{}", length=10**9)[0] == 413
    assert ask("POST", JOIN, b"{}", length="-1")[0] == 400


def test_only_so_many_large_bodies_are_on_their_way_at_a_time():
    guard = Guard(gradio, endpoints=lambda app: ENDPOINTS, visits=Visits())
    guard._arriving = limits.MAX_BROUGHT_ARRIVING
    body = call(data={"content": "A" * 100_000}, fn_name="open_filter")
    assert ask("POST", SERVER, body, guard=guard)[0] == 503
    assert ask("POST", SERVER, call(), guard=guard)[0] == 200


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("pds.web.server.request_body.BODY_SECONDS", 0.05)

    async def never():
        await asyncio.sleep(5)

    guard = Guard(gradio, endpoints=lambda app: ENDPOINTS, visits=Visits())
    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"9")]
    scope = {"type": "http", "method": "POST", "path": JOIN, "query_string": b"", "app": None}
    scope["headers"] = headers
    run(guard(scope, never, send))
    assert sent[0]["status"] == 408


@pytest.mark.parametrize("path", [MESSAGES, MESSAGES + "?session_hash=x", CALL + "compare/old"])
def test_messages_of_an_unknown_visit_are_not_found(path):
    """gradio answers such a stream with a traceback in the log."""
    assert ask("GET", path)[0] in (400, 404)


def test_a_visit_reads_a_bounded_number_of_streams():
    visits = Visits()
    guard = Guard(gradio, endpoints=lambda app: ENDPOINTS, visits=visits)
    path = MESSAGES + "?session_hash=known"
    held = [visits.connected("known", "streams") for _ in range(limits.MAX_STREAMS)]
    for stream in held:
        stream.__enter__()
    assert ask("GET", path, guard=guard)[0] == 429
    held[0].__exit__(None, None, None)
    assert ask("GET", path, guard=guard)[0] == 200


def test_a_full_queue_is_answered_with_its_sentence():
    status, answer = ask("POST", JOIN, join(event_data="crowd"))
    assert status == 503
    assert json.loads(answer)["detail"].startswith("The queue is full: 64 runs")


def test_long_addresses_are_refused():
    assert ask("GET", "/assets/" + "x" * 2000)[0] == 414
    assert ask("GET", "/?x=" + "x" * 3000)[0] == 414
