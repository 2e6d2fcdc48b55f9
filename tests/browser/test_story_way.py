"""The story's navigation, saved place, glossary and print, in a real Chromium."""

import json
import re

import pytest
from playwright.sync_api import expect

from pds.web.tabs.story.tab import STEPS
from tests.support.pages import DESKTOP, PHONE, open_tab, opened, query, still, visitor

KEPT = json.dumps({"step": "map", "guesses": {"lag": "alike", "map": None}})
SHOWN = re.compile("shown")
TOP = 100
"""Pixels from the top of the window: a step begins below the bar."""


def open_story(page, address, query="", kept=None):
    """The story, as a link opens it in a browser with a memory."""
    if kept is not None:
        page.goto(f"{address}/healthz")  # a page of the same origin
        page.evaluate("text => localStorage.setItem('pds-story', text)", kept)
    page.goto(f"{address}/?tab=story{query}")
    pane = page.locator("#story .pds-pane")
    expect(pane).to_have_attribute("data-answered", re.compile(r"\d"))
    return pane


@pytest.fixture(scope="module")
def reader(context_of, address):
    """The demo in a context of its own: the pages of one share what the story stores."""
    with opened(context_of(color_scheme="light"), address) as page:
        yield page


@pytest.fixture
def pane(reader):
    """The story on a page that tests of this module share, all its questions open."""
    reader.bring_to_front()
    reader.emulate_media(media="screen")
    pane = open_tab(reader, "story")
    pane.get_by_role("button", name="Start over").click()
    expect(pane.locator("[data-state=asking]")).to_have_count(len(STEPS))
    return pane


def step(pane, name):
    return pane.locator(f"[data-step={name}]")


def current(pane):
    return pane.locator(".pds-way [aria-current=step]")


def expect_at_top(section):
    """The step begins where the window does, and stays there."""
    expect(section.locator("h2")).to_be_in_viewport()
    place = "n => n.getBoundingClientRect().top"
    section.page.wait_for_function(
        f"n => ({place})(n) < {TOP} && ({place})(n) > 0", arg=section.element_handle()
    )


def test_a_link_opens_its_step_and_the_address_follows_the_reader(blank, address):
    page = blank
    pane = open_story(page, address, "&step=map")
    expect_at_top(step(pane, "map"))
    expect(current(pane)).to_have_text("5")
    page.mouse.move(700, 500)
    page.mouse.wheel(0, 260)
    page.wait_for_function("location.search.includes('step=clocks')")
    expect(current(pane)).to_have_attribute("title", "A stopped run is not a short run")


def test_an_unknown_step_gets_its_sentence_and_the_story_begins(blank, address):
    page = blank
    pane = open_story(page, address, "&step=cellar")
    sentence = pane.locator(":scope > .pds-error")
    expect(sentence).to_contain_text("step must be one of plane, octaves, lag")
    expect(sentence).to_contain_text("got 'cellar'")
    assert page.evaluate("scrollY") == 0
    expect(current(pane)).to_have_text("1")
    pane.get_by_role("link", name=re.compile("^Step 3: ")).click()
    expect(sentence).to_be_hidden()
    expect_at_top(step(pane, "lag"))
    expect(step(pane, "lag").locator("h2")).to_be_focused()


def test_the_step_is_in_the_address_of_the_story_only(blank, address):
    page = blank
    pane = open_story(page, address, "&step=clocks")
    page.mouse.wheel(0, 60)
    page.wait_for_function("scrollY > 0")
    before = page.evaluate("scrollY")
    page.locator("#ladder-tab-button").evaluate("n => n.click()")
    page.wait_for_function("location.search.includes('tab=ladder')")
    assert "step" not in query(page)
    page.locator("#story-tab-button").evaluate("n => n.click()")
    page.wait_for_function("location.search.includes('step=clocks')")
    page.wait_for_function(f"Math.abs(scrollY - {before}) < 2")
    expect(current(pane)).to_have_text("6")


def test_who_scrolls_up_to_the_tabs_comes_back_to_the_step(blank, address):
    """Steps that are scrolled past are not where the reader is."""
    page = blank
    pane = open_story(page, address, "&step=map")
    expect_at_top(step(pane, "map"))
    page.mouse.move(700, 500)
    page.mouse.wheel(0, -9000)
    page.wait_for_function("scrollY === 0")
    page.click("#ladder-tab-button")
    expect(page.locator("#ladder .pds-pane")).to_be_visible()
    page.click("#story-tab-button")
    expect_at_top(step(pane, "map"))
    expect(current(pane)).to_have_text("5")


