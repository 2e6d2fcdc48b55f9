"""The tab "Why few steps fail": controls in, figures and sentences out."""

import base64
import io
import re

import plotly.graph_objects as go
import pytest
from PIL import Image

from pds.evaluation import gaussian
from pds.web.tabs.story import tab as story_tab

VALUES = {
    "lab": {"length": 0.036, "kappa": 50, "power": 1, "swirl": 2},
    "wall": {"sigma": 0.3},
    "lag": {"radius": 0.375, "sampler": "vanilla", "alpha": 5},
    "errors": {"num_steps": 66, "alpha": 5},
    "map": {"num_steps": 66, "alpha": 5},
    "clocks": {"num_steps": 32, "iteration": 16},
}


def answer(step, model="field64", **changes):
    return story_tab.view({"step": step, "model": model, **VALUES[step], **changes})


def test_every_step_has_values_here():
    assert VALUES.keys() == story_tab.STEPS.keys()


@pytest.mark.parametrize("model", story_tab.FIELDS)
@pytest.mark.parametrize("step", VALUES)
def test_every_figure_is_one_that_plotly_accepts(step, model):
    view = answer(step, model)
    layouts = story_tab.setup()["layouts"]
    for name, traces in view["plots"].items():
        figure = go.Figure(traces, layouts[name])
        assert any(trace.x is not None and len(trace.x) > 1 for trace in figure.data)
    assert all(text.endswith(".") for text in view["text"].values())


@pytest.mark.parametrize("step", ["wall", "clocks"])
def test_pictures_are_images_of_the_data_s_size(step):
    for content in answer(step)["images"].values():
        assert Image.open(io.BytesIO(base64.b64decode(content))).size == (64, 64)


def test_the_wall_says_its_sigma_and_where_it_stands():
    text = answer("wall", sigma=0.3)["text"]["wall"]
    at = gaussian.wall(gaussian.field("field64"), 0.3)
    assert "At sigma = 0.3 " in text
    assert f"below {at.radius:.2g} cycles per pixel" in text
    assert "no frequency of the data" in answer("wall", sigma=1348)["text"]["wall"]


def test_the_error_s_sentence_quotes_its_curves():
    told = gaussian.errors(gaussian.field("field64"), 5.0)
    at = gaussian.COUNTS.index(66)
    text = answer("errors")["text"]["errors"]
    for name in ("vanilla", "PDS"):
        assert f"{told.curves[name][at]:.2g} for {name}" in text
    assert "PDS is 3.9 times closer" in text
    assert f"cross at N = {told.crossings[0]:.0f}" in text


def test_where_vanilla_is_better_the_sentence_says_so():
    assert re.search(r"vanilla is \d", answer("errors", num_steps=400)["text"]["errors"])
    assert "larger than vanilla's" in answer("map", num_steps=400)["text"]["map"]


def test_a_control_that_comes_closer_is_named():
    text = answer("errors", num_steps=40)["text"]["errors"]
    told = gaussian.errors(gaussian.field("field64"), 5.0)
    at = gaussian.COUNTS.index(40)
    assert told.curves["shuffled"][at] < told.curves["PDS"][at]
    assert f"shuffled {told.curves['shuffled'][at]:.2g}" in text


def test_the_cliff_of_the_map_is_named_where_there_is_one():
    text = answer("map", "portraits32", num_steps=40)["text"]["map"]
    column = gaussian.advantage(gaussian.field("portraits32"))[:, gaussian.COUNTS.index(40)]
    edge = max(alpha for alpha, better in zip(gaussian.ALPHAS, column, strict=True) if better < -1)
    assert f"From alpha = {edge:g} down" in text
    assert "cliff" not in answer("map", num_steps=400)["text"]["map"]


def test_the_clocks_say_both_counts_and_the_sigma_between():
    text = answer("clocks")["text"]["clocks"]
    assert "After 16 of 32 iterations" in text
    assert "a run of 16 is at its end" in text
    two = gaussian.clocks(gaussian.field("field64"), 32, 16)
    assert f"sigma = {two.sigmas[0][15]:.3g};" in text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "step must be one of lab, wall"),
        ({"step": "wall"}, "model must be one of field64"),
        ({"step": "wall", "model": "field64", "sigma": 0}, "sigma must be a number from 0.01"),
        ({"step": "wall", "model": "field64", "sigma": True}, "sigma must be a number"),
        ({"step": "errors", "model": "field64", "num_steps": 67, "alpha": 5}, "num_steps must be"),
        ({"step": "errors", "model": "field64", "num_steps": 66, "alpha": 1}, "alpha must be"),
        ({"step": "map", "model": "field64", "num_steps": 66, "alpha": "5"}, "alpha must be one"),
        ({"step": "clocks", "model": "field64", "num_steps": 1e9}, "num_steps must be a number"),
        ({"step": ["wall"], "model": "field64"}, "step must be one of"),
        ({"step": "map", "model": "field64", "num_steps": [66], "alpha": 5}, "num_steps must be"),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(values, words):
    with pytest.raises(ValueError, match=words):
        story_tab.view(values)
