"""Both samplers of a comparison, chosen in the headings of their panels, in a real Chromium."""

from urllib.parse import parse_qs

import pytest
from playwright.sync_api import expect

from pds.arms import names
from pds.jobs import request_text
from pds.models import load_model
from pds.request import Request
from tests.support.pages import (
    SIDES,
    drop,
    expect_request,
    finish,
    num_runs,
    number,
    picture,
    query,
    sample,
    saved,
    saved_picture,
)
from tools.browser import open_page

OTHER = "left=vanilla%407&right=scalar%3A1.2&snr=0.2&corrector_steps=2"
LINK = f"model=field64&num_steps=5&num_images=2&seed=3&{OTHER}"
REQUEST = request_text.from_query(LINK)[0]

CHOOSE = """detail => document.querySelector(".pds").dispatchEvent(
    new CustomEvent("compare", { detail }))"""


@pytest.fixture
def page(settled):
    """The comparison with its first samplers."""
    return settled


def heading(page, name, side):
    return page.get_by_label(f"{name} on the {side}", exact=True)


def choose(page, side, kind):
    heading(page, "Sampler", side).select_option(kind)


def chosen(page, side):
    return heading(page, "N", side).locator("option:checked")


def test_both_sides_are_chosen_sampled_and_named(page):
    choose(page, "left", "ode-heun")
    choose(page, "right", "scalar")
    heading(page, "Gain", "right").fill("1.2")
    expect(page.locator(".pds-published")).to_be_hidden()
    sample(page, num_steps=6, num_images=2)
    finish(page)
    key = page.locator(".pds-key")
    expect(key.locator(".vanilla")).to_have_text("Heun")
    expect(key.locator(".ours")).to_have_text("constant gain")
    labels = [
        panel.get_attribute("aria-label") for panel in page.locator(".pds-panel canvas").all()
    ]
    assert [label.split(":")[0] for label in labels] == ["Heun", "Constant gain"]
    assert [number(page, side, "calls") for side in SIDES] == ["11", "12"]
    expect(page.locator(".pds-verdict")).to_contain_text("constant gain")
    expect_request(page, Request("field64", 6, num_images=2, left="ode-heun", right="scalar:1.2"))


@pytest.mark.slow
def test_the_sampler_that_is_tuned_to_the_network_is_chosen_sampled_and_kept(blank, address):
    page = blank
    open_page(page, address)
    choose(page, "right", "response")
    expect(page.locator(".pds-published")).to_be_hidden()
    sample(page, num_steps=20, num_images=1)
    fitted = page.locator(".pds-fitted")
    expect(
        fitted.get_by_text("are the best for 20 iterations by this network's measured response")
    ).to_be_visible()
    expect(fitted.get_by_text("Gaussian images")).to_be_hidden()
    finish(page)
    expect(page.locator(".pds-verdict")).to_contain_text("network-tuned")
    expect_request(page, Request("field64", 20, num_images=1, right="response"))
    page.reload()
    expect(heading(page, "Sampler", "right")).to_have_value("response")


def test_every_sampler_of_the_menus_says_what_it_is(page):
    menu = heading(page, "Sampler", "left")
    kinds = menu.locator("option").evaluate_all("all => all.map((n) => n.value)")
    titles = {}
    for kind in kinds:
        choose(page, "left", kind)
        titles[kind] = menu.get_attribute("title")
    assert "A sampler by its name, see the notes below" not in titles.values()
    assert len(set(titles.values())) == len(kinds) == len(names.MENU)


def test_the_heading_and_the_settings_hold_one_state(page):
    page.locator("[name=space]").check()
    expect(heading(page, "Sampler", "right")).to_have_value("pds+space")
    page.locator("[name=frequency]").uncheck()
    expect(heading(page, "Sampler", "right")).to_have_value("space")
    heading(page, "Alpha", "right").fill("2.5")
    expect(page.locator("#pds-alpha")).to_have_value("2.5")
    page.locator("#pds-alpha").fill("3")
    expect(heading(page, "Alpha", "right")).to_have_value("3")
    choose(page, "right", "vanilla")
    expect(page.locator("[name=space]")).not_to_be_checked()
    choose(page, "right", "preserving")
    expect(page.locator("#pds-alpha")).to_have_value("3")
    expect(page.locator("[name=space]")).to_be_hidden()
    expect_request(page, right="preserving:3")


