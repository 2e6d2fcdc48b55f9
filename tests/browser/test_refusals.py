"""What a page shows while the queue is full or its run waits, and where what it sent is refused."""

import time

import pytest
from playwright.sync_api import expect

from tests.support.pages import open_tab, opened

SCRIPT = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
FASTER = """
  const every = window.setInterval;
  window.setInterval = (callback, period) => every(callback, period / 10);
"""
"""A page asks every 1.5 s how many runs are before its own; with this script every 0.15 s."""


@pytest.fixture
def impatient(context_of, address):
    """A page that asks more often how many runs are before its own."""
    with opened(context_of(), address, FASTER) as page:
        yield page


def test_scripts_in_what_is_sent_are_shown_as_text(page, address):
    open_tab(page, "filter")
    page.evaluate(
        """script => {
          const select = document.querySelector('#filter select[name=model]');
          select.append(new Option(script, script));
          select.value = script;
          select.dispatchEvent(new Event('input', { bubbles: true }));
        }""",
        SCRIPT,
    )
    shown = page.locator("#filter .pds-error")
    expect(shown).to_contain_text("<img src=x onerror")
    assert shown.locator("img, script").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_full_queue_is_reported_with_the_wait(page):
    state = {"status": "ok", "runs": 64, "waiting": 64, "room": 0, "wait": 42.0, "uptime": 9.0}
    page.route("**/healthz", lambda route: route.fulfill(json=state))
    page.route(
        "**/queue/join*", lambda route: route.fulfill(status=503, json={"detail": "Queue is full."})
    )
    page.click(".pds-sample")
    line = page.locator("#stage .pds-error").first
    expect(line).to_contain_text("The queue is full: 64 runs are under way and 64 wait")
    expect(line).to_contain_text("about 42")
    page.wait_for_selector(".pds[data-state=idle]")


def test_a_waiting_run_shows_how_many_are_before_it(impatient):
    page = impatient
    state = {"status": "ok", "runs": 64, "waiting": 3, "room": 61, "wait": 12.0}
    page.route(
        "**/healthz", lambda route: route.fulfill(json={**state, "uptime": time.monotonic()})
    )
    page.route("**/queue/join*", lambda route: None)  # no frame comes
    page.click(".pds-sample")
    line = page.locator("#stage .pds-verdict")
    expect(line).to_have_text("Waiting in the queue: at most 2 before your run, about 12.0 s.")
    state["waiting"] = 7  # newcomers are behind
    with page.expect_response("**/healthz"):
        pass
    expect(line).to_contain_text("at most 2 before your run")
    state["waiting"] = 1
    expect(line).to_contain_text("your run is next")
    page.click(".pds-stop")
    expect(line).to_contain_text("Stopped")
