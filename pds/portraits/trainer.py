"""Training an NCSN++ on portraits by denoising score matching.

    loss = E (sigma^2 + s^2) / (sigma s)^2 |D(x + sigma z, sigma) - x|^2

over portraits x, noise z and noise levels sigma. For three images of four, sigma is log-normal
around the levels at which faces emerge; for the fourth it is log-uniform over the whole range of
the process, so that the network is accurate at every level of the sampler. The exported weights are
an exponential moving average.

Every batch is a function of the seed, the iteration and the kind of device: a run that was killed
continues from its last checkpoint as if it had not been interrupted. On a GPU the portraits are
kept and the random numbers drawn there, so that no step waits for a batch.

Source: T. Karras et al., NeurIPS 2022 (loss weights and noise distribution).
"""

import math
import time
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
from pds.sde import VESDE, column

HELD_OUT = 1_000_000
"""Portraits from this seed on are never trained on."""
NUM_HELD_OUT = 192
"""Portraits that the held-out loss is the mean over."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run; `card` describes the model.

    Args:
        out: folder of the portraits, the checkpoint, the sheets and the weights.
        size: pixels, 32 or 64.
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
        network = NCSNppConfig(
            image_size=self.size,
            nf=32,
            ch_mult=(1, 2, 2) if self.size == 32 else (1, 2, 2, 2),
            num_res_blocks=1,
            attn_resolutions=(8,),
            fir=False,
            fourier_scale=0.5,
            scale_by_sigma=False,
        )
        sde = VESDE(sigma_min=0.01, sigma_max=1348.0)
        return ModelCard(network, sde, num_scales=2000, snr=0.15, scaling="edm", data_std=0.25)


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
            self.score = NetworkScore(config.card).to(config.device)
        self.score.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        decay = 0.5 ** (config.batch_size / config.ema_half_life)
        self.average = AveragedModel(self.score, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]
        self.average.requires_grad_(False)
        trained = [p for p in self.score.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, config.learning_rate, betas=(0.9, 0.99))

    def step(self) -> Tensor:
        """Take one optimizer step and return its loss, ()."""
        # A generator on the CPU uses only the low 32 bits of its seed.
        seed = self.config.seed * 1_000_003 + self.iteration
        generator = torch.Generator(self.config.device).manual_seed(seed)
        x = self._batch(generator)
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        loss = self.loss(self.score, x, generator)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.score.parameters(), 1.0)
        self.optimizer.step()
        self.average.update_parameters(self.score)
        self.iteration += 1
        return loss.detach()

    def loss(self, score: torch.nn.Module, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return the weighted denoising error of a batch, (), of order 1."""
        module: Any = score.module if isinstance(score, AveragedModel) else score
        s = self.config.card.data_std
        sigma = column(noise_levels(len(x), self.config.card, generator), x)
        z = torch.randn(x.shape, generator=generator, device=generator.device).to(x)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.config.bf16):
            denoised = module.denoise(x + sigma * z, sigma)
        weight = (sigma**2 + s**2) / (sigma * s) ** 2
        return (weight * (denoised.float() - x) ** 2).mean()

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """Return the averaged network's loss on held-out portraits, the same noise each time."""
        return float(self.loss(self.average, self.held_out, torch.Generator().manual_seed(0)))

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
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            self.score.load_state_dict(state["score"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.iteration = state["iteration"]
            self.losses = state.get("losses", [])
        except checkpoints.DAMAGE as error:
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
        seeds = range(HELD_OUT, HELD_OUT + NUM_HELD_OUT)
        drawn = portraits(seeds, size=self.config.size)
        return ((drawn * 255).round() / 255).to(self.config.device)

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


def noise_levels(count: int, card: ModelCard, generator: torch.Generator) -> Tensor:
    """Draw sigma (count,) in float64: three of four log-normal, the fourth log-uniform."""
    assert isinstance(card.sde, VESDE)
    low, high = math.log(card.sde.sigma_min), math.log(card.sde.sigma_max)
    drawn: Any = {"generator": generator, "device": generator.device, "dtype": torch.float64}
    normal = torch.randn(count, **drawn) * 1.4 - 1.4
    uniform = low + (high - low) * torch.rand(count, **drawn)
    anywhere = torch.arange(count, device=generator.device) % 4 == 3
    return torch.where(anywhere, uniform, normal).clamp(low, high).exp()
