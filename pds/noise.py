"""Standard normal noise for samplers: seeded, recorded, or shared by several chains."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import repeat, tee

import torch
from torch import Tensor

NoiseFn = Callable[[torch.Size], Tensor]
"""Returns noise of a shape, (B, C, H, W); new noise at each call."""


def seeded_noise(seeds: Sequence[int], *, device: torch.device | str = "cpu") -> NoiseFn:
    """Return noise whose image i depends on seeds[i] alone.

    Drawn on the CPU, so that one seed means one image on every device, into pinned memory for a
    GPU, so that the copy overlaps with its work.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    pinned = torch.device(device).type == "cuda"

    def noise(shape: torch.Size) -> Tensor:
        images = torch.empty(shape, pin_memory=pinned)
        for image, generator in zip(images, generators, strict=True):
            torch.randn(shape[1:], generator=generator, out=image)
        return images.to(device, non_blocking=True)

    return noise


def recorded_noise(tensors: Sequence[Tensor]) -> NoiseFn:
    """Return noise that replays `tensors` in order: the start, then one for each kernel.

    Raises:
        ValueError: (when called) if a tensor has another shape than asked for, or none is left.
    """
    remaining = iter(tensors)

    def noise(shape: torch.Size) -> Tensor:
        tensor = next(remaining, None)
        if tensor is None or tensor.shape != shape:
            found = "none is left" if tensor is None else f"got {tuple(tensor.shape)}"
            raise ValueError(f"recorded noise of shape {tuple(shape)} was needed, {found}")
        return tensor

    return noise


def shared_noise(noise: NoiseFn, shape: torch.Size, count: int) -> list[NoiseFn]:
    """Return `count` noise functions with the same draws, each drawn once and kept until used."""
    streams = tee((noise(shape) for _ in repeat(None)), count)
    return [partial(_next, stream) for stream in streams]


def _next(stream: Iterator[Tensor], _: torch.Size) -> Tensor:
    return next(stream)
