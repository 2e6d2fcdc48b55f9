"""Settings from links, copied texts, files and pictures, in a real Chromium."""

import csv
import io
import json
import shlex
from dataclasses import replace
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from pds.commands.cli import parse_arguments
from pds.files import pictures
from pds.jobs import request_text
from pds.request import Request
from pds.web.tabs.compare import live_comparison
from tests.support.pages import (
    RIGHT,
    drop,
    expect_request,
    finish,
    long_run,
    num_runs,
    open_tab,
    picture,
    pixels,
    query,
    request_shown,
    sample,
    saved,
    saved_picture,
)

LINK = "model=field64&num_steps=7&alpha=3.5&frequency=0&space=1&num_images=2&seed=11"
REQUEST = Request("field64", 7, 3.5, frequency=False, space=True, num_images=2, seed=11)


@pytest.fixture
def open_link(blank, address):
    """Open the page by a link, and wait until its pictures can be scrubbed."""

    def opened(link):
        blank.goto(f"{address}/?{link}")
        blank.wait_for_selector(".pds-scrub:enabled")
        return blank

    return opened


def test_a_link_restores_every_control_and_samples_once(open_link):
    page = open_link(LINK)
    expect(page.locator(".pds-where")).to_have_text("iteration 7 of 7")
    finish(page)
    assert request_shown(page) == REQUEST
    assert num_runs(page) == 1


@pytest.mark.slow
def test_a_tuned_link_keeps_the_published_settings_for_later(open_link):
    page = open_link(LINK + "&tuned=1")
    expect(page.locator(".pds-where")).to_have_text("iteration 7 of 7")
    finish(page)
    assert request_shown(page) == replace(REQUEST, tuned=True)
    page.get_by_label(RIGHT).select_option("space")
    expect(page.locator("#pds-alpha")).to_be_enabled()
    assert request_shown(page) == REQUEST


@pytest.mark.slow
def test_a_tuned_run_is_saved_as_one_and_its_picture_brings_it_back(page, tmp_path):
    page.get_by_label(RIGHT).select_option("tuned")
    sample(page, num_steps=5, num_images=2, seed=9)
    finish(page)
    name, sheet = saved(page, "Images")
    assert name == "tuned_field64_n5_seed9.png"
    (tmp_path / name).write_bytes(sheet)
    request = request_text.from_record(pictures.read_text(tmp_path / name))
    assert request == Request("field64", 5, num_images=2, seed=9, tuned=True)
    page.get_by_label(RIGHT).select_option("pds+space")
    page.get_by_text("Share", exact=True).click()
    page.get_by_label("Open an image sampled here").set_input_files(tmp_path / name)
    expect(page.locator(".pds-verdict")).to_contain_text("are back")
    assert request_shown(page) == request


@pytest.mark.slow
def test_a_link_s_run_can_be_stopped(blank, address):
    page = blank
    page.goto(f"{address}/?model=field64&num_steps=2000&num_images=8")
    page.locator(".pds-stop:enabled").click()
    expect(page.locator(".pds-verdict")).to_contain_text("Stopped")


def test_a_link_to_the_run_on_show_samples_nothing(open_link):
    on_show = Request(**json.loads(live_comparison.first_paint("end"))["request"])
    page = open_link(request_text.to_query(on_show))
    expect_request(page, on_show)
    assert num_runs(page) == 0
    assert page.get_attribute(".pds", "data-state") == "idle"


@pytest.mark.slow
def test_a_link_opens_its_tab_and_keeps_the_settings_for_later(blank, address):
    page = blank
    page.goto(f"{address}/?{LINK}&tab=filter&__theme=dark")
    expect(page.locator("#filter .pds-pane h1")).to_be_visible()
    assert num_runs(page) == 0
    page.click("#compare-tab-button")
    page.wait_for_function("location.search.includes('tab=compare')")
    assert request_shown(page) == REQUEST
    assert query(page)["__theme"] == ["dark"]


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("num_steps=0", "must be a whole number from 1 to 2000, got 0"),
        pytest.param(
            "num_steps=many",
            "must be a whole number from 1 to 2000, got 'many'",
            marks=pytest.mark.slow,
        ),
        pytest.param("alpha=1", "alpha must be > 1", marks=pytest.mark.slow),
        ("model=%3Cb%3E", "model must be one of"),
        ("tab=cellar", "tab must be one of compare, filter, story, ladder, images"),
    ],
)
def test_a_bad_value_of_a_link_shows_its_sentence_and_samples_nothing(open_link, link, words):
    page = open_link(f"{link}&seed=5")
    expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()
    assert request_shown(page).seed == 5
    assert (num_runs(page) == 0) or "tab" in link


def test_the_address_follows_the_controls_without_a_request(settled):
    page = settled
    num_sent = len(page.sent())
    page.fill("[name=num_steps]", "31")
    page.fill("[name=alpha]", "2.5")
    page.locator(".pds-dice").click()
    page.locator("[name=space]").check()
    expect_request(page, request_shown(page))
    _, given, sentence = request_text.from_query(urlsplit(page.url).query)
    assert (given, sentence) == (True, "")
    assert query(page)["num_steps"] == ["31"]
    page.get_by_label("Iterations, in steps").focus()
    page.keyboard.press("End")
    expect_request(page, num_steps=25)
    assert len(page.sent()) == num_sent


