"""The estimated time on the Sample button, from prescribed rates, in a real Chromium."""

import json
import re

import pytest
from playwright.sync_api import expect

from pds.request import Request
from tests.support.pages import drop, saved_picture

QUICK = [0.01 * n for n in range(1, 9)]
SLOW = [0.6 * n for n in range(1, 9)]
"""Seconds of an iteration with 1 to 8 images."""


@pytest.fixture
def open_with(blank, address):
    """Open a page whose server says these rates for its first model and for others."""

    def opened(first, others=SLOW, *, beside=0, link=""):
        def answer(route):
            call = json.loads(route.request.post_data)
            if call["fn_name"] != "pace":
                return route.continue_()
            model = call["data"]["model"]
            rates = others if model == "field64" else first
            return route.fulfill(json={"seconds": rates, "beside": beside})

        blank.route(re.compile("component_server"), answer)
        blank.goto(f"{address}/?{link}")
        blank.wait_for_selector(".pds-scrub:enabled")
        return blank

    return opened


def estimate(page):
    return page.locator(".pds-sample small")


def images(page):
    return page.locator("#stage [name=num_images]")


def test_the_button_says_how_long_the_run_will_take(open_with):
    page = open_with(QUICK)
    page.fill("[name=num_steps]", "100")
    expect(estimate(page)).to_have_text("about 4 s")
    page.fill("[name=num_steps]", "2000")
    expect(estimate(page)).to_have_text("about 80 s")
    page.get_by_label("Sampler on the right").select_option("tuned")
    expect(estimate(page)).to_have_text("about 80 s")
    images(page).fill("8")
    expect(estimate(page)).to_have_text("about 3 min")


@pytest.mark.slow
def test_runs_under_way_make_it_longer(open_with):
    page = open_with(QUICK, beside=2)
    page.fill("[name=num_steps]", "100")
    expect(estimate(page)).to_have_text("about 12 s")


@pytest.mark.slow
def test_a_slow_model_is_proposed_with_fewer_images(open_with):
    page = open_with(QUICK)
    page.fill("[name=num_steps]", "10")
    expect(images(page)).to_have_value("4")
    page.select_option("#stage [name=model]", "field64")
    expect(estimate(page)).to_have_text("about 18 s")
    expect(images(page)).to_have_value("3")


@pytest.mark.slow
def test_two_images_are_proposed_however_slow_the_model_is(open_with):
    page = open_with(QUICK)
    page.fill("[name=num_steps]", "2000")
    page.select_option("#stage [name=model]", "field64")
    expect(images(page)).to_have_value("2")


@pytest.mark.slow
def test_a_quick_model_gets_its_images_back(open_with):
    page = open_with([10.0] * 8, QUICK)
    expect(images(page)).to_have_value("2")
    page.select_option("#stage [name=model]", "field64")
    expect(images(page)).to_have_value("4")


@pytest.mark.slow
def test_the_visitor_s_own_number_of_images_stays(open_with):
    page = open_with(QUICK)
    page.fill("[name=num_steps]", "10")
    images(page).fill("7")
    page.select_option("#stage [name=model]", "field64")
    expect(estimate(page)).to_have_text("about 42 s")
    expect(images(page)).to_have_value("7")


@pytest.mark.slow
def test_it_stays_where_it_is_the_number_that_was_proposed(open_with):
    page = open_with([10.0] * 8, QUICK)
    expect(images(page)).to_have_value("2")
    images(page).fill("3")
    images(page).fill("2")
    page.fill("[name=num_steps]", "10")
    page.select_option("#stage [name=model]", "field64")
    expect(estimate(page)).to_have_text("about 1 s")
    expect(images(page)).to_have_value("2")


@pytest.mark.slow
def test_a_link_keeps_its_number_of_images(open_with):
    page = open_with(SLOW, link="model=field256&num_steps=2&num_images=3")
    page.wait_for_selector(".pds[data-state=idle]")
    expect(estimate(page)).to_have_text("about 4 s")
    expect(images(page)).to_have_value("3")


def test_settings_that_a_picture_brings_back_have_their_time(open_with):
    page = open_with(QUICK)
    request = Request("field64", 10, num_images=2)
    drop(page, files=[("drawn.png", saved_picture(request), "image/png")])
    expect(estimate(page)).to_have_text("about 12 s")
    expect(images(page)).to_have_value("2")


@pytest.mark.slow
def test_without_an_answer_nothing_is_said(open_with):
    expect(estimate(open_with([]))).to_have_text("")
