"""Ready-to-run experiments: a request in, the steps of both chains out.

Browser, command line and Python all describe a run by one `Request`; the same request gives the
same images everywhere.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from pds import filters, spectra, theory
from pds.kernels import Langevin
from pds.limits import (
    MAX_ALPHA,
    MAX_IMAGES,
    MAX_MODELS,
    MAX_OWN,
    MAX_SEED,
    MAX_STEPS,
    MIN_OWN,
    MODELS_PER_VISIT,
    quoted,
)
from pds.noise import seeded_noise
from pds.sampling import PredictorCorrector, Sampler, ScoreFn, Step, sample, side_by_side
from pds.scores import checkpoints
from pds.scores.gaussian import GaussianField, inverse_square_power
from pds.scores.mixture import SpectralMixture
from pds.scores.ncsnpp import NetworkScore
from pds.sde import SDE, VESDE
from pds.serving.acceleration import accelerate
from pds.serving.batcher import Batcher
from pds.serving.capacity import largest_batch
from pds.serving.visitor_store import VisitorStore
from pds.serving.worker import Worker
from pds.shipped import ROOT as ROOT
from pds.spectra import RadialSpectrum
from pds.theory import tuned

LADDER = (2000, 200, 133, 100, 66, 40, 25)
"""The iteration counts of the paper's figures, speed-ups 1, 10, 15, 20, 30, 50, 80 of 2000."""

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
"""Where networks and images live; noise comes from the CPU, so that a seed is one image."""

WORKER = Worker(DEVICE)
"""Steps the runs of everybody in this process together."""

MIN_DIFFERENCE = 0.05
"""Somewhere between two images of a visitor's own model, in pixel units."""


