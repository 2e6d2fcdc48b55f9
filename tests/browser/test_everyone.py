"""Accessibility: keyboard, screen reader, small and dark screens, progress that stays in sight."""

import json
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from pds.web.tabs.compare import live_comparison
from tests.support.pages import (
    CONTRAST,
    DESKTOP,
    PHONE,
    SIDES,
    TABS,
    finish,
    long_run,
    open_tab,
    resize,
    sample,
    visitor,
)
from tools.browser import ROOT, open_page

TUNED = {"tuned": "Tuned to the spectrum", "response": "Tuned to the network"}
STATES = [
    *("compare", "filter", "story"),
    *(pytest.param(n, marks=pytest.mark.slow) for n in ("ladder", "images", *TUNED)),
]
"""The tabs, and the filter with the samplers that are tuned to N."""
FOCUSED = "() => [...document.querySelectorAll('*')].indexOf(document.activeElement)"
CONTROLS = """(root) => {
  const all = [...document.querySelectorAll('*')];
  const kinds = ':is(button, input, select, summary, [tabindex="0"])';
  return [...document.querySelectorAll(root + ' ' + kinds)]
    .filter((n) => n.checkVisibility({ visibilityProperty: true }))
    .filter((n) => !n.disabled && n.tabIndex >= 0)
    .filter((n) => n.type !== 'radio' || n.checked) // a group is one stop, its arrow keys choose
    .map((n) => all.indexOf(n));
}"""
ROLES = {"button", "slider", "checkbox", "switch", "textbox", "combobox", "spinbutton", "tab"}
ROLES |= {"img", "image", "progressbar"}
MISNAMED = """(root) => [...document.querySelectorAll(root + ' :is(button, a, summary)')]
  .filter((n) => n.checkVisibility({ visibilityProperty: true }) && n.ariaLabel)
  .map((n) => [n.ariaLabel.toLowerCase(), n.innerText.trim().toLowerCase()])
  .filter(([name, words]) => !words.split('\\n').every((word) => name.includes(word)))"""
SMALL = """(root) => {
  const clicked = ['checkbox', 'radio', 'file']; // the label around is the target
  const kinds = ':is(button, input, select, summary, label)';
  return [...document.querySelectorAll(root + ' ' + kinds)]
    .filter((n) => n.checkVisibility({ visibilityProperty: true }) && !n.disabled)
    .filter((n) => !n.closest('.pds-hint, .pds-opened')) // within a sentence
    .filter((n) => (n.tagName === 'LABEL' ? clicked.includes(n.control?.type) : true))
    .filter((n) => !(n.tagName === 'INPUT' && n.closest('label') && clicked.includes(n.type)))
    .filter((n) => n.type !== 'number' || !n.closest('.pds-primary'))
    .map((n) => [n.outerHTML.slice(0, 80), n.getBoundingClientRect().height])
    .filter(([, height]) => height < 43.5);
}"""
COUNT_DRAWN = """() => {
  window.drawn = 0;
  document.querySelector('[data-plot=surface]').on('plotly_afterplot', () => (window.drawn += 1));
}"""


def prepared(page, name):
    """Open a tab with everything on it that it can show; the selector of its root."""
    if name == "compare":
        page.click("#compare-tab-button")
        return "#stage"
    if name in TUNED:
        pane = open_tab(page, "filter")
        pane.get_by_text(TUNED[name], exact=True).click()
        for plot in pane.locator("[data-way~=" + name + "][data-plot]").all():
            plot.locator("svg").first.wait_for()
        expect(pane.locator("[data-text=filter]")).to_contain_text(" 66 iterations")
        return "#filter"
    pane = open_tab(page, name)
    if name == "filter":
        pane.get_by_text("PDS (alpha)").click()
    if name == "images":
        page.get_by_role("button", name="Try 60 drawn portraits").click()
        page.wait_for_selector("#images [data-plot=convergence] svg")
    if name == "story":
        show_every_answer(page)
    return f"#{name}"


def show_every_answer(page):
    """The story with the answers of all steps, drawn."""
    page.locator("#story .pds-show-all").evaluate("n => n.click()")  # in a menu on a phone
    for section in page.locator("#story [data-step]").all():
        section.scroll_into_view_if_needed()
        step = section.get_attribute("data-step")
        expect(section.locator(f"[data-text={step}]")).not_to_be_empty()
        if section.locator("[data-plot]").count():
            section.locator(".js-plotly-plot").last.wait_for()


def assert_texts_stand_out(page, least=0):
    """Every text on show has the contrast of WCAG 2, level AA, and there are more than `least`."""
    measured = page.evaluate(CONTRAST)
    assert measured["failed"] == []
    assert measured["count"] > least


class Opened(NamedTuple):
    """A tab with everything on it, and the selector of its root."""

    page: Page
    name: str
    root: str


@pytest.fixture(scope="module")
def light(context_of, address):
    """One page for the tests of all tabs."""
    with visitor(context_of(), address) as page:
        open_page(page, f"{address}/?__theme=light")
        yield page


