"""The page as its users see it: app.py in a separate process, opened in a real Chromium."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

from tools.server import ROOT, Server

__all__ = ["ROOT", "chromium", "open_page", "served"]

NAMES = (
    "chromium-headless-shell",  # no window to draw: half the work for each page
    "chromium",
    "chromium-browser",
    "google-chrome",
    "chrome",
)
FLAGS = ("--no-sandbox", "--enable-unsafe-swiftshader")
"""Needed in containers, and for 3-D figures on machines without a graphics card."""


@contextmanager
def served() -> Iterator[str]:
    """Run app.py on a free port of this machine and yield its address."""
    server = Server(environment={"OMP_NUM_THREADS": "1"})
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def chromium(playwright: Playwright, flags: Sequence[str] = FLAGS) -> Browser:
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
            "apt-get update -qq && apt-get install -y -qq chromium-headless-shell",
            shell=True,
            check=False,
        )
        path = _installed(playwright)
    if path is None:
        raise FileNotFoundError(
            "the browser tests need Chromium: apt-get install chromium-headless-shell"
        )
    return playwright.chromium.launch(executable_path=path, args=flags)


def open_page(page: Page, address: str) -> None:
    """Open the demo and wait until its first paint can be scrubbed."""
    page.goto(address)
    page.wait_for_selector(".pds[data-state=idle]")
    page.wait_for_selector(".pds-scrub:enabled")


def _installed(playwright: Playwright) -> str | None:
    own = playwright.chromium.executable_path
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or (own if Path(own).exists() else None)