@dataclass(frozen=True)
class Request:
    """Everything that determines a comparison.

    Args:
        model: a key of `MODELS`, or the name of one that a visitor `brought`.
        num_steps: N, iterations of both chains, 1 to 2000.
        alpha: strength of the filters, > 1; larger is weaker.
        frequency: whether M has the frequency filter.
        space: whether M has the space filter.
        num_images: images per chain, 1 to 8.
        seed: image i starts from seed + i.
        tuned: whether the other chain has, instead of an M, the noise levels and the corrector
            strength that are best at this N, see `pds.theory.tuned`; alpha, frequency and space are
            not looked at then.

    Raises:
        ValueError: for anything outside these ranges.
    """

    model: str = "portraits32"
    num_steps: int = 66
    alpha: float = 5.0
    frequency: bool = True
    space: bool = False
    num_images: int = 4
    seed: int = 0
    tuned: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not (self.model in MODELS or self.model in brought):
            raise ValueError(f"model must be one of {', '.join(MODELS)}, got {quoted(self.model)}")
        for name, low, high in (
            ("num_steps", 1, MAX_STEPS),
            ("num_images", 1, MAX_IMAGES),
            ("seed", 0, MAX_SEED),
        ):
            object.__setattr__(self, name, _whole(name, getattr(self, name), low, high))
        object.__setattr__(self, "alpha", _alpha(self.alpha))
        for name in ("frequency", "space", "tuned"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {quoted(getattr(self, name))}")

    @property
    def filtered(self) -> bool:
        """Return whether the other chain is more than vanilla."""
        return self.tuned or self.frequency or self.space

    @property
    def method(self) -> str:
        """Return what the sampler beside vanilla is called within a sentence."""
        return "tuned" if self.tuned else "PDS"


@dataclass(frozen=True)
class Experiment:
    """A score with what it takes to sample it.

    num_scales: the N that the model was published with; its eps belongs to that N.
    snr: of the Langevin corrector.
    frequency_mask, space_mask: raw masks of the data, (C, H, W).
    """

    score: ScoreFn
    sde: SDE
    num_scales: int
    snr: float
    frequency_mask: Tensor
    space_mask: Tensor

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (C, H, W)."""
        channels, height, width = self.frequency_mask.shape
        return channels, height, width

    @cached_property
    def batcher(self) -> Batcher:
        """Answers the queries of all runs of this model, in batches that fit into memory."""
        most = largest_batch(self.score, self.image_shape, DEVICE)
        return Batcher(accelerate(self.score, torch.device(DEVICE)), max_images=most)

    @property
    def data_power(self) -> Tensor:
        """Return the data's mean |FFT2 x|^2 / (H W), (C, H, W) float64."""
        return filters.data_power(self.frequency_mask)

    def sampler(self, num_steps: int) -> PredictorCorrector:
        """Return the published sampler at N iterations, images independent of each other."""
        return PredictorCorrector(
            num_steps=num_steps,
            eps=self.sde.eps_per_speed_up * speed_up(self.num_scales, num_steps),
            corrector=Langevin(self.snr, snr_norm="sample"),
        )

    @cached_property
    def tuned(self) -> Callable[[int], PredictorCorrector]:
        """Tunes the sampler to an N, see `pds.theory.tuned`; the latest ones are kept."""

        def found(num_steps: int) -> PredictorCorrector:
            return tuned.sampler(self.frequency_mask, self.sde, self.sampler(num_steps))

        return lru_cache(maxsize=32)(found)

    def method(self, request: Request) -> PredictorCorrector:
        """Return the sampler that the request compares with vanilla."""
        if request.tuned:
            return self.tuned(request.num_steps)
        m = filters.preconditioner(
            self.frequency_mask.to(DEVICE) if request.frequency else None,
            self.space_mask.to(DEVICE) if request.space else None,
            alpha=request.alpha,
        )
        return replace(self.sampler(request.num_steps), m=m)

    def frequency_gain(self, request: Request) -> Tensor:
        """Return what M multiplies each frequency by, (C, H, W), apart from any space filter."""
        if request.frequency and not request.tuned:
            return filters.gain(self.frequency_mask, request.alpha)
        return torch.ones(self.image_shape)


def speed_up(num_scales: int, num_steps: int) -> float:
    """Return the speed-up that gives N = int(num_scales / speed_up): a whole one where one does."""
    whole = max(1, num_scales // num_steps)
    return float(whole) if num_scales // whole == num_steps else num_scales / num_steps


class Pair(NamedTuple):
    """The latest steps of both sides of a comparison."""

    vanilla: Step
    pds: Step


def compare_request(request: Request) -> Generator[Pair, None, None]:
    """Run a request; `close()` the iterator to cancel it."""
    experiment = load(request.model)
    samplers = (experiment.sampler(request.num_steps), experiment.method(request))
    with closing(run_chains(request, samplers)) as run:
        for vanilla, pds in run:
            yield Pair(vanilla, pds)


def run_chains(
    request: Request, samplers: Sequence[Sampler]
) -> Generator[tuple[Step, ...], None, None]:
    """Sample side by side, sharing network calls with all other runs of this model.

    Args:
        request: only its model, images and seed are used.
        samplers: of each chain; all start from the same noise.
    """
    experiment, count = load(request.model), request.num_images
    run = side_by_side(
        samplers,
        experiment.sde,
        noise=seeded_noise(range(request.seed, request.seed + count), device=DEVICE),
        shape=(count, *experiment.image_shape),
    )
    return WORKER.stream(experiment.batcher, run)


def draw(model: Experiment, num_images: int, num_steps: int) -> Iterator[Tensor]:
    """Yield batches of a model's own vanilla samples, clipped to [0, 1]; image i has seed i."""
    for first in range(0, num_images, MAX_IMAGES):
        count = min(MAX_IMAGES, num_images - first)
        chain = model.sampler(num_steps).chain(
            model.sde,
            noise=seeded_noise(range(first, first + count), device=DEVICE),
            shape=(count, *model.image_shape),
        )
        yield sample(model.score, chain).clamp(0, 1).cpu()


def predict(request: Request) -> Iterator[tuple[RadialSpectrum, RadialSpectrum]]:
    """Yield the exact power of vanilla and PDS after each iteration, where the data are Gaussian.

    A network has no such answer: the iterator is then empty. The space mask of stationary data is
    constant and its gain 1, so it changes nothing here either.
    """
    experiment = load(request.model)
    if not isinstance(experiment.score, GaussianField):
        return
    _, height, width = experiment.image_shape
    data = theory.modes(experiment.score.power[0])
    gain = experiment.frequency_gain(request)[0]
    chains = [
        theory.trajectory(data, theory.modes(g).power, experiment.sde, sampler)
        for g, sampler in (
            (torch.ones_like(gain), experiment.sampler(request.num_steps)),
            (gain, experiment.method(request)),
        )
    ]
    for variances in zip(*chains, strict=True):
        vanilla, pds = (spectra.radial(theory.grid(v, height, width)) for v in variances)
        yield vanilla, pds


def ladder(
    model: str, counts: Sequence[int], *, num_runs: int, alpha: float = 5.0
) -> Iterator[tuple[int, float, float]]:
    """Yield (N, noise left of vanilla, of PDS) over 8 num_runs images from the same seeds.

    Noise left is the power above half Nyquist relative to the data, see `pds.spectra`; PDS has
    the frequency filter at `alpha`.
    """
    data = spectra.fine_power(load(model).data_power)
    for num_steps in counts:
        totals = [0.0, 0.0]
        for run in range(num_runs):
            request = Request(model, num_steps, alpha, num_images=8, seed=8 * run)
            (last,) = deque(compare_request(request), maxlen=1)
            for chain, step in enumerate(last):
                totals[chain] += spectra.fine_power(spectra.power(step.x_mean))
        yield num_steps, totals[0] / num_runs / data, totals[1] / num_runs / data


def portraits(size: int) -> Experiment:
    """Return an embedded NCSN++, trained on `pds.portraits` at 32 or 64 px."""
    plain = of_network(checkpoints.load(ROOT / "assets" / f"portraits{size}.safetensors"))
    frequency, space = (
        ROOT / "filters" / f"portraits{size}_{kind}.npy" for kind in ("freq", "space")
    )
    return replace(
        plain,
        frequency_mask=filters.load(frequency, plain.image_shape, kind="frequency"),
        space_mask=filters.load(space, plain.image_shape, kind="space"),
    )


def of_network(score: NetworkScore) -> Experiment:
    """Return a network with masks that say nothing of its data, so that every gain is 1."""
    network = score.card.network
    flat = torch.ones(network.num_channels, network.image_size, network.image_size)
    score = score.to(DEVICE)
    return Experiment(score, score.sde, score.card.num_scales, score.card.snr, flat, flat)


def field(size: int) -> Experiment:
    """Return a gray 1/f^2 Gaussian field, whose score is exact and needs no network."""
    mean, variance = 0.5, 0.06
    power = inverse_square_power(size, variance=variance)[None]
    total = power * size**2
    total[:, 0, 0] += (mean * size**2) ** 2
    sde = VESDE()
    return Experiment(
        score=GaussianField(power, sde, mean=mean),
        sde=sde,
        num_scales=2000,
        snr=0.15,
        frequency_mask=torch.log1p(total),
        space_mask=torch.full((1, size, size), variance + mean**2, dtype=torch.float64),
    )


def from_images(images: Tensor, *, texture: float = 0.2) -> Experiment:
    """Return an exact model of a few images, with their own filters and no training.

    A mixture of Gaussians around them, see `pds.scores.mixture`, with the process of the page's
    other models, so that iteration counts mean the same.

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
        raise ValueError("the images are all the same; bring different ones")
    sde = VESDE()
    masks = filters.estimate([images])
    mixture = SpectralMixture(images.to(DEVICE), sde, beta=texture)
    return Experiment(mixture, sde, 2000, 0.15, masks.frequency, masks.space)


MODELS: dict[str, tuple[str, Callable[[], Experiment]]] = {
    "portraits32": ("Portraits, 32 px", lambda: portraits(32)),
    "portraits64": ("Portraits, 64 px", lambda: portraits(64)),
    "field64": ("Gaussian clouds, 64 px", lambda: field(64)),
    "field256": ("Gaussian clouds, 256 px", lambda: field(256)),
}


brought: VisitorStore[Experiment] = VisitorStore(
    MAX_MODELS, "The model of your images", max_per_visit=MODELS_PER_VISIT
)
"""Models that visitors make of their own images, by name."""


def title(model: str) -> str:
    """Return what the page calls a model."""
    return MODELS[model][0] if model in MODELS else "Your images"


def load(model: str) -> Experiment:
    """Return an experiment by its name; those of `MODELS` are built once.

    Raises:
        FileNotFoundError: if its weights or filters are missing.
        ValueError: if they are damaged, or a visitor's model is gone.
    """
    return _built(model) if model in MODELS else brought[model]


@cache
def _built(model: str) -> Experiment:
    _, build = MODELS[model]
    return build()


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        whole = int(value)
        if whole == value:
            return whole
    words = {"num_steps": "the number of iterations", "num_images": "the number of images"}
    raise ValueError(
        f"{words.get(name, name)} must be a whole number from {low} to {high}, got {quoted(value)}"
    )


def _alpha(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 1 < value <= MAX_ALPHA:
        raise ValueError(
            f"alpha must be a number above 1 and up to {MAX_ALPHA:g}, got {quoted(value)}; "
            "a larger alpha is a weaker filter, the paper uses 5"
        )
    return float(value)
