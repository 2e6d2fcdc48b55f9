"""Handles in the story's figures, and links between comparison and story."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.pages import PHONE, open_tab, opened

PIXEL = """([name, x, y]) => {
  const node = document.querySelector(`[data-plot="${name}"]`);
  const { xaxis, yaxis } = node._fullLayout;
  const { left, top } = node.getBoundingClientRect();
  const at = (axis, value) => axis._offset + (value === null ? axis._length / 2 : axis.d2p(value));
  return [left + at(xaxis, x), top + at(yaxis, y)];
}"""
OPEN = """async (step) => {
  const { href } = document.querySelector('link[rel=modulepreload][href$="static/tabs.js"]');
  const { openTabWith } = await import(href);
  openTabWith("story", { step, values: {} });
}"""
DRAGS: dict[str, tuple[list, list, dict]] = {
    "octaves": ([None, 0.3], [None, 2.0], {"sigma": "2"}),
    "controls": ([66, None], [390, None], {"num_steps": "400"}),
    "map": ([66, 4.0], [205, 9.2], {"num_steps": "200", "alpha": "10"}),
    "clocks": ([16, None], [24.2, None], {"iteration": "24"}),
}
"""By step: where a drag begins and ends, and what the sliders then say."""


def shown(page, step):
    """The section of a step with its answer, its figure in the middle of the window."""
    page.evaluate(OPEN, step)
    open_tab(page, "story")
    section = page.locator(f"#story [data-step={step}]")
    figure = section.locator(f"[data-plot={step}]")
    figure.locator(".pds-grip").wait_for(state="attached")
    figure.evaluate("node => node.scrollIntoView({ block: 'center' })")
    return section


def expect_dials(section, values):
    for name, value in values.items():
        dial = section.locator(f".pds-answer [name={name}]")
        expect(dial).to_have_attribute("aria-valuetext", value)


@pytest.mark.parametrize("step", DRAGS)
def test_a_drag_in_a_figure_moves_the_sliders_to_their_nearest_stops(kept_page, step):
    page = kept_page
    begin, end, values = DRAGS[step]
    section = shown(page, step)
    text = section.locator(f"[data-text={step}]")
    said = text.inner_text()
    page.mouse.move(*page.evaluate(PIXEL, [step, *begin]))
    page.mouse.down()
    page.mouse.move(*page.evaluate(PIXEL, [step, *end]), steps=4)
    expect_dials(section, values)
    page.mouse.up()
    expect(text).not_to_have_text(said)
    page.mouse.move(*page.evaluate(PIXEL, [step, *begin]))  # the mouse is up, and chooses no more
    expect(section.locator(".hovertext").first).to_be_visible()
    expect_dials(section, values)


@pytest.mark.slow
def test_the_grip_stands_where_the_sliders_say(page):
    section = shown(page, "map")
    section.locator(".pds-answer [name=num_steps]").press("End")
    grip = section.locator(".pds-grip")
    expect(section.locator("[data-text=map]")).to_contain_text("N = 2,000")
    box = grip.bounding_box()
    x, y = page.evaluate(PIXEL, ["map", 2000, 4.0])
    assert box["x"] + 22 == pytest.approx(x, abs=1)
    assert box["y"] + 22 == pytest.approx(y, abs=1)


@pytest.fixture
def phone(context_of, address):
    with opened(context_of(viewport=PHONE, has_touch=True, is_mobile=True), address) as page:
        yield page


def swipe(page, begin, end):
    """Move one finger over the screen, as the browser itself sees it."""
    touch = page.context.new_cdp_session(page)
    between = [[a + (b - a) * k / 8 for a, b in zip(begin, end, strict=True)] for k in range(9)]
    for kind, (x, y) in zip(["touchStart", *["touchMove"] * 8], between, strict=True):
        points = [{"x": x, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.slow
def test_a_finger_drags_sideways_and_scrolls_up_and_down(phone):
    section = shown(phone, "controls")
    swipe(phone, *(phone.evaluate(PIXEL, ["controls", n, None]) for n in (66, 390)))
    expect_dials(section, {"num_steps": "400"})
    before = phone.evaluate("scrollY")
    x, y = phone.evaluate(PIXEL, ["controls", 25, None])
    swipe(phone, (x, y), (x, y - 150))
    phone.wait_for_function("before => scrollY > before + 50", arg=before)
    expect_dials(section, {"num_steps": "400"})


@pytest.mark.slow
def test_a_finger_drags_the_noise_by_its_grip(phone):
    section = shown(phone, "octaves")
    box = section.locator(".pds-grip").bounding_box()
    x, y = box["x"] + 22, box["y"] + 22
    before = phone.evaluate("scrollY")
    swipe(phone, (x, y), (x, phone.evaluate(PIXEL, ["octaves", None, 5.0])[1]))
    expect_dials(section, {"sigma": re.compile(r"^(4\.[7-9]|5(\.[0-3])?)$")})
    assert phone.evaluate("scrollY") == before


@pytest.mark.slow
def test_a_moment_of_the_comparison_opens_the_story_of_a_stopped_run(page):
    link = page.locator(".pds-stopped")
    expect(link).to_be_hidden()
    last = int(page.locator(".pds-scrub").get_attribute("max"))
    page.locator(".pds-scrub").fill(str(last // 2))
    numbers = re.search(r"(\d+) of (\d+)", page.locator(".pds-where").inner_text())
    iteration, total = numbers.groups()
    expect(link).to_have_text(f"Is that a run of {iteration}?")
    link.click()
    section = page.locator("#story [data-step=clocks]")
    expect(section.locator("[data-text=clocks]")).to_contain_text(
        f"After {iteration} of {total} iterations"
    )
    expect_dials(section, {"iteration": iteration, "num_steps": total})
    expect(section.locator("h2")).to_be_in_viewport()


def test_the_first_and_the_last_iteration_are_no_stopped_runs(kept_page):
    page = kept_page
    page.click("#compare-tab-button")
    scrub, link = page.locator(".pds-scrub"), page.locator(".pds-stopped")
    scrub.fill("1")
    expect(link).to_be_visible()
    for end in ("0", scrub.get_attribute("max")):
        scrub.fill(end)
        expect(link).to_be_hidden()


@pytest.mark.slow
def test_the_map_draws_its_comparison(page):
    section = shown(page, "map")
    page.mouse.click(*page.evaluate(PIXEL, ["map", 25, 2.0]))
    expect_dials(section, {"num_steps": "25", "alpha": "3"})
    section.get_by_role("button", name="Sample this comparison").click()
    expect(page.locator("#pds-steps")).to_have_value("25")
    expect(page.locator("#pds-alpha")).to_have_value("3")
    page.wait_for_function("document.querySelector('.pds-where').textContent.includes('of 25')")
    page.wait_for_selector(".pds[data-state=idle]")
    kinds = page.locator(".pds-kind")
    expect(kinds.first).to_have_value("vanilla")
    expect(kinds.last).to_have_value("pds")