@pytest.fixture(scope="module", params=STATES)
def opened(request, light):
    """Each tab once for all tests of it."""
    light.set_viewport_size(DESKTOP)
    return Opened(light, request.param, prepared(light, request.param))


@pytest.fixture
def tab(opened):
    """The tab in a wide window, scrolled to its top."""
    opened.page.bring_to_front()  # only one page of a browser has the keyboard
    opened.page.set_viewport_size(DESKTOP)
    opened.page.evaluate("scrollTo(0, 0)")
    return opened


def test_every_text_stands_out_from_its_background(tab):
    assert_texts_stand_out(tab.page, least=30)


@pytest.mark.parametrize(
    "name",
    ["compare", *(pytest.param(n, marks=pytest.mark.slow) for n in (*TABS, *TUNED))],
)
def test_every_text_stands_out_from_a_dark_background(blank, address, name):
    open_page(blank, f"{address}/?__theme=dark")
    prepared(blank, name)
    assert_texts_stand_out(blank, least=30)


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_menus_refusals_and_progress_stand_out_too(blank, address, theme):
    page = blank
    page.goto(f"{address}/?__theme={theme}&alpha=0")
    page.wait_for_selector(".pds-scrub:enabled")
    expect(page.locator(".pds-error")).to_be_visible()
    for menu in ("Download", "Share"):
        page.get_by_text(menu, exact=True).click()
        assert_texts_stand_out(page)
    page.get_by_role("button", name="Copy command").click()
    expect(page.get_by_label("Text to copy")).to_be_visible()
    assert_texts_stand_out(page)
    long_run(page)
    expect(page.locator(".pds-eta")).to_contain_text("left")
    assert_texts_stand_out(page)
    page.click("#filter-tab-button")
    expect(page.locator(".pds-float")).to_be_visible()
    assert_texts_stand_out(page)
    page.click(".pds-float button")


def test_the_keyboard_reaches_every_control_in_the_order_of_the_page(tab):
    page = tab.page
    controls = page.evaluate(CONTROLS, tab.root)
    page.focus("#compare-tab-button" if tab.name == "compare" else f"{tab.root}-tab-button")
    seen = []
    for _ in range(len(controls) + 24):  # links, and groups that are scrolled, come between
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at in controls:
            seen.append(at)
    assert seen[: len(controls)] == sorted(controls)


def test_everything_that_can_be_used_or_seen_has_a_name(tab):
    session = tab.page.context.new_cdp_session(tab.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored") and node.get("role", {}).get("value") in ROLES
    ]
    assert len(named) > 5
    assert [role for role, text in named if not text.strip()] == []


def test_a_name_contains_the_words_that_are_seen(tab):
    """Who speaks to the page says what they see."""
    assert tab.page.evaluate(MISNAMED, tab.root) == []


def test_every_figure_has_a_computed_sentence(tab):
    if tab.name in ("compare", "ladder"):
        pytest.skip("it has no such figure")
    labels = tab.page.eval_on_selector_all(
        f"{tab.root} :is([data-plot], [data-image])",
        "all => all.filter((n) => n.checkVisibility()).map((n) => n.ariaLabel ?? n.alt)",
    )
    texts = tab.page.eval_on_selector_all(
        f"{tab.root} [data-text]", "all => all.map((n) => n.textContent)"
    )
    assert labels
    assert [x for x in labels if not any(text and text in x for text in texts)] == []


def test_a_thumb_hits_every_control_of_a_phone(tab):
    resize(tab.page, **PHONE)
    assert tab.page.evaluate(SMALL, tab.root) == []
    tab.page.wait_for_function("document.documentElement.scrollWidth === 390")


def test_arrow_keys_walk_the_tabs(settled):
    page = settled
    page.focus("#compare-tab-button")
    for key, name in (("ArrowRight", "filter"), ("End", "images"), ("ArrowRight", "compare")):
        page.keyboard.press(key)
        button = page.locator(f"#{name}-tab-button")
        expect(button).to_be_focused()
        expect(button).to_have_attribute("aria-selected", "true")


EYE = "document.querySelector('[data-plot=surface]')._fullLayout.scene.camera.eye"


def test_arrow_keys_turn_the_surface_once_after_masks_were_opened(settled):
    """Every opened mask once added another listener."""
    page = settled
    pane = open_tab(page, "filter")
    surface = pane.locator("[data-plot=surface]")
    surface.locator("canvas").first.wait_for()
    page.evaluate(COUNT_DRAWN)
    for _ in range(2):
        mask = ROOT / "filters" / "portraits32_freq.npy"
        pane.get_by_label("Open a frequency mask").set_input_files(mask)
        expect(pane.locator(".pds-opened")).to_contain_text("portraits32_freq.npy")
        pane.locator(".pds-close").click()
        expect(pane.locator(".pds-opened")).to_be_hidden()
    page.wait_for_function("window.drawn >= 4")  # with and without the mask, twice
    turned = f"(e => Math.atan2(e.y, e.x))({EYE})"
    before, height = page.evaluate(f"[{turned}, {EYE}.z]")
    surface.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{turned} - {before} > 0.1")
    page.keyboard.press("ArrowUp")
    page.wait_for_function(f"{EYE}.z > {height}")  # after every turn of the first key
    assert page.evaluate(turned) - before == pytest.approx(0.15, abs=0.01)


