"""The M of a batch in which runs with filters of their own lie one after the other.

Images with the identity have no transform, and all frequency filters share one, with gains for each
image. Everything else is applied block by block.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from pds.moves import BlockMove, Move
from pds.preconditioners import Composition, FrequencyFilter, HalfSpectrum, Identity, Preconditioner


@dataclass(frozen=True)
class Blocks(Preconditioner):
    """An M for each block of a batch: `parts` are pairs of M and how many images have it."""

    parts: tuple[tuple[Preconditioner, int], ...]

    def apply(self, v: Tensor) -> Tensor:
        return self._each("apply", v)

    def apply_transpose(self, v: Tensor) -> Tensor:
        return self._each("apply_transpose", v)

    def gram(self, v: Tensor) -> Tensor:
        return self._each("gram", v)

    def drift(self, v: Tensor) -> Tensor:
        return self._each("drift", v)

    def move(self, drift: Tensor, noise: Tensor) -> Move:
        counts = [count for _, count in self.parts]
        return BlockMove(self._map("move", drift, noise), counts)

    def _each(self, method: str, v: Tensor) -> Tensor:
        return torch.cat(self._map(method, v))

    def _map(self, method: str, *values: Tensor) -> list[Any]:
        counts = [count for _, count in self.parts]
        pieces = zip(*(torch.split(v, counts) for v in values), strict=True)
        return [getattr(m, method)(*p) for (m, _), p in zip(self.parts, pieces, strict=True)]


def stack(parts: Sequence[tuple[Preconditioner, int]]) -> Preconditioner:
    """Return the M of a batch in which `count` images after another have each preconditioner.

    Neighbors with frequency filters share their transforms, whatever their gains are; images with
    the identity have none.
    """
    groups = groupby(parts, key=lambda part: type(part[0]))
    merged = tuple(_merge(tuple(members)) for _, members in groups)
    return merged[0][0] if len(merged) == 1 else Blocks(merged)


def _merge(parts: tuple[tuple[Preconditioner, int], ...]) -> tuple[Preconditioner, int]:
    """Make one M of neighbors of one type."""
    first, total = parts[0][0], sum(count for _, count in parts)
    if isinstance(first, Identity) or all(m is first for m, _ in parts):
        return first, total
    if isinstance(first, FrequencyFilter):
        halves = [(m.half, count) for m, count in parts if isinstance(m, FrequencyFilter)]
        if all(half.once.shape == first.half.once.shape for half, _ in halves):
            return _join(halves), total
    if isinstance(first, Composition):
        pairs = [(m, count) for m, count in parts if isinstance(m, Composition)]
        outer = stack([(m.outer, count) for m, count in pairs])
        return Composition(outer, stack([(m.inner, count) for m, count in pairs])), total
    return Blocks(parts), total


def _join(halves: Sequence[tuple[HalfSpectrum, int]]) -> HalfSpectrum:
    """Give each image of the batch the gains of its filter."""
    once, twice = (
        torch.cat([getattr(half, name).expand(count, -1, -1, -1, -1) for half, count in halves])
        for name in ("once", "twice")
    )
    return HalfSpectrum(once, twice, halves[0][0].unweight, halves[0][0].size)
