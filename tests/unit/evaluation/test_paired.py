"""Experiments on a sampler's noise, with denoisers of known response."""

import numpy as np
import pytest
import torch

from pds import models
from pds.arms.names import parse
from pds.driving import seeded_noise
from pds.evaluation import paired
from pds.portraits import portraits
from pds.theory import Bands, Evolution, FlatPlaces, LinearResponse

BANDS = Bands(32, 32)
PICTURES = portraits(range(8), size=32)
PLACES = FlatPlaces(PICTURES.double(), BANDS)
NOTHING = np.full(len(BANDS.radius), 1e-12)
FEW = 20


def noise(seed=0):
    return seeded_noise(range(seed, seed + len(PICTURES)))


def a_third(x, sigma):
    return x / 3


def left_half(x, sigma):
    """Lets all pass on the left, and next to nothing on the right."""
    share = torch.full((32,), 0.02)
    share[:16] = 0.98
    return x * share


def knows_the_pictures(x, sigma):
    return PICTURES.repeat(len(x) // len(PICTURES), 1, 1, 1)


@pytest.fixture(scope="module")
def model():
    return models.load_model("portraits32")


@pytest.fixture(scope="module")
def evolution(model):
    return Evolution(LinearResponse(BANDS, NOTHING), model.sde)


def run(model, evolution, denoiser, arm="vanilla"):
    sampler = model.plan(parse(arm), FEW).sampler
    return list(paired.run(denoiser, evolution, sampler, PICTURES, noise()))


@pytest.mark.parametrize("arm", ["vanilla", "pds:5", "tuned", "ode-heun"])
def test_a_pair_begins_with_the_picture_and_ends_with_the_results(model, evolution, arm):
    first, *_, last = run(model, evolution, a_third, arm)
    assert first.sigma < paired.START
    # x+ and x- are in single precision, in values near 1.
    torch.testing.assert_close(first.picture, PICTURES.double(), atol=1e-6, rtol=0)
    assert last.sigma == 0
    assert len(paired.results(last)) == 2 * len(PICTURES)


def test_a_pair_begins_with_noise_as_strong_as_the_recursion_has_there(model, evolution):
    first, *_ = run(model, evolution, a_third)
    contents = evolution.contents(model.plan(parse("vanilla"), FEW).sampler)
    c = next(content.c for sigma, content in contents if sigma <= 1.001 * first.sigma)
    # 24576 values have a standard deviation within 0.5 % of that of their distribution; 4 of these.
    assert float(first.noise.std()) / first.sigma == pytest.approx(c, rel=0.02)


def test_a_share_of_everything_is_kept_of_own_noise_and_of_fresh(model, evolution):
    pair = run(model, evolution, a_third)[2]
    found = paired.kept(a_third, pair, PLACES)
    np.testing.assert_allclose([found.own, found.fresh], 1 / 3, rtol=1e-5)
    np.testing.assert_allclose([found.own_error, found.fresh_error], 0, atol=1e-5)


def test_noise_of_the_shape_that_passes_is_kept_more_than_fresh_noise(model, evolution):
    pair = run(model, evolution, left_half)[8]
    found = paired.kept(left_half, pair, PLACES)
    assert np.all(found.own > found.fresh + 3 * np.hypot(found.own_error, found.fresh_error))


def test_fresh_noise_has_the_requested_strength_at_every_scale():
    requested = np.array([0.023, 0.029, 0.051])  # PDS at N = 25, sigma = .0165
    # Frequencies of one scale leak into the next, so that not every color is possible.
    found = paired._fresh(PICTURES.double(), requested, PLACES)
    np.testing.assert_allclose(np.sqrt(paired.flat_power(found, PLACES)), requested, rtol=0.03)


def test_ordinary_noise_is_that_of_the_exact_recursion_where_the_picture_is_known(model, evolution):
    sampler = model.plan(parse("vanilla"), FEW).sampler
    own = paired.flat_power(PICTURES, PLACES)
    found = list(
        paired.in_flat_places(
            knows_the_pictures, model.sde, sampler, own, PICTURES.shape, noise(50)
        )
    )
    contents = evolution.contents(sampler)
    measured = [c[0] for sigma, c in found if 0.03 < sigma < 1]
    exact = [content.c for sigma, content in contents if 0.03 < sigma < 1]
    # Some 7000 flat places, neighbors of which share pixels.
    np.testing.assert_allclose(measured, exact, rtol=0.06)


def test_octave_power_of_white_noise_is_its_variance_without_the_bias_of_the_mean():
    few = paired.octave_power(2 * noise(90)(PICTURES.shape))
    # The octaves from 3 cycles on have 2000 values and more; 4 times 3 % of the variance.
    np.testing.assert_allclose(few[3:], 4, rtol=0.12)
