"""The first step of the story in a real Chromium: handles, a drawing, the walk and the guess."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.support.pages import DESKTOP, PHONE, open_tab, visitor
from tools.browser import open_page

SHOWN = re.compile("shown")


@pytest.fixture
def page(kept_page):
    """The page that all tests of this module share."""
    kept_page.bring_to_front()
    kept_page.set_viewport_size(DESKTOP)
    return kept_page


def first_step(page):
    """The first step of the story, its question open and its settings the first ones."""
    page.click("#story-tab-button")
    page.get_by_role("button", name="Start over").click()
    section = page.locator("[data-step=plane]")
    expect(section.locator("[data-panel=vanilla] canvas")).to_be_visible()
    expect(section).to_have_attribute("data-state", "asking")
    return section


@pytest.fixture
def step(page):
    """The first step, its question still open."""
    return first_step(page)


def with_answer(step):
    """The step, its answer shown."""
    step.get_by_role("button", name="Show the answer").click()
    expect(step.locator("[data-text=plane]")).to_contain_text("Mean and ellipse are exact.")
    return step


@pytest.fixture
def shown(step):
    """The first step with its answer."""
    return with_answer(step)


def handle(step, panel, name):
    return step.locator(f"[data-panel={panel}]").get_by_role("slider", name=name)


def middle(node):
    node.scroll_into_view_if_needed()
    box = node.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, node, dx, dy):
    x, y = middle(node)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up()


def value(node):
    return float(node.get_attribute("aria-valuenow"))


def dial(step, name):
    return step.locator(f"[name={name}]")


def state_after(page, step, act):
    """The caption, once it has changed by an act."""
    caption = step.locator("[data-text=plane]")
    before = caption.inner_text()
    act()
    expect(caption).not_to_have_text(before)
    return caption.inner_text()


def test_the_start_follows_the_mouse_in_both_panels(page, shown):
    start = handle(shown, "vanilla", "Start")
    before = start.get_attribute("aria-valuetext")
    drag(page, start, -120, 90)
    expect(start).not_to_have_attribute("aria-valuetext", before)
    moved = start.get_attribute("aria-valuetext")
    expect(handle(shown, "M", "Start")).to_have_attribute("aria-valuetext", moved)
    assert value(start) < 0.5


def test_the_step_s_handle_sets_the_step_and_its_slider_moves_the_handle(page, shown):
    knob, slider = handle(shown, "vanilla", "Step e"), dial(shown, "length")
    drag(page, knob, -60, 0)
    words = "is beyond its limit of 0.04 and diverges"
    expect(shown.locator("[data-text=plane]")).to_contain_text(words)
    assert value(knob) > 0.1
    expect(slider).to_have_attribute("aria-valuetext", f"{value(knob):g}")
    slider.focus()
    page.keyboard.press("Home")
    expect(knob).to_have_attribute("aria-valuenow", "0.001")


def test_the_handle_of_m_sets_its_strength(page, shown):
    knob = handle(shown, "M", "Strength of M")
    drag(page, knob, 25, 43)
    assert 0.2 < value(knob) < 0.9
    words = f"M of strength {value(knob):g} makes the condition number"
    expect(shown.locator("[data-text=plane]")).to_contain_text(words)


@pytest.mark.parametrize(
    ("panel", "name", "key", "change"),
    [
        ("vanilla", "Start", "ArrowLeft", -0.05),
        ("vanilla", "Step e", "ArrowUp", 0.002),
        ("M", "Strength of M", "ArrowDown", -0.01),
    ],
)
def test_a_handle_moves_by_the_keyboard(page, shown, panel, name, key, change):
    knob = handle(shown, panel, name)
    before = value(knob)
    knob.focus()
    page.keyboard.press(key)
    assert value(knob) - before == pytest.approx(change)


def touch(client, kind, *points):
    client.send(
        "Input.dispatchTouchEvent",
        {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]},
    )


@pytest.fixture
def phone(context_of, address):
    """The first step on a phone, with its answer."""
    with visitor(context_of(viewport=PHONE, has_touch=True), address) as page:
        open_page(page, address)
        open_tab(page, "story")
        section = page.locator("[data-step=plane]")
        expect(section.locator("[data-panel=vanilla] canvas")).to_be_visible()
        section.get_by_role("button", name="Show the answer").tap()
        expect(section.locator("[data-text=plane]")).to_contain_text("Mean and ellipse")
        yield section


def test_a_handle_is_dragged_by_touch_and_elsewhere_the_page_scrolls(phone):
    page = phone.page
    client = page.context.new_cdp_session(page)
    start = handle(phone, "vanilla", "Start")
    box = start.bounding_box()
    assert (box["width"], box["height"]) == (44, 44)
    x, y = middle(start)
    before = page.evaluate("scrollY")
    touch(client, "touchStart", (x, y))
    for far in range(10, 90, 10):
        touch(client, "touchMove", (x - far, y + far))
    touch(client, "touchEnd")
    assert value(start) < 0.5
    assert page.evaluate("scrollY") == before
    x, y = middle(phone.locator("[data-panel=vanilla] canvas"))
    touch(client, "touchStart", (x - 100, y + 60))
    for far in range(10, 90, 10):
        touch(client, "touchMove", (x - 100, y + 60 - far))
    touch(client, "touchEnd")
    page.wait_for_function(f"scrollY > {before} + 20")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def choose_drawing(step):
    dial(step, "target").select_option("drawing")
    expect(step.locator(".pds-hint")).to_be_visible()
    expect(step.locator(".pds-walk")).to_be_hidden()


def draw_stroke(page, step, by=140):
    x, y = middle(step.locator("[data-panel=vanilla] canvas"))
    page.mouse.move(x - 100, y)
    page.mouse.down()
    page.mouse.move(x - 100 + by / 2, y - 20)
    page.mouse.move(x - 100 + by, y)
    page.mouse.up()


def test_a_density_is_drawn_with_the_mouse_and_cleared(page, shown):
    choose_drawing(shown)
    text = state_after(page, shown, lambda: draw_stroke(page, shown))
    assert "the largest mean curvature times the largest variance" in text
    expect(shown.locator(".pds-walk")).to_be_visible()
    shown.get_by_role("button", name="Clear").click()
    expect(shown.locator(".pds-walk")).to_be_hidden()


def test_a_density_is_drawn_with_the_finger_and_the_page_stays_in_place(phone):
    page = phone.page
    choose_drawing(phone)
    canvas = phone.locator("[data-panel=vanilla] canvas")
    expect(canvas).to_be_in_viewport()
    x, y = middle(canvas)
    before = page.evaluate("scrollY")
    client = page.context.new_cdp_session(page)
    touch(client, "touchStart", (x, y - 40))
    for far in range(10, 90, 10):
        touch(client, "touchMove", (x - far / 2, y - 40 + far))
    touch(client, "touchEnd")
    expect(phone.locator("[data-text=plane]")).to_contain_text("the largest mean curvature")
    assert page.evaluate("scrollY") == before


def test_a_density_is_drawn_with_the_keyboard(page, shown):
    choose_drawing(shown)
    shown.locator("[data-panel=vanilla] .pds-plane").focus()

    def dots():
        for key in ["ArrowLeft"] * 3 + [" "] + ["ArrowRight"] * 9 + [" "]:
            page.keyboard.press(key)

    assert "Mean and ellipse are those of 300 walks." in state_after(page, shown, dots)


@pytest.mark.slow
def test_a_refused_drawing_leaves_the_page_as_it_was(blank, address):
    """The request is tampered with on its way, since the page sends none that is refused."""

    def tamper(route):
        body = json.loads(route.request.post_data)
        given = body["data"][0] if isinstance(body["data"], list) else body["data"]
        if "drawing" in given:
            given["drawing"] = []
        route.continue_(post_data=json.dumps(body))

    page = blank
    page.route(re.compile("component_server"), tamper)
    open_page(page, address)
    shown = with_answer(first_step(page))
    before = shown.locator("[data-text=plane]").inner_text()
    choose_drawing(shown)
    draw_stroke(page, shown)
    expect(shown.locator(".pds-error")).to_have_text("a drawing must have 1 to 80 points, got 0")
    expect(dial(shown, "target")).to_have_value("ellipse")
    expect(shown.locator("[data-text=plane]")).to_have_text(before)
    expect(shown.locator(".pds-walk")).to_be_visible()


def test_the_walk_is_scrubbed_stepped_and_played_without_a_request(page, shown):
    taken = shown.get_by_role("slider", name="Steps taken")
    expect(taken).to_have_attribute("aria-valuetext", "20")
    num_sent = len(page.sent())
    shown.get_by_role("button", name="Step", exact=True).click()
    expect(taken).to_have_attribute("aria-valuetext", "21")
    expect(shown.locator("[data-panel=vanilla] li.converged")).to_have_count(1)  # the narrow one
    taken.focus()
    page.keyboard.press("Home")
    expect(shown.locator("li.converged")).to_have_count(0)
    shown.get_by_role("button", name="Walk").click()
    page.wait_for_function("document.querySelector('[data-scrub]').value > 4")
    shown.get_by_role("button", name="Pause").click()
    stopped = taken.input_value()
    shown.get_by_role("button", name="Step", exact=True).click()
    assert int(taken.input_value()) == int(stopped) + 1
    assert page.sent()[num_sent:] == []


def test_an_unstable_direction_turns_red(page, shown):
    expect(shown.locator("li.unstable")).to_have_count(0)
    dial(shown, "length").focus()
    page.keyboard.press("PageUp")
    expect(shown.locator("li.unstable")).to_contain_text("unstable")


def test_with_mala_the_swirl_is_off_and_the_page_says_why(page, shown):
    dial(shown, "swirl").focus()
    page.keyboard.press("PageUp")
    expect(shown.locator("[data-text=plane]")).to_contain_text("Swirl")
    dial(shown, "sampler").select_option("MALA")
    expect(dial(shown, "swirl")).to_be_disabled()
    expect(shown.locator(".pds-reason")).to_contain_text("MALA takes no S")
    expect(shown.locator("[data-text=plane]")).to_contain_text("MALA accepts 5")


def test_the_guess_is_dragged_and_the_truth_marked(page, step):
    cross = handle(step, "vanilla", "Your guess")
    drag(page, cross, -80, -130)
    step.get_by_role("button", name="That is my guess").click()
    expect(step).to_have_attribute("data-state", SHOWN)
    expect(step.locator(".pds-outcome")).to_contain_text("48% along the wide one. Your guess is")
    expect(step.locator("[data-panel=M]")).to_be_visible()
    expect(step.get_by_role("slider", name="Steps taken")).to_have_attribute("aria-valuetext", "20")


LABELS = """() => {
  const { fillText } = CanvasRenderingContext2D.prototype;
  const labels = (window.labels = {});
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const { actualBoundingBoxLeft: left, actualBoundingBoxRight: right } = this.measureText(text);
    labels[text] = [x - left, x + right, y - 11, y + 4];
    fillText.call(this, text, x, y);
  };
}"""


@pytest.mark.parametrize("near", [(22, 31), (22, 33), (26, 22)])
def test_the_labels_of_a_good_guess_lie_apart(page, step, near):
    """Up to 0.1 from the truth, above it, below it and beside it."""
    page.evaluate(LABELS)
    cross = handle(step, "vanilla", "Your guess")
    cross.focus()
    for key, times in zip(("ArrowLeft", "ArrowUp"), near, strict=True):
        for _ in range(times):
            page.keyboard.press(key)
    step.get_by_role("button", name="That is my guess").click()
    expect(step).to_have_attribute("data-state", SHOWN)
    page.wait_for_function("window.labels.exact")
    one, other = page.evaluate("[labels.exact, labels['your guess']]")
    assert one[1] < other[0] or other[1] < one[0] or one[3] <= other[2] or other[3] <= one[2]


def test_the_plane_stays_where_it_is_when_the_guess_is_judged(page, step):
    box = "n => [n.offsetWidth, n.offsetHeight, n.getBoundingClientRect().top + scrollY]"
    plane = step.locator("[data-panel=vanilla] .pds-plane")
    before = plane.evaluate(box)
    handle(step, "vanilla", "Your guess").press("ArrowUp")
    step.get_by_role("button", name="That is my guess").click()
    expect(step.locator(".pds-outcome")).to_contain_text("Your guess is")
    expect(step.locator("[data-text=plane]")).to_contain_text("Mean and ellipse are exact.")
    assert plane.evaluate(box) == before


def test_a_guess_needs_the_cross_to_be_moved(page, step):
    step.get_by_role("button", name="That is my guess").click()
    expect(step.locator(".pds-error")).to_have_text("Make a guess first, or press Show the answer.")
    expect(step).to_have_attribute("data-state", "asking")
    handle(step, "vanilla", "Your guess").focus()
    page.keyboard.press("ArrowUp")
    step.get_by_role("button", name="That is my guess").click()
    expect(step).to_have_attribute("data-state", SHOWN)


def test_starting_over_asks_about_the_first_settings_again(page, shown):
    dial(shown, "target").select_option("hills")
    expect(shown.locator("[data-text=plane]")).to_contain_text("far hill")
    page.get_by_role("button", name="Start over").click()
    expect(shown).to_have_attribute("data-state", "asking")
    expect(dial(shown, "target")).to_have_value("ellipse")


def test_show_the_answer_opens_the_step_without_a_guess(step):
    step.get_by_role("button", name="Show the answer").click()
    expect(step.locator(".pds-outcome")).to_contain_text("of the way to the middle is left")
    expect(step.locator(".pds-outcome")).not_to_contain_text("Your guess")
    expect(step.locator(".pds-walk")).to_be_visible()
