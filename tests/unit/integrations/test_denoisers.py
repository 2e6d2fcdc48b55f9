"""Scores of denoisers of other libraries, against the closed form of Gaussian data."""

import math
import sys

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    EDMEulerScheduler,
    ScoreSdeVePipeline,
    ScoreSdeVeScheduler,
    UNet2DModel,
)

import pds
from pds import filters
from pds.integrations import from_azula, from_denoiser, from_epsilon, from_unet
from pds.scores.gaussian import GaussianField
from pds.spectra import inverse_square_power
from tests.support import code_blocks, other_packages

SIZE = 8
SHAPE = (3, SIZE, SIZE)
POWER = inverse_square_power(SIZE, variance=0.06)
MEAN = 0.3
ABAR = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
SIGMAS = (1 / ABAR - 1).sqrt()


def field(sde):
    """The exact score of the Gaussian data, in the frame of x0 + sigma z."""
    return GaussianField(POWER, sde, mean=MEAN)


WIDE = pds.VESDE(1e-5, 1e5)


def exact_score(x, sigma):
    return field(WIDE)(x, WIDE.time(sigma))


def exact_denoiser(x, sigma):
    """E[x0 | x] of x = x0 + sigma z."""
    return x + sigma.reshape(-1, 1, 1, 1) ** 2 * exact_score(x, sigma.double())


def level(index):
    """The sigma of a real index of the schedule, linear in its logarithm."""
    low = index.double().floor().long().clamp(0, len(SIGMAS) - 2)
    logs = SIGMAS.log()
    return (logs[low] + (index - low) * (logs[low + 1] - logs[low])).exp()


def exact_network(kind):
    """What a network of the discrete process predicts at x_vp, in the words of its definition."""

    def network(x_vp, index):
        sigma = level(index)
        kept = (1 + sigma**2).rsqrt().reshape(-1, 1, 1, 1).float()
        added = (sigma * (1 + sigma**2).rsqrt()).reshape(-1, 1, 1, 1).float()
        x = x_vp / kept
        noise = -sigma.reshape(-1, 1, 1, 1).float() * exact_score(x, sigma)
        clean = exact_denoiser(x, sigma.float())
        return {"epsilon": noise, "v": kept * noise - added * clean, "sample": clean}[kind]

    return network


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    other_packages.install(folder)
    other_packages.load(folder)
    yield
    other_packages.unload()


pytestmark = pytest.mark.usefixtures("one_thread")


def edm():
    return from_denoiser(exact_denoiser, sigma_min=0.002, sigma_max=80)


def k_diffusion_v():
    from k_diffusion.external import VDenoiser

    def v(x_vp, t):
        kept, added = ((t * math.pi / 2).cos(), (t * math.pi / 2).sin())
        kept, added = kept.reshape(-1, 1, 1, 1), added.reshape(-1, 1, 1, 1)
        sigma = (added / kept).flatten().double()
        noise = -(added / kept) * exact_score(x_vp / kept, sigma)
        return kept * noise - added * exact_denoiser(x_vp / kept, sigma.float())

    return from_denoiser(VDenoiser(v), sigma_min=0.01, sigma_max=100)


def k_diffusion_discrete():
    from k_diffusion.external import DiscreteEpsDDPMDenoiser

    wrapped = DiscreteEpsDDPMDenoiser(exact_network("epsilon"), ABAR.float(), quantize=False)
    return from_denoiser(wrapped, sigma_min=wrapped.sigma_min, sigma_max=wrapped.sigma_max)


def k_diffusion_discrete_v():
    from k_diffusion.external import DiscreteVDDPMDenoiser

    wrapped = DiscreteVDDPMDenoiser(exact_network("v"), ABAR.float(), quantize=False)
    return from_denoiser(wrapped, sigma_min=wrapped.sigma_min, sigma_max=wrapped.sigma_max)


