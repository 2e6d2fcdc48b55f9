"""The real page, served by app.py, in a real Chromium."""

import json
import re

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

from pds.models import load_model
from pds.web.tabs.compare import live_comparison
from tests.support.pages import (
    PHONE,
    RIGHT,
    SIDES,
    finish,
    long_run,
    number,
    picture,
    pixels,
    resize,
    sample,
)
from tools.browser import open_page


def expect_a_short_run(page):
    """A run of three iterations comes to its end."""
    sample(page, num_steps=3, num_images=1)
    finish(page)
    assert page.inner_text(".pds-where") == "iteration 3 of 3"


def sigma(page, side):
    return number(page, side, "sigma")


def shown_sigma(model, num_steps):
    """The last noise level of the tuned sampler, as the page writes it."""
    sampler = load_model(model).tuned(num_steps)
    return f"{float(sampler.process(load_model(model).sde).sigma(sampler.times())[-1]):.3f}"


def distinct_colors(page, side):
    return len(np.unique(pixels(picture(page, side)).reshape(-1, 3), axis=0))


def test_the_first_paint_shows_a_finished_run(kept_page):
    page = kept_page
    assert all(distinct_colors(page, side) > 100 for side in SIDES)
    assert picture(page, "vanilla") != picture(page, "ours")
    iteration, total = page.inner_text(".pds-where").removeprefix("iteration ").split(" of ")
    assert iteration == total == page.input_value("[name=num_steps]")
    assert page.inner_text(".pds-verdict")
    expect(page.locator(".pds-error")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1366, 768), (1024, 768)])
def test_the_first_screen_needs_no_scrolling(kept_page, width, height):
    page = kept_page
    resize(page, width, height)
    boxes = [page.locator(s).bounding_box() for s in (".pds-sample", ".pds-scrub", ".pds-spectrum")]
    assert all(box["y"] + box["height"] <= height for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    panel = page.locator(".pds-panel canvas").first.bounding_box()
    assert panel["width"] >= 0.3 * width


def test_a_phone_stacks_the_panels_and_keeps_sample_in_reach(kept_page):
    page = kept_page
    resize(page, **PHONE)
    upper, lower = (page.locator(f".pds-panel.{side} canvas").bounding_box() for side in SIDES)
    assert lower["y"] >= upper["y"] + upper["height"]
    button = page.locator(".pds-sample").bounding_box()
    assert button["height"] >= 44
    assert button["y"] + button["height"] <= 844
    assert page.evaluate("document.documentElement.scrollWidth") == 390


BEYOND = """(before) => {
  const [, iteration, total] = document.querySelector('.pds-where').textContent
    .match(/iteration (\\d+) of (\\d+)/) ?? [];
  return total === "60" && Number(iteration) > before ? Number(iteration) : null;
}"""


def test_sampling_streams_changing_pictures_and_finishes(settled):
    page = settled
    seen = {picture(page, "ours")}
    sample(page, model="portraits32", num_steps=60, num_images=1)
    iteration = 0
    for _ in range(4):
        iteration = page.wait_for_function(BEYOND, arg=iteration).json_value()
        seen.add(picture(page, "ours"))
    finish(page)
    seen.add(picture(page, "ours"))
    assert len(seen) >= 5
    assert page.inner_text(".pds-where") == "iteration 60 of 60"
    assert number(page, "ours", "calls") == "120"
    assert page.inner_text(".pds-verdict")


def test_both_panels_always_show_the_same_iteration(settled):
    page = settled
    page.evaluate(
        """() => {
          window.pairs = [];
          const labels = () => [...document.querySelectorAll('.pds-panel canvas')].map(
            (c) => c.ariaLabel.match(/iteration (\\d+)/)[1]);
          new MutationObserver(() => window.pairs.push(labels())).observe(
            document.querySelector('.pds-where'), { childList: true });
        }"""
    )
    sample(page, num_steps=200)
    finish(page)
    pairs = page.evaluate("window.pairs")
    assert len(pairs) >= 3
    assert all(vanilla == ours for vanilla, ours in pairs)
    iterations = [int(vanilla) for vanilla, _ in pairs]
    assert iterations == sorted(iterations)


def test_scrubbing_changes_the_picture_without_a_request(settled):
    page = settled
    page.wait_for_function("document.querySelector('.pds-scrub').max > 1")
    before, num_sent = picture(page, "ours"), len(page.sent())
    page.focus(".pds-scrub")
    page.keyboard.press("Home")
    first = picture(page, "ours")
    assert page.inner_text(".pds-where").startswith("iteration 1 of")
    page.keyboard.press("End")
    assert first != before == picture(page, "ours")
    page.click(".pds-play")
    page.wait_for_function("!document.querySelector('.pds-where').textContent.includes('n 1 ')")
    page.wait_for_selector(".pds-play:not(.playing)")
    assert picture(page, "ours") == before
    assert len(page.sent()) == num_sent


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720), (390, 844)])
def test_a_step_says_how_much_noise_the_network_is_given_next(kept_page, width, height):
    """At the end no call follows. The panels stay as they are as the sentence comes and goes."""
    page = kept_page
    page.bring_to_front()
    page.wait_for_function("document.querySelector('.pds-scrub').max > 1")
    page.focus(".pds-scrub")
    page.keyboard.press("End")
    resize(page, width, height)
    ratios, places = page.locator(".pds-numbers .noise-ratio"), page.locator(".pds-panel, canvas")
    expect(ratios).to_have_count(0)
    at_the_end = [place.bounding_box() for place in places.all()]
    page.evaluate("""const scrub = document.querySelector('.pds-scrub');
        scrub.value = 0; scrub.dispatchEvent(new Event('input'))""")
    given = json.loads(live_comparison.first_paint("whole"))["steps"][0]["noise_ratio"]
    sentences = [f"noise is now {ratio:.2f} times the network's next sigma" for ratio in given]
    assert ratios.all_inner_texts() == sentences
    assert [place.bounding_box() for place in places.all()] == at_the_end
    assert page.evaluate("document.documentElement.scrollWidth") == width
    label = page.locator(".pds-panel canvas").first.get_attribute("aria-label")
    assert label.endswith(sentences[0])


