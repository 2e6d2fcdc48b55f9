"""Predictor-corrector sampling as a generator of steps.

    x = prior_std M z
    for i in 0 .. N-1, t_i from 1 down to eps evenly:
        corrector   s = score(x, t_i);   x, x_mean = corrector(x, s, z)
        predictor   s = score(x, t_i);   x, x_mean = predictor(x, s, z)
    result: the x_mean of the last predictor

One engine serves the vanilla sampler (M = I), PDS, and several at once: `run` advances chains from
the same noise, with one network call per half step for all of them.

Source: Y. Song et al., ICLR 2021; H. Ma et al., ECCV 2022.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor

from pds.chains import Chains, Method, NoiseFn, Sampler, Step, recorded_noise, seeded_noise
from pds.engine import Engine
from pds.preconditioners import Identity, Preconditioner
from pds.scores.gaussian import ScoreFn
from pds.sde import SDE

__all__ = [
    "Method",
    "NoiseFn",
    "Pair",
    "Sampler",
    "Step",
    "compare",
    "recorded_noise",
    "run",
    "sample",
    "seeded_noise",
    "steps",
]


class Pair(NamedTuple):
    """The same iteration of the same noise without and with the preconditioner."""

    vanilla: Step
    pds: Step


def steps(
    score: ScoreFn,
    sde: SDE,
    *,
    sampler: Sampler,
    noise: NoiseFn,
    shape: Sequence[int],
    preconditioner: Preconditioner = Identity(),
) -> Iterator[Step]:
    """Sample, one `Step` per iteration; `close()` the iterator to cancel.

    Args:
        score: maps x and t to the score.
        sde: the forward process that it was trained on.
        sampler: kernels, N and eps.
        noise: standard normal noise, asked for once at the start and once per kernel.
        shape: (B, C, H, W).
        preconditioner: M; the identity is the vanilla sampler, bit for bit.
    """
    methods = [Method(sampler, preconditioner)]
    return (step for (step,) in run(score, sde, methods=methods, noise=noise, shape=shape))


def compare(
    score: ScoreFn,
    sde: SDE,
    *,
    sampler: Sampler,
    noise: NoiseFn,
    shape: Sequence[int],
    preconditioner: Preconditioner,
) -> Iterator[Pair]:
    """Sample vanilla and with M from the same noise; arguments as in `steps`.

    Both chains share each network call, so a network may round differently than it would alone.
    """
    methods = [Method(sampler), Method(sampler, preconditioner)]
    return (Pair(*pair) for pair in run(score, sde, methods=methods, noise=noise, shape=shape))


def sample(iterator: Iterator[Step]) -> Tensor:
    """Drain `steps` and return its images, the last x_mean, (B, C, H, W)."""
    (last,) = deque(iterator, maxlen=1)
    return last.x_mean


def run(
    score: ScoreFn,
    sde: SDE,
    *,
    methods: Sequence[Method],
    noise: NoiseFn,
    shape: Sequence[int],
) -> Iterator[tuple[Step, ...]]:
    """Sample by several methods from the same noise, one `Step` of each per iteration.

    Arguments as in `steps`; the methods may differ in all but N and the number of kernels.
    """
    engine = Engine(score, sde)
    engine.join(Chains(sde, methods=methods, noise=noise, shape=shape))
    while engine.num_runs:
        for progress in engine.step():
            yield progress.steps
