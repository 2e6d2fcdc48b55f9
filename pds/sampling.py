"""Predictor-corrector sampling as a generator of steps.

    x = prior_std M z
    for i in 0 .. N-1, t_i from 1 down to eps evenly:
        corrector   s = score(x, t_i);   x, x_mean = corrector(x, s, z)
        predictor   s = score(x, t_i);   x, x_mean = predictor(x, s, z)
    result: the x_mean of the last predictor

One loop serves the vanilla sampler (M = I), PDS, and both at once: `compare` advances chains that
differ in M only, from the same noise, with one network call per half step for all of them.

Source: Y. Song et al., ICLR 2021 (the corrector first, as their code has it); H. Ma et al., ECCV
2022. The level index is N-1-i by definition; computing it from t in float32 may round it down.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pds.kernels import Kernel, Langevin, ReverseDiffusion, Setting
from pds.preconditioners import Identity, Preconditioner
from pds.scores import ScoreFn
from pds.sde import SDE, Level

NoiseFn = Callable[[torch.Size], Tensor]


@dataclass(frozen=True)
class Step:
    """The state of one chain after iteration `index` of `num_steps`.

    t, sigma: time and std(t) at which the network was called in this iteration.
    x, x_mean: (B, C, H, W), with and without the iteration's last noise.
    nfe: network evaluations for each image so far.
    """

    index: int
    num_steps: int
    t: float
    sigma: float
    x: Tensor
    x_mean: Tensor
    nfe: int


class Pair(NamedTuple):
    """The same iteration of the same noise without and with the preconditioner."""

    vanilla: Step
    pds: Step


@dataclass(frozen=True)
class Sampler:
    """What one iteration is made of, and how many there are.

    Args:
        num_steps: N, >= 1.
        eps: last time, in (0, 1); see `pds.sde.SDE.eps_per_speed_up`.
        predictor: or None to leave x where the corrector put it.
        corrector: or None to skip it.
        num_corrector_steps: corrector steps per iteration, >= 1.

    Raises:
        ValueError: for values outside these ranges, or no kernel at all.
    """

    num_steps: int
    eps: float
    predictor: Kernel | None = ReverseDiffusion()
    corrector: Kernel | None = Langevin(snr=0.15)
    num_corrector_steps: int = 1

    def __post_init__(self) -> None:
        if self.num_steps < 1:
            raise ValueError(f"the number of iterations must be >= 1, got {self.num_steps}")
        if not 0 < self.eps < 1:
            raise ValueError(f"the last time eps must lie in (0, 1), got {self.eps:g}")
        if self.num_corrector_steps < 1:
            raise ValueError(
                f"num_corrector_steps must be >= 1, got {self.num_corrector_steps}; "
                "for no corrector pass corrector=None"
            )
        if self.predictor is None and self.corrector is None:
            raise ValueError("a sampler needs a predictor or a corrector, got neither")

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """The kernels of one iteration in order; each costs one network call."""
        correctors = (self.corrector,) * self.num_corrector_steps
        return tuple(k for k in (*correctors, self.predictor) if k is not None)

    def times(self) -> Tensor:
        """Return t_i, (N,) float64, from 1 to eps."""
        return torch.linspace(1.0, self.eps, self.num_steps, dtype=torch.float64)


def seeded_noise(seeds: Sequence[int], *, device: torch.device | str = "cpu") -> NoiseFn:
    """Return noise whose image i depends on seeds[i] alone.

    Drawn on the CPU, so that one seed means one image on every device.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def noise(shape: torch.Size) -> Tensor:
        images = [torch.randn(shape[1:], generator=g) for g in generators]
        return torch.stack(images).to(device)

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
    chains = _advance(score, sde, sampler, noise, torch.Size(shape), (preconditioner,))
    return (chain for (chain,) in chains)


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
    both = (Identity(), preconditioner)
    chains = _advance(score, sde, sampler, noise, torch.Size(shape), both)
    return (Pair(*chain) for chain in chains)


def sample(iterator: Iterator[Step]) -> Tensor:
    """Drain `steps` and return its images, the last x_mean, (B, C, H, W)."""
    (last,) = deque(iterator, maxlen=1)
    return last.x_mean


@torch.no_grad()
def _advance(
    score: ScoreFn,
    sde: SDE,
    sampler: Sampler,
    noise: NoiseFn,
    shape: torch.Size,
    preconditioners: tuple[Preconditioner, ...],
) -> Iterator[tuple[Step, ...]]:
    """Advance one chain per preconditioner, all from the same noise, in joint network calls."""
    start = noise(shape)
    states = [sde.prior_std * m.apply(start) for m in preconditioners]
    means = states
    for index, t in enumerate(sampler.times().tolist()):
        level = _level(index, t, sampler.num_steps, shape[0])
        joint_t = level.t.repeat(len(preconditioners)).to(start.device)
        for kernel in sampler.kernels:
            scores = score(torch.cat(states), joint_t).chunk(len(states))
            z = noise(shape)
            updates = [
                kernel(x, s, z, Setting(level, sde, m))
                for x, s, m in zip(states, scores, preconditioners, strict=True)
            ]
            states, means = [u.x for u in updates], [u.x_mean for u in updates]
        sigma, nfe = float(sde.marginal(level.t).std[0]), (index + 1) * len(sampler.kernels)
        yield tuple(
            Step(index, sampler.num_steps, t, sigma, x, x_mean, nfe)
            for x, x_mean in zip(states, means, strict=True)
        )


def _level(index: int, t: float, num_steps: int, num_images: int) -> Level:
    return Level(
        torch.full((num_images,), t, dtype=torch.float64),
        torch.full((num_images,), num_steps - 1 - index),
        torch.full((num_images,), num_steps),
    )
