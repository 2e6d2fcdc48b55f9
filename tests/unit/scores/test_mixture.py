"""The exact score of a mixture around images, against its definition."""

import math

import pytest
import torch

from pds.scores.gaussian import GaussianField
from pds.scores.mixture import SpectralMixture
from pds.sde import VESDE, VPSDE

SDE = VESDE(0.01, 378.0)


def images(n=5, channels=2, size=8, width=None):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n, channels, size, width or size, generator=generator, dtype=torch.float64)


def time_of(sigma):
    return torch.tensor([math.log(sigma / 0.01) / math.log(37800)], dtype=torch.float64)


def log_density(x, data, sde, beta, t):
    """log p_t of x (C, H, W) up to a constant, one component after the other, on the full plane."""
    scale, std = (float(value) for value in sde.marginal(t))
    mean = data.mean(0)
    power = torch.fft.fft2(data - mean, norm="ortho").abs().square().mean(0)
    variance = scale**2 * beta * power + std**2
    logs = []
    for image in data:
        center = scale * (mean + (1 - beta) ** 0.5 * (image - mean))
        gap = torch.fft.fft2(x - center, norm="ortho").abs().square()
        logs.append(-(gap / variance).sum() / 2)
    return torch.logsumexp(torch.stack(logs), 0)


@pytest.mark.not_imitated
@pytest.mark.parametrize("sigma", [0.01, 0.1, 1.0, 30.0, 378.0])
@pytest.mark.parametrize("width", [8, 7])
def test_the_score_is_the_gradient_of_the_density(sigma, width):
    data = images(width=width)
    t = time_of(sigma)
    noise = torch.randn(data[0].shape, generator=torch.Generator().manual_seed(1))
    x = (data[2] + sigma * noise.double()).requires_grad_()
    (expected,) = torch.autograd.grad(log_density(x, data, SDE, 0.1, t), x)
    found = SpectralMixture(data, SDE, beta=0.1)(x.detach()[None], t)[0]
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-7 * float(expected.abs().max()))


@pytest.mark.not_imitated
def test_the_score_holds_for_a_process_that_shrinks():
    data, sde = images(), VPSDE()
    t = torch.tensor([0.4], dtype=torch.float64)
    x = images(1)[0].requires_grad_()
    (expected,) = torch.autograd.grad(log_density(x, data, sde, 0.2, t), x)
    found = SpectralMixture(data, sde, beta=0.2)(x.detach()[None], t)[0]
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-7)


def test_images_of_a_batch_have_their_own_times():
    mixture, x = SpectralMixture(images(), SDE), images(3)
    t = torch.cat([time_of(s) for s in (0.05, 2.0, 100.0)])
    alone = torch.cat([mixture(x[i : i + 1], t[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(mixture(x, t), alone)


def test_almost_all_texture_is_the_gaussian_field_of_the_images():
    data = images(40)
    mixture = SpectralMixture(data, SDE, beta=1 - 1e-12)
    power = torch.fft.fft2(data - data.mean(0), norm="ortho").abs().square().mean(0)
    field = GaussianField(power, SDE)
    x, t = images(2), torch.cat([time_of(0.1), time_of(3.0)])
    expected = field(x - data.mean(0), t)
    torch.testing.assert_close(mixture(x, t), expected, rtol=1e-4, atol=1e-4)


def test_far_from_noise_the_denoised_image_is_the_nearest_one():
    data = images()
    mixture = SpectralMixture(data, SDE, beta=0.01)
    sigma, t = 0.05, time_of(0.05)
    noise = torch.randn(data.shape, generator=torch.Generator().manual_seed(2)).double()
    x = data + sigma * noise
    denoised = x + sigma**2 * mixture(x, t.expand(len(x)))
    gaps = (denoised[:, None] - data[None]).square().sum((2, 3, 4))
    assert gaps.argmin(1).tolist() == list(range(len(data)))


def test_samples_keep_the_mean_image_and_the_power():
    """4,000 samples: five standard errors are 8 % of a mean and 11 % of a power, over all modes."""
    data, num = images(size=4), 4000
    mixture = SpectralMixture(data, SDE, beta=0.3)
    generator = torch.Generator().manual_seed(3)
    choice = torch.randint(len(data), (num,), generator=generator)
    noise = torch.randn(num, *data[0].shape, generator=generator, dtype=torch.float64)
    drawn = mixture.sample(noise, choice)
    assert float((drawn.mean(0) - data.mean(0)).abs().max()) < 0.08
    mean = data.mean(0)
    power = torch.fft.rfft2(data - mean, norm="ortho").abs().square().mean(0)
    found = torch.fft.rfft2(drawn - mean, norm="ortho").abs().square().mean(0)
    seen = power > 1e-9
    assert float((found[seen] / power[seen]).log().abs().max()) < 0.2
    assert float((found / power)[seen].mean()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("data", "beta", "words"),
    [
        (images(1), 0.1, "2 or more images"),
        (images()[0], 0.1, "2 or more images"),
        (images(), 0.0, r"beta must lie in \(0, 1\), got 0"),
        (images(), 1.0, r"beta must lie in \(0, 1\), got 1"),
    ],
)
def test_what_makes_no_mixture_is_refused(data, beta, words):
    with pytest.raises(ValueError, match=words):
        SpectralMixture(data, SDE, beta=beta)
