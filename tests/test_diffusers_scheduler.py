"""The scheduler for pipelines of diffusers: diffusers' own images without masks, PDS with them."""

import copy
import importlib
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch  # noqa: F401  (old versions of diffusers rely on somebody importing it)
import torch
from diffusers import DiffusionPipeline, ScoreSdeVePipeline, ScoreSdeVeScheduler, UNet2DModel

import pds
from pds import filters
from pds.integrations.diffusers import PreconditionedScoreSdeVeScheduler
from pds.scores.gaussian import GaussianField
from pds.theory import tuned

SIZE, SHAPE = 16, (3, 16, 16)
SIGMA_MAX = 50.0
SDE = pds.VESDE(sigma_max=SIGMA_MAX)
ATOL = 100 * torch.finfo(torch.float32).eps * SIGMA_MAX
"""Rounding of states of standard deviation sigma_max in float32, which ten iterations carry on."""
MASKS = {
    "frequency": filters.natural(SHAPE),
    "space": 0.2 + torch.rand(SHAPE, generator=torch.Generator().manual_seed(3)),
}
CHOICES = [("frequency",), ("space",), ("frequency", "space")]


class ExactUnet(torch.nn.Module):
    """The score of Gaussian images with the natural spectrum; keeps what it is called with."""

    config = SimpleNamespace(sample_size=SIZE)
    device = torch.device("cpu")

    def __init__(self):
        super().__init__()
        self.field = GaussianField(filters.data_power(MASKS["frequency"])[0], SDE, mean=0.4)
        self.calls = []

    def forward(self, x, sigma):
        self.calls.append((x + 0, sigma))
        return SimpleNamespace(sample=self.field(x, SDE.time(sigma)))


def masks(names):
    return {f"{name}_mask": MASKS[name] for name in names}


def scheduler(names=(), **options):
    base = ScoreSdeVeScheduler(sigma_max=SIGMA_MAX)
    return PreconditionedScoreSdeVeScheduler.from_config(base.config, **masks(names), **options)


def pipeline(chosen, unet=None):
    pipe = ScoreSdeVePipeline(unet or ExactUnet(), chosen)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(pipe, num_steps=10, generator=None, batch_size=2):
    """Images of a pipeline, (B, C, H, W)."""
    generator = generator or seeded()
    images = pipe(
        batch_size, num_inference_steps=num_steps, generator=generator, output_type="np"
    ).images
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def small_unet():
    torch.manual_seed(0)
    return UNet2DModel(
        sample_size=SIZE,
        block_out_channels=(16,),
        layers_per_block=1,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        time_embedding_type="fourier",
        norm_num_groups=8,
    ).eval()


def library_images(sampler, generator, batch_size=2):
    """The images of this library's own chain, with noise of the same generator, in [0, 1]."""
    chain = sampler.chain(
        SDE,
        noise=lambda shape: torch.randn(shape, generator=generator),
        shape=(batch_size, *SHAPE),
    )
    field = ExactUnet().field
    return pds.sample(field, chain).clamp(0, 1)


def published(num_steps, snr=0.15, **options):
    return pds.PredictorCorrector(
        num_steps=num_steps, eps=1e-5, corrector=pds.Langevin(snr), **options
    )


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Transforms of 16 px in two threads wait for each other on a busy machine."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(scope="module")
def unet():
    return small_unet()


@pytest.mark.parametrize("correct_steps", [0, 1, 2])
@pytest.mark.parametrize("num_steps", [1, 10])
def test_without_masks_the_images_are_those_of_diffusers(correct_steps, num_steps):
    theirs = ScoreSdeVeScheduler(sigma_max=SIGMA_MAX, correct_steps=correct_steps)
    ours = PreconditionedScoreSdeVeScheduler.from_config(theirs.config)
    expected = draw(pipeline(theirs), num_steps)
    torch.testing.assert_close(draw(pipeline(ours), num_steps), expected, atol=ATOL, rtol=0)


def test_without_masks_a_network_draws_what_it_draws_with_diffusers(unet):
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


def with_none(names):
    """The names of both masks, None for one that is not chosen."""
    return [name if name in names else None for name in ("frequency", "space")]


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


@pytest.fixture(scope="module")
def tuned_pipeline():
    return pipeline(scheduler(["frequency"], tuned=True))


@pytest.mark.parametrize("num_steps", [10, 12, 10, 1])
def test_tuned_is_the_tuned_sampler_of_this_library_at_every_n(tuned_pipeline, num_steps):
    """The pipeline draws its start before the scheduler learns of N, at the levels of the last."""
    best = tuned.sampler(MASKS["frequency"], SDE, published(num_steps))
    expected = library_images(best, seeded())
    images = draw(tuned_pipeline, num_steps)
    torch.testing.assert_close(images, expected, atol=ATOL, rtol=0)


