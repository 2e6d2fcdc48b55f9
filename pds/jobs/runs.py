"""A sampling run: all images of a request into a folder, on one process or many.

Work is dealt in whole batches, batch b to rank b % world_size, and an image's noise comes from its
own seed, so the files are the same bits however many processes drew them. What is in the folder is
not drawn again: a run that was stopped, by whatever, goes on where it was.
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

from pds import sampling
from pds.files import pictures
from pds.files.pictures import Pixels
from pds.jobs import configs, run_model
from pds.jobs.ranks import ALONE, Ranks
from pds.jobs.run_folder import Folder
from pds.jobs.run_model import Model
from pds.jobs.run_request import Record, RunRequest
from pds.noise import seeded_noise
from pds.sampling import PredictorCorrector, ScoreFn, Step

Images = NDArray[np.float32]

MOST_FRAMES = 64
SHEET_COLUMNS = 8
SHEET_IMAGES = 64
SHEET_PIXELS = 2**24
"""A sheet shows the first images, as many as these two allow."""


@dataclass(frozen=True)
class Summary:
    """What a run did, all ranks together: images drawn now and found there, and where."""

    drawn: int
    kept: int
    folder: Path


@dataclass(frozen=True)
class _Batch:
    """Images that are drawn together, those that were asked for, and those not there yet."""

    sampler: PredictorCorrector
    images: range
    wanted: list[int]
    missing: list[int]


@dataclass(frozen=True)
class _Moment:
    """An iteration as it is kept: images (B, C, H, W) in [0, 1] when clean, by chain.

    t, sigma: of each chain, sigma in the units of these images.
    """

    index: int
    t: dict[str, float]
    sigma: dict[str, float]
    images: dict[str, Images]

    def of(self, row: int) -> "_Moment":
        """Return the same of one image alone."""
        images = {name: array[row : row + 1] for name, array in self.images.items()}
        return replace(self, images=images)


@dataclass(frozen=True)
class _Run:
    """A request with everything that it takes to draw it."""

    model: Model
    device: torch.device
    folder: Folder
    batches: list[_Batch]

    @property
    def request(self) -> RunRequest:
        """Return what was asked for, resolved."""
        return self.folder.record.request


def run(request: RunRequest, *, ranks: Ranks = ALONE) -> Summary:
    """Draw what the request asks for and is not there yet.

    Raises:
        ValueError, OSError: if it cannot be drawn; nothing that was there is lost.
    """
    with ranks.together("prepare"):
        plan = _prepare(request, ranks)
    share = plan.batches[ranks.rank :: ranks.world_size]
    todo = [batch for batch in share if batch.missing]
    total = sum(batch.sampler.num_steps for batch in todo)
    with (
        run_model.running(plan.model.score, plan.device, plan.request.dtype) as score,
        _progress(total, quiet=not ranks.first or not todo) as progress,
    ):
        for index, batch in enumerate(todo):
            progress.set_description(f"batch {index + 1} of {len(todo)}")
            _draw(plan, score, batch, progress)
    ranks.finish()
    if ranks.first and request.only is None:
        pictures.write(plan.folder.sheet, pictures.png(_sheet(plan), plan.folder.record.to_json()))
    drawn = sum(len(batch.missing) for batch in plan.batches)
    wanted = sum(len(batch.wanted) for batch in plan.batches)
    return Summary(drawn, wanted - drawn, plan.request.folder)


def _prepare(request: RunRequest, ranks: Ranks) -> _Run:
    configuration = configs.read(Path(request.config))
    request = request.resolved(configuration)
    device = ranks.device(str(request.device))
    model = run_model.load(request, configuration, device)
    _require_writable(request.folder)
    folder = Folder(Record(request, model.fingerprint))
    folder.require_own(tuple(sampler.num_steps for sampler in model.samplers))
    return _Run(model, device, folder, list(_batches(folder, model)))


def _batches(folder: Folder, model: Model) -> Iterator[_Batch]:
    """Return the batches of all ranks, in order."""
    request = folder.record.request
    total, size = request.num_samples or 0, request.batch_size or 1
    for sampler, first in itertools.product(model.samplers, range(0, total, size)):
        images = range(first, min(first + size, total))
        wanted = [image for image in images if request.only in (None, image)]
        missing = folder.missing(sampler.num_steps, wanted)
        yield _Batch(sampler, images, wanted, missing)


def _require_writable(folder: Path) -> None:
    """Find out before hours of sampling."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"cannot make the folder {folder} ({error.strerror})") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(f"cannot write into {folder} (no permission); choose another --workdir")


def _progress(total: int, *, quiet: bool) -> "tqdm[None]":
    return tqdm(total=total, unit="step", disable=quiet, smoothing=0.1)


