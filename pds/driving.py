"""Loops that answer the queries of chains, and sources of noise.

`steps` and `sample` run one chain alone; `side_by_side` merges several into one with joint queries.
`pds.serving.batcher` answers the queries of many runs with one network call.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from weakref import WeakSet

import torch
from torch import Tensor

from pds.sampling import (
    Chain,
    Item,
    JointChain,
    NoiseFn,
    Query,
    Sampler,
    ScoreFn,
    Step,
    advance,
    answer,
    join_queries,
)
from pds.sde import SDE


def steps(score: ScoreFn, chain: Generator[Query | Item, Tensor, None]) -> Iterator[Item]:
    """Run a chain alone, one item per iteration; `close()` the iterator to cancel."""
    with closing(chain):
        items, query = advance(chain)
        while query is not None:
            with torch.no_grad():
                items, query = advance(chain, answer(score, query))
            yield from items


def sample(score: ScoreFn, chain: Chain) -> Tensor:
    """Run a chain to its end and return its images, the last x_mean, (B, C, H, W)."""
    (last,) = deque(steps(score, chain), maxlen=1)
    return last.x_mean


def side_by_side(
    samplers: Sequence[Sampler], sde: SDE, *, noise: NoiseFn, shape: Sequence[int]
) -> JointChain:
    """Run several samplers from the same noise, their queries joined into one.

    The samplers may differ in everything, including N. Arguments and errors are those of
    `Sampler.chain`.

    Yields:
        Joint queries; and the latest step of every chain, whenever a chain completes an iteration
        and all have completed their first.
    """
    shape = torch.Size(shape)
    # Not bound to a name: a chain that finishes then releases its noise function.
    each = zip(samplers, shared_noise(noise, len(samplers)), strict=True)
    chains = [sampler.chain(sde, noise=own, shape=shape) for sampler, own in each]
    del each
    latest: dict[int, Step] = {}
    with ExitStack() as stack:
        for chain in chains:
            stack.enter_context(closing(chain))
        queries = {i: query for i, chain in enumerate(chains) if (query := advance(chain)[1])}
        while queries:
            scores = yield join_queries(list(queries.values()))
            parts = torch.split(scores, [len(query.x) for query in queries.values()])
            new_steps: dict[int, Step] = {}
            for i, part in zip(list(queries), parts, strict=True):
                items, query = advance(chains[i], part)
                new_steps.update((i, step) for step in items)
                if query is None:
                    del queries[i]
                else:
                    queries[i] = query
            latest |= new_steps
            if new_steps and len(latest) == len(chains):
                yield tuple(latest[i] for i in range(len(chains)))


def joint_indices(samplers: Sequence[Sampler]) -> list[tuple[int, ...]]:
    """Return the indices of the steps that `side_by_side` yields: of every chain's latest one."""
    ends = [sampler.ends for sampler in samplers]
    first = max(queries[0] for queries in ends)
    rounds = sorted({n for queries in ends for n in queries if n >= first})
    return [tuple(bisect_right(queries, n) - 1 for queries in ends) for n in rounds]


def seeded_noise(seeds: Sequence[int], *, device: torch.device | str = "cpu") -> NoiseFn:
    """Return noise whose image i depends on seeds[i] alone.

    The noise is drawn on the CPU, so that a seed gives the same image on every device; for a GPU it
    is drawn into pinned memory, so that the copy is asynchronous.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    pinned = torch.device(device).type == "cuda"

    def noise(shape: torch.Size) -> Tensor:
        images = torch.empty(shape, pin_memory=pinned)
        for image, generator in zip(images, generators, strict=True):
            torch.randn(shape[1:], generator=generator, out=image)
        return images.to(device, non_blocking=True)

    return noise


def recorded_noise(tensors: Sequence[Tensor]) -> NoiseFn:
    """Return noise that replays `tensors` in order: the start, then one for each kernel.

    Raises:
        ValueError: (when called) if the next tensor has another shape than requested, or none is
            left.
    """
    remaining = iter(tensors)

    def noise(shape: torch.Size) -> Tensor:
        tensor = next(remaining, None)
        if tensor is None or tensor.shape != shape:
            problem = "none is left" if tensor is None else f"got {tuple(tensor.shape)}"
            raise ValueError(f"recorded noise of shape {tuple(shape)} was needed, {problem}")
        return tensor

    return noise


def shared_noise(noise: NoiseFn, count: int) -> list[NoiseFn]:
    """Return `count` noise functions with the same draws.

    Each draw is kept until every function that is still referenced has returned it.
    """
    group: WeakSet[_SharedNoise] = WeakSet()
    functions = [_SharedNoise(noise, group) for _ in range(count)]
    group.update(functions)
    return list(functions)


class _SharedNoise:
    """One of a group of noise functions with the same draws."""

    # itertools.tee would keep blocks of 57 draws, and all later ones for a chain that has finished.
    def __init__(self, noise: NoiseFn, group: "WeakSet[_SharedNoise]") -> None:
        self._noise, self._group = noise, group
        self._unread: deque[Tensor] = deque()

    def __call__(self, shape: torch.Size) -> Tensor:
        if not self._unread:
            drawn = self._noise(shape)
            for function in self._group:
                function._unread.append(drawn)
        return self._unread.popleft()
