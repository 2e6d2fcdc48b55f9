"""The tabs beside the comparison, in a real Chromium."""

import re
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from pds.files.pictures import read_text
from pds.jobs.sheet_files import from_record
from pds.web.tab import Tab
from tests.support.pages import PHONE, TABS, finish, open_tab, reset, visitor
from tools.browser import open_page


def answered(pane):
    return int(pane.get_attribute("data-answered"))


def slide(page, dial, steps, key="ArrowRight"):
    dial.focus()
    for _ in range(steps):
        page.keyboard.press(key)


def test_no_request_leaves_the_host(blank, address):
    """All other hosts are cut off; every tab works, and none has tried."""
    page, own = blank, urlsplit(address).netloc
    page.route(lambda url: urlsplit(url).netloc not in ("", own), lambda route: route.abort())
    open_page(page, address)
    for name in TABS:
        open_tab(page, name)
    page.get_by_role("button", name="Try 60 drawn portraits").click()
    page.wait_for_selector("#images [data-plot=convergence] svg")
    assert {urlsplit(url).netloc for url in page.sent()} == {own}


def test_the_comparison_leads_to_its_filter(kept_page):
    page = kept_page
    reset(page)
    page.fill("#pds-alpha", "3")
    page.get_by_role("button", name="See the filter").click()
    expect(page.locator("#filter .pds-pane h1")).to_have_text("The filter")
    page.wait_for_selector("#filter [data-plot=surface] canvas")
    expect(page.locator("#filter [data-text=filter]")).to_contain_text("At alpha = 3 ")


def test_the_comparison_links_to_its_tuned_levels_every_time(kept_page):
    page = kept_page
    reset(page)
    page.get_by_label("Sampler on the right").select_option("tuned")
    text = page.locator("#filter [data-text=filter]")
    for num_steps in ("20", "33"):
        page.fill("#pds-steps", num_steps)
        page.get_by_role("button", name="See the levels").click()
        expect(text).to_contain_text(f"Tuned to {num_steps} iterations, without a filter")
        page.click("#compare-tab-button")
    pane = open_tab(page, "filter")
    pane.get_by_label("Iterations N").fill("7")
    expect(text).to_contain_text("Tuned to 7 iterations ")
    expect(pane.get_by_role("slider", name="Alpha")).to_be_hidden()
    expect(pane.get_by_role("img", name=re.compile("^Noise level .* 7 published"))).to_be_visible()
    plane = pane.locator("[data-plot=plane]")
    expect(plane).to_be_hidden()
    pane.get_by_text("PDS (alpha)").click()
    expect(text).to_contain_text("At alpha = 5 ")
    expect(plane.locator("svg").first).to_be_visible()
    expect(pane.locator("[data-plot=levels]")).to_be_hidden()
    expect(pane.locator("[data-text=levels]")).to_be_hidden()


@pytest.mark.slow
def test_the_comparison_leads_to_what_is_tuned_to_the_network(page):
    page.get_by_label("Sampler on the right").select_option("response")
    page.fill("#pds-steps", "20")
    page.get_by_role("button", name="See the levels").click()
    pane = page.locator("#filter .pds-pane")
    text, gain = pane.locator("[data-text=filter]"), pane.locator("[data-plot=gain]")
    expect(text).to_contain_text("Tuned to the network at 20 iterations: the noise falls")
    expect(pane.get_by_role("radio", name="Tuned to the network")).to_be_checked()
    expect(pane.get_by_role("slider", name="Alpha")).to_be_hidden()
    expect(pane.locator("[data-plot=plane]")).to_be_hidden()
    for figure in (gain, pane.locator("[data-plot=levels]")):
        expect(figure.locator("svg").first).to_be_visible()
    pane.get_by_label("Iterations N").fill("7")
    expect(text).to_contain_text("Tuned to the network at 7 iterations: ")
    pane.get_by_text("Tuned to the spectrum", exact=True).click()
    expect(text).to_contain_text("Tuned to 7 iterations ")
    expect(gain).to_be_hidden()


@pytest.fixture(scope="module", params=[pytest.param(390, marks=pytest.mark.slow), 1440])
def filter_pane(request, context_of, address):
    """The filter on a phone and in a wide window, without what is drawn later."""
    with visitor(context_of(), address) as page:
        page.set_viewport_size({"width": request.param, "height": 844})
        open_page(page, address)
        yield open_tab(page, "filter")


