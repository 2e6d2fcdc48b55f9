"""The tab "Filter": values of its controls in, figures and sentences out."""

import base64
import io
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from pds import filters, theory
from pds.arms.names import Arm
from pds.models import from_images, load_model, visitor_models
from pds.serving.visitor_store import NO_VISIT
from pds.theory import tuned
from pds.theory.network_tuning import Settings
from pds.web.sentences import error, number, ratio, short
from pds.web.tabs.filter import masks
from pds.web.tabs.filter import tab as filter_tab
from pds.web.tabs.filter.sentences import MASK_UNUSED, NO_RESPONSE

VALUES = {"model": "portraits32", "alpha": 5, "channel": 0, "frequency": "", "space": ""}
TUNED = VALUES | {"way": "tuned", "num_steps": 20}
RESPONSE = VALUES | {"way": "response", "num_steps": 20}


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return base64.b64encode(buffer.getvalue()).decode()


def mask(channels=1, size=8):
    images = torch.rand(3, channels, size, size, generator=torch.Generator().manual_seed(0))
    return filters.estimate([images]).frequency.numpy()


def opened_mask(array, kind="frequency"):
    return masks.open_file({"content": npy(array), "kind": kind})["opened"]


@pytest.mark.parametrize("model", ["portraits32", "field64"])
def test_every_figure_is_one_that_plotly_accepts(model):
    layouts, drawn = filter_tab.setup()["layouts"], set()
    for values in (VALUES, TUNED, RESPONSE):
        view = filter_tab.view(values | {"model": model})
        drawn |= view["plots"].keys()
        for name, traces in view["plots"].items():
            go.Figure(traces, layouts[name]).update_layout(view["layouts"].get(name, {}))
    assert drawn == layouts.keys()


def test_the_filter_is_drawn_on_its_true_range():
    view = filter_tab.view(VALUES | {"alpha": 3})
    (plane,) = view["plots"]["plane"]
    assert (plane["zmin"], plane["zmax"]) == (1, 1.5)
    low, high = view["layouts"]["radial"]["yaxis"]["range"]
    assert low < 1 < 1.5 < high < 2.1


def test_a_strong_filter_stretches_the_gain_axis_to_its_bound():
    view = filter_tab.view(VALUES | {"alpha": 1.25})
    assert view["layouts"]["radial"]["yaxis"]["range"][1] > 5


def test_the_plane_has_zero_frequency_in_its_center_and_the_lowest_gain_there():
    (plane,) = filter_tab.view(VALUES)["plots"]["plane"]
    grid = np.array(plane["z"])
    assert np.unravel_index(grid.argmin(), grid.shape) == (16, 16)
    assert plane["x"][16] == plane["y"][16] == 0
    assert 1 <= grid[16, 16] < 1.01  # 1 in the channel with the largest mean


@pytest.mark.parametrize("channel", [1, 2, 3])
def test_a_channel_shows_its_own_gain(channel):
    gain = filters.gain(load_model("portraits32").frequency_mask, 5.0)[channel - 1]
    (plane,) = filter_tab.view(VALUES | {"channel": channel})["plots"]["plane"]
    np.testing.assert_allclose(plane["z"], torch.fft.fftshift(gain), rtol=1e-4)


def test_the_sentence_says_the_range_and_the_bound():
    gain = filters.gain(load_model("portraits32").frequency_mask, 4.0)
    text = filter_tab.view(VALUES | {"alpha": 4})["text"]["filter"]
    values = (gain.min(), gain.max(), 4 / 3, gain.max() ** 2)
    quotes = [f"{float(value):.3f}" for value in values]
    assert [quote for quote in quotes if quote not in text] == []


def test_the_space_filter_is_said_to_be_flat_exactly_where_it_is():
    assert (
        "the images are stationary"
        in filter_tab.view(VALUES | {"model": "field64"})["text"]["space"]
    )
    assert "most where images are dark" in filter_tab.view(VALUES)["text"]["space"]


def test_an_opened_mask_is_shown_in_place_of_the_model_s():
    raw = mask()
    opened = opened_mask(raw)
    view = filter_tab.view(VALUES | {"frequency": opened})
    expected = filters.gain(torch.from_numpy(raw), 5.0)[0]
    np.testing.assert_allclose(
        view["plots"]["plane"][0]["z"], torch.fft.fftshift(expected), rtol=1e-4
    )
    assert view["plots"]["space"][0]["z"] == []


def test_a_large_mask_is_averaged_down_and_keeps_its_frequencies():
    opened = opened_mask(mask(size=256))
    (plane,) = filter_tab.view(VALUES | {"frequency": opened})["plots"]["plane"]
    assert np.shape(plane["z"]) == (64, 64)
    assert plane["x"][0] == pytest.approx(-0.5 + 1.5 / 256, rel=1e-4)  # the mean of the first four


