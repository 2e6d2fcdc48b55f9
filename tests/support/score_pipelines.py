"""Pipelines of diffusers with an exact score, and the same samples by this library."""

from types import SimpleNamespace

import torch
from diffusers import ScoreSdeVePipeline, ScoreSdeVeScheduler, UNet2DModel

import pds
from pds import filters
from pds.integrations.diffusers import PreconditionedScoreSdeVeScheduler
from pds.scores.gaussian import GaussianField

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


def with_none(names):
    """The names of both masks, None for one that is not chosen."""
    return [name if name in names else None for name in ("frequency", "space")]


def same(a, b):
    return torch.equal(draw(pipeline(a)), draw(pipeline(b)))
