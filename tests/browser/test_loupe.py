"""The loupe over the pictures, and their own sharpness, in a real Chromium."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.support.pages import (
    PHONE,
    SIDES,
    finish,
    long_run,
    opened,
    picture,
    pixels,
    resize,
    sample,
)

LENS = "side => document.querySelector(`.pds-loupe .${side} canvas`).toDataURL()"
SPAN = 20


def lens(page, side):
    return pixels(page.evaluate(LENS, side))


@pytest.fixture(scope="module")
def one_picture(kept_page):
    """One 64 px picture on each side, which the page shows at 8 times its size."""
    sample(kept_page, num_steps=3, num_images=1)
    finish(kept_page)
    return kept_page


@pytest.fixture
def closed(one_picture):
    """The page with its loupe closed and the mouse away from the pictures."""
    one_picture.bring_to_front()  # only one page of a browser has the keyboard
    one_picture.mouse.move(5, 5)
    one_picture.evaluate("document.activeElement.blur()")
    expect(one_picture.locator(".pds-loupe")).to_be_hidden()
    return one_picture


def point_at(page, side, x, y):
    """Move the mouse to the middle of a pixel of that picture."""
    page.locator(f".pds-panel.{side} canvas").hover(position={"x": 8 * x + 4, "y": 8 * y + 4})


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("x", "y", "left", "top"), [(30, 40, 20, 30), (2, 3, 0, 0), (63, 60, 44, 44)]
)
def test_the_loupe_shows_the_same_pixels_of_both_sides(closed, side, x, y, left, top):
    page = closed
    point_at(page, side, x, y)
    expect(page.locator(".pds-loupe")).to_contain_text(f"pixel {x + 1} across, {y + 1} down")
    shown = np.stack([lens(page, each) for each in SIDES])
    whole = np.stack([pixels(picture(page, each)) for each in SIDES])
    np.testing.assert_array_equal(shown, whole[:, top : top + SPAN, left : left + SPAN])


def test_a_pixel_takes_eight_of_the_screen_in_the_loupe(closed):
    page = closed
    point_at(page, "ours", 30, 30)
    box = page.locator(".pds-loupe .ours canvas").bounding_box()
    assert (box["width"], box["height"]) == (8 * SPAN, 8 * SPAN)


def test_the_loupe_moves_nothing_on_the_page(closed):
    page = closed
    places = "[...document.querySelectorAll('#stage *')].map((n) => n.getBoundingClientRect().top)"
    before = page.evaluate(places)
    point_at(page, "vanilla", 30, 30)
    expect(page.locator(".pds-loupe")).to_be_visible()
    assert page.evaluate(places) == before
    page.mouse.move(5, 5)
    expect(page.locator(".pds-loupe")).to_be_hidden()


def test_the_loupe_is_named_as_the_sides_are(settled):
    page = settled
    page.get_by_label("Sampler on the right").select_option("tuned")
    sample(page, num_steps=3, num_images=1)
    finish(page)
    point_at(page, "vanilla", 30, 30)
    expect(page.locator(".pds-loupe figcaption")).to_have_text(["Vanilla", "Tuned"])


def test_the_loupe_follows_a_run(settled):
    page = settled
    long_run(page)
    page.locator(".pds-panel.ours canvas").hover(position={"x": 60, "y": 60})
    expect(page.locator(".pds-loupe")).to_be_visible()
    first = page.evaluate(LENS, "ours")
    page.wait_for_function(f"first => ({LENS})('ours') !== first", arg=first)
    page.click(".pds-stop")


def test_arrow_keys_move_the_loupe_and_escape_closes_it(page):
    """From the middle of the picture, on a page that no loupe was opened on before."""
    sample(page, num_steps=3, num_images=1)
    finish(page)
    page.locator(".pds-panel.ours canvas").focus()
    loupe = page.locator(".pds-loupe")
    expect(loupe).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(loupe).to_contain_text("pixel 34 across, 33 down")
    page.keyboard.press("Shift+ArrowDown")
    expect(loupe).to_contain_text("pixel 34 across, 43 down")
    page.keyboard.press("Escape")
    expect(loupe).to_be_hidden()


def test_the_button_opens_the_loupe_for_the_keyboard(closed):
    page = closed
    button = page.get_by_role("button", name="Loupe", exact=True)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".pds-loupe")).to_be_visible()
    expect(page.locator(".pds-panel.vanilla canvas")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".pds-loupe")).to_be_hidden()


def test_the_loupe_closes_with_its_tab(closed):
    page = closed
    page.get_by_role("button", name="Loupe", exact=True).click()
    page.click("#filter-tab-button")
    expect(page.locator(".pds-loupe")).to_be_hidden()
    page.click("#compare-tab-button")


@pytest.fixture(scope="module")
def phone(context_of, address):
    """A visitor with a finger."""
    context = context_of(viewport=PHONE, device_scale_factor=3, has_touch=True)
    with opened(context, address) as page:
        yield page


@pytest.mark.parametrize("x", [3, 130, 255])
def test_a_tap_opens_the_loupe_within_the_screen(phone, x):
    phone.locator(".pds-panel.vanilla canvas").tap(position={"x": x, "y": 30})
    box = phone.locator(".pds-loupe").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    assert phone.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    close = phone.get_by_role("button", name="Close the loupe")
    assert close.bounding_box()["height"] >= 44
    close.tap()
    expect(phone.locator(".pds-loupe")).to_be_hidden()


def test_a_finger_scrolls_the_page_until_the_loupe_is_open(phone):
    canvas = phone.locator(".pds-panel.vanilla canvas")
    expect(canvas).not_to_have_css("touch-action", "none")
    canvas.tap(position={"x": 60, "y": 60})
    expect(canvas).to_have_css("touch-action", "none")
    phone.get_by_role("button", name="Close the loupe").tap()


SCREEN = """() => {
  const canvas = document.querySelector('.pds-panel canvas');
  const { width, height } = canvas.getBoundingClientRect();
  const rendering = getComputedStyle(canvas).imageRendering;
  const panel = canvas.parentElement.clientWidth;
  return [devicePixelRatio * width / canvas.width, devicePixelRatio * height / canvas.height,
    rendering, width / panel];
}"""


@pytest.fixture(
    scope="module",
    params=[1, *(pytest.param(n, marks=pytest.mark.slow) for n in (1.5, 2, 3))],
)
def screen(request, context_of, address):
    """A page on a screen with so many pixels for each of CSS."""
    with opened(context_of(device_scale_factor=request.param), address) as page:
        yield page


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (390, 844)])
def test_pixels_are_whole_or_averaged_from_more_and_fill_the_panel(screen, size):
    resize(screen, *size)
    across, down, rendering, share = screen.evaluate(SCREEN)
    if rendering == "pixelated":
        assert across == pytest.approx(round(across), abs=1e-3)
        assert across == pytest.approx(down, abs=1e-3)
        assert share >= 0.84
    else:
        assert 0.5 <= across <= 1.01
        assert share == 1
    assert screen.evaluate("document.documentElement.scrollWidth") == size[0]


def test_the_first_paint_has_whole_pixels_on_a_usual_screen(page):
    across, _, rendering, share = page.evaluate(SCREEN)
    assert (rendering, share) == ("pixelated", 1)
    assert re.fullmatch(r"[248]", f"{across:g}")
