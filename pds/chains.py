"""The chains of one run: what they sample, from which noise, and where they stand.

A run has one chain for each of its methods, all from the same noise, which is drawn once for all of
them: first the start, then once per kernel. It advances by half steps, one network call each;
`pds.engine` makes these calls, for many runs at a time.

Source: Y. Song et al., ICLR 2021 (the corrector first, as their code has it); H. Ma et al., ECCV
2022. The level index is N-1-i by definition; computing it from t in float32 may round it down.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pds.kernels import Kernel, Langevin, ReverseDiffusion, Setting, Update
from pds.preconditioners import Identity, Preconditioner
from pds.sde import SDE, VESDE, Level

NoiseFn = Callable[[torch.Size], Tensor]


@dataclass(frozen=True)
class Step:
    """The state of one chain after iteration `index` of `num_steps`.

    t, sigma: time and std(t) at which the network was called in this iteration.
    nfe: network evaluations for each image so far.
    update: what the iteration's last kernel made of the images.
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


@dataclass(frozen=True)
class Sampler:
    """What one iteration is made of, and how many there are.

    Args:
        num_steps: N, >= 1.
        eps: last time, in (0, 1); see `pds.sde.SDE.eps_per_speed_up`.
        predictor: or None to leave x where the corrector put it.
        corrector: or None to skip it.
        num_corrector_steps: corrector steps per iteration, >= 1.
        sigmas: the lowest and the highest noise level of the grid, for a VE process; None for the
            process's own.

    Raises:
        ValueError: for values outside these ranges, or no kernel at all.
    """

    num_steps: int
    eps: float
    predictor: Kernel | None = ReverseDiffusion()
    corrector: Kernel | None = Langevin(snr=0.15)
    num_corrector_steps: int = 1
    sigmas: tuple[float, float] | None = None

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

    def process(self, sde: SDE) -> SDE:
        """Return the process whose grid is sampled: the model's, or the part in `sigmas`.

        Raises:
            ValueError: if `sigmas` are beyond the process, or it is not variance exploding.
        """
        if self.sigmas is None:
            return sde
        if not isinstance(sde, VESDE):
            raise ValueError(
                f"noise levels can be chosen for VE only, not for {type(sde).__name__}; "
                "leave sigmas out"
            )
        return sde.narrowed(*self.sigmas)


class Method(NamedTuple):
    """What one chain runs: the kernels with their grid, and M."""

    sampler: Sampler
    preconditioner: Preconditioner = Identity()

    def rehearse(self, sde: SDE, like: Tensor) -> None:
        """Let each kernel refuse its process or M now, not after the first network call.

        Args:
            sde: the process of the model.
            like: one image (1, C, H, W) of the run's size, device and dtype.
        """
        n = torch.tensor([self.sampler.num_steps])
        level = Level(torch.ones(1, dtype=torch.float64), n - 1, n)
        at = Setting(level, self.sampler.process(sde), self.preconditioner)
        for kernel in dict.fromkeys(self.sampler.kernels):
            kernel(like, like, like, at)


class Chain:
    """One chain of a run: its method, and where its images are.

    x: the images, (B, C, H, W).
    process: whose grid it descends.
    times, sigmas: t and std(t) of each iteration.
    known: the times by which the network knows these noise levels, those of its own process.
    """

    def __init__(self, method: Method, sde: SDE, start: Tensor) -> None:
        self.sampler, self.preconditioner = method
        self.process = self.sampler.process(sde)
        self.x = self.process.prior_std * self.preconditioner.apply(start)
        times = self.sampler.times()
        sigmas = self.process.marginal(times).std
        self.times, self.sigmas = times.tolist(), sigmas.tolist()
        self.known = self.times
        if isinstance(sde, VESDE) and self.process != sde:
            self.known = sde.time(sigmas).tolist()


class Chains:
    """The chains of one run, a state machine of half steps.

    Args:
        sde: the forward process that the score was trained on.
        methods: of each chain; they may differ in all but N and the number of kernels.
        noise: standard normal noise, asked for once at the start and once per kernel.
        shape: (B, C, H, W) of each chain.

    Raises:
        ValueError: if the methods differ in their number of network calls.
    """

    def __init__(
        self, sde: SDE, *, methods: Sequence[Method], noise: NoiseFn, shape: Sequence[int]
    ) -> None:
        lengths = {(m.sampler.num_steps, len(m.sampler.kernels)) for m in methods}
        if len(lengths) != 1:
            raise ValueError(
                "the chains of a run must have as many iterations and kernels, got "
                + " and ".join(f"{n} of {kernels}" for n, kernels in sorted(lengths))
            )
        ((self.num_steps, self._num_kernels),) = lengths
        self.shape = torch.Size(shape)
        self.index, self._position = 0, 0
        self._noise = noise
        start = noise(self.shape)
        self.each = [Chain(method, sde, start) for method in methods]

    @property
    def num_images(self) -> int:
        """Return how many images a network call for this run takes, all chains together."""
        return len(self.each) * self.shape[0]

    @property
    def k(self) -> int:
        """Return the discrete level of the next half step, N-1 down to 0."""
        return self.num_steps - 1 - self.index

    @property
    def finished(self) -> bool:
        """Whether the last iteration is done."""
        return self.index == self.num_steps

    def kernel(self, chain: Chain) -> Kernel:
        """Return what the next half step applies to one of the chains."""
        return chain.sampler.kernels[self._position]

    @property
    def need(self) -> tuple[bool, int]:
        """Return a key that sorts runs: first those nearest to their first iteration's end."""
        return self.index > 0, 0 if self.index else -self._position

    def draw(self) -> Tensor:
        """Draw the noise of the next half step, (B, C, H, W), one for all chains."""
        return self._noise(self.shape)

    def advance(self, updates: Sequence[Update]) -> tuple[Step, ...] | None:
        """Take a half step's result for each chain; return the steps where it ends an iteration."""
        for chain, update in zip(self.each, updates, strict=True):
            chain.x = update.x
        self._position += 1
        if self._position < self._num_kernels:
            return None
        index = self.index
        self.index, self._position = index + 1, 0
        nfe = self.index * self._num_kernels
        return tuple(
            Step(index, self.num_steps, chain.known[index], chain.sigmas[index], nfe, update)
            for chain, update in zip(self.each, updates, strict=True)
        )


def seeded_noise(seeds: Sequence[int], *, device: torch.device | str = "cpu") -> NoiseFn:
    """Return noise whose image i depends on seeds[i] alone.

    Drawn on the CPU, so that one seed means one image on every device, into one buffer that
    travels to a GPU while that is at work.
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
