"""Files dropped on the comparison: pictures with settings, other files, drops without a file."""

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.support.pages import drop, request_shown
from tests.support.png_files import (
    BOMB,
    PASSED_ON,
    REQUEST,
    WHOLE,
    chunk,
    saved_again,
    with_text,
)


@pytest.fixture
def page(settled):
    """The comparison before anything was dropped."""
    return settled


def alert(page, words):
    return page.locator("#stage").get_by_role("alert").filter(has_text=words)


@pytest.mark.parametrize(
    "name", ["a megabyte appended", "compressed text behind the pixels", "international text"]
)
@pytest.mark.slow
def test_a_picture_that_was_passed_on_brings_its_settings_back(page, name):
    drop(page, files=[("drawn.png", PASSED_ON[name], "image/png")])
    expect(page.locator(".pds-verdict")).to_contain_text("The settings of drawn.png are back")
    assert request_shown(page) == REQUEST


FROM_ANOTHER_PAGE = {
    "a picture of Firefox": {
        "text/x-moz-url": "https://a.example/cat.png\ncat",
        "application/x-moz-file-promise-url": "https://a.example/cat.png",
        "text/uri-list": "https://a.example/cat.png",
        "text/html": '<img src="https://a.example/cat.png">',
    },
    "an address": {"text/uri-list": "https://a.example/cat.png"},
    "a link with its text": {"text/uri-list": "https://a.example", "text/plain": "a.example"},
    "a piece of a page": {"text/html": "<p>words</p>", "text/plain": "words"},
}


@pytest.mark.parametrize("name", FROM_ANOTHER_PAGE)
def test_without_a_file_a_drop_is_answered_by_what_to_do(page, name):
    before = request_shown(page)
    assert drop(page, FROM_ANOTHER_PAGE[name])
    expect(alert(page, "save it first, then drop the file")).to_be_visible()
    expect(page.locator(".pds.dropping")).to_have_count(0)
    assert request_shown(page) == before


def test_dropped_text_is_said_to_be_none(page):
    assert drop(page, {"text/plain": "num_steps=3"})
    expect(alert(page, "Text was dropped; expected a PNG file")).to_be_visible()


def test_text_is_dropped_into_a_box_as_ever(page):
    assert not drop(page, {"text/plain": "31"}, on="#pds-alpha")
    expect(page.locator(".pds-error")).to_be_hidden()


def test_a_drop_from_within_the_page_is_left_alone(page):
    page.evaluate("document.dispatchEvent(new DragEvent('dragstart'))")
    assert not drop(page, {"text/plain": "grain"})
    page.evaluate("document.dispatchEvent(new DragEvent('dragend'))")
    assert drop(page, {"text/plain": "grain"})


def test_a_dropped_folder_is_said_to_be_one(page):
    assert drop(page, files=[("pictures", b"")], folders=True)
    expect(alert(page, "A folder was dropped; open it and drop a PNG")).to_be_visible()


def test_of_several_files_the_first_is_opened_and_that_is_said(page):
    assert drop(page, files=[("a.png", WHOLE), ("b.png", b""), ("c.png", b"")])
    verdict = page.locator(".pds-verdict")
    expect(verdict).to_contain_text("The settings of a.png, the first of 3 files, are back.")
    assert request_shown(page) == REQUEST


@pytest.mark.parametrize("name", ["filter", "ladder"])
def test_a_drop_on_another_tab_is_not_the_comparison_s(page, name):
    page.click(f"#{name}-tab-button")
    expect(page.locator(f"#{name} h1")).to_be_visible()
    assert not drop(page, {"text/uri-list": "https://a.example"}, on=f"#{name} h1")
    assert not drop(page, files=[("a.png", WHOLE)], on=f"#{name} h1")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("jpg", "does not say how it was made: it is a JPEG;"),
        ("webp", "does not say how it was made: it is a WebP;"),
        ("png", "it is a PNG without a record, such as a screenshot"),
    ],
)
def test_the_error_for_a_copy_in_another_form_names_its_kind(page, tmp_path, kind, words):
    (tmp_path / "ours.png").write_bytes(WHOLE)
    path = saved_again(tmp_path, kind)
    drop(page, files=[(path.name, path.read_bytes())])
    expect(alert(page, f"{path.name} does not say how it was made: it is")).to_contain_text(words)
    expect(alert(page, "expected a PNG as this page or main.py saved it.")).to_be_visible()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (with_text()[:-20], "damaged or ends too early, such as an interrupted download"),
        (with_text(chunk(b"zTXt", b"pds\0\0" + BOMB)), "a PNG without a record"),
        (b"", "it is empty"),
        (b"PK\x03\x04", "it is an archive"),
    ],
)
def test_the_error_for_another_file_names_its_kind(page, content, words):
    drop(page, files=[("a.png", content, "image/png")])
    expect(alert(page, words)).to_be_visible()


def test_a_screenshot_of_the_page_says_that_it_is_one(page, tmp_path):
    page.screenshot(path=tmp_path / "shot.png")
    with Image.open(tmp_path / "shot.png") as image:
        assert image.format == "PNG"
    drop(page, files=[("shot.png", (tmp_path / "shot.png").read_bytes(), "image/png")])
    expect(
        alert(page, "shot.png does not say how it was made: it is a PNG without")
    ).to_be_visible()
