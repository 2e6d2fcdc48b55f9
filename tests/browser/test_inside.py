"""The part "Inside this iteration": its messages and its display."""

import base64
import io
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from pds.models import compare_request, load_model
from pds.request import Request
from pds.web.components import run_handler
from pds.web.tabs.compare import inside
from pds.web.tabs.compare.tab import TAB
from tests.support.pages import finish, num_runs, sample

FIELD = {
    **{"model": "field64", "num_steps": 6, "alpha": 5, "frequency": True, "space": False},
    **{"num_images": 2, "seed": 3, "tuned": False, "run": "a", "iterations": [4, 4], "image": 1},
}


def messages(**changes):
    """What the page gets for the event that asks for an iteration."""
    (run,) = TAB.further_runs
    event = SimpleNamespace(_data=FIELD | changes)
    return [json.loads(text) for text in run_handler(run)(event, None)]


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png)))).astype(float)


def test_the_answer_is_about_one_image_of_the_run():
    *_, answer = messages()
    pair = list(compare_request(Request("field64", 6, num_images=2, seed=3)))[3]
    images = [substeps[-1]["images"] for substeps in answer["sides"]]
    norms = [[image[name]["norm"] for name in ("x_new", "x_mean")] for image in images]
    expected = [[float(x[1].norm()) for x in (step.x, step.x_mean)] for step in pair]
    # The run has two images in a network call and the replay has one: another rounding.
    np.testing.assert_allclose(norms, expected, rtol=1e-3)
    assert answer["seed"] == 4
    assert answer["run"] == "a"


def test_sizes_spectra_and_pictures_are_those_of_the_images():
    *_, answer = messages()
    named = [
        item for side in answer["sides"] for substep in side for item in substep["images"].items()
    ]
    images = [image for _, image in named]
    rms = np.array([image["rms"] for image in images])
    assert [image["norm"] for image in images] == pytest.approx(64 * rms, rel=1e-4)
    assert {len(image["power"]) for image in images} == {len(answer["radii"])}
    shown = [pixels(answer["pictures"][image["picture"]]) / 255 - 0.5 for image in images]
    spread = np.array([np.sqrt(np.square(picture).mean()) for picture in shown])
    spread /= [image["scale"] for image in images]
    # A state's rms has its mean in it; 5 % are clipped.
    centered = [name not in inside.STATES for name, _ in named]
    assert spread[centered] == pytest.approx(rms[centered], rel=0.1)


def test_each_image_is_sent_once():
    """Vanilla on both sides: the preconditioned score is the score, the corrector's result is the
    predictor's start, and both sides have the same noise."""
    *_, answer = messages(frequency=False)
    noise, states = 2, 2 * len(["x", "s", "x_mean", "x_new", "s", "x_mean", "x_new"])
    assert len(answer["pictures"]) == noise + states


def test_progress_is_shown_while_an_iteration_is_computed_again():
    seconds = iter(range(1000))
    *progress, last = inside.messages(
        Request("field64", 6), [6, 3], 0, clock=lambda: float(next(seconds))
    )
    assert {message["kind"] for message in progress} == {"replay"}
    shares = [message["share"] for message in progress]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert last["kind"] == "inside"


def ask_for_another(values):
    next(inside.run(values | {"run": "b", "iterations": [1, 1]}))


@pytest.mark.parametrize("other", [inside.leave, ask_for_another])
def test_a_replay_ends_when_its_visit_leaves_or_asks_for_another(other, monkeypatch):
    monkeypatch.setattr(inside, "INTERVAL", 0.0)
    values = FIELD | {"visit": "mine", "num_steps": 2000, "iterations": [2000, 2000]}
    replay = inside.run(values)
    assert next(replay)["kind"] == "replay"
    inside.leave(values | {"visit": "another"})
    inside.leave(values | {"run": "an earlier one"})
    assert next(replay)["kind"] == "replay"
    other(values)
    assert list(replay) == []
    assert inside._WANTED == {}


def test_large_images_are_cropped_to_their_middle(monkeypatch):
    monkeypatch.setattr(inside, "MOST_PIXELS", 18 * 32**2)
    *_, answer = messages(frequency=False)
    assert answer["cropped"] >= 32
    assert {pixels(png).shape for png in answer["pictures"]} == {(answer["cropped"],) * 2}


def test_corrector_steps_are_numbered():
    *_, answer = messages(corrector_steps=2)
    titles = [substep["title"] for substep in answer["sides"][0]]
    assert titles == ["Corrector 1 of 2", "Corrector 2 of 2", "Predictor"]


