import numpy as np
import pytest
import torch

from pds import filters, models, theory
from pds.appearance import Appearance
from pds.driving import seeded_noise
from pds.evaluation.ladder import rungs
from pds.kernels import Langevin
from pds.models import Model, compare_request, load_model, speed_up
from pds.portraits import portraits
from pds.portraits.trainer import HELD_OUT
from pds.preconditioners import Composition, FrequencyFilter, Identity, SpaceFilter
from pds.request import Request
from pds.sde import VESDE, column
from pds.spectra import power, radial
from pds.web.exact import predict

FIELD = Request(model="field64", num_steps=5, num_images=2, seed=3)


@pytest.mark.parametrize(
    ("frequency", "space", "kind"),
    [
        (False, False, Identity),
        (True, False, FrequencyFilter),
        (False, True, SpaceFilter),
        (True, True, Composition),
    ],
)
def test_a_request_chooses_its_preconditioner(frequency, space, kind):
    request = Request(model="field64", frequency=frequency, space=space)
    assert type(load_model("field64").method(request).m) is kind


def test_without_filters_both_chains_are_one():
    request = Request(model="field64", num_steps=5, frequency=False, num_images=2)
    *_, last = compare_request(request)
    assert torch.equal(last.vanilla.x_mean, last.pds.x_mean)


def test_image_i_starts_from_seed_plus_i():
    *_, first = compare_request(FIELD)
    *_, second = compare_request(Request(model="field64", num_steps=5, num_images=1, seed=4))
    # States start at 1348 times the data, where float32 rounds by 1e-4.
    torch.testing.assert_close(first.pds.x_mean[1], second.pds.x_mean[0], rtol=0, atol=2e-3)


@pytest.mark.parametrize(
    ("num_steps", "expected"),
    [(2000, 1), (200, 10), (133, 15), (100, 20), (66, 30), (40, 50), (25, 80)],
)
def test_the_ladder_has_the_papers_whole_speed_ups(num_steps, expected):
    assert speed_up(2000, num_steps) == expected


@pytest.mark.parametrize("num_steps", [1, 3, 67, 999, 1500, 1999])
def test_every_speed_up_gives_back_its_iterations(num_steps):
    assert int(2000 / speed_up(2000, num_steps) + 1e-9) == num_steps


def test_images_of_a_centered_model_are_drawn_in_0_to_1():
    sde, ones = VESDE(), torch.ones(1, 4, 4)

    def score(x, t):
        """The score of one image of pixels -1/2, which is 1/4 in [0, 1]."""
        return (-0.5 - x) / column(sde.sigma(t), x) ** 2

    model = Model(score, sde, 2000, ones, ones, Langevin(0.15, "sample"), centered=True)
    (images,) = models.draw(model, 2, 20)
    # The last predictor step returns to the image itself, up to sigma(eps) = 0.01.
    torch.testing.assert_close(images, torch.full((2, 1, 4, 4), 0.25), rtol=0, atol=0.02)


def test_the_last_time_of_the_sampler_scales_with_the_speed_up():
    assert load_model("field64").sampler(66).eps == pytest.approx(30e-5)


def test_the_field_s_mask_is_what_its_own_samples_give():
    """2000 images put a relative standard error of 2.2 % on each power, 0.022 on its logarithm."""
    model, generator = load_model("field64"), torch.Generator().manual_seed(0)
    shape = (200, *model.image_shape)
    batches = [model.score.sample(torch.randn(shape, generator=generator)) for _ in range(10)]
    estimated = filters.estimate(batches)
    difference = (estimated.frequency - model.frequency_mask).abs()
    assert float(difference.max()) < 6 * 0.0224
    assert float((estimated.space - model.space_mask).abs().max()) < 0.05
    torch.testing.assert_close(
        model.data_power.mean(), power(torch.cat(batches)).mean(), rtol=0.01, atol=0
    )


def test_the_embedded_model_draws_portraits():
    request = Request(num_steps=2, num_images=1)
    steps = list(compare_request(request))
    assert [pair.pds.index for pair in steps] == [0, 1]
    assert steps[-1].pds.x_mean.shape == (1, 3, 32, 32)
    assert bool(torch.isfinite(steps[-1].pds.x_mean).all())


@pytest.mark.slow
def test_the_embedded_model_draws_portraits_not_noise():
    """At N = 40 with PDS grain is within a quarter of the network's own, and below vanilla's."""
    model = load_model("portraits32")
    *_, last = compare_request(Request(num_steps=40, num_images=3))
    vanilla, pds = (
        Appearance.of(model.to_pixels(step.x_mean)).relative_to(model.references.network)
        for step in (last.vanilla, last.pds)
    )
    assert 0.75 < pds.grain < 1.25
    assert pds.grain < vanilla.grain


def test_the_exact_prediction_is_what_the_sampler_does_to_the_field():
    """Rings of 8 x 3 x n modes: a relative standard error of sqrt(2 / (24 n)), five of them.

    Rings beyond 8 cycles have at least 44 modes, so 5 sigma is at most 22 %; seeded.
    """
    request = Request(model="field64", num_steps=25, num_images=8)
    measured = [
        [radial(power(step.x_mean)).power[7:] for step in pair] for pair in compare_request(request)
    ]
    exact = [[spectrum.power[7:] for spectrum in spectra] for spectra in predict(request)]
    np.testing.assert_allclose(measured, exact, rtol=0.22)


def test_a_network_has_no_exact_prediction():
    assert list(predict(Request(num_steps=3))) == []


def test_the_ladder_measures_both_chains():
    ((num_steps, vanilla, pds),) = rungs("field64", [25], num_runs=1)
    assert num_steps == 25
    assert pds.grain < vanilla.grain


@pytest.mark.parametrize(
    "missing", ["assets/portraits32.safetensors", "filters/portraits32_freq.npy"]
)
def test_a_missing_file_is_named(monkeypatch, tmp_path, missing):
    for name in ("assets/portraits32.safetensors", "filters/portraits32_freq.npy"):
        (tmp_path / name).parent.mkdir()
        if name != missing:
            (tmp_path / name).write_bytes((models.ROOT / name).read_bytes())
    monkeypatch.setattr(models, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match=missing.split("/")[1]):
        models.portraits(32)


@pytest.mark.parametrize("size", [32, pytest.param(64, marks=pytest.mark.slow)])
def test_a_shipped_network_knows_portraits_that_it_never_saw(size):
    """It removes more than the best linear filter does, which knows their spectrum only."""
    model, sigma = models.portraits(size), 0.2
    x = portraits(range(HELD_OUT, HELD_OUT + 16), size=size)
    noisy = x + sigma * seeded_noise(range(16))(x.shape)
    t = model.sde.time(torch.full((16,), sigma))
    with torch.no_grad():
        error = float((noisy + sigma**2 * model.score(noisy, t) - x).square().mean())
    power = theory.bins(model.data_power.mean(0))
    linear = float(power.mean(power.power * sigma**2 / (power.power + sigma**2))[0])
    assert error < 0.3 * linear
    weights = models.ROOT / "assets" / f"portraits{size}.safetensors"
    assert weights.stat().st_size < 10_000_000
