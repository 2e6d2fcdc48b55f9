"""The body of a request: read in bounded time and size, parsed to a bounded depth and count."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.types import Message, Receive

from pds.limits import BODY_SECONDS, MAX_BODY_BYTES, MAX_JSON_DEPTH, MAX_JSON_VALUES

_MARKS = (b",", b":", b"[", b"{")


class Refused(Exception):
    """A request that is not passed on.

    Args:
        status: the HTTP status.
        sentence: the reason.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Replay:
    """Receives a body that was read before, then further messages."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class Bounded:
    """Receives a body of bounded size without parsing it."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._left = receive, MAX_BODY_BYTES

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise Refused(413, f"the body is over {MAX_BODY_BYTES:,} bytes")
        return message


async def read(receive: Receive, most: int) -> bytes:
    """Read a body of at most `most` bytes, whatever its Content-Length says."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "the body did not arrive whole")
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > most:
                    raise Refused(413, f"the body is over {most:,} bytes")
    except TimeoutError:
        raise Refused(408, f"the body took over {BODY_SECONDS} seconds") from None
    return bytes(body)


def parsed(body: bytes) -> Mapping[str, Any]:
    """Return the named values of a JSON body."""
    if sum(body.count(mark) for mark in _MARKS) > MAX_JSON_VALUES:
        raise Refused(413, f"the body holds over {MAX_JSON_VALUES} values")
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(values, dict):
        raise Refused(422, "the body must be a JSON object")
    if _too_deep(values):
        raise Refused(413, f"the body nests over {MAX_JSON_DEPTH} deep")
    return values


def _too_deep(values: object) -> bool:
    level = [values]
    for _ in range(MAX_JSON_DEPTH):
        inner: list[object] = []
        for value in level:
            inner += value.values() if isinstance(value, dict) else ()
            inner += value if isinstance(value, list) else ()
        level = inner
    return bool(level)
