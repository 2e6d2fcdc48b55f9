"""A proxy before a server: it keeps or strips a prefix, and may buffer event streams.

`nginx` is the real one, with the configuration that compose.yaml mounts.
"""

import http.client
import queue
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.paths import ROOT

CONFIGURATION = ROOT / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")

PREFIX = "/lab/pds"
FORWARDED = {"X-Forwarded-Host": "{host}", "X-Forwarded-Prefix": PREFIX}
"""What a proxy that strips the prefix tells the server behind it."""

Chunks = Iterator[bytes]
Hold = Callable[[Chunks], Chunks]
"""How the body of an event stream is passed on."""

OWN = {"connection", "transfer-encoding", "content-length", "keep-alive", "host"}
"""Headers of one connection, not of the request."""


def at_once(chunks: Chunks) -> Chunks:
    """Pass on each piece as it comes."""
    return chunks


def whole(chunks: Chunks) -> Chunks:
    """Hold back everything until the answer is complete."""
    yield b"".join(chunks)


def blocks(size: int) -> Hold:
    """Hold back pieces until there are `size` bytes."""

    def hold(chunks: Chunks) -> Chunks:
        held = b""
        for chunk in chunks:
            held += chunk
            while len(held) >= size:
                yield held[:size]
                held = held[size:]
        yield held

    return hold


def late(seconds: float) -> Hold:
    """Pass on each piece some seconds after it came."""

    def hold(chunks: Chunks) -> Chunks:
        arrived: queue.SimpleQueue[tuple[float, bytes | None]] = queue.SimpleQueue()

        def read() -> None:
            for chunk in chunks:
                arrived.put((time.monotonic() + seconds, chunk))
            arrived.put((time.monotonic() + seconds, None))

        threading.Thread(target=read, daemon=True).start()
        while True:
            due, chunk = arrived.get()
            time.sleep(max(0, due - time.monotonic()))
            if chunk is None:
                return
            yield chunk

    return hold


HOLDS = [
    pytest.param(whole, id="whole", marks=pytest.mark.slow),
    pytest.param(blocks(32_768), id="blocks"),
    pytest.param(late(0.5), id="late", marks=pytest.mark.slow),
]
"""How proxies of the tests hold back a stream."""


def _pieces(answer: http.client.HTTPResponse) -> Chunks:
    """Yield what an answer holds until its end, or until one of both has gone."""
    with suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
        while piece := answer.read1(65536):
            yield piece


@contextmanager
def proxy(
    target: str,
    *,
    prefix: str = "",
    strips: bool = False,
    headers: dict[str, str] | None = None,
    hold: Hold = at_once,
) -> Iterator[str]:
    """Serve `target` below a prefix and yield the address, without a final slash.

    Args:
        target: address of the server.
        prefix: of the addresses that are passed on; others answer 404.
        strips: whether the prefix is removed before the server sees it.
        headers: added to each request; {host} stands for the proxy's own.
        hold: how event streams are passed on.
    """
    upstream = urlsplit(target)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path, query = self.path.partition("?")[::2]
            if path != prefix and not path.startswith(prefix + "/"):
                self.send_error(404)
                return
            path = (path[len(prefix) :] or "/") if strips else path
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length) if length else None
            sent = {k: v for k, v in self.headers.items() if k.lower() not in OWN}
            own = self.headers["host"]
            sent |= {k: v.format(host=own) for k, v in ({"Host": own} | (headers or {})).items()}
            there = http.client.HTTPConnection(upstream.hostname or "", upstream.port)
            try:
                there.request(self.command, f"{path}?{query}" if query else path, body, sent)
                self.relay(there.getresponse())
            except (OSError, http.client.HTTPException):
                pass  # one of both has gone
            finally:
                there.close()
            self.close_connection = True

        def relay(self, answer: http.client.HTTPResponse) -> None:
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in OWN - {"content-length"}:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            streamed = (answer.getheader("content-type") or "").startswith("text/event-stream")
            for chunk in (hold if streamed else at_once)(_pieces(answer)):
                self.wfile.write(chunk)
                self.wfile.flush()

        do_GET = do_POST = do_HEAD = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def nginx(target: str, *, prefix: str) -> Iterator[str]:
    """Serve `target` below a prefix by nginx and yield the address, without a final slash.

    Only what differs between a container and this machine is changed in the configuration: the
    address of the page, nginx's own, its folder for temporary files, and the prefix.
    """
    with socket.socket() as probe, tempfile.TemporaryDirectory(prefix="nginx") as folder:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        text = CONFIGURATION.read_text(encoding="utf-8")
        for shipped, here in (
            ("/tmp/", f"{folder}/"),
            ("/pds", prefix),
            ("pds:7860", urlsplit(target).netloc),
            ("listen 8080", f"listen 127.0.0.1:{port}"),
        ):
            text = text.replace(shipped, here)
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(text, encoding="utf-8")
        Path(folder).chmod(0o755)
        probe.close()
        server = subprocess.Popen([NGINX or "nginx", "-c", configuration, "-g", "daemon off;"])
        try:
            _wait_for(server, f"http://127.0.0.1:{port}/")
            yield f"http://127.0.0.1:{port}{prefix}"
        finally:
            server.terminate()
            server.wait(10)


def _wait_for(server: subprocess.Popen[bytes], address: str) -> None:
    """Wait until a server answers, be it that its page does not."""
    while server.poll() is None:
        try:
            urllib.request.urlopen(address).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nginx ended with {server.returncode}")
