"""Browsers without WebGL, and browsers that lose it."""

from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from tests.support.pages import CONTRAST, DESKTOP, PATIENCE, open_tab
from tools.browser import chromium, open_page

SURFACE = "#filter [data-plot=surface]"
LOSE = f"""() => document.querySelector('{SURFACE} canvas').getContext('webgl')
  .getExtension('WEBGL_lose_context').loseContext()"""
DRAWN = f"""() => {{
  const canvas = document.querySelector('{SURFACE} canvas');
  return canvas !== null && !canvas.getContext('webgl').isContextLost();
}}"""


FRAMES = """async () => {
  for (let n = 0; n < 30; n++) await new Promise(requestAnimationFrame);
}"""
"""Wait for 30 frames: plotly looks in every frame whether its context is back."""


@pytest.fixture(scope="module")
def without_webgl(browser):
    """A browser without WebGL; another one is under way, so it is launched beside it."""
    own = chromium(
        SimpleNamespace(chromium=browser.browser_type), ["--no-sandbox", "--disable-3d-apis"]
    )
    yield own
    own.close()


@pytest.fixture
def flat(without_webgl, address):
    """A visitor with this browser; errors on the page fail the test."""
    page = without_webgl.new_page(viewport=DESKTOP)
    page.set_default_timeout(PATIENCE)
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    open_page(page, address)
    yield page
    page.close()
    assert errors == []


@pytest.mark.slow
def test_without_webgl_the_surface_says_why_and_where_to_look(flat):
    open_tab(flat, "filter")
    box = flat.locator(SURFACE)
    expect(box).to_have_text(
        "This browser cannot draw the surface: WebGL is missing or switched off. The first "
        "figure, the frequency plane, shows the same gains as colors."
    )
    assert box.get_attribute("aria-label").startswith("This browser cannot draw the surface: ")
    assert ".." not in box.get_attribute("aria-label")
    expect(flat.locator("#filter [data-plot=plane] svg").first).to_be_visible()
    assert flat.evaluate(CONTRAST)["failed"] == []


@pytest.mark.slow
def test_without_webgl_the_other_figures_follow_the_controls(flat):
    pane = open_tab(flat, "filter")
    flat.evaluate("""() => {
      const alpha = document.querySelector('#filter [name=alpha]');
      alpha.value = 0.2;
      alpha.dispatchEvent(new Event('input', { bubbles: true }));
    }""")
    expect(pane.locator("[data-text=filter]")).not_to_contain_text("At alpha = 5 ")
    expect(pane.locator("[data-plot=surface] p")).to_have_count(1)


@pytest.mark.slow
def test_without_webgl_the_keyboard_passes_the_box_by(flat):
    open_tab(flat, "filter")
    assert flat.get_attribute(SURFACE, "tabindex") is None


@pytest.mark.slow
def test_a_surface_that_was_taken_away_is_drawn_again(page):
    open_tab(page, "filter")
    page.wait_for_selector(f"{SURFACE} canvas")
    page.evaluate(FRAMES)
    page.evaluate(LOSE)
    page.wait_for_function(DRAWN)
    page.evaluate(FRAMES)  # plotly's own way back must find nothing to do
    page.evaluate(LOSE)
    page.wait_for_function(DRAWN)


@pytest.mark.slow
def test_a_surface_that_was_taken_away_in_the_background_is_drawn_when_seen(page):
    open_tab(page, "filter")
    page.wait_for_selector(f"{SURFACE} canvas")
    page.click("#compare-tab-button")
    page.evaluate(LOSE)
    page.evaluate(FRAMES)
    page.click("#filter-tab-button")
    page.wait_for_function(DRAWN)
    assert page.locator(f"{SURFACE} canvas").first.bounding_box()["width"] > 300


@pytest.mark.slow
def test_a_surface_that_stays_away_says_so(page):
    open_tab(page, "filter")
    page.wait_for_selector(f"{SURFACE} canvas")
    page.evaluate("""() => {
      const own = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
        return kind.includes("webgl") && !this.isConnected ? null : own.call(this, kind, ...more);
      };
    }""")
    page.evaluate(LOSE)
    expect(page.locator(SURFACE)).to_contain_text("WebGL is missing or switched off")
