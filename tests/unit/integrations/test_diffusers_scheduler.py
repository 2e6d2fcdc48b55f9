"""The scheduler for pipelines of diffusers: diffusers' own images without masks, PDS with them."""

import importlib
import json
import sys

import numpy as np
import pytest
import torch
from diffusers import ScoreSdeVeScheduler

import pds
from pds import filters
from pds.integrations.diffusers import PreconditionedScoreSdeVeScheduler, tuned_scheduler
from pds.theory import tuned
from tests.support.score_pipelines import (
    ATOL,
    CHOICES,
    MASKS,
    SDE,
    SHAPE,
    SIGMA_MAX,
    ExactUnet,
    draw,
    library_images,
    masks,
    pipeline,
    published,
    scheduler,
    seeded,
    small_unet,
    with_none,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("correct_steps", [0, 1, 2])
@pytest.mark.parametrize("num_steps", [1, 10])
def test_without_masks_the_images_are_those_of_diffusers(correct_steps, num_steps):
    theirs = ScoreSdeVeScheduler(sigma_max=SIGMA_MAX, correct_steps=correct_steps)
    ours = PreconditionedScoreSdeVeScheduler.from_config(theirs.config)
    expected = draw(pipeline(theirs), num_steps)
    torch.testing.assert_close(draw(pipeline(ours), num_steps), expected, atol=ATOL, rtol=0)


def test_without_masks_a_network_draws_what_it_draws_with_diffusers():
    unet = small_unet()
    expected = draw(pipeline(ScoreSdeVeScheduler(sigma_max=SIGMA_MAX), unet), 3)
    torch.testing.assert_close(draw(pipeline(scheduler(), unet), 3), expected, atol=ATOL, rtol=0)


def test_each_image_may_have_its_own_generator():
    both = [seeded(4), seeded(5)]
    theirs = pipeline(ScoreSdeVeScheduler(sigma_max=SIGMA_MAX))
    expected = draw(theirs, generator=[seeded(4), seeded(5)])
    torch.testing.assert_close(
        draw(pipeline(scheduler()), generator=both), expected, atol=ATOL, rtol=0
    )


@pytest.mark.parametrize("names", CHOICES, ids="+".join)
@pytest.mark.parametrize("alpha", [2, 5])
def test_the_first_state_that_the_network_sees_is_preconditioned_noise(names, alpha):
    unet = ExactUnet()
    draw(pipeline(scheduler(names, alpha=alpha), unet), num_steps=2)
    m = filters.preconditioner(*map(MASKS.get, with_none(names)), alpha=alpha)
    noise = torch.randn(2, *SHAPE, generator=seeded())
    first, sigma = unet.calls[0]
    torch.testing.assert_close(first, SIGMA_MAX * m.apply(noise), atol=ATOL, rtol=0)
    assert sigma.tolist() == pytest.approx([SIGMA_MAX] * 2)


@pytest.mark.parametrize("names", CHOICES, ids="+".join)
def test_half_steps_are_the_kernels_of_this_library(names):
    ours = scheduler(names, alpha=3)
    ours.set_timesteps(20)
    ours.set_sigmas(20)
    x, score = torch.randn(2, *SHAPE), torch.randn(2, *SHAPE)
    m = filters.preconditioner(*map(MASKS.get, with_none(names)), alpha=3)
    noise = torch.randn(2, *SHAPE, generator=seeded())
    corrected = pds.Langevin(0.15)(x, score, noise, (1.0, 0.15), m)
    diffusion = SDE.discretize(torch.zeros(20)).diffusion[7].item()
    predicted = pds.ReverseDiffusion()(x, score, noise, (0.0, diffusion), m)
    time = ours.timesteps[7]
    got = ours.step_correct(score, x, generator=seeded()).prev_sample
    torch.testing.assert_close(got, corrected.x)
    output = ours.step_pred(score, time, x, generator=seeded())
    torch.testing.assert_close(output.prev_sample, predicted.x)
    torch.testing.assert_close(output.prev_sample_mean, predicted.x_mean)
    assert torch.equal(ours.step_pred(score, time, x, seeded(), False)[1], output.prev_sample_mean)
    assert torch.equal(ours.step_correct(score, x, seeded(), False)[0], got)


@pytest.mark.parametrize("names", CHOICES, ids="+".join)
def test_a_pipeline_draws_what_this_library_draws_from_the_same_noise(names):
    m = filters.preconditioner(*map(MASKS.get, with_none(names)), alpha=3)
    expected = library_images(published(10, m=m), seeded())
    images = draw(pipeline(scheduler(names, alpha=3)))
    torch.testing.assert_close(images, expected, atol=ATOL, rtol=0)


def test_more_corrector_steps_are_those_of_this_library():
    base = ScoreSdeVeScheduler(sigma_max=SIGMA_MAX, correct_steps=2)
    ours = PreconditionedScoreSdeVeScheduler.from_config(base.config, **masks(["frequency"]))
    m = filters.preconditioner(MASKS["frequency"], None, alpha=5)
    expected = library_images(published(10, m=m, num_corrector_steps=2), seeded())
    torch.testing.assert_close(draw(pipeline(ours)), expected, atol=ATOL, rtol=0)


@pytest.mark.parametrize("num_steps", [10, 1])
def test_tuned_is_the_tuned_sampler_of_this_library(num_steps):
    base = scheduler([])
    ours = tuned_scheduler(base.config, MASKS["frequency"], num_inference_steps=num_steps)
    best = tuned.sampler(MASKS["frequency"], SDE, published(num_steps))
    images = draw(pipeline(ours), num_steps)
    torch.testing.assert_close(images, library_images(best, seeded()), atol=ATOL, rtol=0)


def test_a_tuned_scheduler_is_one_of_diffusers_on_lower_levels():
    config = scheduler(["frequency"]).config
    ours = tuned_scheduler(config, MASKS["frequency"], num_inference_steps=10)
    assert type(ours) is ScoreSdeVeScheduler
    assert ours.config.sigma_max < SIGMA_MAX / 2
    assert ours.config.snr != config.snr
    assert "frequency_mask" not in ours.config


def test_a_loop_by_hand_draws_what_the_pipeline_draws():
    chosen, unet, generator = scheduler(["frequency"]), ExactUnet(), seeded()
    chosen.set_timesteps(10)
    chosen.set_sigmas(10)
    sample = torch.randn(2, *SHAPE, generator=generator) * chosen.init_noise_sigma
    for t, sigma in zip(chosen.timesteps, chosen.sigmas, strict=True):
        sigma_t = sigma * torch.ones(2)
        score = unet(chosen.scale_model_input(sample, t), sigma_t).sample
        sample = chosen.step_correct(score, sample, generator=generator).prev_sample
        score = unet(sample, sigma_t).sample
        output = chosen.step_pred(score, t, sample, generator=generator)
        sample = output.prev_sample
    expected = draw(pipeline(scheduler(["frequency"])))
    images = output.prev_sample_mean.clamp(0, 1)
    torch.testing.assert_close(images, expected, atol=ATOL, rtol=0)


def test_the_noise_scale_is_a_number_for_everything_but_noise():
    number = scheduler(["frequency"]).init_noise_sigma
    noise = torch.randn(1, *SHAPE)
    m = filters.preconditioner(MASKS["frequency"], None, alpha=5)
    start = SIGMA_MAX * m.apply(noise)
    in_place = noise.clone()
    in_place *= number
    products = [noise * number, number * noise, torch.mul(noise, number), in_place]
    torch.testing.assert_close(torch.stack(products), torch.stack([start] * 4), atol=ATOL, rtol=0)
    assert number == SIGMA_MAX and 2 * number == 2 * SIGMA_MAX and json.dumps(number) == "50.0"
    assert torch.equal(noise / number, noise / SIGMA_MAX)
    assert np.array_equal(np.ones(2) * number, np.full(2, SIGMA_MAX))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_images_keep_their_precision_and_are_computed_in_float32_at_least(dtype):
    ours, x = scheduler(["frequency"]), torch.randn(2, *SHAPE)
    ours.set_timesteps(10)
    ours.set_sigmas(10)
    eps = max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)
    steps = (
        lambda x: x * ours.init_noise_sigma,
        lambda x: ours.step_correct(x, x, generator=seeded()).prev_sample,
        lambda x: ours.step_pred(-x / 2500, ours.timesteps[0], x, seeded()).prev_sample_mean,
    )
    rounded = x.to(dtype)
    got, exact = zip(*((step(rounded), step(rounded.float())) for step in steps), strict=True)
    assert [images.dtype for images in got] == [dtype] * 3
    got, exact = (torch.stack(images).double() for images in (got, exact))
    torch.testing.assert_close(got, exact, rtol=4 * eps, atol=4 * eps * SIGMA_MAX)