@pytest.mark.slow
def test_at_the_end_the_reader_is_past_the_last_step(blank, address):
    page = blank
    pane = open_story(page, address, "&step=lag")
    expect_at_top(step(pane, "lag"))
    page.keyboard.press("End")
    expect(current(pane)).to_have_text("8")


def test_a_later_visit_finds_the_guess_and_the_place(blank, address):
    page = blank
    pane = open_story(page, address)
    lag = step(pane, "lag")
    lag.get_by_text("the fine ones by far").click()
    lag.get_by_role("button", name="That is my guess").click()
    outcome = lag.locator(".pds-outcome")
    expect(outcome).to_contain_text("Not quite.")
    said = outcome.inner_text()
    other = page.context.new_page()
    pane = open_story(other, address)
    expect_at_top(step(pane, "lag"))
    expect(step(pane, "lag").locator(".pds-outcome")).to_have_text(said)
    expect(pane.get_by_label("the fine ones by far")).to_be_checked()
    expect(step(pane, "map")).to_have_attribute("data-state", "asking")
    link = pane.get_by_role("link", name=re.compile(r"^Step 3: .*\(answer open\)"))
    expect(link).to_have_class(re.compile("done"))
    other.close()


@pytest.mark.slow
def test_steps_that_open_above_do_not_move_the_reader(blank, address):
    page = blank
    guesses = dict.fromkeys(STEPS) | {"lag": "fine", "clocks": 3.0}
    pane = open_story(page, address, kept=json.dumps({"step": "belief", "guesses": guesses}))
    for name in STEPS:
        expect(step(pane, name).locator(f"[data-text={name}]")).not_to_be_empty()
    expect(step(pane, "lag").locator(".pds-outcome")).not_to_be_empty()
    expect_at_top(step(pane, "belief"))
    expect(current(pane)).to_have_text("7")


@pytest.mark.slow
def test_back_from_the_comparison_the_reader_is_at_the_step(blank, address):
    page = blank
    pane = open_story(page, address, kept=KEPT)
    button = page.get_by_role("button", name="Sample this comparison")
    page.mouse.move(700, 500)
    page.mouse.wheel(0, 300)
    still(page)
    button.click()
    expect(page.locator("#stage .pds")).to_be_visible()
    page.click("#story-tab-button")
    expect(button).to_be_in_viewport()
    expect(current(pane)).to_have_text("5")


@pytest.mark.parametrize(
    "kept",
    [
        "no JSON {",
        pytest.param("null", marks=pytest.mark.slow),
        pytest.param("[1, 2]", marks=pytest.mark.slow),
        pytest.param('{"step": "cellar", "guesses": {"cellar": 1}}', marks=pytest.mark.slow),
        pytest.param('{"step": {"a": 1}, "guesses": [3]}', marks=pytest.mark.slow),
        '{"step": 7, "guesses": {"lag": {"x": 1}, "map": true, "clocks": [1, "a"]}}',
    ],
)
def test_what_is_no_place_and_no_guess_in_the_memory_is_dropped(blank, address, kept):
    page = blank
    pane = open_story(page, address, kept=kept)
    expect(current(pane)).to_have_text("1")
    assert pane.locator("[data-state=shown]").count() == 0
    assert pane.locator(".pds-error:visible").count() == 0


def test_an_impossible_guess_in_the_memory_is_refused_in_a_sentence(blank, address):
    page = blank
    kept = json.dumps({"step": "lag", "guesses": {"lag": "purple", "clocks": -7.0}})
    pane = open_story(page, address, kept=kept)
    for name in ("lag", "clocks"):
        expect(step(pane, name).locator(".pds-error")).to_contain_text("the guess must be")
    lag = step(pane, "lag")
    lag.get_by_text("all, by about").click()
    lag.get_by_role("button", name="That is my guess").click()
    expect(lag).to_have_attribute("data-state", SHOWN)
    expect(lag.locator(".pds-error")).to_be_hidden()


