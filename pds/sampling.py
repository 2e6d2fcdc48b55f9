"""Samplers: generators that ask for scores.

The predictor-corrector sampler, from noise to data:

    x = prior_std M z
    for i in 0 .. N-1, t_i from 1 down to eps evenly:
        corrector   s = score(x, t_i);   x, x_mean = corrector(x, s, z)
        predictor   s = score(x, t_i);   x, x_mean = predictor(x, s, z)
    result: the x_mean of the last predictor

A sampler's `chain` is a generator. It yields a `Query` where it needs a score, which comes back
through `send`, and a `Step` at the end of each iteration. It knows nothing of networks, batches or
threads; the loop that runs it answers the queries, see `pds.driving` and `pds.serving.batcher`.

Source: Y. Song et al., ICLR 2021 (the corrector first, as in their code); H. Ma et al., ECCV 2022
(M). The level index is N-1-i by definition; their code computes it from t, where float32 may round
it down.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol, Self, TypeVar

import torch
from torch import Tensor

from pds.kernels import Columns, Kernel, Langevin, ReverseDiffusion, Update, still
from pds.limits import require_whole
from pds.preconditioners import Identity, Preconditioner
from pds.sde import SDE, VESDE, widest

NoiseFn = Callable[[torch.Size], Tensor]
"""Returns standard normal noise of a shape, new noise at each call."""
ScoreFn = Callable[[Tensor, Tensor], Tensor]
"""Maps x (B, C, H, W) and t (B,) in (0, 1], on the device of x, to the gradient of log p_t at x."""


class Query(NamedTuple):
    """A request for the score at x (B, C, H, W), with one time t for each image."""

    x: Tensor
    t: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Step:
    """The state of a chain after iteration `index` of `num_steps`.

    t, sigma: time and std(t) at which the network was called in this iteration.
    nfe: network evaluations for each image so far.
    update: the images with and without the noise of the last kernel.
    next_sigma: std(t) at which the network is called next; None after the last iteration.
    """

    index: int
    num_steps: int
    t: float
    sigma: float
    nfe: int
    update: Update
    next_sigma: float | None = None

    @property
    def x(self) -> Tensor:
        """The images with the iteration's last noise, (B, C, H, W)."""
        return self.update.x

    @property
    def x_mean(self) -> Tensor:
        """The images without that noise, (B, C, H, W)."""
        return self.update.x_mean


Chain = Generator[Query | Step, Tensor, None]
"""A run of one sampler on one batch of images."""
JointChain = Generator[Query | tuple[Step, ...], Tensor, None]
"""Several chains side by side, whose queries are joined."""


class State(NamedTuple):
    """Images x (B, C, H, W) during a run of a VE process, with noise of the level sigma."""

    x: Tensor
    sigma: float


class Sampler(Protocol):
    """A sampling method with its settings; `chain` runs it."""

    @property
    def num_steps(self) -> int:
        """The number of iterations."""
        ...

    @property
    def ends(self) -> Sequence[int]:
        """Network evaluations for each image by the end of every iteration, (N,)."""
        ...

    @property
    def nfe(self) -> int:
        """Network evaluations for each image."""
        ...

    def levels(self, sde: SDE, sigma: float | None = None) -> Sequence[float]:
        """Return the noise level of the state before every iteration, and 0, (N + 1,).

        Args:
            sde: the forward process.
            sigma: level of the state that a run continues from.

        Raises:
            ValueError: unless the process is VE and has levels for the sampler below sigma.
        """
        ...

    def chain(
        self, sde: SDE, *, noise: NoiseFn, shape: Sequence[int], state: State | None = None
    ) -> Chain:
        """Sample images of a shape (B, C, H, W); `close()` the generator to cancel.

        Args:
            sde: the forward process that the score was trained on.
            noise: called once at the start, unless there is a state, then once for each kernel.
            shape: (B, C, H, W).
            state: to continue from, on levels below its own; by default the run starts from noise.

        Raises:
            ValueError: (at the first `next`, before any query) if the sampler does not fit the
                process, the images or the state.
        """
        ...

    def map_preconditioners(self, change: Callable[[Preconditioner, bool], Preconditioner]) -> Self:
        """Return the sampler with every M replaced by `change(m, own)`.

        own is true for the M of a single kernel, false for the M of start and kernels.
        """
        ...


class Grid(NamedTuple):
    """The N iterations of a predictor-corrector sampler as numbers.

    prior_std: standard deviation of the start; 1 for a start that is a state.
    t, sigma: the time passed to the network and std(t) of each iteration, (N,).
    coefficients: of every kernel, each with N values.
    """

    prior_std: float
    t: Sequence[float]
    sigma: Sequence[float]
    coefficients: Sequence[Sequence[Sequence[float]]]


