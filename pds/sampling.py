"""Samplers: generators that ask for scores, and the loops that answer them.

The predictor-corrector sampler, from noise to data:

    x = prior_std M z
    for i in 0 .. N-1, t_i from 1 down to eps evenly:
        corrector   s = score(x, t_i);   x, x_mean = corrector(x, s, z)
        predictor   s = score(x, t_i);   x, x_mean = predictor(x, s, z)
    result: the x_mean of the last predictor

A sampler's `chain` is a generator. It yields a `Query` where it needs a score, which comes back
through `send`, and a `Step` at the end of each iteration. It knows nothing of networks, batches or
threads: `steps` answers one chain, `side_by_side` joins several into one with joint queries, and
`pds.serving` answers the chains of many visitors with one network call.

Source: Y. Song et al., ICLR 2021 (the corrector first, as their code has it); H. Ma et al., ECCV
2022 (M). The level index is N-1-i by definition; computing it from t in float32 may round it down.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, Self, TypeVar

import torch
from torch import Tensor

from pds.checks import require_whole
from pds.kernels import Columns, Kernel, Langevin, ReverseDiffusion, Row, Update
from pds.noise import NoiseFn, shared_noise
from pds.preconditioners import Identity, Preconditioner
from pds.sde import SDE

ScoreFn = Callable[[Tensor, Tensor], Tensor]
"""Maps x (B, C, H, W) and t (B,) in (0, 1] to the gradient of log p_t at x."""


class Query(NamedTuple):
    """A question: what is the score at x (B, C, H, W) at these times, one for each image?"""

    x: Tensor
    t: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Step:
    """The state of a chain after iteration `index` of `num_steps`.

    t, sigma: time and std(t) at which the network was called in this iteration.
    nfe: network evaluations for each image so far.
    update: the images with and without the noise of the last kernel.
    """

    index: int
    num_steps: int
    t: float
    sigma: float
    nfe: int
    update: Update

    @property
    def x(self) -> Tensor:
        """The images with the iteration's last noise, (B, C, H, W)."""
        return self.update.x

    @property
    def x_mean(self) -> Tensor:
        """The images without it, (B, C, H, W)."""
        return self.update.x_mean


Chain = Generator[Query | Step, Tensor, None]
"""One sampler at work on one batch of images."""
Chains = Generator[Query | tuple[Step, ...], Tensor, None]
"""Several that are asked for together."""


class Sampler(Protocol):
    """What a chain is made of."""

    @property
    def num_steps(self) -> int:
        """The number of iterations."""
        ...

    @property
    def nfe(self) -> int:
        """Network evaluations for each image."""
        ...

    def chain(self, sde: SDE, *, noise: NoiseFn, shape: Sequence[int]) -> Chain:
        """Sample images of a shape (B, C, H, W); `close()` the generator to cancel.

        Args:
            sde: the forward process that the score was trained on.
            noise: called once at the start, then once for each kernel.
            shape: (B, C, H, W).

        Raises:
            ValueError: (at the first `next`, before any query) if the sampler does not fit the
                process or the images.
        """
        ...

    def map_preconditioners(self, change: Callable[[Preconditioner, bool], Preconditioner]) -> Self:
        """Return the sampler with each M as `change(m, own)`; own: of one kernel, not of all."""
        ...


class Grid(NamedTuple):
    """The N iterations of a predictor-corrector sampler as numbers.

    prior_std: standard deviation of the start.
    t, sigma: of each iteration, (N,): the time that the network knows, and std(t).
    rows: the coefficients of every kernel at each iteration, (N, kernels).
    """

    prior_std: float
    t: Sequence[float]
    sigma: Sequence[float]
    rows: Sequence[Sequence[Row]]


def predictor_corrector(
    grid: Grid,
    kernels: Sequence[tuple[Kernel, Preconditioner]],
    m: Preconditioner,
    noise: NoiseFn,
    shape: torch.Size,
) -> Chain:
    """Descend a grid from noise to data: the algorithm of the paper.

    Args:
        grid: times and coefficients.
        kernels: of one iteration in order, each with its M.
        m: M of the start.
        noise: standard normal noise.
        shape: (B, C, H, W).
    """
    x = grid.prior_std * m.apply(noise(shape))
    for index, (t, sigma, rows) in enumerate(zip(grid.t, grid.sigma, grid.rows, strict=True)):
        for (kernel, m_k), row in zip(kernels, rows, strict=True):
            score = yield Query(x, (t,) * len(x))
            update = kernel(x, score, noise(shape), row, m_k)
            x = update.x
        yield Step(index, len(grid.t), t, sigma, (index + 1) * len(kernels), update)


