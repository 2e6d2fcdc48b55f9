"""Models ready to sample: a request in, the steps of both chains out."""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pds import filters, theory
from pds.appearance import Appearance, References
from pds.arms import samplers
from pds.arms.arithmetic import Replay
from pds.arms.names import Arm
from pds.arms.network import Searched, TunedToNetwork, recorded
from pds.arms.samplers import Plan
from pds.driving import sample, seeded_noise, side_by_side
from pds.files.shipped import ROOT
from pds.kernels import AnnealedLangevin, Kernel, Langevin, ReverseDiffusion
from pds.limits import MAX_IMAGES, MAX_MODELS, MAX_OWN, MIN_OWN, MODELS_PER_VISIT, quoted
from pds.request import Request
from pds.sampling import PredictorCorrector, Sampler, ScoreFn, Step
from pds.scores import checkpoints
from pds.scores.gaussian import GaussianField
from pds.scores.mixture import SpectralMixture
from pds.scores.ncsnpp import NetworkScore
from pds.sde import SDE, VESDE
from pds.serving.acceleration import accelerate
from pds.serving.batcher import Batcher
from pds.serving.capacity import largest_batch
from pds.serving.devices import PerDevice, devices
from pds.serving.visitor_store import VisitorStore
from pds.serving.worker import Workers
from pds.spectra import inverse_square_power
from pds.theory import LinearResponse, MeasuredResponse, tuned

LADDER = (2000, 200, 133, 100, 66, 40, 25)
"""The iteration counts of the paper's figures, speed-ups 1, 10, 15, 20, 30, 50, 80 of 2000."""

Corrector = Langevin | AnnealedLangevin
"""A corrector step; both kinds have an snr."""

APPEARANCE = ROOT / "assets" / "appearance.json"
"""Recorded grain and contrast of the shipped networks."""

EXACT_SAMPLES = 64
"""Exact samples that the references of an exact score are measured on."""

MIN_DIFFERENCE = 0.05
"""Pixel units by which two images of a visitor's own model must differ at some pixel."""


def default_device() -> str:
    """Return the first of `devices`: models are loaded on it, and programs use no other."""
    return devices()[0]


_lent: list[str] = []


def sample_on(device: str) -> None:
    """Place all runs of this process on a borrowed device instead of `devices`, as on ZeroGPU."""
    _lent[:] = [device]


def workers() -> Workers:
    """Return the workers that advance all runs of this process, one for each device."""
    return _workers(tuple(_lent) or devices())


@cache
def _workers(names: tuple[str, ...]) -> Workers:
    return Workers(names)


@dataclass(frozen=True)
class Model:
    """A score with everything that sampling from it needs.

    score: of images (B, C, H, W), in [0, 1] unless `centered`.
    sde: the forward process of the score.
    num_scales: the N that the model was published with; its eps belongs to that N.
    frequency_mask, space_mask: raw masks of the data, (C, H, W); all ones if the data are unknown,
        so that every gain is 1.
    corrector, predictor: of the published sampler, None for a sampler without it.
    num_corrector_steps: per iteration.
    centered: whether the score is for images in [-1, 1].
    device: of score and images; the masks are on the CPU, in float64 where they are files.
    references: grain and contrast of the data and of the score's own images; None if unknown.
    tuned_to_network: finds the settings of the sampler `response`; None if the response is unknown.
    """

    score: ScoreFn
    sde: SDE
    num_scales: int
    frequency_mask: Tensor
    space_mask: Tensor
    corrector: Corrector | None
    predictor: Kernel | None = ReverseDiffusion()
    num_corrector_steps: int = 1
    centered: bool = False
    device: str = "cpu"
    references: References | None = None
    tuned_to_network: TunedToNetwork | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (C, H, W)."""
        channels, height, width = self.frequency_mask.shape
        return channels, height, width

    @property
    def snr(self) -> float | None:
        """Return the signal-to-noise ratio of the corrector, if there is one."""
        return None if self.corrector is None else self.corrector.snr

    @property
    def amplitude(self) -> float:
        """Return the scale of the score's images relative to [0, 1]: 2 for [-1, 1]."""
        return 2.0 if self.centered else 1.0

    @property
    def middle_gray(self) -> float:
        """Return the middle of the range of the score's images."""
        return 0.0 if self.centered else 0.5

    @cached_property
    def batchers(self) -> PerDevice[Batcher]:
        """The batcher of all runs of this model on a device; its batches fit into memory there."""
        return PerDevice(partial(_batcher, self.score, self.device, self.image_shape))

    @property
    def data_power(self) -> Tensor:
        """Return the data's mean |FFT2 x|^2 / (H W), (C, H, W) float64."""
        return filters.data_power(self.frequency_mask)

    def sampler(
        self,
        num_steps: int,
        *,
        rate: float | None = None,
        snr: float | None = None,
        corrector_steps: int | None = None,
    ) -> PredictorCorrector:
        """Return the published sampler at N iterations, with images independent of each other.

        Args:
            num_steps: N.
            rate: the speed-up that N was computed from, for eps; by default `speed_up` of N.
            snr: of the corrector, by default that of the model.
            corrector_steps: per iteration, 0 for no corrector; by default those of the model.
        """
        rate = speed_up(self.num_scales, num_steps) if rate is None else rate
        steps = self.num_corrector_steps if corrector_steps is None else corrector_steps
        corrector = self.corrector if steps else None
        if corrector is not None and snr is not None:
            corrector = replace(corrector, snr=snr)
        return PredictorCorrector(
            num_steps=num_steps,
            eps=self.sde.eps_per_speed_up * rate,
            predictor=self.predictor,
            corrector=corrector,
            num_corrector_steps=max(1, steps),
        )

    def tuned(self, num_steps: int, *, rate: float | None = None) -> PredictorCorrector:
        """Return the sampler tuned to N, see `pds.theory.tuned`; the latest 32 are cached.

        Arguments are those of `sampler`.
        """
        return self._tune(self.sampler(num_steps, rate=rate))

    @cached_property
    def _tune(self) -> Callable[[PredictorCorrector], PredictorCorrector]:
        tune = partial(tuned.sampler, self.frequency_mask, self.sde, amplitude=self.amplitude)
        return lru_cache(maxsize=32)(tune)

    def with_response(self, response: LinearResponse | MeasuredResponse) -> "Model":
        """Return the model with a response, by which its sampler `response` is tuned.

        Raises:
            ValueError: if it is of images of another size.
        """
        search = Searched(response, self.sde, self.image_shape, self.middle_gray)
        return replace(self, tuned_to_network=search)

    @cached_property
    def _constant(self) -> Callable[[PredictorCorrector], float]:
        data = tuned.spectrum(self.frequency_mask, amplitude=self.amplitude)
        return lru_cache(maxsize=32)(partial(theory.tune_scalar, data, self.sde))

    def plan(
        self,
        arm: Arm,
        num_steps: int,
        *,
        rate: float | None = None,
        snr: float | None = None,
        corrector_steps: int | None = None,
        device: str | None = None,
    ) -> Plan:
        """Return the sampler of an arm, and its gain.

        The sampler after a branch is built as if it had run at its pace from the start.

        Args:
            arm: a sampler by its name.
            num_steps: N for an arm without an N of its own.
            rate, snr, corrector_steps: as in `sampler`; an arm's own N has a rate of its own.
            device: of the filters, by default that of the model.

        Raises:
            ValueError: if the arm does not support the model.
        """
        arm = arm.at(num_steps)
        if arm.first is not None:
            make = partial(
                self.plan, rate=rate, snr=snr, corrector_steps=corrector_steps, device=device
            )
            first, then = (make(part, num_steps) for part in (arm.first, arm.then))
            return samplers.branch(arm, first, then, self.sde)
        if arm.num_steps is not None and arm.num_steps != num_steps:
            num_steps, rate = arm.num_steps, None
        setting = samplers.Setting(
            published=self.sampler(num_steps, rate=rate, snr=snr, corrector_steps=corrector_steps),
            sde=self.sde,
            frequency_mask=self.frequency_mask,
            space_mask=self.space_mask,
            amplitude=self.amplitude,
            device=device or self.device,
            tune=self._tune,
            constant=self._constant,
            tuned_to_network=self.tuned_to_network,
        )
        return samplers.build(arm, setting)

    def plans(self, request: Request, *, device: str | None = None) -> tuple[Plan, Plan]:
        """Return the samplers of a request, on the left and on the right.

        Raises:
            ValueError: if one does not support the model, or the request names the path of a mask;
                no file is opened here.
        """
        if isinstance(request.frequency, str) or isinstance(request.space, str):
            raise ValueError(
                "only main.py takes the path of a mask; here frequency and space must be true or "
                "false, for the masks of the model"
            )
        left, right = (
            self.plan(
                arm,
                request.num_steps,
                snr=request.snr,
                corrector_steps=request.corrector_steps,
                device=device,
            )
            for arm in request.arms
        )
        return left, right

    def method(self, request: Request, *, device: str | None = None) -> Sampler:
        """Return the sampler of a request that is on the right, see `plans`."""
        return self.plans(request, device=device)[1].sampler

    def to_pixels(self, x: Tensor) -> Tensor:
        """Return images of the score's range as float32 images in [0, 1], not clipped."""
        return x.float() / self.amplitude + (self.amplitude - 1) / 2