def predictor_corrector(
    grid: Grid,
    kernels: Sequence[tuple[Kernel, Preconditioner]],
    m: Preconditioner,
    start: Tensor,
    noise: NoiseFn,
) -> Chain:
    """Sample from noise to data: the algorithm of the paper.

    Args:
        grid: times and coefficients.
        kernels: of one iteration in order, each with its M.
        m: M of the start.
        start: standard normal noise, (B, C, H, W).
        noise: called once for each kernel.

    Yields:
        A `Query` before each kernel, a `Step` after each iteration.
    """
    x = grid.prior_std * m.apply(start)
    rows_of_kernels = (zip(*columns, strict=True) for columns in grid.coefficients)
    following = [*grid.sigma[1:], None]
    iterations = zip(grid.t, grid.sigma, following, *rows_of_kernels, strict=True)
    for index, (t, sigma, next_sigma, *rows) in enumerate(iterations):
        for (kernel, m_k), row in zip(kernels, rows, strict=True):
            score = yield Query(x, (t,) * len(x))
            update = kernel(x, score, noise(start.shape), row, m_k)
            x = update.x
        yield Step(index, len(grid.t), t, sigma, (index + 1) * len(kernels), update, next_sigma)


@dataclass(frozen=True)
class PredictorCorrector:
    """The sampler of score-based models, preconditioned by M.

    Args:
        num_steps: N, >= 1.
        eps: last time, in (0, 1); see `pds.sde.SDE.eps_per_speed_up`.
        predictor: None for a corrector alone.
        corrector: None for a predictor alone.
        num_corrector_steps: corrector steps per iteration, >= 1.
        sigmas: the lowest and the highest noise level of the grid, for a VE process; None for
            those of the process.
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
        return self.ends[-1]

    @property
    def ends(self) -> Sequence[int]:
        calls = len(self.kernels)
        return range(calls, calls * self.num_steps + 1, calls)

    @property
    def kernels(self) -> tuple[tuple[Kernel, Preconditioner | None], ...]:
        """The kernels of one iteration in order, each with its own M, or None for `m`."""
        kernels = [(self.corrector, self.corrector_m)] * self.num_corrector_steps
        kernels.append((self.predictor, self.predictor_m))
        return tuple((kernel, m) for kernel, m in kernels if kernel is not None)

    @property
    def preconditioned_kernels(self) -> list[tuple[Kernel, Preconditioner]]:
        """The kernels of one iteration in order, each with the M that it is run with."""
        return [(kernel, self.m if m is None else m) for kernel, m in self.kernels]

    def times(self, share: float = 1.0) -> Tensor:
        """Return t_i, (N,) float64, descending to eps from 1, or from about `share`."""
        start = self.eps + (1 - self.eps) * share
        return torch.linspace(start, self.eps, self.num_steps, dtype=torch.float64)

    def process(self, sde: SDE, sigma: float | None = None) -> SDE:
        """Return the process whose grid is sampled: the model's, narrowed to `sigmas` if given.

        Args:
            sde: the process of the model.
            sigma: noise level of the state to continue from.

        Raises:
            ValueError: if `sigmas` or the state are beyond the process, or it is not variance
                exploding.
        """
        process = sde if self.sigmas is None else sde.narrowed(*self.sigmas)
        return process if sigma is None else process.below(sigma)

    def levels(self, sde: SDE, sigma: float | None = None) -> Sequence[float]:
        levels: list[float] = self.process(sde, sigma).discrete_sigmas(self.num_steps).tolist()
        return levels

    def coefficients(self, sde: SDE, sigma: float | None = None) -> list[Columns]:
        """Return the coefficients of every kernel over the grid; arguments as in `process`."""
        process = self.process(sde, sigma)
        times = self.times(process.share)
        return [kernel.coefficients(process, times) for kernel, _ in self.kernels]

    def grid(
        self, sde: SDE, dtype: torch.dtype = torch.float64, sigma: float | None = None
    ) -> Grid:
        """Return the grid of the process as numbers.

        Args:
            sde: the process.
            dtype: precision of the coefficients, that of the images: kernels square them.
            sigma: noise level of the state to continue from.

        Raises:
            ValueError: if a kernel is not defined for the process, or for so few iterations.
        """
        process = self.process(sde, sigma)
        times = self.times(process.share)
        std = process.marginal(times).std
        network_times = times if process == sde else sde.time(std)
        columns = self.coefficients(sde, sigma)
        rounded = [[c.to(dtype).tolist() for c in of_kernel] for of_kernel in columns]
        prior_std = process.prior_std if sigma is None else 1.0
        return Grid(prior_std, network_times.tolist(), std.tolist(), rounded)

    def map_preconditioners(self, change: Callable[[Preconditioner, bool], Preconditioner]) -> Self:
        corrector_m, predictor_m = (
            None if m is None else change(m, True) for m in (self.corrector_m, self.predictor_m)
        )
        m = change(self.m, False)
        return replace(self, m=m, corrector_m=corrector_m, predictor_m=predictor_m)

    def chain(
        self, sde: SDE, *, noise: NoiseFn, shape: Sequence[int], state: State | None = None
    ) -> Chain:
        start, sigma = state or (noise(torch.Size(shape)), None)
        m = self.m if state is None else Identity()
        # The recursion of `pds.theory` runs chains on numpy arrays, in float64.
        dtype = start.dtype if isinstance(start, Tensor) else torch.float64
        grid, kernels = self.grid(sde, dtype, sigma), self.preconditioned_kernels
        del state
        yield from predictor_corrector(grid, kernels, m, start, noise)


@dataclass(frozen=True)
class ProbabilityFlow:
    """The probability flow ODE of a VE process: deterministic after the start, without M.

        dx / dsigma = -sigma s(x, sigma),       x = sigma_max z at sigma_max,  result at sigma = 0

    on the geometric grid of the process, sigma_max down to sigma_min, with 0 appended:

        Euler   x <- x + (sigma_{i+1} - sigma_i) d_i,     d_i = -sigma_i s(x, sigma_i)
        Heun    the same with (d_i + d_{i+1}) / 2, d_{i+1} at Euler's x; Euler in the step to 0

    Source: Y. Song et al., ICLR 2021 (the ODE); T. Karras et al., NeurIPS 2022 (in sigma, and
    Heun's last step). Their grids differ; the grid here is that of `PredictorCorrector`.

    Args:
        method: "euler" or "heun".
        num_steps: N, >= 1, including the step to sigma = 0.

    Raises:
        ValueError: unless num_steps >= 1.
    """

    method: Literal["euler", "heun"]
    num_steps: int

    def __post_init__(self) -> None:
        require_whole("the number of iterations", self.num_steps, 1)

    def require(self, sde: SDE) -> VESDE:
        """Return the process, which must be variance exploding.

        Raises:
            ValueError: unless it is.
        """
        if not isinstance(sde, VESDE):
            raise ValueError(
                f"the probability flow is defined for VE only, got {type(sde).__name__}"
            )
        return sde

    @property
    def nfe(self) -> int:
        return self.ends[-1]

    @property
    def ends(self) -> Sequence[int]:
        if self.method == "euler":
            return range(1, self.num_steps + 1)
        return [*range(2, 2 * self.num_steps - 1, 2), 2 * self.num_steps - 1]

    def levels(self, sde: SDE, sigma: float | None = None) -> Sequence[float]:
        sde = self.require(sde)
        return [*sde.sigma(self._times(sde, sigma)).tolist(), 0.0]

    def _times(self, sde: VESDE, sigma: float | None) -> Tensor:
        """Return the t of the levels above 0, (N,)."""
        share = 1.0 if sigma is None else sde.below(sigma).share
        return torch.linspace(share, 0, self.num_steps, dtype=torch.float64)

    def map_preconditioners(self, change: Callable[[Preconditioner, bool], Preconditioner]) -> Self:
        return self

    def chain(
        self, sde: SDE, *, noise: NoiseFn, shape: Sequence[int], state: State | None = None
    ) -> Chain:
        sigma = None if state is None else state.sigma
        sigmas = self.levels(sde, sigma)
        times = [*self._times(self.require(sde), sigma).tolist(), 0.0]
        x, nfe = sigmas[0] * noise(torch.Size(shape)) if state is None else state.x, 0
        del state, noise  # the only draw: a reference would make shared noise keep all later ones
        for index in range(self.num_steps):
            now, below = sigmas[index : index + 2]
            score = yield Query(x, (times[index],) * len(x))
            slope, nfe = -now * score, nfe + 1
            if self.method == "heun" and below > 0:
                ahead = x + (below - now) * slope
                score = yield Query(ahead, (times[index + 1],) * len(x))
                slope, nfe = (slope - below * score) / 2, nfe + 1
            x = x + (below - now) * slope
            yield Step(index, self.num_steps, times[index], now, nfe, still(x), below or None)


Item = TypeVar("Item", Step, tuple[Step, ...])


def advance(
    chain: Generator[Query | Item, Tensor, None], scores: Tensor | None = None
) -> tuple[list[Item], Query | None]:
    """Start a chain, or resume it with the scores of its last query.

    Returns:
        The steps that it yielded, and its next query; None when the chain has finished.
    """
    steps: list[Item] = []
    try:
        item = next(chain) if scores is None else chain.send(scores)
        while not isinstance(item, Query):
            steps.append(item)
            item = next(chain)
    except StopIteration:
        return steps, None
    return steps, item


def answer(score: ScoreFn, query: Query) -> Tensor:
    """Return the scores of a query, (B, C, H, W), without synchronizing with the device."""
    t, device = torch.tensor(query.t, dtype=torch.float64), query.x.device
    return score(query.x, t.to(device, widest(device), non_blocking=True))


def join_queries(queries: Sequence[Query]) -> Query:
    """Return one query for the images of several, in their order."""
    return Query(torch.cat([q.x for q in queries]), tuple(t for q in queries for t in q.t))
