"""The page as its users have it: app.py in a process of its own, seen by a real Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader"]
"""For containers, and for 3-D figures on machines without a graphics card."""
PATIENCE = 60
"""Seconds that app.py may take to answer."""


@contextmanager
def served() -> Iterator[str]:
    """Run app.py on a free port of this machine and yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "OMP_NUM_THREADS": "2",
    }
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def chromium(playwright: Playwright) -> Browser:
    """Launch the machine's Chromium, or playwright's, installing one where there is neither.

    Raises:
        FileNotFoundError: if none can be installed.
    """
    path = _installed(playwright)
    if path is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
        path = _installed(playwright)
    if path is None and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(
            "apt-get update -qq && apt-get install -y -qq chromium", shell=True, check=False
        )
        path = _installed(playwright)
    if path is None:
        raise FileNotFoundError("the browser tests need Chromium: apt-get install chromium")
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


def open_page(page: Page, address: str) -> None:
    """Open the demo and wait until its first paint can be scrubbed."""
    page.goto(address)
    page.wait_for_selector(".pds[data-state=idle]")
    page.wait_for_selector(".pds-scrub:enabled")


def _installed(playwright: Playwright) -> str | None:
    own = playwright.chromium.executable_path
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or (own if Path(own).exists() else None)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError("app.py ended before it served a page")
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"app.py served no page within {PATIENCE} seconds")
