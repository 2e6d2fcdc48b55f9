"""The kept iterations of an image: an animation with chains side by side, and numbers."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pds.files import arrays, pictures
from pds.jobs.job import Job
from pds.models import Model
from pds.sampling import Step

Images = NDArray[np.float32]

MOST_FRAMES = 64
"""Iterations that a trajectory keeps."""


@dataclass(frozen=True)
class Moment:
    """The latest iterations of all chains: images (B, C, H, W), in [0, 1] when clean, by chain.

    index, t, sigma: of each chain, sigma in the units of these images.
    """

    index: dict[str, int]
    t: dict[str, float]
    sigma: dict[str, float]
    images: dict[str, Images]

    @classmethod
    def of(cls, job: Job, model: Model, states: tuple[Step, ...]) -> "Moment":
        """Return the images of all chains of a job, scaled to [0, 1]."""
        chains = dict(zip(job.chains, states, strict=True))
        return cls(
            {name: step.index for name, step in chains.items()},
            {name: step.t for name, step in chains.items()},
            {name: step.sigma / model.amplitude for name, step in chains.items()},
            {name: model.to_pixels(step.x_mean).cpu().numpy() for name, step in chains.items()},
        )

    def row(self, row: int) -> "Moment":
        """Return the iteration of one image."""
        images = {name: array[row : row + 1] for name, array in self.images.items()}
        return replace(self, images=images)


def kept_steps(num_steps: int) -> set[int]:
    """Return which of so many moments a trajectory keeps, the first and the last among them."""
    count = min(num_steps, MOST_FRAMES)
    return {round(i) for i in np.linspace(0, num_steps - 1, count).tolist()}


def numbers(job: Job, moments: list[Moment]) -> bytes:
    """Encode the iterations of an image as .npz: index, t and sigma, and each chain's images.

    Samplers with names have an index_left, a t_left and so on each; beside a tuned one vanilla has
    a t_vanilla and a sigma_vanilla.
    """
    chains = {name: np.concatenate([m.images[name] for m in moments]) for name in moments[0].images}
    levels = {}
    for name in chains:
        end = f"_{name}" if job.named else ""
        levels["index" + end] = np.array([m.index[name] for m in moments])
        if job.request.tuned and name == "vanilla":
            end = "_vanilla"
        levels["t" + end] = np.array([m.t[name] for m in moments])
        levels["sigma" + end] = np.array([m.sigma[name] for m in moments])
    return arrays.to_npz(**levels, **chains)


def animation(moments: list[Moment]) -> bytes:
    """Encode the iterations of an image of 1 or 3 channels as .webp."""
    # The last state is the final image, without noise.
    shares = [1.0] * (len(moments) - 1) + [0.0]
    frames = [
        pictures.tile_images(
            [pictures.to_uint8(x, sigma=share * m.sigma[name])[0] for name, x in m.images.items()],
            columns=len(m.images),
        )
        for m, share in zip(moments, shares, strict=True)
    ]
    return pictures.animation(frames)