def copied(page, name):
    page.get_by_role("button", name=name).click()
    expect(page.locator(".pds-menu[open] [role=status]")).to_have_text("Copied.")
    text = page.evaluate("navigator.clipboard.readText()")
    assert page.get_by_label("Text to copy").input_value() == text
    return text


def test_link_command_and_python_are_copied(settled, address):
    page = settled
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.fill("[name=num_steps]", "31")
    page.get_by_text("Share", exact=True).click()
    link = copied(page, "Copy link")
    assert link.startswith(address + "/?")
    assert request_text.from_query(urlsplit(link).query)[0] == request_shown(page)
    words = shlex.split(copied(page, "Copy command"))
    values = vars(parse_arguments(words[3:]))
    assert Request(**{n: values[n] for n in vars(REQUEST)}) == request_shown(page)
    assert copied(page, "Copy Python") == request_text.to_python(request_shown(page))


@pytest.mark.slow
def test_without_a_clipboard_the_text_stays_to_be_copied_by_hand(page):
    page.evaluate("delete Clipboard.prototype.write")
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("button", name="Copy command").click()
    box = page.get_by_label("Text to copy")
    expect(box).to_be_focused()
    assert page.evaluate("getSelection().toString()") == box.input_value()


def test_a_bad_value_is_not_copied(settled):
    page = settled
    page.fill("[name=alpha]", "1")
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("button", name="Copy command").click()
    status = page.locator(".pds-menu[open] [role=status]")
    expect(status).to_contain_text("alpha must be > 1")


def test_the_run_on_screen_is_saved_in_four_forms(settled, tmp_path):
    page = settled
    sample(page, num_steps=5, num_images=2, seed=9)
    finish(page)
    page.fill("[name=seed]", "10")  # the next run's, not this one's
    name, sheet = saved(page, "Images")
    assert name == "pds_field64_n5_seed9.png"
    (tmp_path / name).write_bytes(sheet)
    request = request_text.from_record(pictures.read_text(tmp_path / name))
    assert request == Request("field64", 5, num_images=2, seed=9)
    assert pictures.read_pixels(tmp_path / name).shape[2] == 3
    with Image.open(io.BytesIO(saved(page, "Animation")[1])) as animation:
        assert (animation.format, animation.n_frames) == ("WEBP", 5)
    with np.load(io.BytesIO(saved(page, "Every step")[1]), allow_pickle=False) as file:
        assert file["pds"].shape == (5, 2, 64, 64, 1)
    rows = list(csv.DictReader(io.StringIO(saved(page, "Curves")[1].decode())))
    assert rows[-1]["iteration"] == "5"


@pytest.mark.slow
def test_a_stopped_run_is_saved_as_far_as_it_came(page):
    long_run(page)
    page.wait_for_function(
        """() => {
          const where = document.querySelector(".pds-where").innerText;
          const [iteration, total] = where.match(/\\d+/g).map(Number);
          return 2 < iteration && iteration < total;
        }"""
    )
    page.click(".pds-stop")
    reached = int(page.inner_text(".pds-where").split()[1])
    with np.load(io.BytesIO(saved(page, "Every step")[1]), allow_pickle=False) as file:
        assert file["iteration"][-1] == reached
        assert len(file["iteration"]) > 1
        final = file["pds"][-1, 0, ..., 0]
    np.testing.assert_array_equal(pixels(picture(page, "ours"))[:64, :64, 0], final)


def test_a_dropped_picture_brings_its_settings_back(settled):
    page = settled
    drop(page, files=[("drawn.png", saved_picture(REQUEST), "image/png")])
    expect(page.locator(".pds-verdict")).to_contain_text("The settings of drawn.png are back")
    assert request_shown(page) == REQUEST
    assert num_runs(page) == 0


def test_a_picture_is_opened_by_the_keyboard_too(settled, tmp_path):
    page = settled
    path = tmp_path / "drawn.png"
    path.write_bytes(saved_picture(REQUEST))
    page.get_by_text("Share", exact=True).click()
    page.get_by_label("Open an image sampled here").set_input_files(path)
    expect(page.locator(".pds-verdict")).to_contain_text("The settings of drawn.png are back")
    assert request_shown(page) == REQUEST


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xff", b"\0" * 99]
)
@pytest.mark.slow
def test_a_file_that_says_nothing_gets_a_sentence(settled, content):
    page = settled
    before = request_shown(page)
    drop(page, files=[("cat.png", content, "image/png")])
    alert = page.get_by_role("alert").filter(has_text="cat.png does not say how it was made")
    expect(alert).to_be_visible()
    assert request_shown(page) == before


@pytest.mark.slow
def test_the_model_of_a_visitor_stays_out_of_address_and_texts(page):
    open_tab(page, "images")
    page.get_by_role("button", name="Try 60 drawn portraits").click()
    page.get_by_role("button", name="Compare the samplers on them").click()
    expect(page.locator("#stage [name=model] option:checked")).to_have_text("Your images")
    finish(page)
    page.wait_for_function("location.search === '?tab=compare'")
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("button", name="Copy link").click()
    status = page.locator(".pds-menu[open] [role=status]")
    expect(status).to_contain_text("your own images")
    name, _ = saved_own(page)
    assert name == "pds_mine_n40_seed0.png"


def saved_own(page):
    page.keyboard.press("Escape")
    return saved(page, "Images")
