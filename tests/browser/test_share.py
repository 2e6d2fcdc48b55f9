"""Links, copied texts, files and pictures that bring their settings back, in a real Chromium."""

import base64
import csv
import io
import json
import shlex
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from pds.commands.cli import parse_arguments
from pds.files import pictures
from pds.jobs import request_text
from pds.request import Request
from pds.web.tabs.compare import live_comparison
from tests.browser.test_page import PICTURE, RIGHT, finish, long_run, sample

LINK = "model=field64&num_steps=7&alpha=3.5&frequency=0&space=1&num_images=2&seed=11"
REQUEST = Request("field64", 7, 3.5, frequency=False, space=True, num_images=2, seed=11)


def shown(page):
    """The request that the controls describe."""
    number = {name: float(page.input_value(f"[name={name}]")) for name in ("num_steps", "alpha")}
    count, seed = (float(page.input_value(f"#stage [name={n}]")) for n in ("num_images", "seed"))
    switches = {n: page.is_checked(f"[name={n}]") for n in ("frequency", "space")}
    model = page.input_value("#stage [name=model]")
    tuned = page.get_by_label(RIGHT).input_value() == "tuned"
    return Request(model, **number, **switches, num_images=count, seed=seed, tuned=tuned)


def runs(page):
    """How many runs the page has asked for."""
    return sum("queue/join" in url for url in page.asked())


def query(page):
    return parse_qs(urlsplit(page.url).query)


def open_link(page, address, link):
    page.goto(f"{address}/?{link}")
    page.wait_for_selector(".pds-scrub:enabled", timeout=30_000)


def test_a_link_restores_every_control_and_samples_once(page, address):
    open_link(page, address, LINK)
    expect(page.locator(".pds-where")).to_have_text("iteration 7 of 7", timeout=20_000)
    finish(page)
    assert shown(page) == REQUEST
    assert runs(page) == 1


def test_a_tuned_link_keeps_the_published_settings_for_later(page, address):
    open_link(page, address, LINK + "&tuned=1")
    expect(page.locator(".pds-where")).to_have_text("iteration 7 of 7", timeout=20_000)
    finish(page)
    assert shown(page) == replace(REQUEST, tuned=True)
    page.get_by_label(RIGHT).select_option("space")
    expect(page.locator("#pds-alpha")).to_be_enabled()
    assert shown(page) == REQUEST


def test_a_tuned_run_is_saved_as_one_and_its_picture_brings_it_back(page, tmp_path):
    page.get_by_label(RIGHT).select_option("tuned")
    sample(page, num_steps=5, num_images=2, seed=9)
    finish(page)
    name, sheet = saved(page, "Pictures")
    assert name == "tuned_field64_n5_seed9.png"
    (tmp_path / name).write_bytes(sheet)
    asked = request_text.from_record(pictures.read_text(tmp_path / name))
    assert asked == Request("field64", 5, num_images=2, seed=9, tuned=True)
    page.get_by_label(RIGHT).select_option("pds+space")
    page.get_by_text("Share", exact=True).click()
    page.get_by_label("Open a picture drawn here").set_input_files(tmp_path / name)
    expect(page.locator(".pds-verdict")).to_contain_text("are back")
    assert shown(page) == asked


def test_a_link_s_run_can_be_stopped(page, address):
    page.goto(f"{address}/?model=field64&num_steps=2000&num_images=8")
    page.locator(".pds-stop:enabled").click(timeout=20_000)
    expect(page.locator(".pds-verdict")).to_contain_text("Stopped")


def test_a_link_to_the_run_on_show_samples_nothing(page, address):
    on_show = Request(**json.loads(live_comparison.first_paint("end"))["request"])
    open_link(page, address, request_text.to_query(on_show))
    page.wait_for_timeout(600)
    assert runs(page) == 0
    assert page.get_attribute(".pds", "data-state") == "idle"


def test_a_link_opens_its_tab_and_keeps_the_settings_for_later(page, address):
    page.goto(f"{address}/?{LINK}&tab=filter&__theme=dark")
    expect(page.locator("#filter .pds-pane h1")).to_be_visible()
    assert runs(page) == 0
    page.click("#compare-tab-button")
    page.wait_for_timeout(500)
    assert shown(page) == REQUEST
    assert query(page)["tab"] == ["compare"]
    assert query(page)["__theme"] == ["dark"]


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("num_steps=0", "must be a whole number from 1 to 2000, got 0"),
        ("num_steps=many", "must be a whole number from 1 to 2000, got 'many'"),
        ("alpha=1", "alpha must be > 1"),
        ("model=%3Cb%3E", "model must be one of"),
        ("tab=cellar", "tab must be one of compare, filter, story, ladder, images"),
    ],
)
def test_a_bad_value_of_a_link_shows_its_sentence_and_samples_nothing(page, address, link, words):
    open_link(page, address, f"{link}&seed=5")
    expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()
    assert shown(page).seed == 5
    assert (runs(page) == 0) or "tab" in link


def test_the_address_follows_the_controls_without_a_request(page):
    asked = len(page.asked())
    page.fill("[name=num_steps]", "31")
    page.fill("[name=alpha]", "2.5")
    page.locator(".pds-dice").click()
    page.locator("[name=space]").check()
    page.wait_for_timeout(600)
    request, given, sentence = request_text.from_query(urlsplit(page.url).query)
    assert (request, given, sentence) == (shown(page), True, "")
    assert request.num_steps == 31
    page.get_by_label("Iterations, in steps").focus()
    page.keyboard.press("End")
    page.wait_for_timeout(600)
    assert query(page)["num_steps"] == ["25"]
    assert len(page.asked()) == asked