def test_a_tuned_start_has_the_highest_of_the_tuned_levels(tuned_pipeline):
    tuned_pipeline.unet.calls.clear()
    draw(tuned_pipeline, 10)
    first, sigma = tuned_pipeline.unet.calls[0]
    highest = tuned.sampler(MASKS["frequency"], SDE, published(10)).sigmas[1]
    assert highest < SIGMA_MAX / 2
    assert sigma.tolist() == pytest.approx([highest] * 2)
    torch.testing.assert_close(first, highest * torch.randn(2, *SHAPE, generator=seeded()))
    assert float(tuned_pipeline.scheduler.init_noise_sigma) == highest


@pytest.mark.parametrize("tuning", [False, True])
def test_a_loop_by_hand_draws_what_the_pipeline_draws(tuning):
    chosen, unet, generator = scheduler(["frequency"], tuned=tuning), ExactUnet(), seeded()
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
    expected = draw(pipeline(scheduler(["frequency"], tuned=tuning)))
    images = output.prev_sample_mean.clamp(0, 1)
    torch.testing.assert_close(images, expected, atol=ATOL, rtol=0)


def test_the_noise_scale_is_a_number_for_everything_but_noise():
    number = scheduler(["frequency"]).init_noise_sigma
    noise = torch.randn(1, *SHAPE)
    m = filters.preconditioner(MASKS["frequency"], None, alpha=5)
    start = SIGMA_MAX * m.apply(noise)
    in_place = noise.clone()
    in_place *= number
    for product in (noise * number, number * noise, torch.mul(noise, number), in_place):
        torch.testing.assert_close(product, start, atol=ATOL, rtol=0)
    assert number == SIGMA_MAX and 2 * number == 2 * SIGMA_MAX and json.dumps(number) == "50.0"
    assert torch.equal(noise / number, noise / SIGMA_MAX)
    assert np.array_equal(np.ones(2) * number, np.full(2, SIGMA_MAX))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_images_keep_their_precision_and_are_computed_in_float32_at_least(dtype):
    ours, x = scheduler(["frequency"]), torch.randn(2, *SHAPE)
    ours.set_timesteps(10)
    ours.set_sigmas(10)
    eps = max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)
    for step in (
        lambda x: x * ours.init_noise_sigma,
        lambda x: ours.step_correct(x, x, generator=seeded()).prev_sample,
        lambda x: ours.step_pred(-x / 2500, ours.timesteps[0], x, seeded()).prev_sample_mean,
    ):
        rounded = x.to(dtype)
        got, exact = step(rounded), step(rounded.float())
        assert got.dtype == dtype
        atol = 4 * eps * SIGMA_MAX
        torch.testing.assert_close(got.double(), exact.double(), rtol=4 * eps, atol=atol)


def test_the_levels_of_diffusers_are_those_of_this_library_at_every_n():
    ours = scheduler()
    for num_steps in [1, 2, 3, *range(10, 400, 7), 1000, 1999, 2000]:
        ours.set_timesteps(num_steps)
        index = (ours.timesteps * (num_steps - 1)).long()
        assert torch.equal(index, torch.arange(num_steps - 1, -1, -1))
    ours.set_sigmas(2000)
    diffusion = torch.tensor([ours._diffusion(t) for t in ours.timesteps], dtype=torch.float64)
    expected = SDE.discretize(torch.zeros(2000)).diffusion
    # Neighbors differ by .4 %; the difference of their squares has 2 to 3 digits less.
    torch.testing.assert_close(diffusion, expected, rtol=1e-4, atol=0)


def test_masks_may_be_arrays_or_paths(tmp_path):
    path = tmp_path / "freq.npy"
    filters.save(path, MASKS["frequency"], kind="frequency")
    base = scheduler().config
    images = [
        draw(pipeline(PreconditionedScoreSdeVeScheduler.from_config(base, frequency_mask=mask)))
        for mask in (MASKS["frequency"], MASKS["frequency"].numpy(), path, str(path))
    ]
    assert all(torch.equal(other, images[0]) for other in images)


def same(a, b):
    return torch.equal(draw(pipeline(a)), draw(pipeline(b)))