@pytest.mark.parametrize("kind", ["frequency", "space"])
def test_a_saved_mask_is_the_file_that_the_command_line_reads(tmp_path, kind):
    saved = masks.file_of(VALUES | {"kind": kind})
    path = tmp_path / saved["file"]
    path.write_bytes(base64.b64decode(saved["content"]))
    experiment = load_model("portraits32")
    read = filters.load(path, experiment.image_shape, kind=kind)
    torch.testing.assert_close(read, getattr(experiment, f"{kind}_mask"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"alpha": 1}, "alpha must be > 1"),
        ({"alpha": None}, "alpha must be > 1"),
        ({"model": "../x"}, "model must be one of"),
        ({"channel": 4}, "channel must be from 0 to 3"),
        ({"channel": "red"}, "channel must be from 0 to 3"),
        ({"frequency": "guessed"}, "no longer on the server"),
        ({"way": "best"}, "way must be one of pds, tuned, response, got 'best'"),
        ({"way": None}, "way must be one of pds, tuned, response, got None"),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(changes, words):
    with pytest.raises(ValueError, match=words):
        filter_tab.view(VALUES | changes)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "A file was expected"),
        ("%%%", "did not arrive whole"),
        (base64.b64encode(b"nonsense").decode(), "not a readable .npy file"),
        (npy(np.ones((4, 4))), "expected .channels, height, width."),
        (npy(np.ones((2, 4, 4))), "expected 1 or 3 channels"),
        (npy(-np.ones((1, 4, 4))), "nowhere negative"),
        (npy(np.random.default_rng(0).random((1, 4, 4))), "not even"),
        (npy(np.array([{}], dtype=object)), "not a readable .npy file"),
        ("A" * 22_000_000, "over 16 MB"),
    ],
)
def test_a_file_that_is_no_frequency_mask_is_refused_in_one_sentence(content, words):
    with pytest.raises(ValueError, match=words):
        masks.open_file({"content": content, "kind": "frequency"})


def test_an_opened_space_mask_is_shown_beside_the_model_s_frequency_mask():
    raw = np.random.default_rng(0).random((1, 8, 8))
    view = filter_tab.view(VALUES | {"space": opened_mask(raw, "space")})
    expected = filters.gain(torch.from_numpy(raw), 5.0)[0]
    np.testing.assert_allclose(view["plots"]["space"][0]["z"], expected, rtol=1e-4)
    assert view["plots"]["plane"] == filter_tab.view(VALUES)["plots"]["plane"]


def test_a_file_of_no_known_kind_is_refused():
    with pytest.raises(ValueError, match="A file was expected"):
        masks.open_file({"content": npy(mask()), "kind": "phase"})


def curves(view):
    """Sigma of each named curve of the figure of the noise levels."""
    named = [trace for trace in view["plots"]["levels"] if "name" in trace]
    return {trace["name"]: (trace["x"], trace["y"]) for trace in named}


def grid(lowest, highest, eps, num_steps):
    """The geometric levels from highest to lowest, at times from 1 to eps."""
    return lowest * (highest / lowest) ** np.linspace(1, eps, num_steps)


@pytest.mark.parametrize("num_steps", [1, 2, 20, 66])
def test_the_tuned_levels_are_drawn_beside_the_published_ones(num_steps):
    view = filter_tab.view(TUNED | {"num_steps": num_steps})
    model = load_model("portraits32")
    eps, iterations = model.sampler(num_steps).eps, np.arange(1, num_steps + 1)
    drawn = curves(view)
    assert list(drawn) == ["vanilla and PDS", "tuned"]
    ends = [(0.01, 1348), model.tuned(num_steps).sigmas]
    x, sigmas = zip(*drawn.values(), strict=True)
    np.testing.assert_array_equal(x, [iterations, iterations])
    np.testing.assert_allclose(sigmas, [grid(*end, eps, num_steps) for end in ends], rtol=1e-4)
    low, high = view["layouts"]["levels"]["xaxis"]["range"]
    assert low < 1 <= num_steps < high


def test_a_long_grid_travels_as_few_points_from_its_first_to_its_last():
    drawn = curves(filter_tab.view(TUNED | {"model": "field64", "num_steps": 300}))
    grids = {name: (x[0], x[-1], len(x)) for name, (x, _) in drawn.items()}
    assert grids == dict.fromkeys(drawn, (1, 300, 200))
    sigmas = {name: sigma for name, (_, sigma) in drawn.items()}
    assert sigmas == {name: sorted(sigma, reverse=True) for name, sigma in sigmas.items()}