NO_RUNS = """async () => {
  const { runs } = await (await fetch('/healthz')).json();
  return runs === 0;
}"""


def test_stop_ends_a_long_run_and_the_page_samples_again(settled):
    page = settled
    long_run(page)
    page.click(".pds-stop")
    stopped = page.inner_text(".pds-where")
    assert "Stopped" in page.inner_text(".pds-verdict")
    page.wait_for_function(NO_RUNS)  # no frame is on its way
    assert page.inner_text(".pds-where") == stopped
    expect_a_short_run(page)


@pytest.mark.slow
def test_a_closed_tab_frees_the_sampler(page, address):
    other = page.context.new_page()
    open_page(other, address)
    long_run(other)
    other.close()
    page.wait_for_function(NO_RUNS)


def test_a_visitor_does_not_wait_for_the_long_run_of_another(settled, address):
    page = settled
    other = page.context.new_page()
    open_page(other, address)
    long_run(other)
    expect_a_short_run(page)
    assert other.get_attribute(".pds", "data-state") == "running"
    other.close()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("num_steps", "0", "must be a whole number from 1 to 2000, got 0"),
        pytest.param(
            "num_steps", "", "must be a whole number from 1 to 2000", marks=pytest.mark.slow
        ),
        ("alpha", "1", "alpha must be > 1"),
    ],
)
def test_a_bad_value_shows_its_sentence_and_leaves_the_page_usable(settled, field, value, words):
    page = settled
    good = page.input_value(f"[name={field}]")
    sample(page, **{field: value})
    expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()
    expect(page.locator(".pds-scrub")).to_be_enabled()
    sample(page, num_steps=3, **({} if field == "num_steps" else {field: good}))
    finish(page)
    expect(page.locator(".pds-error")).to_be_hidden()
    assert page.inner_text(".pds-where") == "iteration 3 of 3"