@pytest.mark.parametrize(
    ("way", "figures"),
    [("Tuned to the spectrum", ["levels"]), ("Tuned to the network", ["levels", "gain"])],
)
def test_the_figures_of_a_tuned_sampler_fill_their_pane(filter_pane, way, figures):
    filter_pane.get_by_text(way, exact=True).click()
    title = filter_pane.get_by_role("heading", name="The filter").bounding_box()
    drawn = [filter_pane.locator(f"[data-plot={name}] svg").first for name in figures]
    for figure in drawn:
        expect(figure).to_be_visible()
    widths = [figure.bounding_box()["width"] for figure in drawn]
    assert widths == pytest.approx([title["width"]] * len(figures), abs=2)
    assert_page_is_as_wide_as_its_window(filter_pane.page)


@pytest.fixture(scope="module")
def phone(context_of, address):
    """A page as wide as a phone."""
    with visitor(context_of(), address) as page:
        page.set_viewport_size(PHONE)
        open_page(page, address)
        yield page


def test_the_samplers_of_the_filter_can_be_tapped_on_a_phone(phone):
    labels = open_tab(phone, "filter").locator(".pds-choice label")
    assert labels.count() == 3
    boxes = [label.bounding_box() for label in labels.all()]
    assert [b for b in boxes if b["height"] < 44 or b["x"] < 0 or b["x"] + b["width"] > 390] == []
    assert labels.evaluate_all("all => all.filter((n) => n.scrollWidth > n.clientWidth)") == []


@pytest.mark.slow
def test_your_images_have_no_sampler_that_is_tuned_to_the_network(page):
    menus = [page.get_by_label(f"Sampler on the {side}") for side in ("left", "right")]
    options = [menu.locator("[value=response]") for menu in menus]
    menus[1].select_option("response")
    for option in options:
        expect(option).to_be_enabled()
    pane = open_tab(page, "images")
    pane.get_by_role("button", name="Try 60 drawn portraits").click()
    pane.get_by_role("button", name="Compare the samplers on them").click()
    expect(page.locator("#stage [name=model] option:checked")).to_have_text("Your images")
    for option in options:
        expect(option).to_be_disabled()
        expect(option).to_have_attribute(
            "title", re.compile("a model of your images does not have")
        )
    expect(menus[1]).to_have_attribute("title", re.compile("a model of your images does not have"))
    alert = page.locator("#stage .pds-primary [role=alert]")
    expect(alert).to_contain_text("response to noise, and that of this model is unknown")
    expect(page.locator(".pds-fitted")).to_be_hidden()
    menus[1].select_option("tuned")
    page.get_by_role("button", name="See the levels").click()
    pane = page.locator("#filter .pds-pane")
    expect(pane.locator("[data-plot=levels] svg").first).to_be_visible()
    pane.get_by_text("Tuned to the network", exact=True).click()
    expect(pane.locator("[data-text=filter]")).to_contain_text(
        "a model of your images does not have"
    )
    for name in ("levels", "gain"):
        expect(pane.locator(f"[data-plot={name}]")).to_be_hidden()
    pane.get_by_label("Model").select_option("portraits32")
    expect(pane.locator("[data-plot=gain] svg").first).to_be_visible()
    page.click("#compare-tab-button")
    page.select_option("#stage [name=model]", "portraits32")
    for option in options:
        expect(option).to_be_enabled()
        expect(option).to_have_attribute("title", "")


def test_alpha_moves_sentence_and_figures_and_leaves_the_axes(kept_page):
    page = kept_page
    pane = open_tab(page, "filter")
    axes = "document.querySelector('#filter [data-plot=radial]').layout.yaxis.range"
    before, range_before = pane.locator("[data-text=filter]").inner_text(), page.evaluate(axes)
    dial = pane.get_by_role("slider", name="Alpha")
    count = answered(pane)
    slide(page, dial, 12)
    expect(pane.locator("[data-text=filter]")).not_to_have_text(before)
    shown = pane.locator(".pds-dial output").inner_text()
    expect(pane.locator("[data-text=filter]")).to_contain_text(f"At alpha = {shown} ")
    assert answered(pane) > count
    assert page.evaluate(axes) == range_before


def test_a_mask_is_saved_and_opened_again(kept_page, tmp_path):
    page = kept_page
    pane = open_tab(page, "filter")
    model = pane.get_by_label("Model").input_value()
    with page.expect_download() as download:
        pane.get_by_role("button", name="Save frequency mask").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    before = pane.locator("[data-text=filter]").inner_text()
    pane.get_by_label("Open a frequency mask").set_input_files(path)
    expect(pane.locator(".pds-opened span")).to_have_text(f"{model}_freq.npy")
    assert pane.locator("[data-text=filter]").inner_text() == before
    pane.locator(".pds-close").click()