@pytest.mark.slow
def test_without_a_memory_the_story_works(context_of, address):
    refuse = "get() { throw new DOMException('no') }"
    script = f"Object.defineProperty(window, 'localStorage', {{ {refuse} }})"
    with visitor(context_of(), address, script=script) as page:
        pane = open_story(page, address, "&step=lag")
        step(pane, "lag").get_by_role("button", name="Show the answer").click()
        expect(step(pane, "lag")).to_have_attribute("data-state", SHOWN)


def test_all_answers_are_shown_and_taken_back(pane):
    pane.get_by_role("link", name=re.compile("^Step 5: ")).click()
    expect(current(pane)).to_have_text("5")
    pane.get_by_role("button", name="Show all answers").click()
    expect(pane.locator("[data-state=shown]")).to_have_count(len(STEPS))
    pane.get_by_role("button", name="Start over").click()
    expect(pane.locator("[data-state=asking]")).to_have_count(len(STEPS))
    expect(pane.get_by_role("heading", name="Why few steps fail")).to_be_in_viewport()
    expect(current(pane)).to_have_text("1")


def test_one_rule_parts_the_bar_from_the_first_step(pane):
    page = pane.page
    rules = """() => [...document.querySelectorAll('.pds-way, .pds-way + section')]
      .map((n) => getComputedStyle(n)).map((s) => [s.borderTopWidth, s.borderBottomWidth])"""
    assert page.evaluate(rules) == [["0px", "1px"], ["0px", "0px"]]
    expect(step(pane, "octaves")).to_have_css("border-top-width", "1px")


def test_a_done_step_has_a_check_mark_and_says_so(pane):
    step(pane, "lag").get_by_role("button", name="Show the answer").click()
    expect(pane.get_by_role("link", name=re.compile(r"Step 3.*\(answer open\)"))).to_have_count(1)
    mark = "a => a.map((n) => getComputedStyle(n, '::after').borderBottomWidth)"
    links = pane.locator(".pds-way nav a").evaluate_all(mark)
    assert [i + 1 for i, width in enumerate(links) if width == "2px"] == [3]


def test_the_glossary_is_opened_and_closed_by_keyboard(pane):
    page = pane.page
    button = pane.get_by_role("button", name="Glossary")
    button.focus()
    page.keyboard.press("Enter")
    glossary = page.get_by_role("dialog", name="Glossary")
    expect(glossary).to_be_visible()
    terms = {"N", "sigma", "score", "snr", "alpha", "gain", "grain", "nfe", "M"}
    assert terms <= set(glossary.locator("dt").all_inner_texts())
    page.keyboard.press("Escape")
    expect(glossary).to_be_hidden()
    expect(button).to_be_focused()


@pytest.fixture(scope="module")
def phone(context_of, address):
    """A phone with the story open."""
    with visitor(context_of(viewport=PHONE, has_touch=True), address) as page:
        open_story(page, address)
        yield page


def test_on_a_phone_the_bar_is_one_row_of_targets_for_thumbs(phone):
    way = phone.locator(".pds-way")
    assert way.bounding_box()["height"] <= 48
    boxes = [n.bounding_box() for n in way.locator("a, .pds-way-more").all()]
    assert [box for box in boxes if box["height"] < 43.5 or box["width"] < 40] == []
    phone.mouse.wheel(0, 1500)
    expect(way).to_be_in_viewport(ratio=1)


def test_on_a_phone_a_tap_opens_the_glossary_and_a_tap_beside_closes_it(phone):
    phone.get_by_role("button", name="More").tap()
    phone.get_by_role("button", name="Glossary").tap()
    glossary = phone.get_by_role("dialog", name="Glossary")
    box = glossary.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    phone.touchscreen.tap(195, 20)
    expect(glossary).to_be_hidden()
    expect(phone.get_by_role("button", name="More")).to_be_focused()


def test_the_menu_of_a_phone_closes_by_a_tap_beside_it(phone):
    phone.get_by_role("button", name="More").tap()
    over = phone.get_by_role("button", name="Start over")
    expect(over).to_be_visible()
    phone.touchscreen.tap(60, 600)
    expect(over).to_be_hidden()


PAPER = """() => [...document.querySelectorAll('#story svg, #story img, #story p, #story dl')]
  .filter((n) => n.checkVisibility()).map((n) => n.getBoundingClientRect())
  .filter(({ left, right }) => left < 0 || right > innerWidth + 1).length"""


