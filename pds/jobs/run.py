"""Run a job: draw all of its images into a folder, with one process or many.

Batch b belongs to rank b % world_size, and the noise of an image depends on its seed alone, so the
files are bit for bit the same for any number of processes. Existing images are not drawn again: an
interrupted run continues when it is started again.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from pds import driving
from pds.appearance import grain
from pds.driving import seeded_noise
from pds.files import arrays, pictures, writing
from pds.jobs import quality, summary
from pds.jobs.folder import Folder
from pds.jobs.job import Job
from pds.jobs.model import fingerprint, network, open_model, running, samplers_of
from pds.jobs.ranks import ALONE, Ranks
from pds.jobs.record import Record
from pds.models import Model
from pds.sampling import PredictorCorrector, ScoreFn, Step

Images = NDArray[np.float32]

MOST_FRAMES = 64
"""Iterations that a trajectory keeps."""


@dataclass(frozen=True)
class Summary:
    """The images of all ranks that were drawn, those that existed before, and their folder.

    sentences: about the grain of all of them; none if no two samplers are compared.
    """

    drawn: int
    kept: int
    folder: Path
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class _Batch:
    """Images that are sampled together, those requested, and those not drawn yet."""

    num_steps: int
    images: range
    wanted: list[int]
    missing: list[int]


@dataclass(frozen=True)
class _Moment:
    """An iteration of all chains: images (B, C, H, W), in [0, 1] when clean, by chain.

    t, sigma: of each chain, sigma in the units of these images.
    """

    index: int
    t: dict[str, float]
    sigma: dict[str, float]
    images: dict[str, Images]

    def of(self, row: int) -> "_Moment":
        """Return the iteration of one image."""
        images = {name: array[row : row + 1] for name, array in self.images.items()}
        return replace(self, images=images)


@dataclass(frozen=True)
class _Plan:
    """A job with its model, samplers, folder and batches.

    samplers: of the job's chains, for each number of iterations.
    batches: of all ranks, in order.
    """

    job: Job
    model: Model
    samplers: dict[int, tuple[PredictorCorrector, ...]]
    folder: Folder
    batches: list[_Batch]


def run(job: Job, *, ranks: Ranks = ALONE) -> Summary:
    """Draw the missing images of a job.

    Raises:
        ValueError, OSError: if they cannot be drawn; existing files are kept.
    """
    with ranks.together("prepare"):
        plan = _prepare(job, ranks)
    share = plan.batches[ranks.rank :: ranks.world_size]
    todo = [batch for batch in share if batch.missing]
    total = sum(batch.num_steps for batch in todo)
    with (
        running(network(plan.model), torch.device(plan.model.device), job.dtype) as score,
        _progress(total, quiet=not ranks.first or not todo) as progress,
    ):
        for index, batch in enumerate(todo):
            progress.set_description(f"batch {index + 1} of {len(todo)}")
            _draw(plan, score, batch, progress)
    ranks.finish()
    sides = summary.sides(plan.folder, plan.model) if ranks.first else {}
    if ranks.first and job.only is None:
        sheet = summary.sheet(plan.folder, plan.model, sides)
        writing.write(plan.folder.sheet, pictures.png(sheet, plan.folder.record.to_json()))
    drawn = sum(len(batch.missing) for batch in plan.batches)
    wanted = sum(len(batch.wanted) for batch in plan.batches)
    sentences = summary.sentences(job, plan.model, sides)
    return Summary(drawn, wanted - drawn, job.folder, tuple(sentences))


def _prepare(job: Job, ranks: Ranks) -> _Plan:
    model = open_model(job, ranks.device(job.device))
    samplers = samplers_of(model, job)
    _require_writable(job.folder)
    folder = Folder(job, Record.of(job, fingerprint(model, job)))
    folder.require_own()
    return _Plan(job, model, samplers, folder, list(_batches(folder)))


def _batches(folder: Folder) -> Iterator[_Batch]:
    job, total = folder.job, folder.job.request.num_images
    for num_steps, first in itertools.product(job.counts, range(0, total, job.batch_size)):
        images = range(first, min(first + job.batch_size, total))
        wanted = [image for image in images if job.only in (None, image)]
        missing = folder.missing(num_steps, wanted)
        yield _Batch(num_steps, images, wanted, missing)


def _require_writable(folder: Path) -> None:
    """Raise an error before the sampling instead of after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"cannot make the folder {folder} ({error.strerror})") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(f"cannot write into {folder} (no permission); choose another --workdir")