def _draw(plan: _Run, score: ScoreFn, batch: _Batch, progress: "tqdm[None]") -> None:
    """Sample a batch and write those of its images that are missing."""
    num_steps = batch.sampler.num_steps
    kept = _kept_steps(num_steps) if plan.request.trajectory else set()
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
                (pixels,) = pictures.view(images[row : row + 1])
                pictures.write(path, pictures.png(pixels, record.to_json()))


def _require_finite(name: str, images: Images, batch: _Batch) -> None:
    for image, pixels in zip(batch.images, images, strict=True):
        if not np.isfinite(pixels).all():
            raise ValueError(
                f"image {image} of the {name} sampler is not finite after "
                f"{batch.sampler.num_steps} iterations; use a smaller --speed_up, another --snr "
                "or --dtype float32"
            )


def _chains(plan: _Run, score: ScoreFn, batch: _Batch) -> Iterator[tuple[Step, ...]]:
    """Sample the request's chains, one tuple of their states for each iteration."""
    first = plan.request.seed
    seeds = [first + image for image in batch.images]
    shape = (len(seeds), *plan.model.image_shape)
    noise = seeded_noise(seeds, device=plan.device)
    samplers = [plan.model.methods[batch.sampler]]
    if len(plan.request.samplers) > 1:
        samplers.insert(0, batch.sampler)
    run = sampling.side_by_side(samplers, plan.model.sde, noise=noise, shape=shape)
    yield from sampling.steps(score, run)


def _moment(plan: _Run, states: tuple[Step, ...]) -> _Moment:
    """Keep the images of all chains, in [0, 1] whatever the network's range is."""
    half = 2 if plan.model.centered else 1
    chains = dict(zip(plan.request.samplers, states, strict=True))
    return _Moment(
        states[0].index,
        {name: step.t for name, step in chains.items()},
        {name: step.sigma / half for name, step in chains.items()},
        {
            name: (step.x_mean.float() / half + (half - 1) / 2).cpu().numpy()
            for name, step in chains.items()
        },
    )


def _kept_steps(num_steps: int) -> set[int]:
    count = min(num_steps, MOST_FRAMES)
    return {round(i) for i in np.linspace(0, num_steps - 1, count).tolist()}


def _write_trajectory(plan: _Run, num_steps: int, image: int, moments: list[_Moment]) -> None:
    """Write the steps of an image: an animation, chains side by side, and their numbers."""
    animated, stored = plan.folder.trajectory(num_steps, image)
    chains = {name: np.concatenate([m.images[name] for m in moments]) for name in moments[0].images}
    numbers = {"index": np.array([m.index for m in moments])}
    for name in chains:
        # Vanilla's own are told where it has others than the chain beside it.
        end = "_vanilla" if plan.request.tuned and name == "vanilla" else ""
        numbers["t" + end] = np.array([m.t[name] for m in moments])
        numbers["sigma" + end] = np.array([m.sigma[name] for m in moments])
    pictures.write(stored, pictures.numbers(**numbers, **chains))
    # The last state is the image itself: no noise is left to allow for.
    shares = [1.0] * (len(moments) - 1) + [0.0]
    frames = [
        pictures.side_by_side(
            [pictures.view(x, sigma=share * m.sigma[name])[0] for name, x in m.images.items()]
        )
        for m, share in zip(moments, shares, strict=True)
    ]
    pictures.write(animated, pictures.animation(frames))


def _sheet(plan: _Run) -> Pixels:
    """Lay out the first images: in rows, vanilla over PDS, or a ladder's iterations as columns."""
    names, samplers = plan.request.samplers, plan.model.samplers
    _, height, width = plan.model.image_shape
    room = max(
        1, min(SHEET_IMAGES, SHEET_PIXELS // (height * width)) // len(samplers) // len(names)
    )
    images = range(min(plan.request.num_samples or 0, room))
    method = "tuned" if plan.request.tuned else "PDS"
    labels = {"vanilla": "vanilla", "pds": method} if len(names) > 1 else dict.fromkeys(names, "")
    if plan.request.ladder:
        counts = [sampler.num_steps for sampler in samplers]
        rows = [
            (labels[name], [_picture(plan, n, name, image) for n in counts])
            for image, name in itertools.product(images, names)
        ]
        return pictures.sheet(rows, [f"N = {n}" for n in counts])
    (sampler,) = samplers
    rows = [
        (labels[name], [_picture(plan, sampler.num_steps, name, i) for i in part])
        for part in _parts(images, SHEET_COLUMNS)
        for name in names
    ]
    return pictures.sheet(rows)


def _picture(plan: _Run, num_steps: int, name: str, image: int) -> Pixels | None:
    """Read a picture back; another machine of the run may have it, in a folder of its own."""
    path, _ = plan.folder.picture(num_steps, name, image)
    return pictures.read_pixels(path) if path.is_file() else None


def _parts(images: range, size: int) -> Iterator[range]:
    return (images[k : k + size] for k in range(0, len(images), size))
