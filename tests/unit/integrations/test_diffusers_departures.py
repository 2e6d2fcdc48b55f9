"""Where diffusers' sampler differs from the published one: the table of docs/howto/diffusers.md."""

import pytest
import torch
from diffusers import ScoreSdeVeScheduler

import pds
from tests.support.score_pipelines import (
    SDE,
    SHAPE,
    draw,
    pipeline,
    scheduler,
    seeded,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_levels_of_diffusers_are_those_of_this_library_at_every_n():
    ours = scheduler()

    def indices(num_steps):
        ours.set_timesteps(num_steps)
        return (ours.timesteps * (num_steps - 1)).long().tolist()

    numbers = [1, 2, 3, *range(10, 400, 7), 1000, 1999, 2000]
    assert [n for n in numbers if indices(n) != list(range(n - 1, -1, -1))] == []
    ours.set_sigmas(2000)
    diffusion = torch.tensor([ours._diffusion(t) for t in ours.timesteps], dtype=torch.float64)
    expected = SDE.discretize(torch.zeros(2000)).diffusion
    # Neighbors differ by .4 %; the difference of their squares has 2 to 3 digits less.
    torch.testing.assert_close(diffusion, expected, rtol=1e-4, atol=0)


def theirs(num_steps):
    """diffusers' own scheduler with N iterations, and sigma_max of the published networks."""
    made = ScoreSdeVeScheduler()
    made.set_timesteps(num_steps)
    made.set_sigmas(num_steps)
    return made


@pytest.mark.parametrize("num_steps", [25, 66, 2000])
def test_the_last_time_is_the_same_at_every_n(num_steps):
    assert theirs(num_steps).timesteps[-1].item() == pytest.approx(1e-5)


def test_the_published_last_time_is_in_proportion_to_the_speed_up():
    """It ends .9 % above the lowest level at N = 25, diffusers .01 %."""
    sde = pds.VESDE()
    ends = torch.tensor([1e-5, sde.eps_per_speed_up * 2000 / 25], dtype=torch.float64)
    assert (sde.sigma(ends) / sde.sigma_min - 1).tolist() == pytest.approx(
        [0.00012, 0.0095], rel=0.02
    )


@pytest.mark.parametrize(("num_steps", "bound"), [(2000, 7e-5), (66, 3e-6)])
def test_levels_of_float32_are_off_by_little(num_steps, bound):
    made, sde = theirs(num_steps), pds.VESDE()
    sigmas = sde.sigma(torch.linspace(1, 1e-5, num_steps, dtype=torch.float64))
    torch.testing.assert_close(made.sigmas.double(), sigmas, rtol=2e-6, atol=0)
    levels = made.discrete_sigmas.flip(0)
    below = torch.cat([levels[1:], torch.zeros(1)])
    diffusion = (levels**2 - below**2).sqrt().double()
    exact = sde.discretize(torch.zeros(num_steps)).diffusion
    assert bound / 10 < ((diffusion - exact) / exact).abs().max() < bound


def test_an_image_depends_on_its_batch_through_the_norms_alone():
    alone = draw(pipeline(scheduler()), 5, [seeded(1)], batch_size=1)
    company = draw(pipeline(scheduler()), 5, [seeded(1), seeded(2), seeded(3)], batch_size=3)[:1]
    assert 1e-5 < (alone - company).square().mean().sqrt() < 0.05
    x, score = torch.randn(3, *SHAPE), torch.tensor([1.0, 2, 3]).reshape(3, 1, 1, 1)
    score = score * torch.randn(3, *SHAPE)
    noise = torch.randn(3, *SHAPE, generator=seeded())
    made = theirs(5).step_correct(score, x, generator=seeded()).prev_sample
    batch, sample = (
        pds.Langevin(0.15, snr_norm=over)(x, score, noise, (1.0, 0.15), pds.Identity()).x
        for over in ("batch", "sample")
    )
    torch.testing.assert_close(made, batch)
    assert (made - sample).abs().max() > 1e-3


def test_a_corrector_of_diffusers_returns_16_bits_as_float32_and_ours_as_they_came():
    x = torch.randn(1, *SHAPE, dtype=torch.float16)
    assert theirs(5).step_correct(x, x).prev_sample.dtype == torch.float32
    ours = scheduler()
    assert ours.step_correct(x, x).prev_sample.dtype == torch.float16


def test_the_last_state_is_clamped_once_without_its_noise():
    unclamped = []
    made = scheduler()
    step = made.step_pred
    made.step_pred = lambda *args, **options: (
        unclamped.append(step(*args, **options)) or (unclamped[-1])
    )
    images = draw(pipeline(made), 5)
    assert all(output.prev_sample_mean.max() > 1 for output in unclamped[:4])
    torch.testing.assert_close(images, unclamped[-1].prev_sample_mean.clamp(0, 1))


@pytest.mark.slow
def test_the_last_time_and_the_norms_change_pictures_by_little():
    """At N = 25, as root mean square; the pictures have a standard deviation of .18."""
    model = pds.load_model("portraits32")

    def images(eps, over):
        sampler = pds.PredictorCorrector(
            num_steps=25, eps=eps, corrector=pds.Langevin(0.15, snr_norm=over)
        )
        noise = pds.seeded_noise([0, 1])
        chain = sampler.chain(model.sde, noise=noise, shape=(2, *model.image_shape))
        return pds.sample(model.score, chain).clamp(0, 1)

    as_diffusers = images(1e-5, "batch")

    def change(other):
        return float((other - as_diffusers).square().mean().sqrt())

    last_time, norms = change(images(8e-4, "batch")), change(images(1e-5, "sample"))
    assert 2e-3 < last_time < 5e-3 and 5e-5 < norms < 1e-3


def test_a_single_iteration_calls_the_network_at_the_highest_level_and_steps_from_the_lowest():
    """As the published code does, and this library."""
    made = theirs(1)
    assert made.sigmas.tolist() == pytest.approx([1348.0])
    assert made.discrete_sigmas.tolist() == pytest.approx([0.01])
    assert pds.VESDE().discrete_sigmas(1).tolist() == pytest.approx([0.01, 0])
