"""Draw a batch of a job: sample its chains and write the missing images."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from tqdm import tqdm

from pds import driving
from pds.appearance import grain
from pds.driving import seeded_noise
from pds.files import array_images, pictures, writing
from pds.jobs import quality, trajectory
from pds.jobs.divergence import Watch
from pds.jobs.folder import Folder
from pds.jobs.job import Job
from pds.jobs.record import Record
from pds.jobs.trajectory import Images, Moment
from pds.models import Model
from pds.sampling import Sampler, ScoreFn, Step


@dataclass(frozen=True)
class Batch:
    """Images that are sampled together, those requested, and those not drawn yet."""

    num_steps: int
    images: range
    wanted: list[int]
    missing: list[int]


@dataclass(frozen=True)
class Plan:
    """A job with its model, samplers, folder and batches.

    samplers: of the job's chains, for each number of iterations.
    batches: of all ranks, in order.
    """

    job: Job
    model: Model
    samplers: dict[int, tuple[Sampler, ...]]
    folder: Folder
    batches: list[Batch]

    def num_moments(self, num_steps: int) -> int:
        """Return how often the chains of a batch advance; N if they have as many calls each."""
        return len(driving.joint_indices(self.samplers[num_steps]))


def draw_batch(plan: Plan, score: ScoreFn, batch: Batch, progress: "tqdm[None]") -> dict[int, str]:
    """Sample a batch and write its missing images.

    The sampling ends early if none of them is finite any more.

    Returns:
        The missing images that are not finite, which are not written, and why.
    """
    kept = set[int]()
    if plan.job.trajectory:
        kept = trajectory.kept_steps(plan.num_moments(batch.num_steps))
    moments: list[Moment] = []
    watch, states = Watch(plan.job, batch.images), tuple[Step, ...]()
    for index, states in enumerate(_chains(plan, score, batch)):
        progress.update()
        watch.see(states)
        if watch.lost.keys() >= set(batch.missing):
            break
        if index in kept:
            moments.append(Moment.of(plan.job, plan.model, states))
    lost = {image: watch.lost[image] for image in batch.missing if image in watch.lost}
    finite = [image for image in batch.missing if image not in lost]
    final = Moment.of(plan.job, plan.model, states).images if finite else {}
    for image in finite:
        row = image - batch.images.start
        rows = {name: images[row : row + 1] for name, images in final.items()}
        _write(plan, batch.num_steps, image, rows, [m.row(row) for m in moments])
    return lost


def _write(
    plan: Plan, num_steps: int, image: int, final: dict[str, Images], moments: list[Moment]
) -> None:
    """Write the files of an image that are not there: trajectory first, then its pictures."""
    if moments:
        animated, stored = plan.folder.trajectory(num_steps, image)
        writing.write(stored, trajectory.numbers(plan.job, moments))
        if animated is not None:
            writing.write(animated, trajectory.animation(moments))
    for name, pixels in final.items():
        path, record = plan.folder.picture(num_steps, name, image)
        if not plan.folder.whole(path):
            writing.write(path, _encoded(plan, pixels, record))


def _encoded(plan: Plan, image: Images, record: Record) -> bytes:
    """Encode an image (1, C, H, W) with its record, a picture with its grain before rounding."""
    if not plan.folder.pictured:
        return array_images.encode(image[0], record.to_json())
    measurable = quality.measurable(plan.model)
    measured = float(grain(torch.from_numpy(image)).mean()) if measurable else None
    return pictures.encode_png(pictures.to_uint8(image)[0], record.to_json(), grain=measured)


def _chains(plan: Plan, score: ScoreFn, batch: Batch) -> Iterator[tuple[Step, ...]]:
    """Sample the job's chains and yield their latest steps, whenever one has advanced."""
    seeds = [plan.job.request.seed + image for image in batch.images]
    run = driving.side_by_side(
        plan.samplers[batch.num_steps],
        plan.model.sde,
        noise=seeded_noise(seeds, device=plan.model.device),
        shape=(len(seeds), *plan.model.image_shape),
    )
    yield from driving.steps(score, run)
