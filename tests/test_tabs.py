"""The tabs beside the comparison, in a real Chromium."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect


def open_tab(page, name):
    page.click(f"#{name}-tab-button")
    pane = page.locator(f"#{name} .pds-pane")
    page.wait_for_selector(f"#{name} .pds-pane[data-answered]")
    return pane


def answered(pane):
    return int(pane.get_attribute("data-answered"))


def slide(page, dial, steps, key="ArrowRight"):
    dial.focus()
    for _ in range(steps):
        page.keyboard.press(key)


def test_no_request_leaves_the_host(page):
    for name in ("filter",):
        open_tab(page, name)
    assert {urlsplit(url).hostname for url in page.asked()} == {"127.0.0.1"}


def test_the_comparison_leads_to_its_filter(page):
    page.click(".pds-to-filter")
    expect(page.locator("#filter .pds-pane h1")).to_have_text("The filter")
    page.wait_for_selector("#filter [data-plot=surface] canvas")


def test_alpha_moves_sentence_and_figures_and_leaves_the_axes(page):
    pane = open_tab(page, "filter")
    axes = "document.querySelector('#filter [data-plot=radial]').layout.yaxis.range"
    before, range_before = pane.locator("[data-text=filter]").inner_text(), page.evaluate(axes)
    dial = pane.get_by_label("Alpha")
    count = answered(pane)
    slide(page, dial, 12)
    expect(pane.locator("[data-text=filter]")).not_to_have_text(before)
    shown = pane.locator(".pds-dial output").inner_text()
    expect(pane.locator("[data-text=filter]")).to_contain_text(f"At alpha = {shown} ")
    assert answered(pane) > count
    assert page.evaluate(axes) == range_before


def test_a_mask_is_saved_and_opened_again(page, tmp_path):
    pane = open_tab(page, "filter")
    with page.expect_download() as download:
        pane.get_by_role("button", name="Save frequency mask").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    before = pane.locator("[data-text=filter]").inner_text()
    pane.locator("input[type=file]").set_input_files(path)
    expect(pane.locator(".pds-opened span")).to_have_text("portraits32_freq.npy")
    assert pane.locator("[data-text=filter]").inner_text() == before


def test_a_file_that_is_no_mask_gets_a_sentence_and_changes_nothing(page, tmp_path):
    pane = open_tab(page, "filter")
    path = tmp_path / "x.npy"
    path.write_bytes(b"not a mask")
    before = pane.locator("[data-text=filter]").inner_text()
    pane.locator("input[type=file]").set_input_files(path)
    expect(pane.get_by_role("alert")).to_contain_text("not a readable .npy file")
    assert pane.locator("[data-text=filter]").inner_text() == before


@pytest.mark.parametrize("name", ["filter"])
def test_a_tab_fits_a_phone(page, name):
    page.set_viewport_size({"width": 390, "height": 844})
    open_tab(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