def test_a_file_that_is_no_mask_gets_a_sentence_and_changes_nothing(kept_page, tmp_path):
    page = kept_page
    pane = open_tab(page, "filter")
    path = tmp_path / "x.npy"
    path.write_bytes(b"not a mask")
    before = pane.locator("[data-text=filter]").inner_text()
    pane.get_by_label("Open a space mask").set_input_files(path)
    expect(pane.get_by_role("alert")).to_contain_text("not a readable .npy file")
    assert pane.locator("[data-text=filter]").inner_text() == before


def assert_page_is_as_wide_as_its_window(page):
    width = page.viewport_size["width"]
    page.wait_for_function(f"document.documentElement.scrollWidth === {width}")


@pytest.mark.parametrize("name", TABS)
def test_a_tab_fits_a_phone(phone, name):
    open_tab(phone, name)
    assert_page_is_as_wide_as_its_window(phone)


def open_step(page, name):
    """A step of the story with its answer."""
    step = open_tab(page, "story").locator(f"[data-step={name}]")
    if step.get_attribute("data-state") == "asking":
        step.locator(".pds-pass").click()
    expect(step.locator(f"[data-text={name}]")).not_to_be_empty()
    return step


def test_a_step_of_the_story_answers_its_slider(kept_page):
    page = kept_page
    step = open_step(page, "octaves")
    dial = step.get_by_role("slider", name="Sigma")
    slide(page, dial, 9, "PageDown")
    shown = step.locator("output").inner_text()
    expect(step.locator("[data-text=octaves]")).to_contain_text(f"At sigma = {shown} ")


@pytest.mark.parametrize(
    "name",
    [
        "lag",
        "belief",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("controls", "map", "clocks")),
    ],
)
def test_every_dial_of_a_step_shows_the_value_that_its_sentence_is_about(kept_page, name):
    """Keyboard only: each dial is moved, and the sentence follows."""
    page = kept_page
    step = open_step(page, name)
    text = step.locator(f"[data-text={name}]")
    if name == "lag":
        step.get_by_role("combobox", name="Sampler").select_option("PDS")
        expect(text).to_contain_text("PDS at alpha = 5 ")
    dials = step.locator(".pds-answer input[type=range][name]").all()
    assert dials
    for dial in dials:
        before = text.inner_text()
        slide(page, dial, 3, "ArrowLeft")
        expect(text).not_to_have_text(before)
        shown = dial.locator("xpath=following-sibling::output").inner_text()
        expect(text).to_contain_text(re.compile(rf"\b{re.escape(shown)}\b"))


def test_a_figure_s_text_alternative_is_its_sentence(kept_page):
    page = kept_page
    step = open_step(page, "lag")
    text = step.locator("[data-text=lag]").inner_text()
    expect(step.get_by_role("img", name=text)).to_have_attribute("data-plot", "lag")


def test_figures_keep_their_clips_when_the_address_changes(kept_page):
    """Those that are drawn again once lost them: plotly notes the address with every drawing."""
    page = kept_page
    step = open_step(page, "lag")
    step.locator("[data-plot=lag] [clip-path]").first.wait_for(state="attached")
    text = step.locator("[data-text=lag]")
    said = text.inner_text()
    slide(page, step.locator(".pds-answer input[type=range][name]").first, 3, "ArrowLeft")
    expect(text).not_to_have_text(said)
    clips = page.eval_on_selector_all(
        ".js-plotly-plot [clip-path]", "all => all.map((n) => n.getAttribute('clip-path'))"
    )
    assert clips
    assert [clip for clip in clips if not clip.startswith("url(#")] == []


@pytest.mark.slow
def test_another_spectrum_changes_every_step_that_was_seen(page):
    open_step(page, "octaves")
    lag = open_step(page, "lag")
    texts = [page.locator(f"#story [data-text={name}]") for name in ("octaves", "lag")]
    before = [text.inner_text() for text in texts]
    lag.locator("[name=model]").select_option("field64")
    for text, was in zip(texts, before, strict=True):
        expect(text).not_to_have_text(was)


def test_a_wide_window_shows_the_whole_ladder(ladder):
    pane = ladder
    few, many = (pane.locator(f"td[data-count='{n}'] button").first for n in (10, 2000))
    expect(few).to_be_in_viewport(ratio=1)
    expect(many).to_be_in_viewport(ratio=1)
    expect(pane.locator(".pds-ends")).to_be_hidden()