def copied(page, name):
    page.get_by_role("button", name=name).click()
    expect(page.locator(".pds-menu[open] [role=status]")).to_have_text("Copied.")
    text = page.evaluate("navigator.clipboard.readText()")
    assert page.get_by_label("Text to copy").input_value() == text
    return text


def test_link_command_and_python_are_copied(page, address):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.fill("[name=num_steps]", "31")
    page.get_by_text("Share", exact=True).click()
    link = copied(page, "Copy link")
    assert link.startswith(address + "/?")
    assert request_text.from_query(urlsplit(link).query)[0] == shown(page)
    words = shlex.split(copied(page, "Copy command"))
    values = vars(parse_arguments(words[3:]))
    assert Request(**{n: values[n] for n in vars(REQUEST)}) == shown(page)
    assert copied(page, "Copy Python") == request_text.to_python(shown(page))


def test_without_a_clipboard_the_text_stays_to_be_copied_by_hand(page):
    page.evaluate("delete Clipboard.prototype.write")
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("button", name="Copy command").click()
    box = page.get_by_label("Text to copy")
    expect(box).to_be_focused()
    assert page.evaluate("getSelection().toString()") == box.input_value()


def test_a_bad_value_is_not_copied(page):
    page.fill("[name=alpha]", "1")
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("button", name="Copy command").click()
    told = page.locator(".pds-menu[open] [role=status]")
    expect(told).to_contain_text("alpha must be > 1")


def saved(page, name):
    if not page.locator(".pds-menu[open]").count():
        page.get_by_text("Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    with open(download.value.path(), "rb") as file:
        return download.value.suggested_filename, file.read()


def test_the_run_on_screen_is_saved_in_four_forms(page, tmp_path):
    sample(page, num_steps=5, num_images=2, seed=9)
    finish(page)
    page.fill("[name=seed]", "10")  # the next run's, not this one's
    name, sheet = saved(page, "Pictures")
    assert name == "pds_field64_n5_seed9.png"
    (tmp_path / name).write_bytes(sheet)
    asked = request_text.from_record(pictures.read_text(tmp_path / name))
    assert asked == Request("field64", 5, num_images=2, seed=9)
    assert pictures.read_pixels(tmp_path / name).shape[2] == 3
    with Image.open(io.BytesIO(saved(page, "Animation")[1])) as animation:
        assert (animation.format, animation.n_frames) == ("WEBP", 5)
    with np.load(io.BytesIO(saved(page, "Every step")[1]), allow_pickle=False) as file:
        assert file["pds"].shape == (5, 2, 64, 64, 1)
    rows = list(csv.DictReader(io.StringIO(saved(page, "Curves")[1].decode())))
    assert rows[-1]["iteration"] == "5"


def test_a_stopped_run_is_saved_as_far_as_it_came(page):
    long_run(page)
    page.wait_for_timeout(500)
    page.click(".pds-stop")
    reached = int(page.inner_text(".pds-where").split()[1])
    with np.load(io.BytesIO(saved(page, "Every step")[1]), allow_pickle=False) as file:
        assert file["iteration"][-1] == reached
        assert len(file["iteration"]) > 1
        drawn = file["pds"][-1, 0, ..., 0]
    url = page.evaluate(PICTURE, "ours")
    png = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L")
    np.testing.assert_array_equal(np.asarray(png)[:64, :64], drawn)


DROP = """([name, type, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type }));
  for (const kind of ["dragover", "drop"])
    document.querySelector(".pds-panel").dispatchEvent(
      new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
}"""


def drop(page, name, content, kind="image/png"):
    page.evaluate(DROP, [name, kind, base64.b64encode(content).decode()])


def drawn(tmp_path, request=REQUEST):
    path = tmp_path / "drawn.png"
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    path.write_bytes(pictures.encode_png(pixels, request_text.to_record(request)))
    return path


def test_a_dropped_picture_brings_its_settings_back(page, tmp_path):
    drop(page, "drawn.png", drawn(tmp_path).read_bytes())
    expect(page.locator(".pds-verdict")).to_contain_text("The settings of drawn.png are back")
    assert shown(page) == REQUEST
    assert runs(page) == 0


def test_a_picture_is_opened_by_the_keyboard_too(page, tmp_path):
    page.get_by_text("Share", exact=True).click()
    page.get_by_label("Open a picture drawn here").set_input_files(drawn(tmp_path))
    expect(page.locator(".pds-verdict")).to_contain_text("The settings of drawn.png are back")
    assert shown(page) == REQUEST


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xff", b"\0" * 99]
)
def test_a_file_that_says_nothing_gets_a_sentence(page, content):
    before = shown(page)
    drop(page, "cat.png", content)
    alert = page.get_by_role("alert").filter(has_text="cat.png does not say how it was made")
    expect(alert).to_be_visible()
    assert shown(page) == before


def test_the_model_of_a_visitor_stays_out_of_address_and_texts(page):
    page.click("#images-tab-button")
    page.get_by_role("button", name="Try 60 drawn portraits").click()
    page.get_by_role("button", name="Compare the samplers on them").click(timeout=20_000)
    expect(page.locator("#stage [name=model] option:checked")).to_have_text("Your images")
    finish(page)
    page.wait_for_timeout(600)
    assert query(page) == {"tab": ["compare"]}
    page.get_by_text("Share", exact=True).click()
    page.get_by_role("button", name="Copy link").click()
    told = page.locator(".pds-menu[open] [role=status]")
    expect(told).to_contain_text("your own images")
    name, _ = saved_own(page)
    assert name == "pds_mine_n40_seed0.png"


def saved_own(page):
    page.keyboard.press("Escape")
    return saved(page, "Pictures")
