"""A pipeline of diffusers and networks of other libraries, on another device than the CPU."""

import pytest
import torch

from tests.support.placed import here, placed

pytest.importorskip("diffusers")  # a machine with a GPU may lack it

from pds import filters
from pds.integrations import from_denoiser, from_epsilon
from tests.support.score_pipelines import (
    ATOL,
    MASKS,
    SHAPE,
    ExactUnet,
    draw,
    library_images,
    pipeline,
    published,
    scheduler,
    seeded,
)

pytestmark = pytest.mark.only_imitated


def test_a_pipeline_draws_what_this_library_draws_there():
    """Its noise comes from a generator of the CPU, as diffusers asks for."""
    unet = ExactUnet()
    unet.device = here()
    images = draw(pipeline(scheduler(["frequency"]), unet), 6)
    sampler = published(6, m=filters.preconditioner(MASKS["frequency"], None, alpha=5))
    expected = library_images(sampler, seeded()).cpu()
    torch.testing.assert_close(images.cpu(), expected, atol=ATOL, rtol=0)
    assert unet.calls[0][0].device == here()


def test_a_pipeline_without_a_generator_samples_there():
    unet = ExactUnet()
    unet.device = here()
    pipe = pipeline(scheduler(["frequency"]), unet)
    assert pipe(1, num_inference_steps=2, output_type="np").images.shape == (1, 16, 16, 3)


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 3, 1)

    def forward(self, x, number):
        return self.layer(x) * number.reshape(-1, 1, 1, 1).to(x)


def test_a_network_is_called_where_it_is_and_the_score_lies_where_the_images_are():
    network, levels = placed(Network()), torch.linspace(0.9, 0.1, 20).cpu()
    x, t = torch.randn(2, *SHAPE), torch.tensor([0.3, 0.8], dtype=torch.float64)
    scores = (
        from_denoiser(network, sigma_min=0.1, sigma_max=9),
        from_epsilon(network, levels),
        from_epsilon(network, levels, index="whole", prediction="v"),
    )
    places = ((x, t), (x.cpu(), t.cpu()))
    with torch.no_grad():
        found = [[score(*place).device for place in places] for score in scores]
    assert found == [[images.device for images, _ in places]] * 3
