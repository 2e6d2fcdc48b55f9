"""The path under which the page is served: "" at the top of a host, or a prefix such as "/pds".

A proxy adds a prefix to the address that the browser sees, and passes requests on with it or
without it; an application that mounts the page adds one, too. `PublicPath` accepts both forms and
leaves one to everything behind it, the form of the ASGI specification:

    root_path   the prefix that the browser sees
    path        root_path, followed by the address within the page, see `route_path`

The prefix is the path of the environment variable GRADIO_ROOT_PATH if that is set. Otherwise it is
the header X-Forwarded-Prefix of a proxy that strips it, followed by the path of the mounted page.
"""

import os
import re
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pds.limits import MAX_PREFIX, quoted

VARIABLE = "GRADIO_ROOT_PATH"

_SEGMENTS = re.compile(r"(/(?!\.{1,2}(/|$))[\w.~-]+)*")
"""A path of names; neither "//" nor "..", which would mean another host or another folder."""


def configured() -> str:
    """Return GRADIO_ROOT_PATH as gradio expects it: "", a path such as "/pds", or a whole URL.

    Raises:
        ValueError: if it is neither a path nor a URL.
    """
    given = os.environ.get(VARIABLE, "").strip()
    url = urlsplit(given)
    host = f"{url.scheme}://{url.netloc}" if url.scheme in ("http", "https") and url.netloc else ""
    path = "/" + unquote(given if not host else url.path).strip("/")
    if not _SEGMENTS.fullmatch(path.rstrip("/")) or len(path) > MAX_PREFIX:
        raise ValueError(
            f"{VARIABLE} must be the path of the page, such as /pds, or its whole address, such "
            f"as https://example.org/pds, got {quoted(given)}"
        )
    return host + path.rstrip("/")


def route_path(scope: Scope) -> str:
    """Return the address of a request within the page, such as "/config"."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


class PublicPath:
    """Middleware that tells apart the prefix and the address within the page.

    Args:
        app: receives the requests.
        root: the value of `configured`.
        mounted: path of the page in the application that mounts it.
    """

    def __init__(self, app: ASGIApp, *, root: str, mounted: str = "") -> None:
        self._app, self._mounted = app, mounted.rstrip("/")
        self._configured = urlsplit(root).path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scope.update(self._located(scope))
        await self._app(scope, receive, send)

    def _located(self, scope: Scope) -> dict[str, str]:
        """Return `root_path` and `path` of a request."""
        path, mount, forwarded = scope["path"], scope.get("root_path", ""), _forwarded(scope)
        mount = mount if _begins(path, mount) else ""
        prefixes = (self._configured, mount, self._mounted, forwarded)
        arrived = next((prefix for prefix in prefixes if _begins(path, prefix)), "")
        public = self._configured or forwarded + mount
        return {"root_path": public, "path": public + (path[len(arrived) :] or "/")}


def _begins(path: str, prefix: str) -> bool:
    return bool(prefix) and (path == prefix or path.startswith(prefix + "/"))


def _forwarded(scope: Scope) -> str:
    """Return the prefix that proxies have stripped, "" if the header is missing or malformed.

    A chain of proxies lists a prefix for each, the outermost first.
    """
    listed = Headers(scope=scope).getlist("x-forwarded-prefix")
    parts = (part.strip().strip("/") for part in ",".join(listed).split(","))
    path = "".join(f"/{part}" for part in parts if part)
    return path if len(path) <= MAX_PREFIX and path.isascii() and _SEGMENTS.fullmatch(path) else ""
