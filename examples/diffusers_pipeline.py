"""PDS in a pipeline of diffusers: another scheduler, and nothing else changes.

    python diffusers_pipeline.py [FOLDER or HUB NAME of a ScoreSdeVePipeline]

Without a name, the pipeline contains the shipped network of 32 px, whose converged images have
grain 0.012. The class PortraitUNet wraps this network, which resamples differently from diffusers'
UNet2DModel. Takes 6 seconds on two cores. Prints the grain of the images of
both schedulers, and saves diffusers_pipeline.png.
"""

import sys

import torch
from diffusers import ConfigMixin, ModelMixin, ScoreSdeVePipeline, ScoreSdeVeScheduler
from diffusers.configuration_utils import register_to_config
from diffusers.models.unets.unet_2d import UNet2DOutput
from PIL import Image

import pds
from pds import filters
from pds.files import pictures
from pds.integrations.diffusers import PreconditionedScoreSdeVeScheduler


class PortraitUNet(ModelMixin, ConfigMixin):
    """The shipped network as diffusers calls one: unet(x, sigma).sample is the score."""

    @register_to_config
    def __init__(self, sample_size=32):
        super().__init__()
        self.score = pds.load_model(f"portraits{sample_size}").score

    def forward(self, x, sigma):
        return UNet2DOutput(sample=self.score(x, self.score.sde.time(sigma)))


if sys.argv[1:]:
    pipe = ScoreSdeVePipeline.from_pretrained(sys.argv[1])
else:
    pipe = ScoreSdeVePipeline(PortraitUNet(), ScoreSdeVeScheduler())
pipe.set_progress_bar_config(disable=True)

size = pipe.unet.config.sample_size
vanilla, rows = pipe.scheduler, []
preconditioned = PreconditionedScoreSdeVeScheduler.from_config(
    vanilla.config, frequency_mask=filters.natural((3, size, size)), alpha=5
)
for name, pipe.scheduler in (("vanilla", vanilla), ("PDS", preconditioned)):
    generator = torch.Generator().manual_seed(0)
    drawn = pipe(4, num_inference_steps=40, generator=generator, output_type="np").images
    images = torch.from_numpy(drawn).movedim(-1, 1)  # (B, C, H, W) in [0, 1]
    print(f"{name}: grain {pds.grain(images).mean():.3f}")
    rows.append((name, list(pictures.to_uint8(images.numpy()))))
Image.fromarray(pictures.labeled_sheet(rows)).save("diffusers_pipeline.png")