def test_what_left_the_range_of_numbers_is_null():
    model = load_model("field64")
    scene = inside.Scene(Request("field64", 6, num_images=1), model)
    album = inside._Album(scene, num_images=1)
    image = album.add(torch.full((1, 1, 64, 64), torch.inf), middle=0.5)
    assert (image["norm"], image["rms"], image["scale"]) == (None, None, 1)
    assert set(image["power"]) == {None}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iterations": [7, 4]}, "the iteration of the sampler on the left must be a whole number"),
        ({"iterations": [4, 0]}, "the iteration of the sampler on the right must be a whole"),
        ({"iterations": 4}, "iterations must be two whole numbers, of the left and of the right"),
        ({"iterations": None}, "iterations must be two whole numbers, of the left and of the"),
        ({"image": 2}, "image must be a whole number from 0 to 1, got 2"),
        ({"image": None}, "image must be a whole number from 0 to 1, got None"),
        ({"model": "gone"}, "model must be one of"),
        ({"left": "nothing"}, "a sampler is one of"),
        ({"seed": 2**31 - 1}, "seed must be a whole number from 0 to 2147483647"),
    ],
)
def test_what_cannot_be_shown_gets_one_sentence(changes, words):
    (answer,) = messages(**changes)
    assert answer["kind"] == "error"
    assert answer["sentence"].startswith(words)


def shown(page):
    page.wait_for_selector(".pds-inside-steps:not([inert]) .pds-substep")
    return page.inner_text(".pds-inside [role=status]")


def open_inside(page, **settings):
    sample(page, num_images=2, **settings)
    finish(page)
    page.click(".pds-inside summary")
    return shown(page)


def test_the_page_shows_the_iteration_that_is_on_screen(page):
    assert open_inside(page, num_steps=5) == "Iteration 5 of 5, image 1 (seed 0)"
    page.focus(".pds-scrub")
    page.keyboard.press("Home")
    status = page.locator(".pds-inside [role=status]")
    expect(status).to_have_text("Iteration 1 of 5, image 1 (seed 0)")
    page.get_by_role("group", name="Image of the batch").get_by_text("2").click()
    expect(status).to_have_text("Iteration 1 of 5, image 2 (seed 1)")
    assert page.locator(".pds-inside h2").all_inner_texts() == ["Corrector", "Predictor"]


@pytest.mark.slow
def test_a_term_and_its_pictures_light_up_together(page):
    open_inside(page, num_steps=3)
    corrector = page.locator(".pds-substep").first
    in_equation = corrector.locator(".pds-formulas").get_by_role("button", name="+ S) s")
    figure = corrector.locator("figure[data-term='D s']")
    in_equation.hover()
    expect(figure).to_have_class(re.compile("lit"))
    page.mouse.move(0, 0)
    expect(figure).not_to_have_class(re.compile("lit"))
    figure.locator("img").first.click()
    expect(in_equation).to_have_attribute("aria-pressed", "true")
    corrector.get_by_role("button", name="M z").first.focus()
    page.keyboard.press("Enter")
    expect(in_equation).to_have_attribute("aria-pressed", "false")
    expect(corrector.locator("figure[data-term='M z']")).to_have_class(re.compile("lit"))


LATER = "() => new Promise((resolve) => setTimeout(resolve, 400))"
"""A timer that ends after the page's own, which is set before and shorter."""


@pytest.mark.slow
def test_a_closed_part_asks_for_nothing_and_a_new_run_ends_a_replay(page):
    sample(page, num_steps=3, num_images=1)
    finish(page)
    page.evaluate(LATER)
    assert num_runs(page) == 1
    assert not page.locator(".pds-substep").count()
    with page.expect_request("**/queue/join*"):
        page.click(".pds-inside summary")
    sample(page, num_steps=4, num_images=1)
    finish(page)
    assert shown(page).startswith("Iteration 4 of 4")


@pytest.mark.slow
def test_a_visitor_who_moves_on_gets_the_step_on_screen(page):
    sample(page, num_steps=300, num_images=1)
    finish(page)
    page.click(".pds-inside summary")
    status = page.locator(".pds-inside [role=status]")
    # In every frame: it stands there for less than half a second.
    page.wait_for_function(
        "text => document.querySelector('.pds-inside [role=status]').textContent === text",
        arg="Computing the iteration again…",
        polling="raf",
    )
    page.focus(".pds-scrub")
    page.keyboard.press("Home")
    expect(status).to_have_text("Iteration 1 of 300, image 1 (seed 0)")