def test_the_slider_stops_at_the_ladder_and_the_box_takes_any_number(settled):
    page = settled
    slider = page.get_by_label("Iterations, in steps")
    slider.focus()
    page.keyboard.press("Home")
    seen = [page.input_value("[name=num_steps]")]
    for _ in range(6):
        page.keyboard.press("ArrowRight")
        seen.append(page.input_value("[name=num_steps]"))
    assert seen == ["2000", "200", "133", "100", "66", "40", "25"]
    page.fill("[name=num_steps]", "77")
    assert 3 < float(slider.input_value()) < 4  # between 100 and 66
    page.keyboard.press("Tab")
    assert page.input_value("[name=num_steps]") == "77"


def test_a_program_streams_the_steps(address):
    client = Client(address, verbose=False)
    job = client.submit(
        model="field64", num_steps=12, num_images=1, frequency=False, api_name="/compare"
    )
    steps = list(job)
    assert [step["iteration"] for step in steps] == list(range(1, 13))
    assert steps[-1]["vanilla"] == steps[-1]["pds"]  # no filter, the same sampler
    assert set(steps[-1]["noise_left"]) == {"vanilla", "pds"}


def test_page_and_program_get_the_same_pixels(settled, address):
    page = settled
    sample(page, num_steps=4, num_images=1, seed=9)
    finish(page)
    client = Client(address, verbose=False)
    *_, last = client.submit(
        model="field64", num_steps=4, num_images=1, seed=9, api_name="/compare"
    )
    shown = [pixels(picture(page, side)) for side in SIDES]
    np.testing.assert_array_equal(shown, [pixels(last["vanilla"]), pixels(last["pds"])])


def test_a_program_gets_the_sentence_of_a_bad_value(address):
    client = Client(address, verbose=False)
    with pytest.raises(AppError, match="alpha must be > 1"):
        client.predict(model="field64", alpha=0.5, api_name="/compare")


@pytest.mark.slow
def test_the_tuned_sampler_is_chosen_sampled_and_kept(page):
    alpha, frequency = page.locator("#pds-alpha"), page.locator("[name=frequency]")
    expect(alpha).to_be_enabled()
    page.get_by_label(RIGHT).select_option("tuned")
    for control in (alpha, frequency):
        expect(control).to_be_disabled()
        expect(control).to_be_hidden()
    sample(page, num_steps=20, num_images=2)
    expect(page.locator(".pds-fitted")).to_contain_text("20 iterations")
    finish(page)
    expect(page.get_by_label("N on the right", exact=True).locator("option:checked")).to_have_text(
        "N = 20"
    )
    expect(page.locator(".pds-verdict")).to_have_text(
        re.compile(r"^Vanilla has 1\.\d times the grain of tuned: vanilla 1\.\d times, tuned ")
    )
    expect(page.locator(".pds-panel.ours canvas")).to_have_attribute(
        "aria-label", re.compile("^Tuned: 2 images after iteration 20")
    )
    assert [sigma(page, side) for side in SIDES] == ["0.010", shown_sigma("field64", 20)]
    page.wait_for_function("location.search.includes('tuned=1')")
    page.reload()
    expect(page.get_by_label(RIGHT)).to_have_value("tuned")
    finish(page)
    expect(alpha).to_be_disabled()
    page.get_by_label(RIGHT).select_option("pds")
    expect(alpha).to_have_value("5")
    expect(frequency).to_be_checked()


def test_the_choice_is_made_by_the_keyboard(settled):
    page = settled
    page.get_by_label(RIGHT).focus()
    page.keyboard.type("Tun")
    expect(page.get_by_label(RIGHT)).to_have_value("tuned")
    expect(page.locator("#pds-alpha")).to_be_disabled()


def test_fewer_pictures_in_a_grid_of_the_same_size_leave_no_old_one(settled):
    """Three pictures lie on a canvas as large as that of four."""
    page = settled
    below = """() => {
      const canvas = document.querySelector('.pds-panel.vanilla canvas');
      const [x, y] = [canvas.width / 4, canvas.height * 0.75];
      const context = canvas.getContext('2d');
      return [x, 3 * x].map((at) => context.getImageData(at, y, 1, 1).data[3]);
    }"""
    opacities = {}
    for count in (4, 3):
        sample(page, num_steps=3, num_images=count)
        finish(page)
        opacities[count] = page.evaluate(below)
    assert opacities == {4: [255, 255], 3: [255, 0]}
