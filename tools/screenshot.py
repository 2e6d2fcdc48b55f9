"""Take the README's picture: python -m tools.screenshot [--theme dark] [--size W H] [--out PATH].

Opens app.py in Chromium and saves what a visitor sees first. Needs requirements-dev.txt.
"""

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

from tools.browser import ROOT, chromium, served


def main() -> None:
    """Save the picture and print where."""
    parser = argparse.ArgumentParser(description="Take the screenshot of the README.")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--size", type=int, nargs=2, default=(1440, 900), metavar=("W", "H"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshot.png")
    arguments = parser.parse_args()
    width, height = arguments.size
    with served() as url, sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(f"{url}/?__theme={arguments.theme}")
        page.wait_for_selector(".pds-scrub:enabled")
        page.evaluate("document.fonts.ready")
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=arguments.out)
        browser.close()
    print(arguments.out)


if __name__ == "__main__":
    main()
