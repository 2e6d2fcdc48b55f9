"""Sends hostile requests to its own server, and checks for tracebacks, files and long waits."""

import base64
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import numpy as np

from pds.files.pictures import encode_png
from tests.fuzz.cases import API, PANES, Case, Site, case
from tests.support.paths import ROOT
from tools.server import free_port

PATIENCE = 10.0
"""Seconds in which every request must be answered."""
GROWTH = 400_000_000
"""Bytes by which the peak of the server's memory may grow: requests come one at a time, so the
largest body and its copies, and the shelves full of small things."""
FORBIDDEN = ("Traceback (most recent call last)", 'File "/', "root:x:0:0", "site-packages")


class Found(AssertionError):
    """Something that must never happen."""


class Target:
    """The server, its log, and the place where it may write."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "server.log"
        self.port = free_port()
        self.temporary = folder / "gradio"
        self.armed = folder / "armed"
        self._told = 0
        self.answers: Counter = Counter()
        environment = os.environ | {
            "GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_TEMP_DIR": str(self.temporary), "TMPDIR": str(folder / "tmp"),
            "FUZZ_ARMED": str(self.armed), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        (folder / "tmp").mkdir()
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "tests.fuzz.watched"]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stderr=log, stdout=log
            )
        self._wait()
        self.site = self._explore()
        self.armed.touch()
        self.before, self.start = self.listing(), self.memory()

    def _wait(self) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                if self.send(Case("GET", "/healthz"))[0] == 200:
                    return
            except OSError:
                time.sleep(0.3)
        raise RuntimeError(f"no server: {self.log.read_text()}")

    def _explore(self) -> Site:
        """Read the page's numbers, and plant a model in another visit."""
        config = json.loads(self.send(Case("GET", "/config"))[1])
        servers = {
            name: c["id"] for c in config["components"] for name in c["props"].get("server_fns", [])
        }
        events = {d["api_name"]: d["id"] for d in config["dependencies"] if d["api_name"]}
        inputs = {d["id"]: len(d["inputs"]) for d in config["dependencies"]}
        assert set(PANES) < set(servers), servers
        pixels = np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
        files = [
            {"name": "a.png", "content": base64.b64encode(encode_png(p, "")).decode()}
            for p in pixels
        ]
        body = {"data": {"size": 32, "files": files, "texture": 0.2},
                "fn_name": "bring_images", "session_hash": "canary",
                "component_id": servers["bring_images"]}  # fmt: skip
        bring = Case("POST", API + "/component_server", json.dumps(body).encode())
        planted = json.loads(self.send(bring)[1])
        return Site(servers, events, inputs, planted["model"])

    def send(self, one: Case) -> tuple[int, bytes]:
        """Return status and the first part of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            path = quote(one.path, safe="/?=&%:;.+,@$!*'()#~\\{}<>\"")
            connection.putrequest(one.method, path.replace(" ", "%20"), skip_host=True,
                                  skip_accept_encoding=True)  # fmt: skip
            connection.putheader("Host", f"127.0.0.1:{self.port}")
            for name, value in one.headers.items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(one.body)))
            try:
                connection.endheaders(one.body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all of the body was sent; the answer is there
            answer = connection.getresponse()
            streamed = "event-stream" in (answer.headers.get("content-type") or "")
            content = answer.read1(1 << 20) if streamed else answer.read()
            return answer.status, content
        finally:
            connection.close()

    def attack(self, one: Case) -> None:
        """Send a case, with the messages of its run, and check everything.

        Raises:
            Found: if it did what must never happen.
        """
        start = time.monotonic()
        try:
            status, content = self.send(one)
            self._check(one, status, content)
            if one.reads and status == 200:
                for path in self._messages(one, content):
                    self._check(one, *self.send(Case("GET", path)))
        except TimeoutError:
            raise Found("no answer in 10 s") from None
        except (http.client.HTTPException, ConnectionError) as error:
            raise Found(f"no HTTP answer: {error!r}") from None
        if time.monotonic() - start > PATIENCE:
            raise Found(f"took {time.monotonic() - start:.1f} s")
        self.answers[status] += 1
        self._read_log()

    def _messages(self, one: Case, content: bytes) -> list[str]:
        run = json.loads(content).get("event_id")
        if "/call/" in one.path:
            return [f"{one.path}/{run}"]
        return [f"{API}/queue/data?session_hash={json.loads(one.body)['session_hash']}"]

    def _check(self, one: Case, status: int, content: bytes) -> None:
        text = content.decode("utf-8", "replace")
        if status >= 500 and status != 503:
            raise Found(f"answered {status}: {text[:200]}")
        sent = one.path + one.body.decode("latin-1")
        for word in (*FORBIDDEN, self.site.canary):
            if word in text and word not in sent:
                raise Found(f"{word!r} in the answer: {text[:300]}")

    def _read_log(self) -> None:
        with self.log.open("rb") as log:
            log.seek(self._told)
            content = log.read()
        self._told += len(content)
        text = content.decode("utf-8", "replace")
        for line in text.splitlines():
            if "Traceback" in line or line.startswith("AUDIT") or self.site.canary in line:
                raise Found(f"in the log: {text[:3000]}")

    def memory(self) -> int:
        """Return the bytes that the server holds, or held at its peak so far."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
        return int(peak) * 1024

    def listing(self) -> set[str]:
        """Return every file of the project and of the folders of the server, but its log."""
        kept = {p for p in ROOT.rglob("*") if not _passing(p)}
        kept |= set(self.folder.rglob("*"))
        return {str(p) for p in kept}

    def finish(self) -> int:
        """Check what the whole attack left, and return by how much the memory's peak grew."""
        time.sleep(0.5)
        self._read_log()
        if self.process.poll() is not None:
            raise Found(f"the server ended with {self.process.returncode}")
        left = self.listing() - self.before
        if left:
            raise Found(f"files were left: {sorted(left)[:10]}")
        grown = self.memory() - self.start
        if grown > GROWTH:
            raise Found(f"the memory's peak grew by {grown / 1e6:.0f} MB")
        return grown


@contextmanager
def target():
    """Run a server of our own on a free port of this machine."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        server = Target(Path(folder))
        try:
            yield server
        finally:
            server.process.terminate()
            server.process.wait(15)


def attack(server: Target, numbers, *, seed=0, most_found=20) -> list[str]:
    """Send the cases of these numbers and return what was found."""
    found = []
    for number in numbers:
        one = case(number, server.site, seed)
        try:
            server.attack(one)
        except Found as error:
            found.append(f"case {number}: {one}\n    {error}")
            if len(found) >= most_found or server.process.poll() is not None:
                break
    return found


def _passing(path: Path) -> bool:
    """Other people's caches, which come and go."""
    names = {".git", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
    return bool(names & set(path.parts))