def _progress(total: int, *, quiet: bool) -> "tqdm[None]":
    return tqdm(total=total, unit="step", disable=quiet, smoothing=0.1)


def _draw(plan: _Plan, score: ScoreFn, batch: _Batch, progress: "tqdm[None]") -> None:
    """Sample a batch and write its missing images."""
    num_steps = batch.num_steps
    kept = _kept_steps(num_steps) if plan.job.trajectory else set()
    moments: list[_Moment] = []
    states: tuple[Step, ...] = ()
    for states in _chains(plan, score, batch):
        progress.update()
        if states[0].index in kept:
            moments.append(_moment(plan, states))
    final = _moment(plan, states).images
    for name, images in final.items():
        _require_finite(name, images, batch)
    for image in batch.missing:
        row = image - batch.images.start
        if moments:
            _write_trajectory(plan, num_steps, image, [m.of(row) for m in moments])
        for name, images in final.items():
            path, record = plan.folder.picture(num_steps, name, image)
            if not plan.folder.whole(path):
                writing.write(path, _png(plan.model, images[row : row + 1], record))


def _png(model: Model, image: Images, record: Record) -> bytes:
    """Encode an image (1, C, H, W) with its record, and its grain before it is rounded."""
    measurable = quality.measurable(model)
    measured = float(grain(torch.from_numpy(image)).mean()) if measurable else None
    return pictures.png(pictures.view(image)[0], record.to_json(), grain=measured)


def _require_finite(name: str, images: Images, batch: _Batch) -> None:
    for image, pixels in zip(batch.images, images, strict=True):
        if not np.isfinite(pixels).all():
            raise ValueError(
                f"image {image} of the {name} sampler is not finite after "
                f"{batch.num_steps} iterations; use a smaller --speed_up, another --snr "
                "or --dtype float32"
            )


def _chains(plan: _Plan, score: ScoreFn, batch: _Batch) -> Iterator[tuple[Step, ...]]:
    """Sample the job's chains and yield the steps of each iteration."""
    seeds = [plan.job.request.seed + image for image in batch.images]
    run = driving.side_by_side(
        plan.samplers[batch.num_steps],
        plan.model.sde,
        noise=seeded_noise(seeds, device=plan.model.device),
        shape=(len(seeds), *plan.model.image_shape),
    )
    yield from driving.steps(score, run)


def _moment(plan: _Plan, states: tuple[Step, ...]) -> _Moment:
    """Return the images of all chains, scaled to [0, 1]."""
    model = plan.model
    chains = dict(zip(plan.job.chains, states, strict=True))
    return _Moment(
        states[0].index,
        {name: step.t for name, step in chains.items()},
        {name: step.sigma / model.amplitude for name, step in chains.items()},
        {name: model.to_pixels(step.x_mean).cpu().numpy() for name, step in chains.items()},
    )


def _kept_steps(num_steps: int) -> set[int]:
    count = min(num_steps, MOST_FRAMES)
    return {round(i) for i in np.linspace(0, num_steps - 1, count).tolist()}


def _write_trajectory(plan: _Plan, num_steps: int, image: int, moments: list[_Moment]) -> None:
    """Write the iterations of an image: an animation with chains side by side, and numbers."""
    animated, stored = plan.folder.trajectory(num_steps, image)
    chains = {name: np.concatenate([m.images[name] for m in moments]) for name in moments[0].images}
    numbers = {"index": np.array([m.index for m in moments])}
    for name in chains:
        # The noise levels of a tuned chain differ from vanilla's.
        end = "_vanilla" if plan.job.request.tuned and name == "vanilla" else ""
        numbers["t" + end] = np.array([m.t[name] for m in moments])
        numbers["sigma" + end] = np.array([m.sigma[name] for m in moments])
    writing.write(stored, arrays.to_npz(**numbers, **chains))
    # The last state is the final image, without noise.
    shares = [1.0] * (len(moments) - 1) + [0.0]
    frames = [
        pictures.grid(
            [pictures.view(x, sigma=share * m.sigma[name])[0] for name, x in m.images.items()],
            columns=len(m.images),
        )
        for m, share in zip(moments, shares, strict=True)
    ]
    writing.write(animated, pictures.animation(frames))