def test_on_a_phone_the_ladder_opens_where_its_rows_differ_and_a_button_leads_to_its_ends(page):
    """At N = 10 most of a picture is lost to noise with vanilla and PDS."""
    page.set_viewport_size(PHONE)
    pane = open_tab(page, "ladder")
    for n in (25, 20):
        expect(pane.locator(f"td[data-count='{n}'] button").first).to_be_in_viewport(ratio=0.9)
    for n in (10, 2000):
        expect(pane.locator(f"td[data-count='{n}'] button").first).not_to_be_in_viewport()
    for name in ("many", "few"):
        expect(pane.get_by_role("button", name=f"{name} iterations")).to_be_enabled()
    few, many = (pane.locator(f"td[data-count='{n}'] button").first for n in (10, 2000))
    pane.get_by_role("button", name="many iterations").click()
    expect(many).to_be_in_viewport(ratio=0.9)
    pane.get_by_role("button", name="few iterations").click()
    expect(few).to_be_in_viewport(ratio=0.9)


def test_the_recorded_ladder_comes_when_it_is_looked_at(page):
    assert page.locator("#ladder td button").count() == 0
    open_tab(page, "ladder")
    expect(page.locator("#ladder td button")).to_have_count(27)


@pytest.fixture(scope="module")
def ladder(kept_page):
    """The recorded ladder, which the tests of it leave as it is."""
    pane = open_tab(kept_page, "ladder")
    expect(pane.locator("td button")).to_have_count(27)
    return pane


def test_a_pixel_of_the_ladder_takes_whole_pixels_of_the_screen(ladder):
    scale = "n => n.getBoundingClientRect().width * devicePixelRatio / n.naturalWidth"
    scales = {n.evaluate(scale) for n in ladder.locator("td img").all()}
    assert {round(each) for each in scales} == scales


@pytest.mark.slow
def test_a_rung_of_the_ladder_opens_its_comparison(page):
    pane = open_tab(page, "ladder")
    expect(pane.locator("td button")).to_have_count(27)
    pane.get_by_role("button", name="PDS after 10 iterations").click()
    expect(page.locator(".pds-where")).to_have_text("iteration 10 of 10")
    assert page.input_value("#stage [name=num_images]") == "2"


@pytest.mark.slow
def test_a_tuned_rung_opens_vanilla_against_tuned(page):
    pane = open_tab(page, "ladder")
    pane.get_by_role("button", name="Network-tuned after 20 iterations").click()
    expect(page.get_by_label("Sampler on the right")).to_have_value("response")
    finish(page)
    expect(page.locator(".pds-verdict")).to_contain_text("network-tuned ")
    rung, whole = (page.locator(s) for s in ("#ladder tr.response", ".pds-panel.ours .look dd"))
    grain, _ = whole.first.inner_text().split("\n")
    assert grain in rung.locator("td[data-count='20']").text_content()
    page.click("#ladder-tab-button")
    pane.get_by_role("button", name="PDS after 20 iterations").click()
    expect(page.get_by_label("Sampler on the right")).to_have_value("pds")


def test_a_ladder_is_drawn_for_another_seed_and_stopped(page):
    pane = open_tab(page, "ladder")
    pane.get_by_label("Seed").fill("5")
    draw_sheet(pane, counts="2000 10")
    expect(pane.locator("progress")).to_be_visible()
    expect(pane.locator("td[data-count='10'] button")).to_have_count(3)
    pane.get_by_role("button", name="Stop").click()
    expect(pane.locator(".pds-caption[role=status]")).to_contain_text("Stopped")
    expect(pane.get_by_role("button", name="Sample the sheet")).to_be_enabled()


def draw_sheet(pane, *, counts):
    """Draw clouds at these numbers of iterations."""
    pane.get_by_label("Model").select_option("field64")
    pane.get_by_label("Iterations", exact=True).fill(counts)
    pane.get_by_role("button", name="Sample the sheet").click()


@pytest.mark.slow
def test_a_cell_of_a_chosen_row_opens_it_beside_the_first_row(page):
    pane = open_tab(page, "ladder")
    pane.get_by_role("button", name="Remove row 2").click()
    pane.get_by_role("button", name="Add a row").click()
    pane.get_by_label("Sampler of row 3").select_option("ode-heun")
    draw_sheet(pane, counts="12 10")
    expect(pane.get_by_role("button", name="after")).to_have_count(6)
    listen = "(root) => root.addEventListener('compare', (e) => (window.opened = e.detail))"
    page.locator("#stage .pds").evaluate(listen)
    pane.get_by_role("button", name="Heun after 12 iterations").click()
    opened = page.evaluate("window.opened")
    wanted = {"left": "vanilla", "right": "ode-heun", "num_steps": 12, "model": "field64"}
    assert {name: opened[name] for name in wanted} == wanted


