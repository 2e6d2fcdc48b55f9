"""Training an NCSN++ on portraits by denoising score matching.

    loss = E (sigma^2 + s^2) / (sigma s)^2 |D(x + sigma z, sigma) - x|^2

over portraits x, noise z and noise levels sigma. For three images of four, sigma is log-normal
around the levels at which faces emerge, which are higher in larger images; for the fourth it is
log-uniform over the whole range of the process, so that the network is accurate at every level of
the sampler. The exported weights are an exponential moving average.

A network may start from the weights of one that is half its size: its inner levels see an image as
the smaller network does.

Every batch is a function of the seed, the iteration and the kind of device: a run that was killed
continues from its last checkpoint as if it had not been interrupted. On a GPU the portraits are
kept and the random numbers drawn there, so that no step waits for a batch, and the gradients are
replayed as CUDA graphs.

Source: T. Karras et al., NeurIPS 2022 (loss weights and noise distribution).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pds.files.writing import whole
from pds.limits import require_positive, require_whole
from pds.portraits import portraits
from pds.portraits.cache import pixels
from pds.scores import checkpoints
from pds.scores.ncsnpp import ModelCard, NCSNppConfig, NetworkScore
from pds.scores.unpickling import DAMAGE, unpickle
from pds.sde import VESDE, column

HELD_OUT = 1_000_000
"""Portraits from this seed on are never trained on."""
ARCHITECTURES: dict[int, tuple[int, tuple[int, ...]]] = {
    32: (32, (1, 2, 2)),
    64: (32, (1, 2, 2, 2)),
    128: (16, (1, 2, 4, 4, 4)),
    256: (16, (1, 1, 2, 4, 4, 4)),
}
"""nf and ch_mult of the network of each size. The inner levels of that of 256 px are the network of
128 px, whose inner levels have the channels of the one of 64 px."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run; `card` describes the model.

    Args:
        out: folder of the portraits, the checkpoint, the sheets and the weights.
        size: pixels, one of `ARCHITECTURES`.
        num_images: portraits to train on, seeds 0 to num_images - 1.
        iterations: optimizer steps in all.
        batch_size: images per step.
        learning_rate: maximum; it warms up over 500 steps and decays as a cosine.
        ema_half_life: of the averaged weights, in images.
        device: torch device.
        bf16: autocast the network to bfloat16.
        save_seconds: between checkpoints.
        seconds: end after so many seconds with everything saved; None for no limit. The learning
            rate follows `iterations` alone.
        seed: of weights and batches.
        start: weights of a network of half the size that a new run starts from; None for random
            weights.
    """

    out: Path
    size: int = 32
    num_images: int = 30_000
    iterations: int = 7_000
    batch_size: int = 32
    learning_rate: float = 8e-4
    ema_half_life: int = 20_000
    device: str = "cpu"
    bf16: bool = False
    save_seconds: float = 180
    seconds: float | None = None
    seed: int = 0
    start: Path | None = None

    def __post_init__(self) -> None:
        for name in ("num_images", "iterations", "batch_size", "ema_half_life"):
            require_whole(name, getattr(self, name), 1)
        require_positive("learning_rate", self.learning_rate)
        if self.seconds is not None:
            require_positive("seconds", self.seconds)
        try:
            torch.empty(0, device=self.device)
        # torch raises these for unknown devices and for devices it was built without.
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"device {self.device!r} cannot be used here ({reason})") from None

    @property
    def card(self) -> ModelCard:
        """Return the embedded model: FFHQ's noise levels, a small network."""
        nf, ch_mult = ARCHITECTURES[self.size]
        network = NCSNppConfig(
            image_size=self.size,
            nf=nf,
            ch_mult=ch_mult,
            num_res_blocks=1,
            attn_resolutions=(8,),
            fir=False,
            fourier_scale=0.5,
            scale_by_sigma=False,
        )
        sde = VESDE(sigma_min=0.01, sigma_max=1348.0)
        return ModelCard(network, sde, num_scales=2000, snr=0.15, scaling="edm", data_std=0.25)

    @property
    def num_held_out(self) -> int:
        """Return how many portraits the held-out loss is the mean over."""
        return 192 if self.size <= 64 else 48


