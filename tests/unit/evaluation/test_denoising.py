"""One denoising of a portrait with planted noise: shares against closed forms, and the network."""

from itertools import product

import pytest
import torch

from pds.appearance import grain
from pds.driving import seeded_noise, side_by_side
from pds.evaluation import denoising
from pds.evaluation.denoising import Denoised, Planted, plant
from pds.evaluation.gaussian import field
from pds.models import workers

FIELD = field(denoising.MODEL)
SIGMAS = (0.03, 0.16, 0.5)
QUICK = {(0.03, 0.5), (0.16, 1.5), (0.5, 3.0)}


@pytest.mark.parametrize(
    ("sigma", "strength"),
    [
        pytest.param(*pair, marks=() if pair in QUICK else pytest.mark.slow)
        for pair in product(SIGMAS, (0.5, 1.5, 3.0))
    ],
)
def test_a_linear_filter_keeps_the_same_share_of_any_noise(sigma, strength):
    matched, other = plant(sigma, (1.0, strength))
    assert other.linear.left == pytest.approx(matched.linear.left, rel=1e-3)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_share_of_a_linear_filter_is_that_of_its_frequencies(sigma):
    """lambda / (lambda + sigma^2), weighted as the diagonal difference weights white noise.

    The flat places of one picture have some 3,600 differences: 10 % is five standard errors.
    """
    power = FIELD.gaussian.power.mean(0)
    one_way = torch.sin(torch.pi * torch.fft.fftfreq(len(power), dtype=torch.float64)).square()
    weight = one_way[:, None] * one_way
    expected = float((weight * power / (power + sigma**2)).sum() / weight.sum())
    (matched,) = plant(sigma, (1.0,))
    assert matched.linear.left == pytest.approx(expected, rel=0.1)


def test_the_network_s_picture_is_its_denoising():
    (matched,) = plant(0.2, (1.0,))
    t = FIELD.time(0.2)
    with torch.no_grad():
        expected = matched.noisy + 0.2**2 * FIELD.model.score(matched.noisy[None], t)[0]
    # Another batch size changes the order of summation.
    torch.testing.assert_close(matched.network.picture, expected, atol=1e-4, rtol=0)


def test_the_noise_of_a_picture_has_the_requested_strength():
    weak, strong = plant(0.1, (1.0, 2.5))
    clean = FIELD.picture(denoising.PORTRAITS)
    torch.testing.assert_close(strong.noisy - clean, 2.5 * (weak.noisy - clean))
    # 12,288 values: five standard errors of a standard deviation are 3.2 %.
    assert float((weak.noisy - clean).std()) == pytest.approx(0.1, rel=0.032)


@pytest.mark.parametrize("name", ["network", "linear"])
def test_grain_is_that_of_the_picture_relative_to_the_portrait(name):
    (found,) = plant(0.16, (1.5,))
    clean = grain(FIELD.picture(denoising.PORTRAITS)[None]).mean()
    after = getattr(found, name)
    assert after.grain == pytest.approx(float(grain(after.picture[None]).mean() / clean))


@pytest.mark.parametrize("sigma", SIGMAS)
def test_a_network_removes_more_noise_than_there_is_if_sigma_is_too_high(sigma):
    (half,) = plant(sigma, (0.5,))
    assert half.network.left < 0


def test_the_excess_is_what_more_noise_adds():
    """1 % of noise of sigma is left, and 40 % of the same amount on top: 20.5 % of all."""
    linear = Denoised(torch.zeros(0), 1.0, 0.0)
    matched, twice = (
        Planted(c, torch.zeros(0), Denoised(torch.zeros(0), 1.0, left), linear)
        for c, left in ((1.0, 0.01), (2.0, 0.205))
    )
    assert twice.excess_left(matched) == pytest.approx(0.4)


def test_a_denoising_is_answered_while_a_run_is_under_way():
    model, shape = FIELD.model, (1, *FIELD.model.image_shape)
    with workers().place() as worker:
        run = side_by_side([model.sampler(5)], model.sde, noise=seeded_noise([0]), shape=shape)
        steps = worker.stream(model.batchers[worker.device], run)
        next(steps)
        (matched,) = plant(0.2345, (1.0,))  # at no other test's sigma, so that it is computed here
        assert [step.index for (step,) in steps] == [1, 2, 3, 4]
    assert 0 < matched.network.left < matched.linear.left