def test_the_shaded_band_is_what_the_data_hold_and_its_levels_are_counted():
    """From the weakest wave to the images' mean, which is the strongest of all."""
    view, model = filter_tab.view(TUNED), load_model("portraits32")
    lower, upper = view["plots"]["levels"][:2]
    assert upper["fill"] == "tonexty"
    power = tuned.spectrum(model.frequency_mask).power
    low, high = power.min() ** 0.5, float(model.data_power[:, 0, 0].mean()) ** 0.5
    assert lower["y"] == pytest.approx([low, low], rel=1e-4)
    assert upper["y"] == pytest.approx([high, high], rel=1e-4)
    published, ours = (
        sum(low <= sigma <= high for sigma in sigmas) for _, sigmas in curves(view).values()
    )
    text = view["text"]["levels"]
    assert f"{published} of the 20 published levels lie in it, and {ours} of the tuned" in text
    labels = " ".join(view["plots"]["levels"][5]["text"])
    levels = [f"{value:.3g}" for value in (low, power.max() ** 0.5, high)]
    assert [level for level in levels if f"({level})" not in text] == []
    assert [level for level in levels if f" {level}" not in labels] == []


@pytest.mark.parametrize("alpha", [5, 2])
def test_the_sentence_says_what_is_tuned_and_what_comes_of_it(alpha):
    model = load_model("portraits32")
    sampler, published = model.tuned(20), model.sampler(20)
    modes = tuned.spectrum(model.frequency_mask)
    gain = theory.bins(filters.gain(model.frequency_mask, alpha).double().mean(0)).power
    gains = np.stack([gain**0, gain**0, gain])
    variances = theory.variances(modes, gains, model.sde, [published, sampler, published])
    vanilla, ours, pds = theory.w2(modes, variances)
    (lowest, highest), snr = sampler.sigmas, sampler.corrector.snr
    assert filter_tab.view(TUNED | {"alpha": alpha})["text"]["filter"] == (
        f"Tuned to 20 iterations, without a filter: the noise falls from {number(highest)} to "
        f"{number(lowest)} (published: 1,348 to 0.01) and the corrector's snr is {number(snr)} "
        "(published: 0.15). Gaussian images of this spectrum then end "
        f"{ratio(vanilla / ours)} closer to the data: the error W2 is {error(ours)} instead of "
        f"{error(vanilla)} (PDS at alpha = {alpha}: {error(pds)})."
    )


def test_a_single_iteration_has_a_single_level():
    _, highest = load_model("field64").tuned(1).sigmas
    text = filter_tab.view(TUNED | {"model": "field64", "num_steps": 1})["text"]["filter"]
    assert (
        f"Tuned to 1 iteration, without a filter: the noise has the level {number(highest)} (publ"
        in text
    )


def test_where_the_published_levels_are_the_best_nothing_is_said_to_be_gained(monkeypatch):
    monkeypatch.setattr(tuned, "sampler", lambda mask, sde, published, **_: published)
    text = filter_tab.view(TUNED | {"frequency": opened_mask(mask())})["text"]["filter"]
    assert "falls from 1,348 to 0.01 (published: 1,348 to 0.01)" in text
    assert "then end no closer to the data" in text


def test_the_levels_are_tuned_to_an_opened_mask():
    raw = mask(size=16)
    view = filter_tab.view(TUNED | {"frequency": opened_mask(raw)})
    model = load_model("portraits32")
    sampler = tuned.sampler(torch.from_numpy(raw), model.sde, model.sampler(20))
    assert sampler.sigmas != model.tuned(20).sigmas
    _, sigma = curves(view)["tuned"]
    np.testing.assert_allclose(sigma, grid(*sampler.sigmas, sampler.eps, 20), rtol=1e-4)
    lowest, highest = map(number, sampler.sigmas)
    assert f"falls from {highest} to {lowest} " in view["text"]["filter"]


def test_a_space_mask_changes_nothing_of_the_tuned_levels():
    raw = np.random.default_rng(0).random((1, 8, 8))
    assert filter_tab.view(TUNED | {"space": opened_mask(raw, "space")}) == filter_tab.view(TUNED)


@pytest.mark.parametrize("values", [TUNED, RESPONSE])
@pytest.mark.parametrize("changes", [{"num_steps": 0}, {"num_steps": ""}, {"way": "yes"}])
def test_a_bad_value_of_the_tuned_levels_is_refused(values, changes):
    with pytest.raises(ValueError, match="must be"):
        filter_tab.view(values | changes)


