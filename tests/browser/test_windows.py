"""Windows of many sizes: nothing lies over anything else, and the first screen is whole."""

import pytest

from tests.browser.test_page import finish, sample

SCREENS = [(1280, 720), (1366, 768), (1440, 814), (1024, 768), (1920, 1080), (1152, 720)]
OTHERS = [(390, 844), (360, 640), (960, 600), (900, 420)]
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


def at(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(300)  # until observers of sizes have answered


@pytest.mark.parametrize(("width", "height"), SCREENS + OTHERS)
def test_no_label_of_a_chart_lies_over_another(page, width, height):
    at(page, width, height)
    labels = page.evaluate(LABELS)
    assert labels["count"] >= 8
    assert labels["met"] == []


@pytest.mark.parametrize(("width", "height"), SCREENS + OTHERS)
def test_nothing_hangs_out_of_the_comparison(page, width, height):
    at(page, width, height)
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "height"), SCREENS)
@pytest.mark.parametrize("state", ["at first", "after a run", "tuned"])
def test_the_play_button_is_whole_on_the_first_screen(page, width, height, state):
    at(page, width, height)
    if state == "tuned":
        page.get_by_label("Sampler on the right").select_option("tuned")
    if state != "at first":
        sample(page, num_steps=5, num_images=2)
        finish(page)
    box = page.locator(".pds-play").bounding_box()
    assert box["y"] + box["height"] <= height
    assert box["y"] > page.locator(".pds-said").bounding_box()["y"]


@pytest.mark.parametrize("size", [20, 24])
def test_larger_letters_make_the_page_longer_and_cover_nothing(page, size):
    at(page, 1366, 768)
    page.add_style_tag(
        content=f".pds.pds {{ font-size: {size}px }} .pds.pds p {{ font-size: 28px }}"
    )
    page.wait_for_timeout(300)
    assert page.evaluate(CUT) == []
    bottom = page.locator("#stage").bounding_box()
    notes = page.locator(".pds-notes").bounding_box()
    assert notes["y"] >= bottom["y"] + bottom["height"] - 1


def test_a_longer_sentence_does_not_push_the_play_button_out(page):
    at(page, 1280, 720)
    page.evaluate("document.querySelector('.pds-verdict').textContent += ' More of it.'.repeat(20)")
    page.wait_for_timeout(300)
    box = page.locator(".pds-play").bounding_box()
    assert box["y"] + box["height"] <= 720


def test_pictures_do_not_grow_and_shrink_with_the_sentence(page):
    at(page, 1280, 720)
    panel = page.locator(".pds-panel.ours .pds-frame")
    before = panel.bounding_box()
    page.evaluate("document.querySelector('.pds-verdict').textContent = ''")
    page.wait_for_timeout(300)
    assert panel.bounding_box()["height"] == before["height"]