def test_a_side_has_an_n_of_its_own(page):
    page.fill("[name=num_steps]", "9")
    expect(chosen(page, "left")).to_have_text("N = 9")
    heading(page, "N", "left").select_option("own")
    heading(page, "Own N", "left").fill("4")
    page.fill("[name=num_steps]", "8")
    expect(chosen(page, "right")).to_have_text("N = 8")
    expect_request(page, left="vanilla@4")
    heading(page, "N", "left").select_option("linked")
    expect_request(page, left="vanilla")


@pytest.mark.slow
def test_an_equal_cost_follows_the_calls_of_the_other_side(page):
    page.fill("[name=num_steps]", "10")
    choose(page, "right", "ode-heun")
    heading(page, "N", "right").select_option("equal")
    heading(page, "N", "left").select_option("own")
    heading(page, "Own N", "left").fill("50")
    expect(chosen(page, "right")).to_have_text("equal cost, N = 50")  # 99 calls, vanilla's are 100
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Corrector").select_option("off")
    expect(chosen(page, "right")).to_have_text("equal cost, N = 25")
    expect_request(page, right="ode-heun@25")
    heading(page, "N", "left").select_option("equal")
    expect(chosen(page, "right")).to_have_text("N = 10")
    expect(chosen(page, "left")).to_have_text("equal cost, N = 19")


def test_what_the_panels_still_show_is_said_until_it_is_sampled(blank, address):
    page = blank
    open_page(page, address)
    shown = page.locator(".pds-panel.ours .pds-shown")
    expect(shown).to_be_hidden()
    choose(page, "right", "tuned")
    expect(shown).to_have_text("shown: PDS, alpha 5, N = 40")
    expect(page.locator(".pds-panel.vanilla .pds-shown")).to_be_hidden()
    sample(page, num_steps=3, num_images=1)
    finish(page)
    expect(shown).to_be_hidden()


@pytest.mark.slow
def test_the_corrector_s_controls_change_the_run(blank, address):
    page = blank
    open_page(page, address)
    page.get_by_text("More", exact=True).click()
    expect(page.get_by_label("Snr")).to_have_attribute(
        "placeholder", str(load_model("field64").snr)
    )
    page.get_by_label("Corrector").select_option("3 steps")
    page.get_by_label("Snr").fill("0.2")
    sample(page, num_steps=4, num_images=1)
    finish(page)
    assert [number(page, side, "calls") for side in SIDES] == ["16", "16"]
    expect_request(page, Request("field64", 4, num_images=1, snr=0.2, corrector_steps=3))
    page.get_by_label("Snr").fill("0")
    page.click(".pds-sample")
    expect(page.get_by_role("alert").filter(has_text="snr must be > 0 and <= 10")).to_be_visible()


def test_a_link_with_both_sides_restores_the_page(page, address):
    page.goto(f"{address}/?{LINK}")
    expect(page.locator(".pds-where")).to_have_text("left done at 7, right done at 5")
    finish(page)
    assert num_runs(page) == 1
    expect(heading(page, "Own N", "left")).to_have_value("7")
    expect(heading(page, "Gain", "right")).to_have_value("1.2")
    expect(page.get_by_label("Snr")).to_have_value("0.2")
    expect(page.get_by_label("Corrector").locator("option:checked")).to_have_text("2 steps")
    expect_request(page, REQUEST)
    assert {name: query(page)[name][0] for name in ("left", "right", "snr", "corrector_steps")} == {
        name: values[0] for name, values in parse_qs(OTHER).items()
    }
    assert not {"alpha", "frequency", "space", "tuned"} & set(query(page))
    assert saved(page, "Images")[0] == "vanilla-n7_scalar1.2_field64_n5_seed3.png"


def test_a_picture_with_both_sides_restores_the_page(page):
    drop(page, files=[("drawn.png", saved_picture(REQUEST), "image/png")])
    expect(page.locator(".pds-verdict")).to_contain_text("The settings of drawn.png are back")
    expect_request(page, REQUEST)


