"""The endpoints for programs, and their errors."""

import base64
import io
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from gradio_client import Client
from gradio_client.exceptions import AppError
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pds import filters, theory
from pds.evaluation import gaussian
from pds.models import load_model
from pds.sde import VESDE
from pds.theory import tuned
from pds.web import api
from tests.support.encoding import encoded


def noise(seed, size=32):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3)).astype(np.uint8)


def mask(text):
    return np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False)


def test_every_endpoint_and_its_parameters_are_documented(local_address):
    endpoints = Client(local_address, verbose=False).view_api(return_format="dict")[
        "named_endpoints"
    ]
    assert set(endpoints) == {
        *("/compare", "/iteration", "/sheet", "/ladder", "/filter_from_images", "/theory")
    }
    assert [name for name, end in endpoints.items() if not end["description"].strip()] == []
    types = {
        (name, parameter["parameter_name"]): parameter["python_type"]["type"]
        for name, end in endpoints.items()
        for parameter in end["parameters"]
    }
    assert [name for name, kind in types.items() if kind == "Any"] == []


def test_the_filters_of_pictures_are_those_of_the_library():
    pictures = [noise(seed) for seed in range(3)]
    answer = api.filter_from_images([encoded(p) for p in pictures])
    batch = torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32) / 255)
    expected = filters.estimate([batch])
    np.testing.assert_allclose(mask(answer["frequency"]), expected.frequency, rtol=1e-6)
    np.testing.assert_allclose(mask(answer["space"]), expected.space, rtol=1e-6)
    assert answer["num_images"] == 3
    assert "At alpha = 5 the gain ranges from" in answer["summary"]


