"""Drawing the images of cells, batch by batch, into the out folder."""

import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from pds.arms.samplers import Plan
from pds.driving import sample, seeded_noise
from pds.evaluation.store import Batch, Store
from pds.evaluation.subject import Subject
from pds.sampling import ScoreFn
from pds.serving.acceleration import accelerate
from pds.serving.capacity import largest_batch
from pds.serving.splitting import Splitting

CPU_BATCH = 32
GPU_BATCH = 512
"""Largest batch: a larger one is no faster, and loses more when a run is stopped."""


def batch_size(subject: Subject) -> int:
    """Return how many images to draw at a time: a power of two that fits into the memory."""
    if subject.device.type == "cpu":
        return CPU_BATCH
    model = subject.model
    room = min(GPU_BATCH, largest_batch(model.score, model.image_shape, subject.device))
    return 1 << (room.bit_length() - 1)


def draw_batches(
    store: Store,
    subject: Subject,
    batches: Sequence[Batch],
    *,
    seed: int,
    seconds: float | None = None,
) -> None:
    """Draw batches and save each when it is complete; progress counts calls times images.

    Args:
        store: the folder for them.
        subject: the model.
        batches: see `Store.missing`.
        seed: image i starts from seed + i in every arm, except for the network's own pictures, see
            `pds.evaluation.store`.
        seconds: no batch begins later than this; None for no limit.
    """
    deadline = time.monotonic() + (math.inf if seconds is None else seconds)
    if not batches:
        return
    plans = {cell: plan(subject, *cell.drawn_by) for cell in dict.fromkeys(b.cell for b in batches)}
    total = sum(plans[batch.cell].sampler.nfe * batch.size for batch in batches)
    score = prepared(subject)
    _capture(score, subject, max(batch.size for batch in batches))
    with tqdm(total=total, unit="call", unit_scale=True, smoothing=0.05) as progress:
        for batch in batches:
            if time.monotonic() > deadline:
                break
            progress.set_description(f"{batch.cell.arm} N={batch.cell.num_steps}")
            counted = _counted(score, progress.update)
            first = seed + batch.cell.seed_offset + batch.first
            seeds = range(first, first + batch.size)
            started = time.perf_counter()
            images = sampled(subject, plans[batch.cell], counted, seeds).cpu()
            taken = time.perf_counter() - started
            store.save(batch, images, nfe=plans[batch.cell].sampler.nfe, seconds=taken)


def plan(subject: Subject, arm: str, num_steps: int) -> Plan:
    """Return the sampler of an arm at N, see `pds.arms.names`."""
    return subject.field.plan(arm, num_steps)


def sampled(subject: Subject, plan: Plan, score: ScoreFn, seeds: range) -> Tensor:
    """Return images (B, C, H, W), in [0, 1] but not clipped, on the model's device."""
    model, device = subject.model, subject.device
    noise = seeded_noise(seeds, device=device)
    shape = (len(seeds), *model.image_shape)
    return model.to_pixels(sample(score, plan.sampler.chain(model.sde, noise=noise, shape=shape)))


def prepared(subject: Subject) -> ScoreFn:
    """Return the score, in CUDA graphs on a GPU; calls that exceed the memory are split."""
    return Splitting(accelerate(subject.model.score, subject.device))


def _capture(score: ScoreFn, subject: Subject, batch_size: int) -> None:
    """Capture the CUDA graph of a batch size on a GPU, before any timing."""
    if subject.device.type == "cuda":
        x = torch.zeros(batch_size, *subject.model.image_shape, device=subject.device)
        score(x, torch.ones(batch_size, dtype=torch.float64, device=subject.device))


def _counted(score: ScoreFn, update: Callable[[int], object]) -> ScoreFn:
    def call(x: Tensor, t: Tensor) -> Tensor:
        scores = score(x, t)
        update(len(x))
        return scores

    return call
