"""The responses of networks: how they are measured, and their tables.

The table has a row for each sigma, c, tilt and band: the share of the image that is kept (tau), the
share of the noise (rho) and the power of what was invented (omega^2, in squared units of sigma), each
with a 95 % interval over images.
"""  # noqa: E501

import csv
import io
import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pds import theory
from pds.driving import seeded_noise
from pds.evaluation.draw import prepared
from pds.evaluation.subject import Subject
from pds.sampling import ScoreFn
from pds.sde import VESDE
from pds.spectra import Array
from pds.theory import MeasuredResponse
from pds.theory.response import Shares

NUM_PICTURES = 12
"""Default number of images in which noise is planted."""

NOISE_SEED = 3_000_000
"""Seed of the first image's noise."""

COLUMNS = (
    *("sigma", "c", "tilt", "band"),
    *(f"{share}{end}" for share in Shares._fields for end in ("", "_low", "_high")),
)


def require_ve(subject: Subject) -> VESDE:
    """Return the process of a model.

    Raises:
        ValueError: unless it is VE.
    """
    sde = subject.model.sde
    if not isinstance(sde, VESDE):
        raise ValueError(
            "a response is measured in x = y + sigma z, the states of a VE process, and "
            f"{subject.name} has {type(sde).__name__}; there it would hold for x / scale with "
            "sigma = std / scale, which is not measured; use a VE model"
        )
    return sde


def measure(
    subject: Subject, score: ScoreFn, num_pictures: int = NUM_PICTURES
) -> Iterator[MeasuredResponse | float]:
    """Yield the share of the work that is done, and at the end the response of a model.

    Args:
        subject: the model and its held-out images.
        score: of the model, see `pds.evaluation.draw.prepared`.
        num_pictures: as many of the held-out images.

    Raises:
        ValueError: unless the process is VE, or for too few images.
    """
    sde, model = require_ve(subject), subject.model
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
        sde.sigma_min,
        seeded_noise(seeds, device=subject.device),
        sigma_max=sde.sigma_max,
        amplitude=model.amplitude,
    )


def measure_with_progress(subject: Subject, num_pictures: int = NUM_PICTURES) -> MeasuredResponse:
    """Return the response of a model, with progress on stderr; arguments as of `measure`."""
    with tqdm(total=100, bar_format="{l_bar}{bar}| {elapsed} < {remaining}") as progress:
        progress.set_description(f"response of {subject.name}")
        for item in measure(subject, prepared(subject), num_pictures):
            if isinstance(item, MeasuredResponse):
                return item
            progress.update(100 * item - progress.n)
    raise AssertionError("measuring ends with the response")


def intervals(response: MeasuredResponse) -> tuple[Shares, Shares]:
    """Return the lower and the upper ends of the 95 % intervals of `shares`.

    Student's quantile of n - 1 degrees of freedom, by its expansion about the normal one.
    """
    z, degrees = NormalDist().inv_cdf(0.975), response.num_pictures - 1
    quantile = z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    pairs = list(zip(response.shares, response.errors(), strict=True))
    low = Shares(*(value - quantile * error for value, error in pairs))
    high = Shares(*(value + quantile * error for value, error in pairs))
    return low._replace(invented=np.maximum(low.invented, 0.0)), high


def to_csv(response: MeasuredResponse) -> str:
    """Return the table of a response, see the module."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    ends = (response.shares, *intervals(response))
    for row, column, layer, band in np.ndindex(response.shares.noise.shape):
        if not response.planted(row, layer):
            continue
        place = (row, column, layer, band)
        grid = (response.sigmas[row], response.strengths[column], response.tilts[layer])
        values = [getattr(end, share)[place] for share in Shares._fields for end in ends]
        writer.writerow(
            [*(f"{value:.6g}" for value in grid), response.bands.names[band],
             *(f"{value:.6g}" for value in values)]
        )  # fmt: skip
    return text.getvalue()


def table(response: MeasuredResponse) -> str:
    """Return rho of white noise in the finest flat places as text, rows sigma, columns c."""
    finest = response.bands.num_octaves
    head = "".join(f"{f'{c:g} x':>8}" for c in response.strengths)
    lines = [f"{'sigma':>8}{head}{'Stein':>8}"]
    for sigma, rho, stein in zip(
        response.sigmas[::-1],
        response.shares.noise[::-1, :, 0, finest],
        map(_mean, response.stein[::-1, 1:]),
        strict=True,
    ):
        shown = (round(value, 3) + 0.0 for value in (*rho, stein))  # no -0.000
        numbers = "".join(f"{value:8.3f}" for value in shown).replace("nan", "  -")
        lines.append(f"{sigma:8.3f}{numbers}")
    return "\n".join(lines)


def distance_from_exact(response: MeasuredResponse) -> float:
    """Return how far a network is from an exact score: mean |`stein` - 1| over sigma and octaves.

    The brightness, one number an image, is left out. NaN if no octave has power.
    """
    return _mean(np.abs(response.stein[:, 1:] - 1))


def _mean(values: Array) -> float:
    """Return the mean of the values that are not NaN, NaN if all are."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan
