"""From a request to what samples: the checkpoint found and checked, the filters, the kernels.

On a CPU each image is a network call of its own, on one thread, as many at a time as there are
threads: convolutions round differently with the size of the batch and the number of threads, and
an image is to depend on neither. On a GPU a batch is one call.
"""

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from pds import filters
from pds.jobs import configs
from pds.jobs.configs import Configuration
from pds.jobs.run_request import RunRequest
from pds.models import speed_up
from pds.preconditioners import Skew
from pds.sampling import PredictorCorrector, ScoreFn, steps
from pds.scores import checkpoints, hub
from pds.scores.ncsnpp import ModelCard, NetworkScore, precision
from pds.sde import SDE
from pds.theory import tuned

SUFFIXES = (".pth", ".safetensors")
"""Of checkpoint files; anything else is a diffusers folder or a hub name."""


@dataclass(frozen=True)
class Model:
    """What the chains of a run share.

    score, sde: of the network.
    image_shape: (C, H, W).
    centered: images are in [-1, 1], else in [0, 1].
    samplers: one for each number of iterations that is drawn, as published.
    methods: of the other chain for each.
    fingerprint: hash of everything in files that the images depend on.
    """

    score: NetworkScore
    sde: SDE
    image_shape: tuple[int, int, int]
    centered: bool
    samplers: tuple[PredictorCorrector, ...]
    methods: dict[PredictorCorrector, PredictorCorrector]
    fingerprint: str


def load(request: RunRequest, configuration: Configuration, device: torch.device) -> Model:
    """Build what a request samples with; what is soon refused first.

    Args:
        request: resolved.
        configuration: the one that it names.
        device: for network and filters.

    Raises:
        FileNotFoundError: if the checkpoint or a filter is missing.
        ValueError: if one is damaged or does not fit, or the request cannot be sampled.
    """
    card = configuration.card
    precision.require(device, getattr(torch, request.dtype))
    samplers = tuple(_samplers(request, configuration))
    shape = (card.network.num_channels, card.network.image_size, card.network.image_size)
    frequency = space = None
    if request.freq_mask_path is not None:
        frequency = filters.load(Path(request.freq_mask_path), shape, kind="frequency")
    if request.space_mask_path is not None:
        space = filters.load(Path(request.space_mask_path), shape, kind="space")
    score = open_checkpoint(find_checkpoint(request, configuration), card)
    masks = [mask for mask in (frequency, space) if mask is not None]
    frequency, space = (m if m is None else m.to(device) for m in (frequency, space))
    methods = {sampler: _method(request, card, sampler, frequency, space) for sampler in samplers}
    # The iterations are part of the request; the rest of a sampler may come from elsewhere.
    extra: list[object] = [score.card.to_dict(), samplers[0].num_corrector_steps]
    if request.tuned:
        # What tuning finds at one fixed N stands for all, and costs whoever asks no more than that.
        probe = replace(samplers[0], num_steps=20, eps=1e-3)
        extra.append(_description(_method(request, card, probe, frequency, space)))
    fingerprint = _fingerprint(score, extra, masks)
    model = Model(
        score=score.to(device),
        sde=score.sde,
        image_shape=shape,
        centered=card.network.centered,
        samplers=samplers,
        methods=methods,
        fingerprint=fingerprint,
    )
    for method in model.methods.values():
        _require_fit(method, model.sde, torch.ones(1, *shape, device=device))
    return model


def _method(
    request: RunRequest,
    card: ModelCard,
    sampler: PredictorCorrector,
    frequency: Tensor | None,
    space: Tensor | None,
) -> PredictorCorrector:
    """Return what the request asks for at the sampler's N, from raw masks."""
    if request.tuned:
        assert frequency is not None
        return tuned.sampler(frequency, card.sde, sampler, amplitude=card.amplitude)
    m = filters.preconditioner(frequency, space, alpha=request.alpha)
    return replace(sampler, m=Skew(m, request.skew) if request.skew else m)


def _samplers(request: RunRequest, configuration: Configuration) -> Iterator[PredictorCorrector]:
    card = configuration.card
    num_steps = int(card.num_scales / request.speed_up)
    if num_steps < 1:
        raise ValueError(
            f"speed_up {request.speed_up:g} leaves no iteration of the {card.num_scales} that the "
            f"model has; use at most {card.num_scales}"
        )
    rates = {n: speed_up(card.num_scales, n) for n in request.ladder}
    predictor, corrector = configs.kernels(request.predictor, request.corrector, request.snr)
    for n, rate in (rates or {num_steps: request.speed_up}).items():
        yield PredictorCorrector(
            num_steps=n,
            eps=card.sde.eps_per_speed_up * rate,
            predictor=predictor,
            corrector=corrector,
            num_corrector_steps=configuration.num_corrector_steps,
        )


def find_checkpoint(request: RunRequest, configuration: Configuration) -> str | Path:
    """Return the file, diffusers folder or hub name to sample from.

    The first of: the request's own; workdir/checkpoints/checkpoint.pth; the only checkpoint in that
    folder; the configuration's own.

    Raises:
        FileNotFoundError: if there is none; says where it looked and what it found.
        ValueError: if the choice is not clear.
    """
    if request.checkpoint is not None:
        return request.checkpoint
    folder = Path(request.workdir) / "checkpoints"
    published = folder / "checkpoint.pth"
    if published.is_file():
        return published
    names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    candidates = [name for name in names if Path(name).suffix in SUFFIXES]
    if len(candidates) == 1:
        return folder / candidates[0]
    if candidates:
        raise ValueError(
            f"{folder} holds {len(candidates)} checkpoints ({_listing(candidates)}) and none is "
            "named checkpoint.pth; choose one with --checkpoint"
        )
    if configuration.checkpoint is not None:
        return configuration.checkpoint
    found = f"found {_listing(names)}" if names else "found nothing in it"
    raise FileNotFoundError(
        f"no checkpoint: looked for {published} or one other .pth or .safetensors file there, "
        f"{found if folder.is_dir() else 'but there is no such folder'}; put it there or pass "
        "--checkpoint"
    )


def _listing(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def read_checkpoint(source: str | Path, card: ModelCard | None = None) -> NetworkScore:
    """Read a .pth, which needs a card, a .safetensors file, a diffusers folder or a hub name.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or no network that can be sampled here.
        OSError: if the hub has no such name or cannot be reached.
    """
    path = Path(source)
    if path.suffix in SUFFIXES and not path.is_dir():
        return checkpoints.load(path, card)
    if path.is_file() or (not path.is_dir() and len(path.parts) != 2):
        raise ValueError(
            f"a checkpoint is a {' or a '.join(SUFFIXES)} file, a diffusers folder or a hub name "
            f"such as google/ncsnpp-church-256, got {source}"
        )
    return hub.load(source)


def open_checkpoint(source: str | Path, card: ModelCard) -> NetworkScore:
    """Read a checkpoint that must be of the card's network and process.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or of another network or process.
    """
    score = read_checkpoint(source, card)
    if score.sde != card.sde:
        raise ValueError(
            f"{source} was trained on {score.sde}, but the configuration says {card.sde}; use the "
            "configuration that belongs to it"
        )
    if _architecture(score.card) != _architecture(card):
        raise ValueError(
            f"{source} is another network than the configuration's: {_differences(score, card)}; "
            "use the configuration that belongs to it"
        )
    return score


def _architecture(card: ModelCard) -> dict[str, object]:
    values = dataclasses.asdict(card.network)
    return {name: value for name, value in values.items() if name not in configs.TRAINING_ONLY}


def _differences(score: NetworkScore, card: ModelCard) -> str:
    """Name the first tensors that differ, or else the first values."""
    with torch.device("meta"):
        expected = NetworkScore(card).network.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    state = score.network.state_dict()
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    differing = [
        f"{name} is {found.get(name, 'missing')}, expected {shapes.get(name, 'nothing')}"
        for name in [*shapes, *(n for n in found if n not in shapes)]
        if found.get(name) != shapes.get(name)
    ]
    if not differing:
        mine, its = _architecture(card), _architecture(score.card)
        differing = [f"{n} is {its[n]}, expected {mine[n]}" for n in mine if its[n] != mine[n]]
    more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
    return "; ".join(differing[:3]) + more


def _fingerprint(score: NetworkScore, extra: list[object], masks: list[Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(extra, sort_keys=True).encode())
    for tensor in [*score.network.state_dict().values(), *masks]:
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:32]


def _description(sampler: PredictorCorrector) -> str:
    """Describe a tuned sampler in the form that fingerprints have always had."""
    names = ("num_steps", "eps", "predictor", "corrector", "num_corrector_steps", "sigmas")
    return f"Sampler({', '.join(f'{name}={getattr(sampler, name)!r}' for name in names)})"


def _require_fit(sampler: PredictorCorrector, sde: SDE, image: Tensor) -> None:
    """Run one iteration without the network, so that what cannot be sampled is refused now."""
    score = torch.zeros_like
    next(steps(lambda x, t: score(x), sampler.chain(sde, noise=lambda _: image, shape=image.shape)))


@contextlib.contextmanager
def running(score: NetworkScore, device: torch.device, dtype: str) -> Iterator[ScoreFn]:
    """Return the score as a run calls it: the network in `dtype`, images apart on a CPU."""
    call = torch.no_grad()(score.in_precision(getattr(torch, dtype)))
    if device.type != "cpu":
        yield call
        return
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(num_threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield lambda x, t: torch.cat(list(pool.map(call, x.unsqueeze(1), t.unsqueeze(1))))
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(num_threads)