def _batcher(score: ScoreFn, home: str, image_shape: tuple[int, int, int], device: str) -> Batcher:
    """Return the batcher of a score on a device; the score is copied unless that is its home."""
    score = score if device == home else score_on(score, device)
    most = largest_batch(score, image_shape, device)
    return Batcher(accelerate(score, torch.device(device)), max_images=most)


def score_on(score: ScoreFn, device: torch.device | str) -> ScoreFn:
    """Return a score on a device: a copy, or itself if it is there or is a plain function."""
    if isinstance(score, NetworkScore | SpectralMixture | GaussianField):
        return score.on(device)
    return score


def speed_up(num_scales: int, num_steps: int) -> float:
    """Return a speed-up with N = int(num_scales / speed_up), a whole number if there is one."""
    whole = max(1, num_scales // num_steps)
    return float(whole) if num_scales // whole == num_steps else num_scales / num_steps


class Pair(NamedTuple):
    """The latest steps of both chains of a comparison."""

    left: Step
    right: Step

    @property
    def vanilla(self) -> Step:
        """The left side, named after its sampler in the default comparison."""
        return self.left

    @property
    def pds(self) -> Step:
        """The right side, named after its sampler in the default comparison."""
        return self.right


def compare_request(request: Request) -> Generator[Pair, None, None]:
    """Run a request; `close()` the iterator to cancel it.

    Yields:
        The latest steps, whenever one side completes an iteration and both have completed their
        first: as often as `pds.driving.joint_indices` of the samplers has items.
    """
    model = load_model(request.model)

    def samplers(device: str) -> list[Sampler]:
        return [plan.sampler for plan in model.plans(request, device=device)]

    with closing(run_chains(request, samplers)) as run:
        for left, right in run:
            yield Pair(left, right)


def replay_request(
    request: Request, iterations: Sequence[int]
) -> Generator[tuple[Step, ...], None, None]:
    """Run both sides of a request again, each up to an iteration of its own.

    Args:
        request: of the run.
        iterations: of the left and of the right sampler, from 1.

    Yields:
        Steps as `compare_request` does; the last of both are of type `ReplayedStep`, with the
        arithmetic of these iterations.

    Raises:
        ValueError: for an iteration out of range, or a sampler without an arithmetic to show.
    """
    model = load_model(request.model)

    def replays(device: str) -> list[Sampler]:
        plans = model.plans(request, device=device)
        return [Replay(plan.sampler, k) for plan, k in zip(plans, iterations, strict=True)]

    return run_chains(request, replays)


def run_chains(
    request: Request, samplers: Callable[[str], Sequence[Sampler]]
) -> Generator[tuple[Step, ...], None, None]:
    """Sample side by side on the device with the fewest runs; `close()` the iterator to cancel.

    All runs of a model on a device share network calls.

    Args:
        request: only its model, images and seed are used.
        samplers: returns the sampler of each chain, with filters on the device that is passed; all
            use the same noise.
    """
    model, count = load_model(request.model), request.num_images
    seeds, shape = range(request.seed, request.seed + count), (count, *model.image_shape)
    with workers().place() as worker:
        noise = seeded_noise(seeds, device=worker.device)
        run = side_by_side(samplers(worker.device), model.sde, noise=noise, shape=shape)
        yield from worker.stream(model.batchers[worker.device], run)


def draw(model: Model, num_images: int, num_steps: int) -> Iterator[Tensor]:
    """Yield batches of vanilla samples of a model, clipped to [0, 1]; image i has seed i."""
    for first in range(0, num_images, MAX_IMAGES):
        count = min(MAX_IMAGES, num_images - first)
        chain = model.sampler(num_steps).chain(
            model.sde,
            noise=seeded_noise(range(first, first + count), device=model.device),
            shape=(count, *model.image_shape),
        )
        yield model.to_pixels(sample(model.score, chain)).clamp(0, 1).cpu()


def portraits(size: int) -> Model:
    """Return a shipped NCSN++ that was trained on `pds.portraits`, with its filters.

    Args:
        size: of the portraits in pixels, one of `pds.portraits.SIZES`.

    Raises:
        FileNotFoundError: for another size.
    """
    plain = of_network(checkpoints.load(ROOT / "assets" / f"portraits{size}.safetensors"))
    frequency, space = (
        ROOT / "filters" / f"portraits{size}_{kind}.npy" for kind in ("freq", "space")
    )
    return replace(
        plain,
        frequency_mask=filters.load(frequency, plain.image_shape, kind="frequency"),
        space_mask=filters.load(space, plain.image_shape, kind="space"),
        references=_recorded_references(f"portraits{size}"),
        tuned_to_network=recorded(f"portraits{size}"),
    )


def appearance_record(path: Path = APPEARANCE) -> dict[str, Any]:
    """Return assets/appearance.json, see `pds.evaluation.appearance_record`; {} without it."""
    record: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return record


def _recorded_references(name: str) -> References | None:
    """Return the references of a shipped network, which `pds record --appearance` measured."""
    record = appearance_record().get(name)
    if record is None:
        return None
    return References(*(Appearance.from_record(record[kind]) for kind in References._fields))


def of_network(score: NetworkScore) -> Model:
    """Return the model of a network without statistics of its data: the masks are constant."""
    network = score.card.network
    flat = torch.ones(network.num_channels, network.image_size, network.image_size)
    return Model(
        score=score.to(default_device()),
        sde=score.sde,
        num_scales=score.card.num_scales,
        frequency_mask=flat,
        space_mask=flat,
        corrector=Langevin(score.card.snr, snr_norm="sample"),
        centered=network.centered,
        device=default_device(),
    )


def field(size: int) -> Model:
    """Return a gray 1/f^2 Gaussian field, whose score is exact and needs no network."""
    mean, variance = 0.5, 0.06
    power = inverse_square_power(size, variance=variance)[None]
    frequency_mask = filters.frequency_mask(power, mean=mean)
    space_mask = torch.full((1, size, size), variance + mean**2, dtype=torch.float64)
    sde = VESDE()
    score = GaussianField(power, sde, mean=mean)
    shape = torch.Size((EXACT_SAMPLES, 1, size, size))
    drawn = Appearance.of(score.sample(seeded_noise(range(EXACT_SAMPLES))(shape)))
    score = score.on(default_device())
    model = _exact(score, sde, frequency_mask, space_mask, References(drawn, drawn))
    return replace(model, tuned_to_network=recorded(f"field{size}"))


def from_images(images: Tensor, *, texture: float = 0.2) -> Model:
    """Return an exact model of a few images and their filters, without training.

    A mixture of Gaussians around them, see `pds.scores.mixture`, with the process of the shipped
    models, so that iteration counts mean the same.

    Args:
        images: (n, C, H, W) in [0, 1], `MIN_OWN` to `MAX_OWN` of them.
        texture: beta, share of the power that is texture around an image, in (0, 1).

    Raises:
        ValueError: if they are too few, too many, or all the same, or texture is out of range.
    """
    if not MIN_OWN <= len(images) <= MAX_OWN:
        raise ValueError(
            f"a model takes {MIN_OWN} to {MAX_OWN} images, got {len(images)}; about 100 of one "
            "kind do well"
        )
    if float((images - images[0]).abs().max()) < MIN_DIFFERENCE:
        raise ValueError("the images are all the same; use different ones")
    sde = VESDE()
    mixture = SpectralMixture(images.to(default_device()), sde, beta=texture)
    masks = filters.estimate([images])
    choice = torch.arange(EXACT_SAMPLES) % len(images)
    shape = torch.Size((EXACT_SAMPLES, *images.shape[1:]))
    noise = seeded_noise(range(EXACT_SAMPLES), device=default_device())(shape)
    drawn = Appearance.of(mixture.sample(noise, choice.to(noise.device)))
    references = References(Appearance.of(images), drawn)
    return _exact(mixture, sde, masks.frequency, masks.space, references)


def _exact(
    score: ScoreFn, sde: SDE, frequency_mask: Tensor, space_mask: Tensor, references: References
) -> Model:
    """Return the model of an exact score, with the published sampler of FFHQ."""
    return Model(
        score=score,
        sde=sde,
        num_scales=2000,
        frequency_mask=frequency_mask,
        space_mask=space_mask,
        corrector=Langevin(0.15, snr_norm="sample"),
        device=default_device(),
        references=references,
    )


MODELS: dict[str, tuple[str, Callable[[], Model]]] = {
    "portraits32": ("Portraits, 32 px", lambda: portraits(32)),
    "portraits64": ("Portraits, 64 px", lambda: portraits(64)),
    "portraits128": ("Portraits, 128 px", lambda: portraits(128)),
    "portraits256": ("Portraits, 256 px", lambda: portraits(256)),
    "field64": ("Gaussian clouds, 64 px", lambda: field(64)),
    "field256": ("Gaussian clouds, 256 px", lambda: field(256)),
}


visitor_models: VisitorStore[Model] = VisitorStore(
    MAX_MODELS, "The model of your images", max_per_visit=MODELS_PER_VISIT
)
"""Models that visitors make of their own images, by name."""


def title(model: str) -> str:
    """Return the name of a model on the page."""
    return MODELS[model][0] if model in MODELS else "Your images"


def require_model(model: object) -> str:
    """Return the name of a model after a check that it exists, shipped or a visitor's.

    Raises:
        ValueError: if it does not.
    """
    if not isinstance(model, str) or not (model in MODELS or model in visitor_models):
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {quoted(model)}")
    return model


def load_model(model: str) -> Model:
    """Return a model by its name, never by a path; those of `MODELS` are built once.

    Raises:
        FileNotFoundError: if its weights or filters are missing.
        ValueError: if they are damaged, or there is no model of that name (any more).
    """
    if model not in MODELS and model not in visitor_models:
        raise ValueError(
            f"model must be one of {', '.join(MODELS)}, got {quoted(model)}; the model of a "
            "visitor's own images is no longer on the server after the visit"
        )
    return _built(model) if model in MODELS else visitor_models[model]


@cache
def _built(model: str) -> Model:
    _, build = MODELS[model]
    return build()
