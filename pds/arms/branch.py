"""A run that one sampler begins and another continues.

    x = the state of the first sampler after some of its iterations, with its noise
    then the second sampler from x, on its own levels from that of x down to its lowest one

A state of a VE process is data plus noise of some level, whichever sampler made it, so that any
sampler can continue from it. The first iterations are bit for bit those of the first sampler alone.
The noise continues too: there is one draw for the start and one for each network call, even where
the first sampler uses none. The second sampler thus gets the draws that any sampler with noise has
after the same number of calls.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from pds.limits import require_whole
from pds.preconditioners import Preconditioner
from pds.sampling import Chain, NoiseFn, Query, Sampler, State, Step
from pds.sde import SDE


@dataclass(frozen=True)
class Branch:
    """The first iterations of one sampler, continued by another one.

    Args:
        first: the sampler to start with.
        after: number of its iterations, >= 1 and less than all.
        then: the sampler that continues; its N is the number of remaining iterations.

    Raises:
        ValueError: for another number of iterations.
    """

    first: Sampler
    after: int
    then: Sampler

    def __post_init__(self) -> None:
        require_whole("the iteration to continue from", self.after, 1, self.first.num_steps - 1)

    @property
    def num_steps(self) -> int:
        return self.after + self.then.num_steps

    @property
    def nfe(self) -> int:
        return self.ends[-1]

    @property
    def ends(self) -> Sequence[int]:
        before = self.first.ends[: self.after]
        return [*before, *(before[-1] + end for end in self.then.ends)]

    def levels(self, sde: SDE, sigma: float | None = None) -> Sequence[float]:
        before = self.first.levels(sde, sigma)[: self.after + 1]
        return [*before, *self.then.levels(sde, before[-1])[1:]]

    def map_preconditioners(self, change: Callable[[Preconditioner, bool], Preconditioner]) -> Self:
        first, then = (part.map_preconditioners(change) for part in (self.first, self.then))
        return replace(self, first=first, then=then)

    def chain(
        self, sde: SDE, *, noise: NoiseFn, shape: Sequence[int], state: State | None = None
    ) -> Chain:
        sigma = self.levels(sde, None if state is None else state.sigma)[self.after]
        x = yield from self._beginning(sde, noise, shape, state)
        then = self.then.chain(sde, noise=noise, shape=shape, state=State(x, sigma))
        # Shared noise would keep all later draws for a chain that holds it without using it.
        del noise, state, x
        calls = self.first.ends[self.after - 1]

        def renumbered(step: Step) -> Step:
            index, nfe = self.after + step.index, calls + step.nfe
            return replace(step, index=index, num_steps=self.num_steps, nfe=nfe)

        yield from _iterations(then, self.then.num_steps, renumbered)

    def _beginning(
        self, sde: SDE, noise: NoiseFn, shape: Sequence[int], state: State | None
    ) -> Generator[Query | Step, Tensor, Tensor]:
        """Run the iterations of the first sampler and return its state."""
        counted, starts = _CountedNoise(noise), 0 if state else 1

        def renumbered(step: Step) -> Step:
            while counted.draws < starts + step.nfe:
                counted(torch.Size(shape))
            # The last next_sigma is that of the first sampler, within a percent of the second's.
            return replace(step, num_steps=self.num_steps)

        chain = self.first.chain(sde, noise=counted, shape=shape, state=state)
        return (yield from _iterations(chain, self.after, renumbered)).x


def _iterations(
    chain: Chain, num_steps: int, change: Callable[[Step], Step]
) -> Generator[Query | Step, Tensor, Step]:
    """Run the first iterations of a chain, close it and return its last step; yield it changed."""
    with closing(chain):
        item = next(chain)
        while True:
            if isinstance(item, Query):
                item = chain.send((yield item))
                continue
            yield change(item)
            if item.index + 1 == num_steps:
                return item
            item = next(chain)


class _CountedNoise:
    """Noise that counts its draws."""

    def __init__(self, noise: NoiseFn) -> None:
        self._noise, self.draws = noise, 0

    def __call__(self, shape: torch.Size) -> Tensor:
        self.draws += 1
        return self._noise(shape)