@pytest.mark.slow
def test_the_whole_story_is_printed_on_white_paper(blank, address):
    """Print draws every step; what is wider than A4 with margins of 12 mm would be cut off."""
    page = blank
    pane = open_story(page, address, "&__theme=dark")
    page.evaluate("() => { window.print = () => (window.printed = true); }")
    pane.get_by_role("button", name="Print", exact=True).click()
    page.wait_for_function("window.printed")
    drawn = "#story :is([data-step] .pds-plot svg.main-svg, img[data-image][src])"
    before = page.locator(drawn).count()
    sizes = "all => all.map((n) => n.getBoundingClientRect().width)"
    screen = page.eval_on_selector_all(drawn, sizes)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1030})
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(drawn).count() == before
    for name in STEPS:
        expect(step(pane, name).locator(f"[data-text={name}]")).not_to_be_empty()
        expect(step(pane, name).locator(f"[data-text={name}]")).to_be_visible()
    assert page.evaluate(PAPER) == 0
    assert pane.locator("button:visible, input[type=range]:visible, .pds-way:visible").count() == 0
    expect(page.get_by_text("The number of iterations of a run.")).to_be_visible()
    ink, paper = (
        "getComputedStyle(document.querySelector('#story p')).color",
        "getComputedStyle(document.body).backgroundColor",
    )
    assert page.evaluate(f"[{ink}, {paper}]") == ["rgb(28, 30, 33)", "rgb(255, 255, 255)"]
    page.set_viewport_size(DESKTOP)
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    widths = f"({sizes})([...document.querySelectorAll({drawn!r})]).map(Math.round)"
    page.wait_for_function(f"{widths}.join() === {[round(x) for x in screen]}.join()")


def test_on_paper_the_chosen_answer_is_marked_without_a_background(pane):
    """Browsers print no backgrounds by default."""
    page = pane.page
    octaves = step(pane, "octaves")
    octaves.locator("input[type=radio]").nth(1).check()
    octaves.get_by_role("button", name="That is my guess").click()
    octaves.locator(".pds-octaves img[src]").first.wait_for()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    widths = octaves.locator("input[type=radio]").evaluate_all(
        "all => all.map((n) => parseFloat(getComputedStyle(n).borderTopWidth) > 4)"
    )
    assert widths == [False, True, False, False, False]
    canvas = octaves.locator(".pds-octaves canvas").first
    expect(canvas).to_be_visible()
    assert canvas.evaluate("n => n.width") >= 256  # smoothed, since paper does not
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(octaves.locator(".pds-octaves canvas")).to_have_count(0)
    expect(octaves.locator(".pds-octaves img").first).to_be_visible()


EMPTY = """() => [...document.querySelectorAll('#story [data-plot], #story figure:has(img)')]
  .filter((n) => n.checkVisibility() && !n.querySelector('svg, canvas, img[src]')).length"""


@pytest.mark.slow
def test_what_was_not_reached_leaves_no_empty_boxes_on_paper(blank, address):
    page = blank
    pane = open_story(page, address, "&step=lag")
    step(pane, "lag").get_by_role("button", name="Show the answer").click()
    step(pane, "lag").locator("svg.main-svg").first.wait_for()
    pane.get_by_role("button", name="Show all answers").click()
    assert page.evaluate(EMPTY) > 0
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(EMPTY) == 0
    expect(step(pane, "lag").locator("[data-plot=lag]")).to_be_visible()
    for name in ("belief", "grain"):
        expect(step(pane, name).locator(".pds-question > p").first).to_be_visible()


@pytest.mark.slow
def test_pictures_to_come_are_quiet_squares(blank, address):
    page = blank
    pane = open_story(page, address, "&step=plane")
    pane.get_by_role("button", name="Show all answers").click()
    image = step(pane, "belief").locator("img[data-image]").first
    assert image.get_attribute("src") is None
    box = image.bounding_box()
    assert box["width"] == pytest.approx(box["height"], abs=1)
    assert image.evaluate("n => getComputedStyle(n).content").startswith("url(")


def test_the_story_is_at_hand_after_a_click_on_its_tab(page):
    pane = open_tab(page, "story")
    expect(step(pane, "plane").locator("h2")).to_be_in_viewport()
    page.wait_for_function("location.search.includes('step=plane')")