def test_pictures_of_any_size_and_kind_are_cropped_and_shrunk():
    files = [
        encoded(noise(0, 90)[:70], "JPEG"),
        "data:image/webp;base64," + encoded(noise(1, 80), "WEBP"),
    ]
    assert mask(api.filter_from_images(files, size=64)["frequency"]).shape == (3, 64, 64)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([], "2 to 500 image files"),
        (["AAAA"] * 501, "2 to 500 image files"),
        (["AAAA", "AAAA"], "image 0 cannot be read"),
        ([encoded(noise(0)), 5], "image 1 cannot be read"),
        ([encoded(np.zeros((6400, 6400), np.uint8))] * 2, "image 0 cannot be read"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(images, words):
    with pytest.raises(ValueError, match=words):
        api.filter_from_images(images)


def test_the_theory_is_the_story_s():
    exact = gaussian.errors(gaussian.field("field64"), 5.0)
    counts = (25, 66, 200)
    at = [exact.counts.index(n) for n in counts]
    errors = [api.theory(num_steps=n, alpha=5.0)["error"] for n in counts]
    vanilla, pds = ([error[name] for error in errors] for name in ("vanilla", "pds"))
    assert vanilla == pytest.approx(exact.curves["vanilla"][at], rel=1e-4)
    assert pds == pytest.approx(exact.curves["PDS"][at], rel=1e-4)
    assert api.theory(num_steps=25)["summary"].startswith("PDS is closer")
    assert api.theory(num_steps=2000)["summary"].startswith("Vanilla is closer")


def test_the_theory_of_the_tuned_sampler_is_that_of_its_levels_and_its_corrector():
    """Iteration by iteration, from the process that the tuned levels are."""
    model, modes = load_model("field64"), gaussian.field("field64").data
    found = tuned.sampler(model.frequency_mask, model.sde, model.sampler(20))
    plain = replace(found, sigmas=None)
    narrow = VESDE(*found.sigmas)
    *_, variance = theory.trajectory(modes, np.ones(len(modes.power)), narrow, plain)
    answer = api.theory(num_steps=20, tuned=True)
    assert answer["error"]["pds"] == pytest.approx(theory.w2(modes, variance), rel=1e-4)
    assert answer["noise_left"]["pds"] == pytest.approx(
        theory.noise_left(modes, variance), rel=1e-4
    )
    untuned = api.theory(num_steps=20)
    vanilla = {key: answer[key]["vanilla"] for key in ("error", "noise_left")}
    assert vanilla == {key: untuned[key]["vanilla"] for key in vanilla}
    assert answer["summary"].startswith("Tuned is closer")


def test_an_iteration_comes_with_its_terms_and_pictures():
    (answer,) = api.iteration([3, 2], model="field64", num_steps=4, right="ode-heun@3", seed=5)
    assert answer["iterations"] == [3, 2]
    corrector, predictor = answer["left"]
    size = corrector["images"]
    e = 2 * (0.15 * size["M z"]["norm"] / size["D s"]["norm"]) ** 2
    assert corrector["terms"][0] == {
        "symbol": "e",
        "factor": pytest.approx(e, rel=1e-4),
        "image": "D s",
    }
    assert predictor["equation"] == "x_new = x + (G^2) D s + (G) M z"
    assert [substep["name"] for substep in answer["right"]] == ["Euler", "Heun"]
    png = base64.b64decode(size["s"]["png"].partition(",")[2])
    assert Image.open(io.BytesIO(png)).size == (64, 64)


def test_the_theory_of_two_names_is_that_of_each_beside_vanilla():
    alone = [api.theory(num_steps=n, alpha=a)["error"] for n, a in ((40, 5.0), (20, 3.0))]
    answer = api.theory(left="vanilla@40", right="pds:3@20")
    assert answer["error"] == {"left": alone[0]["vanilla"], "right": alone[1]["pds"]}
    assert set(answer["noise_left"]) == {"left", "right"}
    assert "for vanilla at N = 40" in answer["summary"]


@pytest.mark.parametrize("name", ["ode-heun", "ode-euler"])
def test_the_theory_of_a_flow_is_its_closed_form(name):
    """Each step multiplies a mode's deviation by a factor of sigma and the next sigma."""
    model, modes = load_model("field64"), gaussian.field("field64").data
    count = 12 if name == "ode-heun" else 24
    sigmas = [*np.geomspace(model.sde.sigma_max, model.sde.sigma_min, count), 0.0]
    x = np.full(len(modes.power), sigmas[0])
    for now, below in pairwise(sigmas):
        slope = now * x / (modes.power + now**2)
        ahead = x + (below - now) * slope
        if name == "ode-heun" and below > 0:
            slope = (slope + below * ahead / (modes.power + below**2)) / 2
        x = x + (below - now) * slope
    answer = api.theory(num_steps=12, right=name)
    assert answer["error"]["right"] == pytest.approx(float(theory.w2(modes, x**2)), rel=1e-4)


def test_the_theory_follows_a_branch():
    """Into the same sampler it is the run without it; a filter from half way on lies between."""
    answer = api.theory(num_steps=40, left="vanilla@40/20/vanilla", right="vanilla@40/20/pds:5")
    whole = api.theory(num_steps=40)["error"]
    assert answer["error"]["left"] == pytest.approx(whole["vanilla"], rel=1e-4)
    assert whole["pds"] < answer["error"]["right"] < whole["vanilla"]


def test_the_theory_of_a_sampler_beside_itself_prefers_neither():
    assert api.theory(left="tuned", right="tuned")["summary"].startswith("Neither is closer")


def test_a_space_filter_has_a_theory_for_data_that_are_alike_everywhere_only():
    stationary = api.theory(left="pds+space:5", right="pds:5")["error"]
    assert stationary["left"] == pytest.approx(stationary["right"], rel=1e-5)
    with pytest.raises(ValueError, match="cannot include a space filter"):
        api.theory(model="portraits32", left="pds+space:5")


def test_a_ladder_comes_rung_by_rung():
    rungs = list(api.ladder([14, 11], model="field64", seed=1))
    assert [rung["num_steps"] for rung in rungs] == [11, 14]
    names = {"vanilla", "pds", "tuned"}
    assert set(rungs[0]["noise_left"]) == set(rungs[0]["images"]) == names
    assert set(rungs[0]["grain"]) == set(rungs[0]["contrast"]) == names
    assert set(rungs[0]["grain"]["tuned"]) == {"network", "data", "pixels"}
    assert set(rungs[0]["contrast"]["tuned"]) == {"network", "data"}
    with Image.open(
        io.BytesIO(base64.b64decode(rungs[0]["images"]["pds"].partition(",")[2]))
    ) as image:
        assert image.size == (64, 128)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANYTHING = SCALARS | st.lists(SCALARS, max_size=3)


@pytest.mark.parametrize("function", [api.theory, api.filter_from_images])
@settings(max_examples=60, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_value_is_answered_or_refused_in_a_sentence(function, first, second, third):
    try:
        json.dumps(function(first, second, third), allow_nan=False)
    except (ValueError, TypeError) as refusal:
        assert len(str(refusal).splitlines()) == 1


def test_a_program_gets_the_theory_and_a_sentence_for_a_bad_value(local_address):
    client = Client(local_address, verbose=False)
    answer = client.predict(num_steps=20, api_name="/theory")
    assert answer["error"]["pds"] < answer["error"]["vanilla"]
    with pytest.raises(AppError, match="alpha must be > 1"):
        client.predict(alpha=0.5, api_name="/theory")
    with pytest.raises(AppError, match="must be a whole number from 1 to 2000"):
        client.predict(num_steps=[0], api_name="/ladder")


def test_a_program_compares_with_the_tuned_sampler_and_with_pds_as_before(local_address):
    client = Client(local_address, verbose=False)
    values = {"model": "field64", "num_steps": 10, "num_images": 1, "api_name": "/compare"}
    plain, ours = (list(client.submit(**values, **more))[-1] for more in ({}, {"tuned": True}))
    assert plain.keys() == ours.keys()
    assert plain["vanilla"] == ours["vanilla"]
    assert plain["pds"] != ours["pds"]
    assert plain["grain"]["vanilla"] == ours["grain"]["vanilla"]
    assert plain["grain"]["pds"]["network"] != ours["grain"]["pds"]["network"]
    assert plain["contrast"]["pds"] == {"network": None, "data": None}  # of one image
    assert plain["sigma"]["pds"] == ours["sigma"]["vanilla"] < ours["sigma"]["pds"]
    (described,) = [
        p
        for p in client.view_api(return_format="dict")["named_endpoints"]["/compare"]["parameters"]
        if p["parameter_name"] == "tuned"
    ]
    assert described["parameter_has_default"] and described["parameter_default"] is False


def test_a_program_streams_a_ladder(local_address):
    job = Client(local_address, verbose=False).submit([10, 14], "field64", api_name="/ladder")
    assert [rung["num_steps"] for rung in job] == [10, 14]
