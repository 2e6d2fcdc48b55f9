"""A class at one server, one of them in a browser: python -m tests.load.classroom [--visitors 30].

Every visitor is a program that samples 4 + 4 portraits, all at once; the browser opens the page
amid them, samples, stops, and reads another tab. Programs, browser and server share this machine.
"""

import argparse
import sys
import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.load import harness
from tests.load.visitors import together, watch
from tools.browser import chromium, open_page

WHERE = "document.querySelector('.pds-where').textContent"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--num-steps", type=int, default=25)
    parser.add_argument("--picture", type=Path, help="write what the browser sees there")
    args = parser.parse_args()
    with harness.loaded({"OMP_NUM_THREADS": "2"}) as own:
        runs = []
        crowd = threading.Thread(target=lambda: runs.extend(visit(own, args)))
        crowd.start()
        while own.state()["computing"] < args.visitors:
            time.sleep(0.1)
        browse(own, args.picture)
        crowd.join()
        firsts = [run.first for run in runs]
        half, most = (harness.percentile(firsts, q) for q in (50, 95))
        print(f"first frames of {len(runs)} programs: {half:.1f} s (median), {most:.1f} s (95 %)")
        errors = [run.error for run in runs if run.error]
        print(f"errors: {errors}; tracebacks: {own.tracebacks()}")
    return 1 if errors else 0


def visit(own, args):
    """Everybody's run, all at once."""
    request = {"model": "portraits32", "num_steps": args.num_steps, "num_images": 4}
    work = [(watch, own.url, [request | {"seed": 10 * i}]) for i in range(args.visitors)]
    return [run for (run,) in together(work)]


def browse(own, picture):
    """What a visitor with a browser does amid the class, and how long it takes."""
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        tell("the page is there", lambda: open_page(page, own.url))
        before = page.evaluate(WHERE)
        page.click(".pds-sample")
        tell("first frame", lambda: page.wait_for_function(f"b => {WHERE} !== b", arg=before))
        page.wait_for_timeout(3000)
        print(page.inner_text(".pds-verdict"), page.inner_text(".pds-eta"))
        if picture:
            page.screenshot(path=picture)
        page.click(".pds-stop")
        page.click("#story-tab-button")
        page.locator("#story [data-step=lag] .pds-pass").click()
        answered = "#story [data-step=lag][data-answered]"
        tell("the story answers", lambda: page.wait_for_selector(answered))
        browser.close()


def tell(what, work):
    start = time.monotonic()
    work()
    print(f"{what} after {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
