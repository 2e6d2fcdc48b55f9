"""The tab "Filter": values of its controls in, figures and sentences out."""

import base64
import io

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from pds import filters, tuned
from pds.experiments import Request, load
from pds.web import filter_tab

VALUES = {"model": "portraits32", "alpha": 5, "channel": 0, "frequency": "", "space": ""}


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return base64.b64encode(buffer.getvalue()).decode()


def mask(channels=1, size=8):
    images = torch.rand(3, channels, size, size, generator=torch.Generator().manual_seed(0))
    return filters.estimate([images]).frequency.numpy()


def opened_mask(array, kind="frequency"):
    return filter_tab.open_mask({"content": npy(array), "kind": kind})["opened"]


@pytest.mark.parametrize("model", ["portraits32", "field64"])
def test_every_figure_is_one_that_plotly_accepts(model):
    view = filter_tab.view(VALUES | {"model": model})
    layouts = filter_tab.setup()["layouts"]
    assert view["plots"].keys() == layouts.keys()
    for name, traces in view["plots"].items():
        go.Figure(traces, layouts[name]).update_layout(view["layouts"].get(name, {}))


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
    gain = filters.gain(load("portraits32").frequency_mask, 5.0)[channel - 1]
    (plane,) = filter_tab.view(VALUES | {"channel": channel})["plots"]["plane"]
    np.testing.assert_allclose(plane["z"], torch.fft.fftshift(gain), rtol=1e-4)


def test_the_sentence_says_the_range_and_the_bound():
    gain = filters.gain(load("portraits32").frequency_mask, 4.0)
    text = filter_tab.view(VALUES | {"alpha": 4})["text"]["filter"]
    for number in (gain.min(), gain.max(), 4 / 3, gain.max() ** 2):
        assert f"{float(number):.3f}" in text


def test_the_space_filter_is_said_to_be_flat_exactly_where_it_is():
    assert "no preferred place" in filter_tab.view(VALUES | {"model": "field64"})["text"]["space"]
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
    saved = filter_tab.mask_file(VALUES | {"kind": kind})
    path = tmp_path / saved["file"]
    path.write_bytes(base64.b64decode(saved["content"]))
    experiment = load("portraits32")
    read = filters.load(path, experiment.image_shape, kind=kind)
    torch.testing.assert_close(read, getattr(experiment, f"{kind}_mask"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"alpha": 1}, "alpha must be a number above 1"),
        ({"alpha": None}, "alpha must be a number above 1"),
        ({"model": "../x"}, "model must be one of"),
        ({"channel": 4}, "channel must be from 0 to 3"),
        ({"channel": "red"}, "channel must be from 0 to 3"),
        ({"frequency": "guessed"}, "no longer here"),
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
        filter_tab.open_mask({"content": content, "kind": "frequency"})


def test_an_opened_space_mask_is_shown_beside_the_model_s_frequency_mask():
    raw = np.random.default_rng(0).random((1, 8, 8))
    view = filter_tab.view(VALUES | {"space": opened_mask(raw, "space")})
    expected = filters.gain(torch.from_numpy(raw), 5.0)[0]
    np.testing.assert_allclose(view["plots"]["space"][0]["z"], expected, rtol=1e-4)
    assert view["plots"]["plane"] == filter_tab.view(VALUES)["plots"]["plane"]


def test_a_file_of_no_known_kind_is_refused():
    with pytest.raises(ValueError, match="A file was expected"):
        filter_tab.open_mask({"content": npy(mask()), "kind": "phase"})


TUNED = VALUES | {"tuned": True, "num_steps": 20}


def test_a_tuned_gain_is_drawn_as_the_comparison_uses_it():
    gain = load("portraits32").frequency_gain(Request(num_steps=20, tuned=True))
    view = filter_tab.view(TUNED)
    (plane,) = view["plots"]["plane"]
    np.testing.assert_allclose(plane["z"], torch.fft.fftshift(gain[0]), rtol=1e-4)
    assert f"{float(gain.max()):.3f}" in view["text"]["filter"]
    assert view["text"]["filter"].startswith("Tuned to 20 iterations")
    assert view["plots"]["space"][0]["z"] == []


@pytest.mark.parametrize("num_steps", [1, 7])
def test_a_tuned_gain_s_figures_are_ones_that_plotly_accepts(num_steps):
    view = filter_tab.view(TUNED | {"num_steps": num_steps})
    for name, traces in view["plots"].items():
        layout = filter_tab.setup()["layouts"][name]
        go.Figure(traces, layout).update_layout(view["layouts"].get(name, {}))


def test_a_gain_is_tuned_to_an_opened_mask():
    raw = mask(size=16)
    view = filter_tab.view(TUNED | {"frequency": opened_mask(raw)})
    model = load("portraits32")
    m = tuned.preconditioner(torch.from_numpy(raw), model.sde, model.sampler(20))
    (plane,) = view["plots"]["plane"]
    np.testing.assert_allclose(plane["z"], torch.fft.fftshift(m.gain[0]), rtol=1e-4)


@pytest.mark.parametrize("changes", [{"num_steps": 0}, {"num_steps": ""}, {"tuned": "yes"}])
def test_a_bad_value_of_a_tuned_gain_is_refused(changes):
    with pytest.raises(ValueError, match="must be"):
        filter_tab.view(TUNED | changes)