def test_menus_open_and_close_by_keyboard(settled):
    page = settled
    menu = page.locator(".pds-menu").first
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Copy link")
    expect(button).to_be_visible()
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()


def test_the_keyboard_goes_from_sample_to_stop_and_back(settled):
    page = settled
    page.fill("[name=num_steps]", "2000")
    page.focus(".pds-sample")
    page.keyboard.press("Enter")
    expect(page.locator(".pds-stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".pds-sample")).to_be_focused()


def test_every_header_of_a_table_has_words(settled):
    page = settled
    open_tab(page, "ladder")
    assert page.locator("th").count() > 5
    assert [text for text in page.locator("th").all_inner_texts() if not text.strip()] == []


def test_the_label_of_the_spectrum_has_numbers(kept_page):
    page = kept_page
    vanilla, pds = json.loads(live_comparison.first_paint("end"))["steps"][-1]["left"]
    label = page.get_attribute(".pds-spectrum svg", "aria-label")
    assert f"Vanilla {_times(vanilla)} the data's, PDS {_times(pds)} the data's" in label


def _times(value):
    return f"{value:.1f}×" if value >= 0.995 else f"{value:.2g}×"  # noqa: RUF001


def test_the_label_of_the_pictures_has_grain_and_contrast(kept_page):
    page, labels, looks = kept_page, {}, {}
    for side in SIDES:
        look = page.locator(f".pds-panel.{side} .look dd")
        grain, contrast = (text.split("\n")[0] for text in look.all_inner_texts())
        looks[side] = f"grain {grain}, contrast {contrast}"
        labels[side] = page.get_attribute(f".pds-panel.{side} canvas", "aria-label")
    assert {side: labels[side][-len(look) :] for side, look in looks.items()} == looks


def test_a_run_shows_its_progress_and_the_time_left(settled):
    page = settled
    sample(page, num_steps=2000, num_images=8)
    progress = page.locator(".pds-eta span")
    expect(progress).to_contain_text(" of 2000, about")
    first = float(page.get_attribute(".pds-eta progress", "value"))
    assert first > 0
    page.wait_for_function(f"document.querySelector('.pds-eta progress').value > {first}")
    page.click(".pds-stop")
    expect(page.locator(".pds-eta")).to_be_hidden()


@pytest.mark.slow
def test_what_a_run_waits_for_is_said(page):
    page.route("**/queue/join*", lambda route: None)  # and no answer
    sample(page, num_steps=3)
    expect(page.locator(".pds-verdict")).to_have_text("Waiting for the server to begin…")


AT_HAND = """(selectors) => selectors.some((selector) => {
  const { top, bottom, height } = document.querySelector(selector).getBoundingClientRect();
  return height > 0 && top >= 0 && bottom <= innerHeight;
})"""


def test_stop_stays_at_hand_while_a_run_is_under_way(settled):
    page = settled
    long_run(page)
    for size in (DESKTOP, {"width": 900, "height": 420}, PHONE):
        page.set_viewport_size(size)
        for end in ("0", "document.body.scrollHeight"):
            page.evaluate(f"window.scrollTo(0, {end})")
            page.wait_for_function(AT_HAND, arg=[".pds-stop", ".pds-float button"])
    page.click("#ladder-tab-button")
    expect(page.locator(".pds-float")).to_be_visible()
    page.locator(".pds-float button").click()
    expect(page.locator(".pds-float")).to_be_hidden()
    page.click("#compare-tab-button")
    expect(page.locator(".pds-verdict")).to_contain_text("Stopped")


@pytest.mark.parametrize("menu", ["Share", "Download"])
def test_a_menu_fits_a_phone(kept_page, menu):
    page = kept_page
    page.set_viewport_size(PHONE)
    page.get_by_text(menu, exact=True).click()
    box = page.locator(".pds-menu[open] > div").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_text(menu, exact=True).click()


@pytest.mark.slow
def test_nothing_moves_by_itself_with_reduced_motion(settled):
    page = settled
    page.emulate_media(reduced_motion="reduce")
    for name in TABS:
        open_tab(page, name)
    moving = """() => [...document.querySelectorAll('*')].filter((n) => {
      const { transitionDuration: lasts, animationName: name } = getComputedStyle(n);
      return name !== 'none' || lasts.split(', ').some((d) => parseFloat(d) > 0);
    }).map((n) => n.outerHTML.slice(0, 80))"""
    assert page.evaluate(moving) == []
    page.click("#compare-tab-button")
    sample(page, num_steps=5, num_images=1)
    finish(page)
    assert page.inner_text(".pds-where") == "iteration 5 of 5"
    assert not page.locator(".pds-play.playing").count()
    page.emulate_media(reduced_motion="null")