@pytest.mark.slow
def test_a_name_that_the_menu_lacks_is_shown_and_kept(page, address):
    page.goto(f"{address}/?model=field64&num_steps=4&num_images=1&left=inverted:5@3")
    expect(page.locator(".pds-where")).to_have_text("left done at 3, right done at 4")
    expect(heading(page, "Sampler", "left").locator("option:checked")).to_have_text("inverted:5@3")
    expect(heading(page, "N", "left")).to_be_hidden()
    expect_request(page, left="inverted:5@3")


def test_a_name_that_does_not_exist_gets_its_sentence(page, address):
    open_page(page, f"{address}/?left=best&seed=5")
    alert = page.get_by_role("alert").filter(has_text="a sampler is one of vanilla, pds:ALPHA")
    expect(alert).to_be_visible()
    expect_request(page, Request(seed=5))
    assert num_runs(page) == 0


def test_sides_of_different_n_share_the_timeline(page):
    heading(page, "N", "left").select_option("own")
    heading(page, "Own N", "left").fill("6")
    sample(page, num_steps=3, num_images=1)
    finish(page)
    where, scrub = page.locator(".pds-where"), page.locator(".pds-scrub")
    expect(where).to_have_text("left done at 6, right done at 3")
    scrub.focus()
    page.keyboard.press("Home")
    expect(where).to_have_text("left 1 of 6, right 1 of 3")
    seen = {picture(page, "ours")}
    for words in ("left 2 of 6, right 2 of 3", "left 3 of 6, right done at 3"):
        page.keyboard.press("ArrowRight")
        expect(where).to_have_text(words)
        seen.add(picture(page, "ours"))
    given = [page.locator(f".pds-panel.{side} .noise-ratio").count() for side in SIDES]
    assert given == [1, 0]  # a side that is done calls the network no more
    page.keyboard.press("ArrowRight")
    expect(where).to_have_text("left 4 of 6, right done at 3")
    assert len(seen) == 3
    assert picture(page, "ours") in seen
    assert [number(page, side, "calls") for side in SIDES] == ["8", "6"]
    assert [number(page, side, "iteration") for side in SIDES] == ["4", "3done"]
    assert page.locator(".pds.midway").count() == 1


@pytest.mark.parametrize(
    ("fields", "arms"),
    [
        ({"left": "space:3@70", "right": "tuned"}, ("space:3@70", "tuned@40")),
        ({"right": "pds:2@9", "num_steps": 7}, ("vanilla@7", "pds:2@9")),
        ({"alpha": 2, "space": True}, ("vanilla@40", "pds+space:2@40")),
    ],
)
@pytest.mark.slow
def test_another_part_of_the_page_writes_the_sides_and_samples_nothing(page, fields, arms):
    page.evaluate(
        """detail => document.querySelector('.pds').dispatchEvent(
          new CustomEvent('settle', { detail }))""",
        fields,
    )
    expect_request(page, arms=tuple(map(names.parse, arms)))
    assert num_runs(page) == 0


@pytest.mark.slow
def test_every_step_on_screen_is_an_event(page):
    sample(page, num_steps=3, num_images=1)
    finish(page)
    page.evaluate(
        """() => {
          const where = document.querySelector('.pds-where');
          window.steps = [];
          document.querySelector('.pds').addEventListener('pds-step',
            () => window.steps.push(where.textContent));
        }"""
    )
    page.focus(".pds-scrub")
    for key in ("Home", "ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate("window.steps") == ["iteration 1 of 3", "iteration 2 of 3"]


@pytest.mark.slow
def test_a_comparison_chosen_during_a_run_takes_its_place(page):
    page.evaluate(CHOOSE, {"model": "portraits32", "num_steps": 400, "num_images": 2})
    expect(page.locator(".pds-where")).to_contain_text("of 400")
    page.evaluate(CHOOSE, {"model": "field64", "num_steps": 12, "left": "vanilla@20"})
    expect(page.locator(".pds-where")).to_have_text("left done at 20, right done at 12")
    expect(page.locator(".pds-primary .pds-error")).to_be_hidden()
