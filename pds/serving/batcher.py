"""One network call for the open queries of many runs.

    x, t = the queries of as many runs as fit, joined;   s = score(x, t);   each run gets its part

A run is a generator, usually of `pds.driving.side_by_side`. Runs join and leave at any time; their
images must have one size. Each applies its own kernels to its own images, so an image depends on
the others only through the rounding of the network, whose order of summation changes with the
batch size.

If not all runs fit into one call, runs without a completed iteration come first, among them those
with the most answered queries; then those that have waited longest. So no run waits until another
ends.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor

from pds.sampling import JointChain, Query, ScoreFn, Step, advance, answer, join_queries
from pds.serving.splitting import Splitting


class Progress(NamedTuple):
    """The result of a network call for one run.

    steps: the latest of every chain if an iteration was completed, else None.
    error: raised by the run, which ends it.
    finished: whether the run has ended.
    """

    run: JointChain
    steps: tuple[Step, ...] | None
    error: Exception | None = None
    finished: bool = False


@dataclass
class _OpenQuery:
    """The open query of a run, and the numbers that give its priority."""

    query: Query
    turn: int
    num_queries: int = 0
    has_steps: bool = False
    paused: bool = False

    @property
    def priority(self) -> tuple[bool, int, int]:
        """Sort key: runs without a completed iteration first, the nearest to it before others."""
        return self.has_steps, 0 if self.has_steps else -self.num_queries, self.turn


class Batcher:
    """Answers the queries of all runs of one model. For use from one thread.

    Args:
        score: maps x and t to the score.
        max_images: most images of one network call; a query with more has a call of its own.

    Raises:
        ValueError: unless max_images >= 1.
    """

    def __init__(self, score: ScoreFn, *, max_images: int = sys.maxsize) -> None:
        if max_images < 1:
            raise ValueError(f"a network call takes at least 1 image, got max_images {max_images}")
        self.score, self.max_images = Splitting(score), max_images
        self.batch: tuple[JointChain, ...] = ()
        """The runs of the latest network call."""
        self._open: dict[JointChain, _OpenQuery] = {}
        self._turns = count()

    @property
    def num_runs(self) -> int:
        """Return the number of runs, without the paused ones."""
        return sum(not state.paused for state in self._open.values())

    def join(self, run: JointChain) -> None:
        """Start a run, which takes part in the network calls from now on.

        Raises:
            ValueError: if its images have another size than those of other runs, or its samplers
                do not fit the model.
        """
        _, query = advance(run)
        assert query is not None, "a run begins with a query"
        size = tuple(query.x.shape[1:])
        for other in self._open.values():
            if (others := tuple(other.query.x.shape[1:])) != size:
                run.close()
                raise ValueError(
                    f"images of {size} cannot join a batch of {others} (channels, height, width)"
                )
        self._open[run] = _OpenQuery(query, next(self._turns))

    def pause(self, run: JointChain, *, paused: bool = True) -> None:
        """Pause a run, or resume it; its state is kept."""
        if run in self._open:
            self._open[run].paused = paused

    def leave(self, run: JointChain) -> None:
        """Cancel a run."""
        self._open.pop(run, None)
        run.close()

    @torch.no_grad()
    def step(self) -> list[Progress]:
        """Answer as many queries as fit into one network call.

        A call that exceeds the memory of the device is split, see `pds.serving.splitting`.

        Returns:
            The runs that completed an iteration, ended or failed.

        Raises:
            Exception: as raised by the model; the queries of `batch` stay open.
        """
        self.batch = tuple(self._choose())
        if not self.batch:
            return []
        queries = [self._open[run].query for run in self.batch]
        scores = answer(self.score, join_queries(queries))
        parts = torch.split(scores, [len(query.x) for query in queries])
        answered = (self._send(run, part) for run, part in zip(self.batch, parts, strict=True))
        return [progress for progress in answered if progress is not None]

    def _choose(self) -> Iterator[JointChain]:
        """Yield the runs of the next call in the order of their priority."""
        room = self.max_images
        waiting = [(run, state) for run, state in self._open.items() if not state.paused]
        for run, state in sorted(waiting, key=lambda item: item[1].priority):
            num_images = len(state.query.x)
            if num_images <= room or room == self.max_images:
                room -= num_images
                yield run

    def _send(self, run: JointChain, scores: Tensor) -> Progress | None:
        """Resume a run with its scores. An exception that it raises ends this run only."""
        state = self._open[run]
        try:
            steps, query = advance(run, scores)
        except Exception as error:
            del self._open[run]
            return Progress(run, None, error, finished=True)
        if query is None:
            del self._open[run]
        else:
            state.query, state.turn = query, next(self._turns)
            state.num_queries, state.has_steps = (
                state.num_queries + 1,
                state.has_steps or bool(steps),
            )
        if not steps and query is not None:
            return None
        return Progress(run, steps[-1] if steps else None, finished=query is None)
