"""An engine that steps the chains of many runs together, with one network call for all of them.

    s = score(x of every chain, t of every image)
    for each kernel and process in use, over all chains that stand before it:
        x, x_mean = kernel(x, s, z, level of every image, M of every chain)

Runs join and leave at any half step. They need not agree on anything but the size of their images:
each has its own N, grid, position, filters, noise and step sizes (with `snr_norm="sample"`
an image's numbers do not depend on its company, but for the rounding of the network, which sums in
another order when the batch has another size; "batch" norms run over a chain of its own run).

Where not all runs fit into one call, those without a first iteration come first, the nearest to it
before the others, then those that have waited longest: nobody waits for another's 2,000 iterations.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate, groupby
from typing import NamedTuple

import torch
from torch import Tensor

from pds.chains import Chain, Chains, Step
from pds.kernels import Kernel, Setting, Update, mixes_images
from pds.scores.gaussian import ScoreFn
from pds.sde import SDE, Level
from pds.stacking import stack


class Progress(NamedTuple):
    """A run that has just ended an iteration, and the states of its chains."""

    chains: Chains
    steps: tuple[Step, ...]


class Engine:
    """Advances everybody's chains. Not safe for threads: one thread joins, leaves and steps.

    Args:
        score: maps x and t to the score.
        sde: the forward process that it was trained on.
        max_images: most images of one network call; a run that has more is called alone.

    Raises:
        ValueError: unless max_images >= 1.
    """

    def __init__(self, score: ScoreFn, sde: SDE, *, max_images: int = sys.maxsize) -> None:
        if max_images < 1:
            raise ValueError(f"a network call takes at least 1 image, got max_images {max_images}")
        self.score, self.sde, self.max_images = score, sde, max_images
        self.batch: tuple[Chains, ...] = ()
        """The runs of the latest network call."""
        self._waiting: dict[Chains, None] = {}  # in the order in which they were served last

    @property
    def num_runs(self) -> int:
        """Return how many runs are under way."""
        return len(self._waiting)

    def join(self, chains: Chains) -> None:
        """Let a run take part from the next half step on.

        Raises:
            ValueError: if its images have another size than those under way.
        """
        size = chains.shape[1:]
        for other in self._waiting:
            if other.shape[1:] != size:
                raise ValueError(
                    f"images of {tuple(size)} cannot join a batch of {tuple(other.shape[1:])} "
                    "(channels, height, width)"
                )
        self._waiting.setdefault(chains)

    def leave(self, chains: Chains) -> None:
        """Take a run out; it keeps its state and may join again."""
        self._waiting.pop(chains, None)

    @torch.no_grad()
    def step(self) -> list[Progress]:
        """Advance as many runs as fit into one network call by half a step each.

        Where the device has no memory for so many images, nothing changes but `max_images`.

        Returns:
            The runs that ended an iteration with it; finished ones have left.
        """
        self.batch = tuple(self._choose())
        for chains in self.batch:
            self._waiting[chains] = self._waiting.pop(chains)
        blocks = _blocks(self.batch)
        if not blocks:
            return []
        x = torch.cat([block.chain.x for block in blocks])
        level, known = _level(blocks)
        try:
            scores = self.score(x, known.to(x.device, non_blocking=True))
        except torch.OutOfMemoryError:
            if len(self.batch) == 1:
                raise
            self.max_images = max(1, len(x) // 2)
            return []
        # Drawn after the call: a GPU is at work meanwhile.
        noise = {chains: chains.draw() for chains in self.batch}
        return self._advance(_updates(blocks, x, scores, noise, level))

    def _choose(self) -> Iterator[Chains]:
        """Yield who takes part in the next call, those in greatest need first."""
        room = self.max_images
        for chains in sorted(self._waiting, key=lambda chains: chains.need):
            if chains.num_images <= room or room == self.max_images:
                room -= chains.num_images
                yield chains

    def _advance(self, updates: dict["_Block", Update]) -> list[Progress]:
        ended = []
        for chains in self.batch:
            steps = chains.advance([updates[_Block(chains, chain)] for chain in chains.each])
            if steps is not None:
                ended.append(Progress(chains, steps))
            if chains.finished:
                self.leave(chains)
        return ended


class _Block(NamedTuple):
    """One chain of one run: its images lie together in the batch."""

    chains: Chains
    chain: Chain

    @property
    def kernel(self) -> tuple[Kernel, SDE, "_Block | None"]:
        """What may be applied to all blocks that have the same; alone if it mixes images."""
        kernel = self.chains.kernel(self.chain)
        return kernel, self.chain.process, self if mixes_images(kernel) else None


def _blocks(batch: Sequence[Chains]) -> list[_Block]:
    """Order the chains of all runs: those of one kernel together, of these those with like M."""
    blocks = [_Block(chains, chain) for chains in batch for chain in chains.each]
    kernels = {kernel: i for i, kernel in enumerate(dict.fromkeys(b.kernel for b in blocks))}
    return sorted(blocks, key=lambda b: (kernels[b.kernel], type(b.chain.preconditioner).__name__))


def _level(blocks: Sequence[_Block]) -> tuple[Level, Tensor]:
    """Return where every image stands on its grid, and the time that the network is told.

    On the CPU, whose scalars no GPU has to wait for.
    """
    images = [block for block in blocks for _ in range(len(block.chain.x))]
    level = Level(
        torch.tensor([b.chain.times[b.chains.index] for b in images], dtype=torch.float64),
        torch.tensor([b.chains.k for b in images]),
        torch.tensor([b.chains.num_steps for b in images]),
    )
    known = torch.tensor([b.chain.known[b.chains.index] for b in images], dtype=torch.float64)
    return level, known


def _updates(
    blocks: Sequence[_Block],
    x: Tensor,
    scores: Tensor,
    noise: dict[Chains, Tensor],
    level: Level,
) -> dict[_Block, Update]:
    """Apply each kernel to all blocks that stand before it."""
    updates: dict[_Block, Update] = {}
    first = 0
    for (kernel, process, _), group in groupby(blocks, key=lambda block: block.kernel):
        members = list(group)
        counts = [len(block.chain.x) for block in members]
        part = slice(first, first + sum(counts))
        first = part.stop
        m = stack(
            [(b.chain.preconditioner, count) for b, count in zip(members, counts, strict=True)]
        )
        z = torch.cat([noise[block.chains] for block in members])
        at = Setting(Level(*(value[part] for value in level)), process, m)
        update = kernel(x[part], scores[part], z, at)
        for block, x_block, place in zip(members, *_places(update.x, counts), strict=True):
            updates[block] = Update(x_block, partial(_mean, update, place))
    return updates


def _places(x: Tensor, counts: list[int]) -> tuple[Sequence[Tensor], list[slice]]:
    """Return the images of each block, and where they lie."""
    ends = list(accumulate(counts))
    places = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
    return torch.split(x, counts), places


def _mean(update: Update, place: slice) -> Tensor:
    return update.x_mean[place]
