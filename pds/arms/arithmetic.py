"""The arithmetic of one iteration of a sampler, at the images of a run.

    x_new = x + sum of factor * image over the terms of a substep

A substep is a kernel of a predictor-corrector sampler, see `pds.kernels` for the equations, or a
slope of a probability flow:

    Euler     x_new = x + (sigma_new - sigma) d,                   d = -sigma s(x, sigma)
    Heun      x_new = x + (sigma_new - sigma) (d + d_euler) / 2,   d_euler at the result of Euler

`Replay` runs a sampler up to an iteration. The sampler itself computes the run; its queries, their
answers and its draws are recorded, so that `x` and `x_new` are those of the run bit for bit. The
other images are computed from them, and add up to `x_new` within rounding.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import torch
from torch import Tensor

from pds.arms.branch import Branch
from pds.kernels import Row, Term
from pds.limits import require_whole
from pds.preconditioners import Preconditioner, Scalars
from pds.sampling import (
    Chain,
    NoiseFn,
    PredictorCorrector,
    ProbabilityFlow,
    Sampler,
    State,
    Step,
    advance,
)
from pds.sde import SDE


class Exchange(NamedTuple):
    """One network call of a chain: the state, its score, and the noise drawn after it, if any."""

    x: Tensor
    score: Tensor
    noise: Tensor | None


@dataclass(frozen=True, eq=False)
class Substep:
    """One kernel of an iteration, or one slope of a flow.

    name: class of the kernel, "Euler" or "Heun".
    images: by their names, (B, C, H, W) each: x, s, z, D x, D s, M z, x_mean, x_new of a kernel,
        with D = M M' + S; x, s, d, x_new of Euler; x_euler, s_euler, d, d_euler beside x and x_new
        of Heun.
    terms: what is added to x; those with a factor 0 are left out.
    numbers: the quantities that determine the factors, by name.
    """

    name: str
    images: Mapping[str, Tensor]
    terms: tuple[Term, ...]
    numbers: Mapping[str, Scalars]

    @property
    def equation(self) -> str:
        """The substep as text, such as x_new = x + (e) D s + (sqrt(2 e)) M z."""
        return " + ".join(["x_new = x", *(f"({t.symbol}) {t.image}" for t in self.terms)])

    @property
    def total(self) -> Tensor:
        """The sum of x and all terms, which is x_new within rounding."""
        return sum((t.factor * self.images[t.image] for t in self.terms), start=self.images["x"])


@dataclass(frozen=True, eq=False, kw_only=True)
class ReplayedStep(Step):
    """The last step of a `Replay`, with the arithmetic of its iteration."""

    substeps: tuple[Substep, ...]

    @classmethod
    def of(cls, step: Step, substeps: Sequence[Substep]) -> Self:
        """Return a step with its arithmetic."""
        return cls(**vars(step), substeps=tuple(substeps))


@dataclass(frozen=True)
class Replay:
    """A sampler up to one iteration; its last step is a `ReplayedStep`.

    Args:
        sampler: with kernels, a probability flow, or a branch of such samplers.
        iteration: from 1 to the sampler's N.

    Raises:
        ValueError: for an iteration out of range; of its chain, for a sampler of another kind.
    """

    sampler: Sampler
    iteration: int

    def __post_init__(self) -> None:
        require_whole("the iteration", self.iteration, 1, self.sampler.num_steps)

    @property
    def num_steps(self) -> int:
        return self.iteration

    @property
    def nfe(self) -> int:
        return self.ends[-1]

    @property
    def ends(self) -> Sequence[int]:
        return self.sampler.ends[: self.iteration]

    def levels(self, sde: SDE, sigma: float | None = None) -> Sequence[float]:
        return self.sampler.levels(sde, sigma)[: self.iteration + 1]

    def map_preconditioners(self, change: Callable[[Preconditioner, bool], Preconditioner]) -> Self:
        return replace(self, sampler=self.sampler.map_preconditioners(change))

    def chain(
        self, sde: SDE, *, noise: NoiseFn, shape: Sequence[int], state: State | None = None
    ) -> Chain:
        sigma = None if state is None else state.sigma
        part = _part(self.sampler, sde, self.iteration - 1, sigma)
        drawn: list[Tensor] = []
        exchanges: list[Exchange] = []
        recorded = _recorded(noise, drawn)
        with closing(self.sampler.chain(sde, noise=recorded, shape=shape, state=state)) as chain:
            # Held by the sampler alone, which may release it, see `ProbabilityFlow`.
            del noise, recorded
            _, query = advance(chain)
            while query is not None:
                drawn.clear()
                score = yield query
                steps, following = advance(chain, score)
                exchanges.append(Exchange(query.x, score, drawn[0] if drawn else None))
                for step in steps:
                    if step.index == self.iteration - 1:
                        yield ReplayedStep.of(step, _substeps(part, sde, exchanges, step))
                        return
                    yield step
                    exchanges.clear()
                query = following


class _Part(NamedTuple):
    """The sampler of an iteration, the index of the iteration in it, and its initial sigma.

    place: from 0.
    sigma: noise level of the state that the sampler continues, None if it starts from noise.
    """

    sampler: PredictorCorrector | ProbabilityFlow
    place: int
    sigma: float | None


def _part(sampler: Sampler, sde: SDE, place: int, sigma: float | None) -> _Part:
    """Return the part of a sampler that computes an iteration.

    Raises:
        ValueError: if it has no arithmetic to show.
    """
    if isinstance(sampler, Branch):
        if place < sampler.after:
            return _part(sampler.first, sde, place, sigma)
        level = sampler.levels(sde, sigma)[sampler.after]
        return _part(sampler.then, sde, place - sampler.after, level)
    if not isinstance(sampler, PredictorCorrector | ProbabilityFlow):
        raise ValueError(
            "only kernels and the probability flow have an arithmetic to show, got "
            f"{type(sampler).__name__}"
        )
    return _Part(sampler, place, sigma)


def _substeps(part: _Part, sde: SDE, exchanges: Sequence[Exchange], step: Step) -> list[Substep]:
    """Return the arithmetic of an iteration from its network calls and its result."""
    sampler, place, sigma = part
    if isinstance(sampler, PredictorCorrector):
        grid = sampler.grid(sde, step.x.dtype, sigma)
        rows = [[column[place] for column in columns] for columns in grid.coefficients]
        return _kernel_substeps(sampler, rows, exchanges, step)
    now, below = sampler.levels(sde, sigma)[place : place + 2]
    return _flow_substeps(now, below, exchanges, step)


def _recorded(noise: NoiseFn, drawn: list[Tensor]) -> NoiseFn:
    """Return noise that is also appended to a list."""

    def recorded(shape: torch.Size) -> Tensor:
        drawn.append(noise(shape))
        return drawn[-1]

    return recorded


def _kernel_substeps(
    sampler: PredictorCorrector, rows: Sequence[Row], exchanges: Sequence[Exchange], step: Step
) -> list[Substep]:
    following = [*(exchange.x for exchange in exchanges[1:]), step.x]
    parts = zip(sampler.preconditioned_kernels, rows, exchanges, following, strict=True)
    found = []
    for (kernel, m), at, (x, score, z), x_new in parts:
        assert z is not None, "a kernel draws noise"
        terms = _nonzero(kernel.terms(at, m.move(score, z)))
        images = {"x": x, "s": score, "z": z}
        if any(term.image == "D x" for term in terms):
            images["D x"] = m.drift(x)
        images |= {"D s": m.drift(score), "M z": m.apply(z)}
        images |= {"x_mean": kernel(x, score, z, at, m).x_mean, "x_new": x_new}
        numbers = {"sigma": step.sigma, **dict(zip(kernel.row, at, strict=True))}
        found.append(Substep(type(kernel).__name__, images, terms, numbers))
    return found


def _flow_substeps(
    now: float, below: float, exchanges: Sequence[Exchange], step: Step
) -> list[Substep]:
    numbers = {"sigma": now, "sigma_new": below}
    first, *second = exchanges
    x, score = first.x, first.score
    slope = -now * score
    ahead = second[0].x if second else step.x
    euler = Substep(
        "Euler",
        {"x": x, "s": score, "d": slope, "x_new": ahead},
        (Term("sigma_new - sigma", below - now, "d"),),
        numbers,
    )
    if not second:
        return [euler]
    score, half = second[0].score, (below - now) / 2
    images = {"x": x, "x_euler": ahead, "s_euler": score, "d": slope, "d_euler": -below * score}
    terms = tuple(Term("(sigma_new - sigma) / 2", half, name) for name in ("d", "d_euler"))
    return [euler, Substep("Heun", {**images, "x_new": step.x}, terms, numbers)]


def _nonzero(terms: Sequence[Term]) -> tuple[Term, ...]:
    return tuple(t for t in terms if isinstance(t.factor, Tensor) or t.factor != 0)