@pytest.mark.slow
def test_the_numbers_of_a_sheet_over_alpha_are_a_table_and_a_file(page):
    pane = open_tab(page, "ladder")
    pane.get_by_text("PDS by alpha").click()
    pane.get_by_label("alpha", exact=True).fill("3, 9")
    draw_sheet(pane, counts="12, 10")
    numbers = pane.get_by_role("table", name="In numbers")
    expect(numbers.get_by_role("rowheader", name="PDS (pds:9)")).to_have_count(3)
    expect(numbers.get_by_role("cell", name="24", exact=True)).to_have_count(2)
    with page.expect_download() as download:
        pane.get_by_role("button", name="Save as CSV").click()
    rows = download.value.path().read_text().splitlines()
    assert [row.rsplit(",", 4)[0] for row in rows[1:]] == [
        f"pds:{alpha},{n}" for alpha in (3, 9) for n in (12, 10)
    ]


def test_the_recorded_ladder_is_saved_as_one_picture_with_its_settings(ladder):
    with ladder.page.expect_download() as download:
        ladder.get_by_role("button", name="Save as PNG").click()
    sheet = from_record(read_text(download.value.path()))
    assert (sheet.model, sheet.samplers) == ("portraits128", ("vanilla", "pds:5", "response"))


@pytest.mark.parametrize(
    ("counts", "words"),
    [("20, many", "must be a whole number from 1 to 2000, got 'many'"), ("20 20", "got 20 twice")],
)
def test_a_bad_column_gets_its_sentence_and_the_pictures_stay(ladder, counts, words):
    draw_sheet(ladder, counts=counts)
    expect(ladder.get_by_role("alert")).to_contain_text(words)
    expect(ladder.locator("td button")).to_have_count(27)


def test_a_bad_seed_gets_its_sentence(page):
    pane = open_tab(page, "ladder")
    pane.get_by_label("Seed").fill("-1")
    pane.get_by_role("button", name="Sample the sheet").click()
    expect(pane.get_by_role("alert")).to_contain_text("seed must be a whole number")


def test_pictures_become_a_model_to_compare_on(page, tmp_path):
    for seed in range(6):
        content = np.random.default_rng(seed).integers(0, 256, (70, 90, 3)).astype(np.uint8)
        Image.fromarray(content).save(tmp_path / f"{seed}.png")
    (tmp_path / "notes.png").write_text("no picture")
    pane = open_tab(page, "images")
    pane.locator("input[type=file]").set_input_files(sorted(tmp_path.iterdir()))
    expect(pane.locator(".pds-taken")).to_contain_text("6 images taken.")
    expect(pane.locator(".pds-taken")).to_contain_text("1 text file was not read: notes.png.")
    expect(pane.locator("[data-text=filter]")).to_contain_text("the gain ranges from")
    pane.get_by_role("button", name="Compare the samplers on them").click()
    expect(page.locator("#stage [name=model] option:checked")).to_have_text("Your images")
    expect(page.locator(".pds-where")).to_have_text("iteration 40 of 40")


def test_too_few_pictures_get_a_sentence(kept_page, tmp_path):
    page = kept_page
    Image.new("RGB", (40, 40)).save(tmp_path / "one.png")
    pane = open_tab(page, "images")
    pane.locator("input[type=file]").set_input_files(tmp_path / "one.png")
    expect(pane.get_by_role("alert")).to_contain_text("5 or more images are needed; 1 of these")


@pytest.mark.slow
def test_without_pictures_at_hand_drawn_portraits_can_be_tried(page):
    pane = open_tab(page, "images")
    pane.get_by_role("button", name="Try 60 drawn portraits").click()
    expect(pane.locator(".pds-taken")).to_have_text("60 images taken.")
    before = pane.locator("[data-text=filter]").inner_text()
    slide(page, pane.get_by_role("slider", name="Texture"), 4)
    pane.locator("[name=size]").select_option("64")
    expect(pane.locator("[data-text=filter]")).not_to_have_text(before)


def test_parts_of_a_tab_stand_where_its_html_names_them(tmp_path):
    (tmp_path / "whole.html").write_text("<p>\n  <!-- part.html -->\n  <!-- later.html -->\n</p>")
    (tmp_path / "part.html").write_text("<b>part</b>")
    tab = Tab(
        name="a", title="A", folder=tmp_path, html="whole.html", script="a.js", setup=dict,
        parts=("part.html",),
    )  # fmt: skip
    assert tab.markup == "<p>\n  <b>part</b>\n  <!-- later.html -->\n</p>"