def test_a_scheduler_is_saved_with_its_masks_beside_its_configuration(tmp_path):
    ours = scheduler(["frequency", "space"], alpha=3)
    ours.save_pretrained(tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"scheduler_config.json", "frequency_mask.npy", "space_mask.npy"}
    assert (tmp_path / "scheduler_config.json").stat().st_size < 1000
    assert len(repr(ours)) < 1000
    again = PreconditionedScoreSdeVeScheduler.from_pretrained(tmp_path)
    assert again.config.alpha == 3
    assert same(again, ours)
    stored = filters.load(tmp_path / "space_mask.npy", SHAPE, kind="space")
    torch.testing.assert_close(stored, MASKS["space"].double())


def test_a_tuned_scheduler_is_saved_as_one(tmp_path):
    ours = scheduler(["frequency"], tuned=True)
    ours.save_pretrained(tmp_path)
    assert same(PreconditionedScoreSdeVeScheduler.from_pretrained(tmp_path), ours)


def test_a_configuration_and_a_copy_carry_the_masks():
    ours = scheduler(["frequency", "space"], alpha=3)
    draw(pipeline(ours))
    from_config = PreconditionedScoreSdeVeScheduler.from_config(ours.config)
    through_theirs = ScoreSdeVeScheduler.from_config(ours.config)
    back = PreconditionedScoreSdeVeScheduler.from_config(through_theirs.config)
    for other in (copy.deepcopy(ours), from_config, back):
        assert same(other, ours)
    without = PreconditionedScoreSdeVeScheduler.from_config(ours.config, frequency_mask=None)
    assert same(without, scheduler(["space"], alpha=3))


@pytest.mark.parametrize("opener", [DiffusionPipeline, ScoreSdeVePipeline])
def test_a_saved_pipeline_opens_with_its_masks(tmp_path, unet, opener):
    pipe = pipeline(scheduler(["frequency", "space"], alpha=3), unet)
    pipe.save_pretrained(tmp_path)
    again = opener.from_pretrained(tmp_path)
    again.set_progress_bar_config(disable=True)
    assert type(again) is ScoreSdeVePipeline
    assert torch.equal(draw(again, 2), draw(pipe, 2))


def test_the_scheduler_of_a_pipeline_opens_by_its_subfolder_and_from_the_cache_of_the_hub(
    tmp_path, monkeypatch
):
    ours = scheduler(["frequency"])
    snapshot = tmp_path / "models--somebody--faces" / "snapshots" / ("0" * 40)
    ours.save_pretrained(snapshot / "scheduler")
    refs = tmp_path / "models--somebody--faces" / "refs"
    refs.mkdir()
    (refs / "main").write_text("0" * 40)
    opener = PreconditionedScoreSdeVeScheduler.from_pretrained
    assert same(opener(snapshot, subfolder="scheduler"), ours)
    cached = {"subfolder": "scheduler", "cache_dir": tmp_path, "local_files_only": True}
    assert same(opener("somebody/faces", **cached), ours)


def test_the_scheduler_of_diffusers_opens_what_was_saved_as_the_vanilla_one(tmp_path):
    scheduler(["frequency"]).save_pretrained(tmp_path)
    assert same(ScoreSdeVeScheduler.from_pretrained(tmp_path), ScoreSdeVeScheduler(sigma_max=50.0))


def test_a_missing_mask_beside_a_configuration_is_refused(tmp_path):
    scheduler(["frequency"]).save_pretrained(tmp_path)
    (tmp_path / "frequency_mask.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"no filter at .*frequency_mask\.npy"):
        PreconditionedScoreSdeVeScheduler.from_pretrained(tmp_path)


UNEVEN = torch.rand(SHAPE, generator=seeded())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alpha": 1}, "alpha must be > 1, got 1; a larger alpha is a weaker filter"),
        ({"frequency_mask": UNEVEN}, "the frequency mask is not even"),
        ({"space_mask": torch.ones(4, 4)}, "expected \\(channels, height, width\\)"),
        ({"space_mask": "nowhere.npy"}, "no filter at nowhere.npy; expected a .npy file"),
        ({"tuned": True}, "tuned needs .*, got it without a frequency mask"),
        ({"tuned": True, **masks(["frequency", "space"])}, "tuned .* got it with a space mask"),
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


def test_importing_the_integrations_imports_none_of_their_libraries():
    code = (
        "import sys, pds.integrations;"
        "print([n for n in ('diffusers', 'azula', 'k_diffusion') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_alpha_weakens_the_filter():
    """Farther from vanilla with a smaller alpha; both from the same noise."""
    vanilla, weak, strong = (
        draw(pipeline(made))
        for made in (scheduler(), scheduler(["frequency"], alpha=20), scheduler(["frequency"]))
    )
    assert (strong - vanilla).norm() > 2 * (weak - vanilla).norm() > 0