class Trainer:
    """A network with its optimizer, averaged weights and iteration; `step` advances it.

    losses: iteration, loss on held-out portraits and seconds of training, of every save so far.
    """

    def __init__(self, config: TrainConfig, images: NDArray[np.uint8]) -> None:
        self.config, self.iteration = config, 0
        self.images = torch.from_numpy(images).to(config.device)
        self.losses: list[tuple[int, float, float]] = []
        self._started = time.monotonic()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.score = NetworkScore(config.card)
        if config.start is not None:
            inherit(self.score, checkpoints.load(config.start))
        self.score.to(config.device)
        self.score.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        decay = 0.5 ** (config.batch_size / config.ema_half_life)
        self.average = AveragedModel(self.score, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]
        self.average.requires_grad_(False)
        trained = [p for p in self.score.parameters() if p.requires_grad]
        on_gpu = torch.device(config.device).type == "cuda"
        self.optimizer = torch.optim.Adam(
            trained, config.learning_rate, betas=(0.9, 0.99), fused=on_gpu
        )
        self._error: Callable[..., Any] = _Error(self.score, config.bf16)
        if on_gpu:
            batch = self._noisy(self._batch(self._generator()), self._generator())
            self._error = torch.cuda.make_graphed_callables(self._error, batch)

    def step(self) -> Tensor:
        """Take one optimizer step and return its loss, ()."""
        generator = self._generator()
        batch = self._noisy(self._batch(generator), generator)
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        loss: Tensor = self._error(*batch)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.score.parameters(), 1.0)
        self.optimizer.step()
        self.average.update_parameters(self.score)
        self.iteration += 1
        return loss.detach()

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """Return the averaged network's loss on held-out portraits, the same noise each time."""
        return float(self.loss(self.averaged, self.held_out, torch.Generator().manual_seed(0)))

    def loss(self, score: NetworkScore, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return the denoising error of a score on a batch (B, 3, H, W) with new noise, ()."""
        return _error(score, *self._noisy(x, generator), bf16=self.config.bf16)

    def save(self) -> None:
        """Write the checkpoint for `resume`, atomically."""
        state = {
            "iteration": self.iteration,
            "losses": self.losses,
            "score": self.score.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        with whole(self.path) as partial:
            torch.save(state, partial)

    def resume(self) -> None:
        """Continue from the checkpoint, if there is one.

        Raises:
            ValueError: if it is damaged, or of another network.
        """
        if not self.path.exists():
            return
        try:
            # On the CPU, where the optimizer keeps its counts: on a GPU each would be waited for.
            state = unpickle(self.path)
            self.score.load_state_dict(state["score"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.iteration = state["iteration"]
            self.losses = state.get("losses", [])
        except DAMAGE as error:
            raise ValueError(
                f"cannot continue from {self.path}: it is damaged or of another network "
                f"({str(error).splitlines()[0]}); train in another folder, or remove it"
            ) from None
        self._started = time.monotonic() - (self.losses[-1][2] if self.losses else 0.0)

    @property
    def path(self) -> Path:
        return self.config.out / "checkpoint.pt"

    @property
    def averaged(self) -> NetworkScore:
        """Return the score of the averaged weights."""
        module = self.average.module
        assert isinstance(module, NetworkScore)
        return module

    @property
    def seconds(self) -> float:
        """Return the seconds of training of all runs together, up to the last save of each."""
        return time.monotonic() - self._started

    @cached_property
    def held_out(self) -> Tensor:
        """Portraits that are not trained on, on the device."""
        seeds = range(HELD_OUT, HELD_OUT + self.config.num_held_out)
        drawn = portraits(seeds, size=self.config.size)
        return ((drawn * 255).round() / 255).to(self.config.device)

    def _generator(self) -> torch.Generator:
        # A generator on the CPU uses only the low 32 bits of its seed.
        seed = self.config.seed * 1_000_003 + self.iteration
        return torch.Generator(self.config.device).manual_seed(seed)

    def _noisy(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return images, noise levels (B, 1, 1, 1) and noise of a batch."""
        sigma = column(noise_levels(len(x), self.config.card, generator), x)
        z = torch.randn(x.shape, generator=generator, device=generator.device).to(x)
        return x, sigma, z

    def _batch(self, generator: torch.Generator) -> Tensor:
        chosen = torch.randint(
            len(self.images),
            (self.config.batch_size,),
            generator=generator,
            device=generator.device,
        )
        return pixels(self.images[chosen])

    def _learning_rate(self) -> float:
        done = self.iteration / self.config.iterations
        warm = min(1.0, (self.iteration + 1) / 500)
        return self.config.learning_rate * warm * (0.5 + 0.5 * math.cos(math.pi * min(done, 1.0)))


class _Error(torch.nn.Module):
    """`_error` of one score as a module, of which CUDA graphs can be made."""

    def __init__(self, score: NetworkScore, bf16: bool) -> None:
        super().__init__()
        self.score, self.bf16 = score, bf16

    def forward(self, x: Tensor, sigma: Tensor, z: Tensor) -> Tensor:
        return _error(self.score, x, sigma, z, bf16=self.bf16)


def _error(score: NetworkScore, x: Tensor, sigma: Tensor, z: Tensor, *, bf16: bool) -> Tensor:
    """Return the weighted error of D(x + sigma z), (), of order 1."""
    s = score.card.data_std
    with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
        denoised = score.denoise(x + sigma * z, sigma)
    weight = (sigma**2 + s**2) / (sigma * s) ** 2
    return (weight * (denoised.float() - x) ** 2).mean()


def inherit(score: NetworkScore, smaller: NetworkScore) -> None:
    """Copy the weights of a network of half the size into the levels that have the same shape.

    Weights without a counterpart there, such as those of the outermost level, keep their values.
    """
    first = score.network.num_embedding
    # The modules of the outermost level that come before the others: its blocks, the resampling
    # and the image beside it.
    outer = score.card.network.num_res_blocks + 2
    own = score.network.state_dict()
    for name, weight in smaller.network.state_dict().items():
        modules, index, parameter = name.split(".", 2)
        place = int(index) + (outer if int(index) > first else 0)
        own_weight = own.get(f"{modules}.{place}.{parameter}")
        if own_weight is not None and own_weight.shape == weight.shape:
            own_weight.copy_(weight)


def noise_levels(count: int, card: ModelCard, generator: torch.Generator) -> Tensor:
    """Draw sigma (count,) in float64: three of four log-normal, the fourth log-uniform.

    Above 64 px the log-normal ones are higher, by sqrt 2 for each doubling of the size, since an
    image of more pixels is recognized in more noise.
    """
    assert isinstance(card.sde, VESDE)
    low, high = math.log(card.sde.sigma_min), math.log(card.sde.sigma_max)
    drawn: Any = {"generator": generator, "device": generator.device, "dtype": torch.float64}
    mean = -1.4 + max(0.0, math.log(card.network.image_size / 64) / 2)
    normal = torch.randn(count, **drawn) * 1.4 + mean
    uniform = low + (high - low) * torch.rand(count, **drawn)
    anywhere = torch.arange(count, device=generator.device) % 4 == 3
    return torch.where(anywhere, uniform, normal).clamp(low, high).exp()
