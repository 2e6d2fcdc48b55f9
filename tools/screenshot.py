"""Take the README's picture of the page: python tools/screenshot.py [--theme dark] [--out PATH].

Starts app.py on a free port, opens it in Chromium at 1440 x 900, and saves what a visitor sees
first. Needs requirements-dev.txt and a Chromium.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 60


def main() -> None:
    """Save the picture and print where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--size", type=int, nargs=2, default=(1440, 900), metavar=("W", "H"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshot.png")
    arguments = parser.parse_args()
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=os.environ | {"GRADIO_SERVER_PORT": str(port)}
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, server)
        with sync_playwright() as playwright:
            _save(playwright, f"{url}/?__theme={arguments.theme}", arguments.size, arguments.out)
    finally:
        server.terminate()
        server.wait()
    print(arguments.out)


def _save(playwright: Playwright, url: str, size: tuple[int, int], out: Path) -> None:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
    page = chromium.new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(url)
    page.wait_for_selector(".pds-scrub:enabled")
    page.evaluate("document.fonts.ready")
    out.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=out)
    chromium.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit("app.py ended before it served a page; run it to see why")
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.exit(f"app.py served no page within {PATIENCE} seconds")


if __name__ == "__main__":
    main()