def covariance():
    """azula's form of the covariance of the data: eigenvectors (C, H, W, n), eigenvalues (n,)."""
    from azula.linalg.covariance import FullCovariance

    size = math.prod(SHAPE)
    identity = torch.eye(size, dtype=torch.float64).reshape(size, *SHAPE)
    columns = torch.fft.ifft2(torch.fft.fft2(identity) * POWER).real.reshape(size, size)
    values, vectors = torch.linalg.eigh(columns)
    return FullCovariance(vectors.reshape(*SHAPE, size).float(), values.float())


def azula_with(name, **options):
    def make():
        from azula import noise
        from azula.denoise import GaussianDenoiser

        mean = torch.full(SHAPE, MEAN)
        return from_azula(GaussianDenoiser(mean, covariance(), getattr(noise, name)(**options)))

    make.__name__ = name
    return make


def discrete(kind):
    def make():
        return from_epsilon(exact_network(kind), ABAR, prediction=kind)

    make.__name__ = f"alpha-bar {kind}"
    return make


OWN = [edm, discrete("epsilon"), discrete("v"), discrete("sample")]
THEIRS = [
    k_diffusion_v,
    k_diffusion_discrete,
    k_diffusion_discrete_v,
    azula_with("VESchedule", sigma_min=0.01, sigma_max=100),
    azula_with("VPSchedule"),
    azula_with("CosineSchedule"),
    azula_with("RectifiedSchedule"),
    azula_with("DecaySchedule"),
]


@pytest.fixture(params=OWN + THEIRS, ids=lambda make: make.__name__)
def score(request):
    if request.param in THEIRS:
        request.getfixturevalue("packages")
    return request.param()


def states(sde, t):
    """Data with the noise of each time, (B, C, H, W)."""
    generator = torch.Generator().manual_seed(1)
    clean = field(sde).sample(torch.randn(len(t), *SHAPE, generator=generator))
    sigma = sde.sigma(t).float().reshape(-1, 1, 1, 1)
    return clean + sigma * torch.randn(clean.shape, generator=generator)


def test_the_score_is_that_of_the_data_at_every_level(score):
    """Of each image at its own: D - x cancels below, where the score is 1e2 to 1e3 in size."""
    t = torch.linspace(0, 1, 9, dtype=torch.float64)
    x = states(score.sde, t)
    expected = field(score.sde)(x, t)
    error = (score(x, t) - expected).flatten(1).norm(dim=1) / expected.flatten(1).norm(dim=1)
    # An error of 1e-6 in D, a sum in float32, is 1e-6 / sigma of the score; sigma is .001 or more.
    assert error.max() < 5e-3
    assert error[4:].max() < 2e-5


def test_pds_draws_what_it_draws_by_the_exact_score(score):
    m = filters.preconditioner(filters.frequency_mask(POWER, mean=MEAN)[None], None, alpha=3)
    sampler = pds.PredictorCorrector(num_steps=12, eps=1e-3, corrector=pds.Langevin(0.3), m=m)

    def images(function):
        chain = sampler.chain(score.sde, noise=pds.seeded_noise([0, 1]), shape=(2, *SHAPE))
        return pds.sample(function, chain)

    torch.testing.assert_close(images(score), images(field(score.sde)), atol=5e-3, rtol=0)


SAMPLERS = [
    pds.PredictorCorrector(num_steps=7, eps=1e-5),
    pds.PredictorCorrector(num_steps=7, eps=1e-5, sigmas=(0.0101, 157.0)),
    pds.ProbabilityFlow("heun", 7),
]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=["published", "narrowed", "heun"])
@pytest.mark.parametrize("index", ["real", "whole"])
def test_no_sampler_asks_beyond_what_the_model_knows(sampler, index):
    asked = []

    def network(x, place):
        asked.extend(place.tolist())
        return torch.zeros_like(x)

    score = from_epsilon(network, ABAR, index=index)
    chain = sampler.chain(score.sde, noise=pds.seeded_noise([0]), shape=(1, *SHAPE))
    pds.sample(score, chain)
    assert 0 <= min(asked) < 5 and 990 < max(asked) <= 999
    denoiser = from_denoiser(lambda x, sigma: asked.append(sigma) or x, sigma_min=0.1, sigma_max=5)
    asked.clear()
    denoiser(torch.zeros(2, *SHAPE), torch.tensor([-1e-12, 1 + 1e-12], dtype=torch.float64))
    assert asked[0].tolist() == pytest.approx([0.1, 5.0])