def to_the_network(num_steps=20, model="portraits32"):
    """The sampler that is tuned to a network at N."""
    return load_model(model).plan(Arm("response"), num_steps).sampler


def gain_curve(view):
    """Frequencies and gains of the drawn curve, which is the last trace."""
    curve = view["plots"]["gain"][-1]
    return np.array(curve["x"]), np.array(curve["y"])


@pytest.mark.parametrize("num_steps", [1, 2, 20, 66])
def test_levels_and_gain_that_are_tuned_to_the_network_are_those_of_its_sampler(num_steps):
    view, sampler = filter_tab.view(RESPONSE | {"num_steps": num_steps}), to_the_network(num_steps)
    published, ours = (np.array(sigma) for _, sigma in curves(view).values())
    np.testing.assert_allclose(published, grid(0.01, 1348, sampler.eps, num_steps), rtol=1e-4)
    lowest, highest = sampler.sigmas
    np.testing.assert_allclose(ours, grid(lowest, highest, sampler.eps, num_steps), rtol=1e-4)
    radii, gain = gain_curve(view)
    k = np.fft.fftfreq(32, 1 / 32)
    ring, plane = np.hypot(*np.meshgrid(k, k)).round(), sampler.m.mode_gain().cpu().numpy()
    np.testing.assert_allclose(radii, np.arange(1, 17) / 32, rtol=1e-4)
    np.testing.assert_allclose(gain, [plane[ring == j].mean() for j in range(1, 17)], rtol=1e-4)
    low, high = view["layouts"]["gain"]["yaxis"]["range"]
    assert low < min(gain.min(), 1) and max(gain.max(), 1) < high


def test_the_sentence_says_what_is_tuned_to_the_network_and_by_what():
    view, sampler = filter_tab.view(RESPONSE), to_the_network()
    (lowest, highest), (radii, gain) = sampler.sigmas, gain_curve(view)
    low, high = gain.argmin(), gain.argmax()
    assert gain[high] - gain[low] > 0.01
    assert view["text"]["filter"] == (
        f"Tuned to the network at 20 iterations: the noise falls from {number(highest)} to "
        f"{number(lowest)} (published: 1,348 to 0.01), the corrector's snr is "
        f"{number(sampler.corrector.snr)} (published: 0.15), and the gain ranges from "
        f"{gain[low]:.3f} at {short(radii[low])} cycles per pixel to {gain[high]:.3f} at "
        f"{short(radii[high])}. They are chosen by this network's measured response to noise, not "
        "by the spectrum of its data: the predicted power of every octave and the predicted "
        "grain are as close as possible to those of the network's own images."
    )


def test_clouds_are_said_to_have_an_exact_response_and_no_measured_one():
    text = filter_tab.view(RESPONSE | {"model": "field64", "num_steps": 1})["text"]["filter"]
    assert text.startswith("Tuned to the network at 1 iteration: the noise has the level ")
    assert "by the exact response of these Gaussian images to noise: " in text
    assert text.endswith(" are as close as possible to those of exact samples.")
    assert "measured" not in text


def test_a_gain_that_is_flat_is_said_to_be_so(monkeypatch):
    flat = Settings(0.1, 10.0, 0.2, (1.1,) * 5)
    model = replace(load_model("portraits32"), tuned_to_network=lambda published: flat)
    monkeypatch.setattr(filter_tab, "load_model", lambda name: model)
    text = filter_tab.view(RESPONSE)["text"]["filter"]
    assert "the noise falls from 10 to 0.1 (" in text
    assert "and the gain is 1.100 at every frequency. " in text


@pytest.mark.parametrize("kind", ["frequency", "space"])
def test_an_opened_mask_plays_no_part_in_what_is_tuned_to_the_network(kind):
    raw = mask() if kind == "frequency" else np.random.default_rng(0).random((1, 8, 8))
    plain = filter_tab.view(RESPONSE)
    view = filter_tab.view(RESPONSE | {kind: opened_mask(raw, kind)})
    assert view["plots"] == plain["plots"]
    assert view["text"]["filter"] == f"{plain['text']['filter']} {MASK_UNUSED}"
    assert MASK_UNUSED not in plain["text"]["filter"]


def test_a_model_of_a_visitor_s_images_has_a_sentence_in_place_of_figures():
    images = torch.rand(6, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    name = visitor_models.add(from_images(images), NO_VISIT)
    view = filter_tab.view(RESPONSE | {"model": name})
    assert view["plots"] == {}
    assert view["text"] == {"filter": NO_RESPONSE, "levels": ""}
    assert filter_tab.view(TUNED | {"model": name})["plots"].keys() == {"levels"}
