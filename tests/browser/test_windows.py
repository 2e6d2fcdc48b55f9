"""Windows of many sizes: no element covers another, and the first screen is complete."""

import pytest

from tests.support.pages import RIGHT, finish, reset, resize, sample, still


def rarely(*sizes):
    """Sizes that only a run of the slow tests tries."""
    return [pytest.param(*size, marks=pytest.mark.slow) for size in sizes]


SCREENS = [(1280, 720), (1024, 768), (1920, 1080), *rarely((1366, 768), (1440, 814), (1152, 720))]
OTHERS = [(390, 844), (900, 420), *rarely((360, 640), (960, 600))]
"""Phones, and windows in which the page scrolls."""
LABELS = """() => {
  const all = [...document.querySelectorAll(
    '.pds-track span, .pds-where, .pds-spectrum text, .pds-key, .pds-spectrum figcaption')]
    .filter((n) => n.checkVisibility() && n.textContent.trim());
  const boxes = all.map((n) => {
    const range = document.createRange();
    range.selectNodeContents(n);
    const { left, top, right, bottom } = range.getBoundingClientRect();
    return { text: n.textContent.trim().slice(0, 40), left, top, right, bottom, node: n };
  });
  const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  const met = [];
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
    const within = a.node.contains(b.node) || b.node.contains(a.node);
    if (!within && over(a, b)) met.push([a.text, b.text]);
  }));
  return { count: boxes.length, met };
}"""
CUT = """() => {
  const stage = document.querySelector('#stage .pds');
  const end = stage.getBoundingClientRect().bottom;
  return [...stage.querySelectorAll(':scope > *, .pds-side > *, .pds-time > *')]
    .filter((n) => n.checkVisibility() && getComputedStyle(n).display !== 'contents')
    .map((n) => [n.className, n.getBoundingClientRect().bottom])
    .filter(([, bottom]) => bottom > end + 1);
}"""
"""What ends below the comparison, over the notes."""


@pytest.fixture(scope="module", params=["at first", "after a run", "tuned"])
def state(request, kept_page, used_page):
    """The page at first, after a run, and after a run of the tuned sampler."""
    if request.param == "at first":
        return kept_page
    reset(used_page)
    if request.param == "tuned":
        used_page.get_by_label(RIGHT).select_option("tuned")
    sample(used_page, num_steps=5, num_images=2)
    finish(used_page)
    return used_page


@pytest.mark.parametrize(("width", "height"), SCREENS + OTHERS)
def test_no_label_of_a_chart_lies_over_another(kept_page, width, height):
    resize(kept_page, width, height)
    labels = kept_page.evaluate(LABELS)
    assert labels["count"] >= 8
    assert labels["met"] == []


@pytest.mark.parametrize(("width", "height"), SCREENS + OTHERS)
def test_nothing_hangs_out_of_the_comparison(kept_page, width, height):
    resize(kept_page, width, height)
    assert kept_page.evaluate(CUT) == []
    assert kept_page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_the_play_button_is_whole_on_the_first_screen(state, width, height):
    resize(state, width, height)
    box = state.locator(".pds-play").bounding_box()
    assert box["y"] + box["height"] <= height
    assert box["y"] > state.locator(".pds-said").bounding_box()["y"]


def test_larger_letters_make_the_page_longer_and_cover_nothing(page):
    resize(page, 1366, 768)
    cut, gaps = {}, {}
    for size in (20, 24):
        page.add_style_tag(
            content=f".pds.pds {{ font-size: {size}px }} .pds.pds p {{ font-size: 28px }}"
        )
        still(page)
        cut[size] = page.evaluate(CUT)
        bottom = page.locator("#stage").bounding_box()
        notes = page.locator(".pds-notes").bounding_box()
        gaps[size] = notes["y"] - bottom["y"] - bottom["height"]
    assert cut == {20: [], 24: []}
    assert min(gaps.values()) >= -1, gaps


def test_a_sentence_that_goes_or_grows_moves_no_picture_and_no_play_button(kept_page):
    page = kept_page
    resize(page, 1280, 720)
    panel = page.locator(".pds-panel.ours .pds-frame")
    before = panel.bounding_box()
    say = "text => (document.querySelector('.pds-verdict').textContent = text)"
    sentence = page.inner_text(".pds-verdict")
    page.evaluate(say, "")
    still(page)
    assert panel.bounding_box()["height"] == before["height"]
    page.evaluate(say, sentence + " More of it." * 20)
    still(page)
    box = page.locator(".pds-play").bounding_box()
    assert box["y"] + box["height"] <= 720
    page.evaluate(say, sentence)
