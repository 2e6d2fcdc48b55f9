"""Loops that answer the queries of chains, and the noise that chains start from.

`steps` and `sample` run one chain alone, `side_by_side` joins several into one with joint queries.
`pds.serving.batcher` answers the chains of many visitors with one network call.
"""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import repeat, tee

import torch
from torch import Tensor

from pds.sampling import (
    Chain,
    Chains,
    Item,
    NoiseFn,
    Query,
    Sampler,
    ScoreFn,
    Step,
    advance,
    answer,
)
from pds.sde import SDE


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


def seeded_noise(seeds: Sequence[int], *, device: torch.device | str = "cpu") -> NoiseFn:
    """Return noise whose image i depends on seeds[i] alone.

    Drawn on the CPU, so that one seed means one image on every device, into pinned memory for a
    GPU, so that the copy overlaps with its work.
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
        ValueError: (when called) if a tensor has another shape than asked for, or none is left.
    """
    remaining = iter(tensors)

    def noise(shape: torch.Size) -> Tensor:
        tensor = next(remaining, None)
        if tensor is None or tensor.shape != shape:
            found = "none is left" if tensor is None else f"got {tuple(tensor.shape)}"
            raise ValueError(f"recorded noise of shape {tuple(shape)} was needed, {found}")
        return tensor

    return noise


def shared_noise(noise: NoiseFn, shape: torch.Size, count: int) -> list[NoiseFn]:
    """Return `count` noise functions with the same draws, each drawn once and kept until used."""
    streams = tee((noise(shape) for _ in repeat(None)), count)
    return [partial(_next, stream) for stream in streams]


def _next(stream: Iterator[Tensor], _: torch.Size) -> Tensor:
    return next(stream)
