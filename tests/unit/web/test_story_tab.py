"""The tab "Why few steps fail": controls in, figures and sentences out."""

import base64
import io
import re

import plotly.graph_objects as go
import pytest
from PIL import Image

from pds.appearance import GRAINY
from pds.evaluation import denoising, gaussian, grain_record, octaves
from pds.evaluation.grain_record import GrainPoint
from pds.web.tabs.story import network
from pds.web.tabs.story import tab as story_tab

VALUES = {
    "plane": {
        "target": "ellipse",
        "kappa": 50,
        "length": 0.036,
        "power": 1,
        "swirl": 0,
        "sampler": "ULA",
        "start": [2.0, 0.8],
    },
    "octaves": {"sigma": 0.3},
    "lag": {"radius": 0.375, "sampler": "vanilla", "alpha": 5},
    "controls": {"num_steps": 66, "alpha": 5},
    "map": {"num_steps": 66, "alpha": 5},
    "clocks": {"num_steps": 32, "iteration": 16},
    "belief": {"sigma": 0.16, "strength": 1.5},
    "grain": {"portraits": "portraits64"},
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
    plots = view.get("plots", {})
    drawn = {name: go.Figure(traces, layouts[name]).data for name, traces in plots.items()}
    lengths = {
        name: [len(trace.x) for trace in traces if trace.x is not None]
        for name, traces in drawn.items()
    }
    assert [name for name in lengths if max(lengths[name], default=0) < 2] == []
    assert view["text"][step].endswith(".")


WHOLE = {"octaves": ("clean", "noisy", "guess"), "clocks": ("long", "short"), "belief": None}
"""The pictures of a step that have the data's size; None for all of them."""


@pytest.mark.parametrize("step", WHOLE)
def test_pictures_are_images_of_the_data_s_size(step):
    images = answer(step)["images"]
    sizes = {
        name: Image.open(io.BytesIO(base64.b64decode(images[name]))).size
        for name in WHOLE[step] or images
    }
    assert sizes == dict.fromkeys(sizes, (64, 64))


def test_the_wall_says_its_sigma_and_how_many_waves_stand_above_it():
    text = answer("octaves", sigma=0.3)["text"]["octaves"]
    at = octaves.wall(gaussian.field("field64"), 0.3)
    assert text.startswith("At sigma = 0.3 ")
    assert f"{100 * at.share:.1f}% of all waves are stronger than the noise" in text


def test_the_error_s_sentence_quotes_its_curves():
    exact = gaussian.errors(gaussian.field("field64"), 5.0)
    at = gaussian.COUNTS.index(66)
    text = answer("controls")["text"]["controls"]
    quotes = [f"{exact.curves[name][at]:.2g} for {name}" for name in ("vanilla", "PDS")]
    assert [quote for quote in quotes if quote not in text] == []
    assert "PDS is 3.9 times closer" in text
    assert f"cross at N = {exact.crossings[0]:.0f}" in text


def test_where_vanilla_is_better_the_sentence_says_so():
    assert re.search(r"vanilla is \d", answer("controls", num_steps=400)["text"]["controls"])
    assert "larger than vanilla's" in answer("map", num_steps=400)["text"]["map"]


def test_a_control_that_comes_closer_is_named():
    text = answer("controls", num_steps=40)["text"]["controls"]
    exact = gaussian.errors(gaussian.field("field64"), 5.0)
    at = gaussian.COUNTS.index(40)
    assert exact.curves["shuffled"][at] < exact.curves["PDS"][at]
    assert f"shuffled {exact.curves['shuffled'][at]:.2g}" in text


def test_the_cliff_of_the_map_is_named_where_there_is_one():
    text = answer("map", "portraits128", num_steps=40)["text"]["map"]
    column = gaussian.advantage(gaussian.field("portraits128"))[:, gaussian.COUNTS.index(40)]
    edge = max(alpha for alpha, better in zip(gaussian.ALPHAS, column, strict=True) if better < -1)
    assert f"At alpha = {edge:g} and below its steps are too long and it diverges." in text
    assert "and below" not in answer("map", num_steps=400)["text"]["map"]


def test_the_clocks_say_both_counts_and_the_sigma_between():
    text = answer("clocks")["text"]["clocks"]
    assert "After 16 of 32 iterations" in text
    assert "a run of 16 is finished then" in text
    two = gaussian.clocks(gaussian.field("field64"), 32, 16)
    assert f"sigma is still {two.sigmas[0][15]:.3g};" in text


def test_the_belief_of_the_network_is_said_in_grain_and_shares():
    text = answer("belief")["text"]["belief"]
    matched, more = denoising.plant(0.16, (1.0, 1.5))
    assert "At sigma = 0.16, noise of 1.5 sigma leaves " in text
    assert (
        f"{more.network.grain / matched.network.grain:.1f} times the grain of noise of sigma"
        in text
    )
    assert f"{more.linear.grain / matched.linear.grain:.1f} times with the linear filter." in text
    assert f"keeps {100 * matched.network.left:.1f}% of the noise up to sigma" in text
    assert f"{100 * more.excess_left(matched):.0f}% of the excess" in text
    assert f"the linear filter {100 * more.linear.left:.1f}% of both." in text


def test_every_picture_of_the_denoisings_says_its_grain():
    text = answer("belief")["text"]
    matched, more = denoising.plant(0.16, (1.0, 1.5))
    grain = {
        "matched-network": matched.network.grain,
        "matched-linear": matched.linear.grain,
        "mismatched-network": more.network.grain,
        "mismatched-linear": more.linear.grain,
    }
    quotes = {name: f"{value:.2g} times" for name, value in grain.items()}
    assert {name: text[name][: len(quote)] for name, quote in quotes.items()} == quotes
    assert text["mismatched-noisy"] == "noise = 1.5 sigma"


def test_noise_weaker_than_sigma_is_left_with_its_sign_turned():
    text = answer("belief", strength=0.5)["text"]["belief"]
    (half,) = denoising.plant(0.16, (0.5,))
    assert "subtracts more noise than there is" in text
    assert f"{-100 * half.network.left:.0f}% of it is left with the opposite sign." in text


def test_a_little_less_noise_at_the_lowest_sigma_is_left_in_part():
    (less,) = denoising.plant(0.03, (0.95,))
    text = answer("belief", sigma=0.03, strength=0.95)["text"]["belief"]
    assert text.endswith(f"In flat places {100 * less.network.left:.0f}% of the noise is left.")


def test_noise_as_strong_as_sigma_has_one_sentence():
    text = answer("belief", strength=1)["text"]["belief"]
    assert text.startswith("Of noise with sigma = 0.16 the network leaves ")


@pytest.mark.parametrize("model", ["portraits64", "portraits32"])
def test_the_grain_of_runs_is_quoted_from_its_record(model):
    text = answer("grain", portraits=model)["text"]["grain"]
    curves = grain_record.read_points()[model]
    first = curves["vanilla"][0]
    assert text.startswith(f"Grain at N = {first.num_steps} ")
    assert f"{first.sampled:.1f} times with vanilla ({first.predicted:.1f} times)" in text
    grainy = [point.num_steps for point in curves["vanilla"] if point.sampled > GRAINY]
    assert f"Images are grainy up to N = {max(grainy)} with vanilla" in text


def test_a_sampler_that_is_never_grainy_is_said_to_be_so():
    smooth = [GrainPoint(20, 1.1, 1.0, 1.2, 1.3)]
    text = network.grain_curves({"vanilla": smooth, "pds:5": smooth})["text"]["grain"]
    assert text.endswith("at no N with PDS at alpha 5 (up to N = 20).")


def test_each_recorded_sampler_has_a_line_and_points_with_intervals():
    view = answer("grain")
    _, line, points, *_ = view["plots"]["grain"]
    curve = grain_record.read_points()["portraits64"]["vanilla"]
    assert line["y"] == pytest.approx([point.predicted for point in curve])
    assert points["y"] == pytest.approx([point.sampled for point in curve])
    tops = [y + up for y, up in zip(points["y"], points["error_y"]["array"], strict=True)]
    assert tops == pytest.approx([point.high for point in curve], rel=1e-4)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "step must be one of plane, octaves"),
        ({"step": "octaves"}, "model must be one of portraits128"),
        ({"step": "octaves", "model": "field64", "sigma": 0}, "sigma must be a number from 0.01"),
        ({"step": "octaves", "model": "field64", "sigma": True}, "sigma must be a number"),
        (
            {"step": "controls", "model": "field64", "num_steps": 67, "alpha": 5},
            "num_steps must be",
        ),
        ({"step": "controls", "model": "field64", "num_steps": 66, "alpha": 1}, "alpha must be"),
        ({"step": "map", "model": "field64", "num_steps": 66, "alpha": "5"}, "alpha must be one"),
        ({"step": "clocks", "model": "field64", "num_steps": 1e9}, "num_steps must be a number"),
        ({"step": "belief", "model": "field64", "sigma": 0.6}, "sigma must be a number from 0.03"),
        ({"step": "belief", "model": "field64", "sigma": 0.2, "strength": 9}, "strength must be"),
        ({"step": "grain", "model": "field64", "portraits": "x"}, "portraits must be one of"),
        ({"step": ["octaves"], "model": "field64"}, "step must be one of"),
        ({"step": "map", "model": "field64", "num_steps": [66], "alpha": 5}, "num_steps must be"),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(values, words):
    with pytest.raises(ValueError, match=words):
        story_tab.view(values)
