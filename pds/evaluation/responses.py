"""The measured responses of networks, and their files.

NAME.npz holds a `pds.theory.MeasuredResponse` and the fingerprint of its model:

    size         height and width in pixels
    sigmas, strengths, tilts, moments    see the class
    fingerprint  of weights, masks and process, see `pds.evaluation.subject`
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pds import theory
from pds.driving import seeded_noise
from pds.evaluation.subject import Subject
from pds.files.arrays import read_npz, to_compressed_npz
from pds.files.writing import write
from pds.sampling import ScoreFn
from pds.sde import VESDE
from pds.theory import Bands, MeasuredResponse

NUM_PICTURES = 12
"""Pictures that noise is planted in, unless another number is asked for."""

NOISE_SEED = 3_000_000
"""Seed of the first picture's noise."""


def measure(
    subject: Subject, score: ScoreFn, num_pictures: int = NUM_PICTURES
) -> Iterator[MeasuredResponse | float]:
    """Yield the share of the work that is done, and at the end the response of a model.

    Args:
        subject: the model and its held-out pictures.
        score: of the model, see `pds.evaluation.draw.prepared`.
        num_pictures: as many of the held-out pictures.

    Raises:
        ValueError: unless the process is VE, or for too few pictures.
    """
    model = subject.model
    if not isinstance(model.sde, VESDE):
        raise ValueError(
            "a response is measured on x = y + sigma z, which VE has and "
            f"{type(model.sde).__name__} has not"
        )
    pixels = subject.held_out(num_pictures, theory.FEWEST)
    pictures = model.amplitude * pixels - (model.amplitude - 1)
    seeds = range(NOISE_SEED, NOISE_SEED + len(pictures))

    def denoiser(x: Tensor, sigma: float) -> Tensor:
        t = subject.field.time(sigma).to(x.device).expand(len(x))
        with torch.no_grad():
            return x + sigma**2 * score(x, t)

    yield from theory.measure(
        denoiser,
        pictures,
        model.sde.sigma_min,
        seeded_noise(seeds, device=subject.device),
        amplitude=model.amplitude,
    )


def save(path: Path, response: MeasuredResponse, fingerprint: str) -> None:
    """Write a response to a file."""
    bands = response.bands
    arrays = {name: getattr(response, name) for name in ("sigmas", "strengths", "tilts")}
    size = np.array([bands.height, bands.width])
    moments = response.moments.astype(np.float32)
    arrays |= {"size": size, "moments": moments, "fingerprint": np.array(fingerprint)}
    write(path, to_compressed_npz(**arrays))


def load(path: Path, fingerprint: str | None = None) -> MeasuredResponse:
    """Read a response.

    Args:
        path: of the file.
        fingerprint: of the model that it must be of; None for any.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or of another model.
    """
    arrays = read_npz(path)
    names = ("size", "sigmas", "strengths", "tilts", "moments", "fingerprint")
    if missing := [name for name in names if name not in arrays]:
        raise ValueError(f"{path} is no response of a network: it has no {', '.join(missing)}")
    if fingerprint is not None and str(arrays["fingerprint"]) != fingerprint:
        raise ValueError(f"{path} is the response of another network, or of other masks")
    bands = Bands(*arrays["size"].tolist())
    sigmas, strengths, tilts, moments = (arrays[name].astype(float) for name in names[1:5])
    expected = (len(sigmas), len(strengths), len(tilts), len(bands.radius))
    if moments.ndim != 6 or moments.shape[0] != 6 or moments.shape[2:] != expected:
        raise ValueError(f"{path} is damaged: its moments have the shape {moments.shape}")
    return MeasuredResponse(bands, sigmas, strengths, tilts, moments)
