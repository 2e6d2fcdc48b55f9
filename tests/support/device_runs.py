"""Runs of the shipped models on a device, and the tolerance of their images to those of the CPU."""

from collections import deque

import torch

from pds.driving import seeded_noise, side_by_side, steps
from pds.evaluation import subject
from pds.request import Request
from pds.sampling import ProbabilityFlow

CHAINS = ("vanilla", "PDS", "Heun")
FLOAT32 = 1e-4
"""Largest difference of final images, relative to their largest value.

A network call differs by some 1e-6 of its result where sums have another order, and a run amplifies
that by less than ten: a CPU differs from itself by 1e-6, and by 3e-5 for 4 steps of Heun, which
are too few. The rest is room for the convolution algorithms of a GPU.
"""


def model_on(name, device):
    """A shipped model on a device."""
    return subject.open_subject(name, None, torch.device(device)).model


def run_of(model, num_steps, seeds, *, chains=CHAINS):
    samplers = {
        "vanilla": lambda: model.sampler(num_steps),
        "PDS": lambda: model.method(Request(num_steps=num_steps)),
        "Heun": lambda: ProbabilityFlow("heun", num_steps),
    }
    return side_by_side(
        [samplers[name]() for name in chains],
        model.sde,
        noise=seeded_noise(seeds, device=model.device),
        shape=(len(seeds), *model.image_shape),
    )


def images_of(score, run):
    """The final images of every chain, (chains, B, C, H, W), on the CPU."""
    (last,) = deque(steps(score, run), maxlen=1)
    return torch.stack([step.x_mean.cpu() for step in last])


def relative(found, expected):
    """The largest difference relative to the largest value."""
    return float((found - expected).abs().max() / expected.abs().max())
