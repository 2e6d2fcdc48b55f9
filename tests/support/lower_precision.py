"""Tolerances of lower precision, and the inputs that they refer to."""

import math

import torch

# Largest error at each sigma, root mean square relative to that of the score. Measured: 5.5, 1.2,
# 0.5, 0.5 and 0.5 % for the recorded network; less for the portraits, whose scaling adds x itself.
BOUNDS = {0.01: 0.08, 0.1: 0.02, 1.0: 0.008, 10.0: 0.008, 300.0: 0.008}


def noisy(score, sigma):
    """Plainly colored images with noise of sigma, and their t."""
    generator = torch.Generator().manual_seed(0)
    colors = torch.rand(4, 3, 1, 1, generator=generator)
    sde = score.sde
    t = math.log(sigma / sde.sigma_min) / math.log(sde.sigma_max / sde.sigma_min)
    x = colors + sigma * torch.randn(4, 3, 32, 32, generator=generator)
    return x, torch.full((4,), t, dtype=torch.float64)


def tf32(x):
    """Round to 10 bits of fraction, as GPUs round what they multiply."""
    return ((x.view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)
