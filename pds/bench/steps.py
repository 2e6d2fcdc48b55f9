"""One iteration of the sampler: the cost of M, and the gain of running both chains together."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from pds.bench import subjects
from pds.bench.rows import Row, at_most, guarded
from pds.bench.timing import Effort, Work, alternate, median_and_range, ratio, versus
from pds.kernels import Langevin
from pds.models import Model, default_device
from pds.preconditioners import Identity, Preconditioner
from pds.sampling import PredictorCorrector, ScoreFn
from pds.scores.ncsnpp import ModelCard
from pds.sde import SDE, VESDE
from pds.serving.batcher import Batcher

IMAGES = 4


class Contest(NamedTuple):
    """A model to step with and without M."""

    name: str
    score: ScoreFn
    sde: SDE
    shape: tuple[int, ...]
    preconditioner: Preconditioner
    bound: float
    note: str = ""


def rows(effort: Effort) -> Iterator[Row]:
    """Yield PDS step / vanilla step: the embedded network, 256 px and 1024 px."""
    for contest in _contests(effort):
        yield from guarded(contest.name, _pds_against_vanilla(contest, effort))


def _contests(effort: Effort) -> Iterator[Contest]:
    model = subjects.embedded()
    m = subjects.published_m(model)
    shape = (IMAGES, *model.image_shape)
    yield Contest("step, embedded network, 4 images", model.score, model.sde, shape, m, 1.02)
    church = subjects.card("church_ncsnpp_continuous", nf=8 if effort.quick else None)
    width = "nf 8" if effort.quick else "real width"
    yield _published(church, "church", width)
    if not effort.quick:
        yield _published(subjects.card("ffhq_ncsnpp_continuous"), "FFHQ", width)
    if subjects.ON_GPU:
        yield _published(church, "church", width, images=8)


def _published(card: ModelCard, name: str, width: str, *, images: int = 1) -> Contest:
    score, size = subjects.with_random_weights(card), card.network.image_size
    title = f"step, {name} {size} px, {images} image{'s' * (images > 1)}"
    shape, m = (images, 3, size, size), subjects.natural_filter(size)
    return Contest(title, score, card.sde, shape, m, 1.01, f"{width}, random weights")


def _pds_against_vanilla(contest: Contest, effort: Effort) -> Iterator[Row]:
    def batcher(m: Preconditioner) -> Batcher:
        return subjects.batcher(contest.score, subjects.run(contest.sde, contest.shape, [m]))

    pds, vanilla = batcher(contest.preconditioner), batcher(Identity())
    # The ratio is within 1 % of 1, so many runs are needed.
    often = replace(effort, num_runs=10 * effort.num_runs)
    times = alternate([lambda: subjects.iterate(pds), lambda: subjects.iterate(vanilla)], often)
    filtered, plain = Kernels(contest.sde, contest.shape).timed(contest.preconditioner, effort)
    added = (median_and_range(filtered).median - median_and_range(plain).median) / median_and_range(
        times[1]
    ).median
    notes = [contest.note, f"kernels timed alone: {1 + added:.4f}"]
    yield Row(
        contest.name,
        "PDS / vanilla",
        ratio(*times),
        at_most(contest.bound),
        "; ".join(note for note in notes if note),
    )


def kernel_rows(effort: Effort) -> Iterator[Row]:
    """Yield the time of both kernels of an iteration, without a network, in microseconds."""
    for size, images in ((32, IMAGES), (256, 1), (1024, 1)):
        kernels = Kernels(VESDE(), (images, 3, size, size))
        filtered, plain = kernels.timed(subjects.natural_filter(size), effort)
        vanilla = median_and_range(plain).scaled(1e6, "us")
        yield Row(
            f"kernels, {size} px, {images} image{'s' * (images > 1)}",
            "corrector and predictor with M",
            median_and_range(filtered).scaled(1e6, "us"),
            note=f"without M {vanilla.median:.0f} us",
        )


class Kernels:
    """The arithmetic of one iteration: the published corrector, then the published predictor."""

    def __init__(self, sde: SDE, shape: tuple[int, ...]) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x, self.score, self.noise = (
            torch.randn(shape, generator=generator).to(default_device()) for _ in range(3)
        )
        corrector = Langevin(snr=0.15, snr_norm="sample")
        sampler = PredictorCorrector(num_steps=66, eps=1e-3, corrector=corrector)
        self.kernels, grid = sampler.kernels, sampler.grid(sde)
        self.rows = [[column[33] for column in columns] for columns in grid.coefficients]

    def __call__(self, m: Preconditioner) -> Tensor:
        x = self.x
        for (kernel, _), row in zip(self.kernels, self.rows, strict=True):
            x = kernel(x, self.score, self.noise, row, m).x
        return x

    def timed(self, m: Preconditioner, effort: Effort) -> list[list[float]]:
        """Return the seconds with M and without."""
        return alternate([lambda: self(m), lambda: self(Identity())], effort)


def compare_rows(effort: Effort) -> Iterator[Row]:
    """Yield both chains in joint network calls / vanilla and PDS one after the other."""
    model = subjects.embedded()
    for images in (1, 4) if effort.quick else (1, 4, 8):
        # The calls of a large batch are slower on some CPUs; a GPU fills up with 8 images.
        bound = (0.6 if subjects.ON_GPU else 1.0) if images == 4 else None
        yield Row(
            f"compare, {images} image{'s' * (images > 1)}",
            "both chains jointly / two runs",
            versus(*_together_and_apart(model, images), effort),
            None if bound is None else at_most(bound),
        )


def _together_and_apart(model: Model, images: int) -> tuple[Work, Work]:
    both = (Identity(), subjects.published_m(model))

    def batcher(*preconditioners: Preconditioner) -> Batcher:
        run = subjects.run(model.sde, (images, *model.image_shape), preconditioners)
        return subjects.batcher(model.score, run)

    together, apart = batcher(*both), [batcher(m) for m in both]
    return lambda: subjects.iterate(together), lambda: subjects.iterate(*apart)
