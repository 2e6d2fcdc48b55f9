"""Run a job: draw all of its images into a folder, with one process or many.

Batch b belongs to rank b % world_size, and the noise of an image depends on its seed alone, so the
files are bit for bit the same for any number of processes. Existing images are not sampled again:
an interrupted run continues when it is started again.
"""

import itertools
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from pds.files import pictures, writing
from pds.jobs import summary
from pds.jobs.claim import claimed
from pds.jobs.drawing import Batch, Plan, draw_batch
from pds.jobs.folder import Folder
from pds.jobs.job import Job
from pds.jobs.model import fingerprint, network, open_model, prepared_score, samplers_of
from pds.jobs.ranks import ALONE, Ranks
from pds.jobs.record import Record


@dataclass(frozen=True)
class Summary:
    """The images of all ranks that were drawn, those that existed before, and their folder.

    sentences: about the grain of all of them; none if no two samplers are compared, or some are
        lost.
    lost: why images that are not finite were not drawn; "" if all were drawn.
    """

    drawn: int
    kept: int
    folder: Path
    sentences: tuple[str, ...]
    lost: str = ""


@dataclass(frozen=True)
class _Share:
    """What one rank has drawn: the number of images, and why one could not be drawn, or ""."""

    drawn: int
    lost: str


def run(job: Job, *, ranks: Ranks = ALONE) -> Summary:
    """Draw the missing images of a job.

    Images that are not finite are left out, and the others are drawn all the same; but if all
    images of a batch are lost and none exists yet, no further batch with this N is tried.

    Raises:
        ValueError, OSError: if they cannot be drawn; existing files are kept.
    """
    with ExitStack() as stack:
        with ranks.together("prepare"):
            model = open_model(job, ranks.device(job.device))
            samplers = samplers_of(model, job)
            _require_writable(job.folder)
            if ranks.first:
                stack.enter_context(claimed(job.folder, shared=job.only is not None))
            folder = Folder(job, Record.of(job, fingerprint(model, job)))
            folder.require_own()
            plan = Plan(job, model, samplers, folder, list(_batches(folder)))
        share = _draw_share(plan, ranks)
        shares = [_Share(**json.loads(text)) for text in ranks.finish(json.dumps(vars(share)))]
        sides = summary.sides(folder, model) if ranks.first else {}
        if ranks.first and job.only is None:
            _write_sheet(plan, sides)
    whole = not any(share.lost for share in shares)
    sentences = tuple(summary.grain_sentences(folder, model, sides)) if whole else ()
    return _summary(plan, shares, sentences)


def _draw_share(plan: Plan, ranks: Ranks) -> _Share:
    """Draw the missing images of this rank's batches."""
    todo = [batch for batch in plan.batches[ranks.rank :: ranks.world_size] if batch.missing]
    total = sum(plan.num_moments(batch.num_steps) for batch in todo)
    there = Counter[int]()
    for batch in plan.batches:
        there[batch.num_steps] += len(batch.wanted) - len(batch.missing)
    drawn, sentences, hopeless = 0, list[str](), set[int]()
    with (
        prepared_score(
            network(plan.model), torch.device(plan.model.device), plan.job.dtype
        ) as score,
        _progress(total, quiet=not ranks.first or not todo) as progress,
    ):
        for index, batch in enumerate(todo):
            if batch.num_steps in hopeless:
                continue
            progress.set_description(f"batch {index + 1} of {len(todo)}")
            lost = draw_batch(plan, score, batch, progress)
            sentences += lost.values()
            drawn += len(batch.missing) - len(lost)
            there[batch.num_steps] += len(batch.missing) - len(lost)
            if not there[batch.num_steps]:
                hopeless.add(batch.num_steps)
    return _Share(drawn, next(iter(sentences), ""))


def _summary(plan: Plan, shares: list[_Share], sentences: tuple[str, ...]) -> Summary:
    missing = sum(len(batch.missing) for batch in plan.batches)
    wanted = sum(len(batch.wanted) for batch in plan.batches)
    drawn = sum(share.drawn for share in shares)
    lost = next((share.lost for share in shares if share.lost), "")
    if lost and missing - drawn > 1:
        lost += f"; {missing - drawn} of {wanted} images are not sampled"
    return Summary(drawn, wanted - missing, plan.job.folder, sentences, lost)


def _write_sheet(plan: Plan, sides: summary.Sides) -> None:
    sheet = summary.summary_sheet(plan.folder, plan.model, sides)
    if sheet is not None:
        writing.write(plan.folder.sheet, pictures.encode_png(sheet, plan.folder.record.to_json()))


def _batches(folder: Folder) -> Iterator[Batch]:
    job, total = folder.job, folder.job.request.num_images
    for num_steps, first in itertools.product(job.counts, range(0, total, job.batch_size)):
        images = range(first, min(first + job.batch_size, total))
        wanted = [image for image in images if job.only in (None, image)]
        missing = folder.missing(num_steps, wanted)
        yield Batch(num_steps, images, wanted, missing)


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
