"""The model and the samplers of a job: checkpoint, masks and kernels, opened and checked.

On a CPU each image is a separate network call on one thread, with as many calls at a time as there
are threads: the rounding of convolutions depends on the batch size and the number of threads, and
an image must depend on neither. On a GPU a batch is one call, or several where memory is short.
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from pds import filters
from pds.driving import steps
from pds.files.digest import digest
from pds.files.shipped import ROOT
from pds.jobs import configuration
from pds.jobs.checkpoint import find_checkpoint, open_checkpoint
from pds.jobs.job import Job
from pds.models import MODELS, Model, load_model
from pds.preconditioners import Skew
from pds.sampling import Sampler, ScoreFn
from pds.scores.ncsnpp import NetworkScore, precision
from pds.sde import SDE
from pds.serving.splitting import Splitting
from pds.theory import response_file, tuned


def open_model(job: Job, device: torch.device) -> Model:
    """Open the checkpoint and the masks of a job; cheap checks first.

    Args:
        job: the job.
        device: for the network.

    Raises:
        FileNotFoundError: if the checkpoint or a mask is missing.
        ValueError: if one is damaged or does not fit, or a kernel does not exist.
    """
    card, request = job.configuration.card, job.request
    precision.require_precision(device, getattr(torch, job.dtype))
    predictor, corrector = configuration.kernels(job.predictor, job.corrector, job.snr)
    shape = (card.network.num_channels, card.network.image_size, card.network.image_size)
    # On the CPU, in float64: only the gains go to the device.
    frequency_mask = space_mask = torch.ones(shape)
    if isinstance(request.frequency, str):
        frequency_mask = filters.frequency(request.frequency, shape)
    if isinstance(request.space, str):
        space_mask = filters.load(Path(request.space), shape, kind="space")
    source = find_checkpoint(job.workdir, job.checkpoint, job.configuration.checkpoint)
    score = job.score
    if score is None:
        score = open_checkpoint(source, card, weights=job.weights)
    model = Model(
        score=score.to(device),
        sde=score.sde,
        num_scales=card.num_scales,
        frequency_mask=frequency_mask,
        space_mask=space_mask,
        corrector=corrector,
        predictor=predictor,
        num_corrector_steps=job.configuration.num_corrector_steps,
        centered=card.network.centered,
        device=str(device),
    )
    if shipped := _shipped(source):
        model = dataclasses.replace(
            model, references=shipped.references, tuned_to_network=shipped.tuned_to_network
        )
    if job.response is None:
        return model
    return model.with_response(response_file.load(Path(job.response)))


def _shipped(source: str | Path) -> Model | None:
    """Return the shipped model of a checkpoint, None for another one."""
    path = Path(source).resolve()
    shipped = path.parent == ROOT / "assets" and path.stem in MODELS
    return load_model(path.stem) if shipped else None


def samplers_of(model: Model, job: Job) -> dict[int, tuple[Sampler, ...]]:
    """Return the samplers of a job's chains, for each number of iterations.

    Args:
        model: as returned by `open_model`, with the masks of the job.
        job: the job.

    Raises:
        ValueError: if a kernel does not support the process or M.
    """
    rate = None if job.ladder else job.speed_up
    image = torch.ones(1, *model.image_shape, device=model.device)
    samplers = {}
    for num_steps in job.counts:
        request = dataclasses.replace(job.request, num_steps=num_steps)
        left, right = (model.plan(arm, num_steps, rate=rate).sampler for arm in request.arms)
        chains = dict(zip(request.sides, (left, _skewed(right, job.skew)), strict=True))
        samplers[num_steps] = tuple(chains[name] for name in job.chains)
        for sampler in samplers[num_steps]:
            _require_fit(sampler, model.sde, image)
    return samplers


def _skewed(sampler: Sampler, skew: float) -> Sampler:
    """Return a sampler whose M has a skew-symmetric S, itself if its strength is 0."""
    return sampler.map_preconditioners(lambda m, _: Skew(m, skew)) if skew else sampler


def _require_fit(sampler: Sampler, sde: SDE, image: Tensor) -> None:
    """Run one iteration with a zero score, so that an unsupported sampler fails before the run."""
    chain = sampler.chain(sde, noise=lambda _: image, shape=image.shape)
    next(steps(lambda x, _: torch.zeros_like(x), chain))


def fingerprint(model: Model, job: Job) -> str:
    """Return a hash of everything in the files of a job that its images depend on."""
    score = network(model)
    extra: list[object] = [score.card.to_dict(), model.num_corrector_steps]
    if any("tuned" in str(arm) for arm in job.request.arms):
        extra.append(_tuned_text(model))
    if any("response" in str(arm) for arm in job.request.arms) and model.tuned_to_network:
        extra.append(model.tuned_to_network.fingerprint)
    masks = ((job.request.frequency, model.frequency_mask), (job.request.space, model.space_mask))
    tensors = [*score.network.state_dict().values(), *(mask for used, mask in masks if used)]
    return digest([json.dumps(extra, sort_keys=True), *tensors])


def _tuned_text(model: Model) -> str:
    """Describe the tuned sampler at one small N, in place of all N.

    The text is hashed: if it changes, existing folders count as those of another model.
    """
    published = dataclasses.replace(model.sampler(20), eps=1e-3)
    best = tuned.sampler(model.frequency_mask, model.sde, published, amplitude=model.amplitude)
    return (
        f"Sampler(num_steps={best.num_steps}, eps={best.eps}, predictor={best.predictor}, "
        f"corrector={best.corrector}, num_corrector_steps={best.num_corrector_steps}, "
        f"sigmas={best.sigmas})"
    )


def network(model: Model) -> NetworkScore:
    """Return the network of a model from `open_model`."""
    assert isinstance(model.score, NetworkScore)
    return model.score


@contextlib.contextmanager
def prepared_score(score: NetworkScore, device: torch.device, dtype: str) -> Iterator[ScoreFn]:
    """Provide the score of a run: the network in `dtype`; on a CPU, one call for each image.

    Calls that exceed the memory of a GPU are split.
    """
    call = torch.no_grad()(score.in_precision(getattr(torch, dtype)))
    if device.type != "cpu":
        yield Splitting(call)
        return
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(num_threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield lambda x, t: torch.cat(list(pool.map(call, x.unsqueeze(1), t.unsqueeze(1))))
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(num_threads)