@dataclass(frozen=True)
class PredictorCorrector:
    """The sampler of score-based models, preconditioned by M.

    Args:
        num_steps: N, >= 1.
        eps: last time, in (0, 1); see `pds.sde.SDE.eps_per_speed_up`.
        predictor: or None to leave x where the corrector put it.
        corrector: or None to skip it.
        num_corrector_steps: corrector steps per iteration, >= 1.
        sigmas: the lowest and the highest noise level of the grid, for a VE process; None for the
            process's own.
        m: M of start, corrector and predictor; the identity is the vanilla sampler, bit for bit.
        corrector_m, predictor_m: another M for one of them; None for m.

    Raises:
        ValueError: for values outside these ranges, or no kernel at all.
    """

    num_steps: int
    eps: float
    predictor: Kernel | None = ReverseDiffusion()
    corrector: Kernel | None = Langevin(snr=0.15)
    num_corrector_steps: int = 1
    sigmas: tuple[float, float] | None = None
    m: Preconditioner = Identity()
    corrector_m: Preconditioner | None = None
    predictor_m: Preconditioner | None = None

    def __post_init__(self) -> None:
        require_whole("the number of iterations", self.num_steps, 1)
        require_whole("num_corrector_steps", self.num_corrector_steps, 1)
        if not 0 < self.eps < 1:
            raise ValueError(f"the last time eps must lie in (0, 1), got {self.eps:g}")
        if self.predictor is None and self.corrector is None:
            raise ValueError("a sampler needs a predictor or a corrector, got neither")

    @property
    def nfe(self) -> int:
        return self.num_steps * len(self.kernels)

    @property
    def kernels(self) -> tuple[tuple[Kernel, Preconditioner | None], ...]:
        """The kernels of one iteration in order, each with its own M if it has one."""
        kernels = [(self.corrector, self.corrector_m)] * self.num_corrector_steps
        kernels.append((self.predictor, self.predictor_m))
        return tuple((kernel, m) for kernel, m in kernels if kernel is not None)

    def times(self) -> Tensor:
        """Return t_i, (N,) float64, from 1 to eps."""
        return torch.linspace(1.0, self.eps, self.num_steps, dtype=torch.float64)

    def process(self, sde: SDE) -> SDE:
        """Return the process whose grid is sampled: the model's, or the part in `sigmas`.

        Raises:
            ValueError: if `sigmas` are beyond the process, or it is not variance exploding.
        """
        return sde if self.sigmas is None else sde.narrowed(*self.sigmas)

    def coefficients(self, sde: SDE) -> list[Columns]:
        """Return the coefficients of every kernel over the grid."""
        process, times = self.process(sde), self.times()
        return [kernel.coefficients(process, times) for kernel, _ in self.kernels]

    def grid(self, sde: SDE) -> Grid:
        """Return the grid of the process as numbers.

        Raises:
            ValueError: if a kernel is not defined for the process, or for so few iterations.
        """
        process, times = self.process(sde), self.times()
        sigma = process.marginal(times).std
        known = times if process == sde else sde.time(sigma)
        # Rounded once to the precision of the images, before a kernel squares them.
        columns = [
            list(zip(*(column.float().tolist() for column in coefficients), strict=True))
            for coefficients in self.coefficients(sde)
        ]
        rows = list(zip(*columns, strict=True))
        return Grid(process.prior_std, known.tolist(), sigma.tolist(), rows)

    def map_preconditioners(self, change: Callable[[Preconditioner, bool], Preconditioner]) -> Self:
        corrector_m, predictor_m = (
            None if m is None else change(m, True) for m in (self.corrector_m, self.predictor_m)
        )
        m = change(self.m, False)
        return replace(self, m=m, corrector_m=corrector_m, predictor_m=predictor_m)

    def chain(self, sde: SDE, *, noise: NoiseFn, shape: Sequence[int]) -> Chain:
        kernels = [(kernel, self.m if m is None else m) for kernel, m in self.kernels]
        yield from predictor_corrector(self.grid(sde), kernels, self.m, noise, torch.Size(shape))


Item = TypeVar("Item", Step, tuple[Step, ...])


def advance(
    chain: Generator[Query | Item, Tensor, None], scores: Tensor | None = None
) -> tuple[list[Item], Query | None]:
    """Start a chain, or resume it with the scores that it asked for.

    Returns:
        The iterations that it ended, and its next query; None at its end.
    """
    ended: list[Item] = []
    try:
        item = next(chain) if scores is None else chain.send(scores)
        while not isinstance(item, Query):
            ended.append(item)
            item = next(chain)
    except StopIteration:
        return ended, None
    return ended, item


def answer(score: ScoreFn, query: Query) -> Tensor:
    """Call the network for a query, without waiting for the device."""
    t = torch.tensor(query.t, dtype=torch.float64)
    return score(query.x, t.to(query.x.device, non_blocking=True))


def steps(score: ScoreFn, chain: Generator[Query | Item, Tensor, None]) -> Iterator[Item]:
    """Run a chain alone, one item per iteration; `close()` the iterator to cancel."""
    with closing(chain):
        ended, query = advance(chain)
        while query is not None:
            with torch.no_grad():
                ended, query = advance(chain, answer(score, query))
            yield from ended


def sample(score: ScoreFn, chain: Chain) -> Tensor:
    """Run a chain to its end and return its images, the last x_mean, (B, C, H, W)."""
    (last,) = deque(steps(score, chain), maxlen=1)
    return last.x_mean


def side_by_side(
    samplers: Sequence[Sampler], sde: SDE, *, noise: NoiseFn, shape: Sequence[int]
) -> Chains:
    """Sample by several samplers from the same noise, their questions in joint queries.

    The samplers may differ in everything, N included. Arguments as in `Sampler.chain`.

    Yields:
        The queries; and the latest step of every chain, each time that one has ended an iteration
        and all have ended their first.
    """
    shape = torch.Size(shape)
    noises = shared_noise(noise, shape, len(samplers))
    chains = [s.chain(sde, noise=z, shape=shape) for s, z in zip(samplers, noises, strict=True)]
    latest: dict[int, Step] = {}
    with ExitStack() as stack:
        for chain in chains:
            stack.enter_context(closing(chain))
        queries = {i: query for i, chain in enumerate(chains) if (query := advance(chain)[1])}
        while queries:
            asked = queries.items()
            x = torch.cat([query.x for _, query in asked])
            scores = yield Query(x, tuple(t for _, query in asked for t in query.t))
            queries, parts = {}, torch.split(scores, [len(q.x) for _, q in asked])
            ended = False
            for (i, _), part in zip(asked, parts, strict=True):
                found, query = advance(chains[i], part)
                latest.update((i, step) for step in found)
                ended = ended or bool(found)
                if query is not None:
                    queries[i] = query
            if ended and len(latest) == len(chains):
                yield tuple(latest[i] for i in range(len(chains)))