def test_masks_may_be_arrays_or_paths(tmp_path):
    path = tmp_path / "freq.npy"
    filters.save(path, MASKS["frequency"], kind="frequency")
    base = scheduler().config
    images = [
        draw(pipeline(PreconditionedScoreSdeVeScheduler.from_config(base, frequency_mask=mask)))
        for mask in (MASKS["frequency"], MASKS["frequency"].numpy(), path, str(path))
    ]
    assert all(torch.equal(other, images[0]) for other in images)


UNEVEN = torch.rand(SHAPE, generator=seeded())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alpha": 1}, "alpha must be > 1, got 1; a larger alpha is a weaker filter"),
        ({"frequency_mask": UNEVEN}, "the frequency mask is not even"),
        ({"space_mask": torch.ones(4, 4)}, "expected \\(channels, height, width\\)"),
        ({"space_mask": "nowhere.npy"}, "no filter at nowhere.npy; expected a .npy file"),
    ],
)
def test_what_cannot_be_sampled_is_refused_in_a_sentence(options, sentence):
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        scheduler(**options)


def test_masks_of_another_size_are_refused_at_the_start_and_at_the_first_step():
    sentence = (
        r"the frequency mask has shape \(3, 32, 32\), but the images are \(3, 16, 16\) .*; "
        "estimate a mask at this size"
    )
    ours = scheduler(frequency_mask=filters.natural((3, 32, 32)))
    with pytest.raises(ValueError, match=sentence):
        draw(pipeline(ours))
    with pytest.raises(ValueError, match=sentence):
        ours.step_correct(torch.zeros(1, *SHAPE), torch.zeros(1, *SHAPE))


def test_no_iterations_are_refused():
    with pytest.raises(ValueError, match="num_inference_steps must be a whole number >= 1, got 0"):
        scheduler().set_timesteps(0)


def test_without_diffusers_the_import_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "pds.integrations.diffusers")
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ImportError, match="needs the package diffusers; install it with `pip"):
        importlib.import_module("pds.integrations.diffusers")


def test_alpha_weakens_the_filter():
    """Farther from vanilla with a smaller alpha; both from the same noise."""
    vanilla, weak, strong = (
        draw(pipeline(made))
        for made in (scheduler(), scheduler(["frequency"], alpha=20), scheduler(["frequency"]))
    )
    assert (strong - vanilla).norm() > 2 * (weak - vanilla).norm() > 0