def test_an_index_lies_between_two_whole_ones_or_is_the_nearest():
    asked = []

    def network(x, index):
        asked.append(index)
        return x

    between = (SIGMAS[400] ** 0.75 * SIGMAS[401] ** 0.25).item()
    for index in ("real", "whole"):
        score = from_epsilon(network, ABAR, index=index)
        score(torch.zeros(1, *SHAPE), score.sde.time(torch.tensor([between])))
    assert asked[0].item() == pytest.approx(400.25, abs=1e-4)
    assert asked[1].item() == 400 and asked[1].dtype == torch.int64


class Half(torch.nn.Module):
    """A network of 16 bits that refuses other images."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 6, 1, dtype=torch.bfloat16)
        self.numbers = []

    def forward(self, x, number):
        self.numbers.append(number)
        return self.layer(x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_is_called_in_its_own_precision_and_the_score_has_that_of_the_images(dtype):
    """bfloat16 has no 999, so that an index stays in float32; a learned variance is left out."""
    network = Half()
    scores = [
        from_epsilon(network, ABAR),
        from_denoiser(network, sigma_min=0.1, sigma_max=10),
    ]
    x, t = torch.randn(2, *SHAPE, dtype=dtype), torch.ones(2, dtype=torch.float64)
    found = [score(x, t) for score in scores]
    assert [(value.dtype, value.shape) for value in found] == 2 * [(dtype, x.shape)]
    assert network.numbers[0].tolist() == pytest.approx([999, 999])
    assert network.numbers[-1].dtype == torch.bfloat16


def unet(**changes):
    torch.manual_seed(0)
    values = {
        "sample_size": SIZE,
        "block_out_channels": (16,),
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",),
        "norm_num_groups": 8,
        **changes,
    }
    return UNet2DModel(**values).eval()


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("scheduler", [DDPMScheduler, DDIMScheduler])
def test_a_unet_denoises_as_its_own_scheduler_says(scheduler, prediction):
    scheduler = scheduler(prediction_type=prediction, clip_sample=False)
    network, place = unet(), 300
    score = from_unet(network, scheduler)
    abar = scheduler.alphas_cumprod[place].double()
    sigma = (1 / abar - 1).sqrt().reshape(1)
    x = sigma.float() * torch.randn(1, *SHAPE)
    with torch.no_grad():
        got = score(x, score.sde.time(sigma))
        x_vp = abar.sqrt().float() * x
        scheduler.set_timesteps(1000)
        clean = scheduler.step(network(x_vp, place).sample, place, x_vp).pred_original_sample
    torch.testing.assert_close(got, (clean - x) / sigma.float() ** 2, rtol=2e-3, atol=1e-5)
    assert score.sde.sigma_max == pytest.approx(SIGMAS[-1].item(), rel=1e-3)


def test_a_unet_of_a_score_pipeline_gives_its_output():
    network = unet(time_embedding_type="fourier")
    score = from_unet(network, ScoreSdeVeScheduler(sigma_min=0.02, sigma_max=90.0))
    x, sigma = torch.randn(2, *SHAPE), torch.tensor([0.5, 20.0])
    with torch.no_grad():
        torch.testing.assert_close(
            score(x, score.sde.time(sigma)), network(x, sigma).sample, rtol=1e-4, atol=1e-4
        )
    assert score.sde == pds.VESDE(0.02, 90.0)


def test_a_unet_that_looks_its_index_up_gets_whole_ones():
    network = unet(time_embedding_type="learned", num_train_timesteps=1000)
    score = from_unet(network, DDPMScheduler())
    with torch.no_grad():
        between = score(torch.zeros(1, *SHAPE), torch.tensor([0.5], dtype=torch.float64))
    assert between.isfinite().all()


def test_a_unet_of_16_bits_is_called_in_them():
    network = unet().to(torch.bfloat16)
    with torch.no_grad():
        score = from_unet(network, DDPMScheduler())(
            torch.zeros(1, *SHAPE), torch.ones(1, dtype=torch.float64)
        )
    assert score.dtype == torch.float32


def test_azula_gets_one_time_for_all_images_as_in_its_own_samplers(packages):
    from azula.denoise import KarrasDenoiser
    from azula.noise import VPSchedule

    class Backbone(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 3, 1, dtype=torch.bfloat16)
            self.times = []

        def forward(self, x, t):
            self.times.append(t)
            return self.layer(x) * t

    denoiser = KarrasDenoiser(Backbone(), VPSchedule())
    score = from_azula(denoiser)
    x, t = torch.randn(3, *SHAPE), torch.tensor([0.4, 0.7, 0.4], dtype=torch.float64)
    with torch.no_grad():
        together = score(x, t)
        alone = torch.cat([score(x[i : i + 1], t[i : i + 1]) for i in range(3)])
    assert together.dtype == torch.float32
    assert all(time.shape == () for time in denoiser.backbone.times)
    torch.testing.assert_close(together, alone)


class Backward:
    def schedule(self, t):
        return t, 1 - t + 1e-3


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: from_denoiser(exact_denoiser, sigma_min=2, sigma_max=1), "sigma_min < sigma_max"),
        (
            lambda: from_epsilon(exact_network("v"), ABAR, prediction="x0"),
            "epsilon, v, sample, got",
        ),
        (lambda: from_epsilon(exact_network("v"), ABAR.flip(0)), "must descend within \\(0, 1\\)"),
        (lambda: from_epsilon(exact_network("v"), [0.5]), "over 2 or more indices, got 1"),
        (lambda: from_unet(unet(), EDMEulerScheduler()), "EDMEulerScheduler has neither"),
        (
            lambda: from_unet(unet(), DDPMScheduler(prediction_type="flow")),
            "prediction_type of DDPMScheduler must be one of epsilon, v_prediction, sample",
        ),
        (
            lambda: from_unet(unet(), DDPMScheduler(rescale_betas_zero_snr=True)),
            "must descend within \\(0, 1\\).* to 0$",
        ),
        (lambda: from_azula(Backward()), "sigma_t / alpha_t of .* must be above 0, finite"),
    ],
)
def test_what_has_no_score_in_this_frame_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_the_placeholders_are_gone_after_the_import(packages):
    assert not [name for name in other_packages.UNUSED if name in sys.modules]


def test_the_page_of_denoisers_runs_with_the_real_packages(packages, tmp_path):
    """All of its blocks in their order, also those that test_documents.py leaves out."""
    pipe = ScoreSdeVePipeline(unet(time_embedding_type="fourier"), ScoreSdeVeScheduler())
    pipe.save_pretrained(tmp_path / "pipeline")
    namespace, scores = {}, []
    with code_blocks.folder(tmp_path):
        for block in code_blocks.read("docs/howto/denoisers.md"):
            code_blocks.run(block, namespace)
            scores.append(namespace["score"])
    assert namespace["images"].shape == (4, 3, 32, 32)
    assert len(set(scores)) == 5
    x, t = torch.randn(2, 3, 8, 8), torch.full((2,), 0.5, dtype=torch.float64)
    assert all(score(x, t).isfinite().all() for score in scores)
