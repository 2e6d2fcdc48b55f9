"""The chains of one run: what they sample, from which noise, and where they stand.

A run has one chain for each of its preconditioners, all from the same noise, which is drawn once
for all of them: first the start, then once per kernel. It advances by half steps, one network call
each; `pds.engine` makes these calls, for many runs at a time.

Source: Y. Song et al., ICLR 2021 (the corrector first, as their code has it); H. Ma et al., ECCV
2022. The level index is N-1-i by definition; computing it from t in float32 may round it down.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pds.kernels import Kernel, Langevin, ReverseDiffusion, Setting, Update
from pds.preconditioners import Preconditioner
from pds.sde import SDE, Level

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

    def rehearse(self, sde: SDE, preconditioner: Preconditioner, like: Tensor) -> None:
        """Let each kernel refuse its process or M now, not after the first network call.

        Args:
            sde: the process.
            preconditioner: M.
            like: one image (1, C, H, W) of the run's size, device and dtype.
        """
        n = torch.tensor([self.num_steps])
        at = Setting(Level(torch.ones(1, dtype=torch.float64), n - 1, n), sde, preconditioner)
        for kernel in dict.fromkeys(self.kernels):
            kernel(like, like, like, at)


class Chains:
    """The chains of one run, a state machine of half steps.

    Args:
        sde: the forward process that the score was trained on.
        sampler: kernels, N and eps.
        noise: standard normal noise, asked for once at the start and once per kernel.
        shape: (B, C, H, W) of each chain.
        preconditioners: M of each chain.
    """

    def __init__(
        self,
        sde: SDE,
        *,
        sampler: Sampler,
        noise: NoiseFn,
        shape: Sequence[int],
        preconditioners: Sequence[Preconditioner],
    ) -> None:
        self.sde, self.sampler, self.shape = sde, sampler, torch.Size(shape)
        self.preconditioners = tuple(preconditioners)
        self.index, self._position = 0, 0
        self._noise, self._kernels, self._times = noise, sampler.kernels, sampler.times().tolist()
        start = noise(self.shape)
        self.x = [sde.prior_std * m.apply(start) for m in self.preconditioners]

    @property
    def num_images(self) -> int:
        """Return how many images a network call for this run takes, all chains together."""
        return len(self.preconditioners) * self.shape[0]

    @property
    def kernel(self) -> Kernel:
        """Return what the next half step applies."""
        return self._kernels[self._position]

    @property
    def t(self) -> float:
        """Return the time of the next half step."""
        return self._times[self.index]

    @property
    def k(self) -> int:
        """Return the discrete level of the next half step, N-1 down to 0."""
        return self.sampler.num_steps - 1 - self.index

    @property
    def finished(self) -> bool:
        """Whether the last iteration is done."""
        return self.index == self.sampler.num_steps

    @property
    def need(self) -> tuple[bool, int]:
        """Return a key that sorts runs: first those nearest to their first iteration's end."""
        return self.index > 0, 0 if self.index else -self._position

    def draw(self) -> Tensor:
        """Draw the noise of the next half step, (B, C, H, W), one for all chains."""
        return self._noise(self.shape)

    def advance(self, updates: Sequence[Update]) -> tuple[Step, ...] | None:
        """Take a half step's result for each chain; return the steps where it ends an iteration."""
        self.x = [update.x for update in updates]
        self._position += 1
        if self._position < len(self._kernels):
            return None
        index, t = self.index, self.t
        self.index, self._position = index + 1, 0
        sigma = float(self.sde.marginal(torch.tensor([t], dtype=torch.float64)).std)
        nfe = self.index * len(self._kernels)
        return tuple(Step(index, self.sampler.num_steps, t, sigma, nfe, u) for u in updates)


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
