"""The blind test and the presets of the comparison, in a real Chromium."""

import re

import pytest
from playwright.sync_api import expect

from pds.web.tabs.compare.presets import PRESETS
from tests.support.pages import SIDES, finish, long_run, picture, sample
from tools.browser import open_page

NAMES = re.compile(r"\b(vanilla|pds)\b", re.IGNORECASE)
GUESS = next(preset for preset in PRESETS if preset.name == "guess")


@pytest.fixture
def page(settled):
    """The comparison, where no sides are hidden."""
    return settled


@pytest.fixture
def exchange(page):
    """Decide whether the sides will be exchanged."""
    page.evaluate("window.random ??= Math.random")
    yield lambda wanted: page.evaluate(f"Math.random = () => {0.1 if wanted else 0.9}")
    page.evaluate("Math.random = window.random")


def switch(page):
    page.evaluate("document.querySelector('.pds-blind-switch input').click()")


def blind_run(page, **settings):
    """Sample a small run whose sides are to be guessed."""
    switch(page)
    sample(page, **{"num_steps": 3, "num_images": 1, **settings})
    page.wait_for_selector(".pds-guess:not([hidden])")


def guess(page, side):
    page.click(f".pds-guess button >> nth={side}")


def shown_text(page):
    """All text about the sides, on screen and for a screen reader."""
    labels = [page.get_attribute(f".pds-panel.{side} canvas", "aria-label") for side in SIDES]
    return " ".join([page.inner_text(".pds-panel >> nth=0"), page.inner_text(".pds-time"), *labels])


def seen(page):
    """The pictures from left to right."""
    places = {side: page.locator(f".pds-panel.{side} canvas").bounding_box()["x"] for side in SIDES}
    return [picture(page, side) for side in sorted(SIDES, key=places.get)]


def is_clean(page):
    """Whether names and numbers are shown, each sampler in its own panel, and no question."""
    expect(page.locator(".pds-panel figcaption").first).to_be_visible()
    expect(page.locator(".pds-guess")).to_be_hidden()
    return page.evaluate(
        """() => {
          const root = document.querySelector('.pds');
          const label = root.querySelector('.pds-panel.vanilla canvas').ariaLabel;
          const named = label.startsWith('Vanilla');
          return named && !root.dataset.blind && !root.matches('.pds-exchanged');
        }"""
    )


def test_nothing_names_the_sides_before_the_guess(page):
    blind_run(page)
    question = page.inner_text(".pds-blind-question")
    assert NAMES.findall(shown_text(page).replace(question, "")) == []
    assert question == "Which is vanilla?"


@pytest.mark.parametrize("exchanged", [False, True])
def test_the_guess_is_about_the_pictures_as_they_were_shown(page, exchange, exchanged):
    exchange(exchanged)
    blind_run(page)
    before = seen(page)
    guess(page, int(exchanged))
    assert page.inner_text(".pds-blind-question").startswith("Correct: vanilla is on the ")
    assert seen(page) == before
    assert before.index(picture(page, "vanilla")) == int(exchanged)


def test_the_wrong_side_is_called_wrong_by_keyboard_too(page, exchange):
    exchange(True)
    blind_run(page)
    page.keyboard.press("ArrowLeft")
    assert page.inner_text(".pds-blind-question") == "Wrong: vanilla is on the right."


def test_names_numbers_and_verdict_follow_the_guess(page):
    blind_run(page)
    guess(page, 0)
    assert "Vanilla" in page.get_attribute(".pds-panel.vanilla canvas", "aria-label")
    expect(page.locator(".pds-panel.vanilla .pds-numbers")).to_be_visible()
    expect(page.locator(".pds-verdict")).to_be_visible()


def test_finished_pictures_alone_are_shown(page):
    switch(page)
    long_run(page)
    for side in SIDES:
        expect(page.locator(f".pds-panel.{side} canvas")).to_be_hidden()


def test_a_preset_that_takes_the_place_of_a_run_is_blind_too(page):
    long_run(page)
    page.click(f"text={GUESS.title}")
    expect(page.locator(".pds-panel.vanilla canvas")).to_be_hidden()
    page.click(".pds-stop")
    assert is_clean(page)


@pytest.mark.slow
def test_a_stopped_run_leaves_a_clean_page(page, exchange):
    exchange(True)
    switch(page)
    long_run(page)
    page.click(".pds-stop")
    assert is_clean(page)


def test_switching_off_before_the_guess_leaves_a_clean_page(page, exchange):
    exchange(True)
    blind_run(page)
    switch(page)
    assert is_clean(page)


@pytest.mark.slow
def test_an_error_leaves_a_clean_page(page):
    blind_run(page)
    sample(page, num_steps=0)
    page.wait_for_selector(".pds-error:not([hidden])")
    assert is_clean(page)


@pytest.mark.slow
def test_a_sampler_beside_itself_has_no_blind_test(page):
    page.select_option(".pds-panel.ours .pds-kind", "vanilla")
    switch(page)
    sample(page, num_steps=3, num_images=1)
    finish(page)
    assert page.inner_text(".pds-blind-question").startswith("Both sides are the same sampler")
    assert is_clean(page)


@pytest.mark.slow
def test_the_visit_is_counted_by_n_and_again_draws_another_seed(blank, address):
    page = blank
    open_page(page, address)
    page.evaluate("Math.random = () => 0.9")
    blind_run(page)
    guess(page, 0)
    page.fill("[name=num_steps]", "2")
    page.evaluate("Math.random = () => 0.7")
    page.click("text=Again, another seed")
    page.wait_for_selector(".pds-guess:not([hidden])")
    assert page.input_value("[name=seed]") != "0"
    guess(page, 1)
    assert page.inner_text(".pds-score") == "N = 3: 1 of 1; N = 2: 0 of 1."


@pytest.mark.slow
def test_a_link_opens_a_preset_which_may_be_a_blind_test(blank, address):
    page = blank
    page.goto(f"{address}/?preset=guess")
    page.wait_for_selector(".pds-guess:not([hidden])")
    assert page.inner_text(".pds-presets p") == GUESS.sentence
    assert page.inner_text(".pds-presets [aria-pressed=true]") == GUESS.title


@pytest.mark.slow
def test_a_sentence_stays_for_other_seeds_and_goes_with_the_settings(page):
    run = {"model": GUESS.request.model, "num_steps": GUESS.request.num_steps}
    sample(page, **run, seed=9)
    expect(page.locator(".pds-presets p")).to_have_text(GUESS.sentence)
    page.click(".pds-stop")
    sample(page, **{**run, "num_steps": 5})
    finish(page)
    expect(page.locator(".pds-presets p")).to_be_hidden()


def test_an_unknown_preset_gets_one_sentence(blank, address):
    page = blank
    page.goto(f"{address}/?preset=many")
    page.wait_for_selector(".pds-scrub:enabled")
    names = ", ".join(preset.name for preset in PRESETS)
    sentence = f"preset must be one of {names}, got 'many'."
    expect(page.locator(".pds-presets p")).to_have_text(sentence)
