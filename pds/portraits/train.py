"""Training an NCSN++ on portraits by denoising score matching.

    loss = E (sigma^2 + s^2) / (sigma s)^2 |D(x + sigma z, sigma) - x|^2

over portraits x, noise z and noise levels sigma. For three images of four, sigma is log-normal
around the levels at which faces emerge; for the fourth it is log-uniform over the whole range of
the process, so that the network is accurate at every level of the sampler. The exported weights are
an exponential moving average.

Every batch is a function of the seed and the iteration alone: a run that was killed continues from
its last checkpoint as if it had not been interrupted.

Source: T. Karras et al., NeurIPS 2022 (loss weights and noise distribution).
"""

import itertools
import math
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from pds.driving import sample, seeded_noise
from pds.files import pictures
from pds.files.writing import whole, write
from pds.kernels import Langevin
from pds.limits import require_positive, require_whole
from pds.portraits import portrait
from pds.sampling import PredictorCorrector
from pds.scores import checkpoints
from pds.scores.ncsnpp import ModelCard, NCSNppConfig, NetworkScore
from pds.sde import VESDE, column

HELD_OUT = 1_000_000
"""Portraits from this seed on are never trained on."""


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
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("num_images", "iterations", "batch_size", "ema_half_life"):
            require_whole(name, getattr(self, name), 1)
        require_positive("learning_rate", self.learning_rate)
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
    """A network with its optimizer, averaged weights and iteration; `step` advances it."""

    def __init__(self, config: TrainConfig, images: NDArray[np.uint8]) -> None:
        self.config, self.images, self.iteration = config, images, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.score = NetworkScore(config.card).to(config.device)
        self.score.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        decay = 0.5 ** (config.batch_size / config.ema_half_life)
        self.average = AveragedModel(self.score, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]
        self.average.requires_grad_(False)
        trained = [p for p in self.score.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, config.learning_rate, betas=(0.9, 0.99))

    def step(self) -> float:
        """Take one optimizer step and return its loss."""
        # A generator uses only the low 32 bits of its seed.
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.iteration)
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
        return float(loss.detach())

    def loss(self, score: torch.nn.Module, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return the weighted denoising error of a batch, (), of order 1."""
        module: Any = score.module if isinstance(score, AveragedModel) else score
        s = self.config.card.data_std
        sigma = column(noise_levels(len(x), self.config.card, generator), x)
        z = torch.randn(x.shape, generator=generator).to(x)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.config.bf16):
            denoised = module.denoise(x + sigma * z, sigma)
        weight = (sigma**2 + s**2) / (sigma * s) ** 2
        return (weight * (denoised.float() - x) ** 2).mean()

    def save(self) -> None:
        """Write the checkpoint for `resume`, atomically."""
        state = {
            "iteration": self.iteration,
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
            state = torch.load(self.path, map_location=self.config.device, weights_only=True)
            self.score.load_state_dict(state["score"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.iteration = state["iteration"]
        except checkpoints.DAMAGE as error:
            raise ValueError(
                f"cannot continue from {self.path}: it is damaged or of another network "
                f"({str(error).splitlines()[0]}); train in another folder, or remove it"
            ) from None

    @property
    def path(self) -> Path:
        return self.config.out / "checkpoint.pt"

    @property
    def averaged(self) -> NetworkScore:
        """Return the score of the averaged weights."""
        module = self.average.module
        assert isinstance(module, NetworkScore)
        return module

    def _batch(self, generator: torch.Generator) -> Tensor:
        chosen = torch.randint(len(self.images), (self.config.batch_size,), generator=generator)
        return pixels(self.images[chosen.numpy()]).to(self.config.device)

    def _learning_rate(self) -> float:
        done = self.iteration / self.config.iterations
        warm = min(1.0, (self.iteration + 1) / 500)
        return self.config.learning_rate * warm * (0.5 + 0.5 * math.cos(math.pi * min(done, 1.0)))


def train(config: TrainConfig) -> Path:
    """Train, or continue an interrupted run, and return the path of the averaged weights."""
    config.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, portrait_cache(config))
    trainer.resume()
    progress = tqdm(total=config.iterations, initial=trainer.iteration, unit="step", smoothing=0.02)
    recent, saved = float("nan"), time.monotonic()
    while trainer.iteration < config.iterations:
        loss = trainer.step()
        recent = loss if math.isnan(recent) else 0.99 * recent + 0.01 * loss
        progress.update()
        progress.set_postfix(loss=f"{recent:.4f}", refresh=False)
        if time.monotonic() - saved > config.save_seconds:
            _export(trainer)
            saved = time.monotonic()
            progress.write(f"{trainer.iteration}: held-out loss {held_out_loss(trainer):.4f}")
    progress.close()
    return _export(trainer)


def noise_levels(count: int, card: ModelCard, generator: torch.Generator) -> Tensor:
    """Draw sigma (count,) in float64: three of four log-normal, the fourth log-uniform."""
    assert isinstance(card.sde, VESDE)
    low, high = math.log(card.sde.sigma_min), math.log(card.sde.sigma_max)
    normal = torch.randn(count, generator=generator, dtype=torch.float64) * 1.4 - 1.4
    uniform = low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64)
    anywhere = torch.arange(count) % 4 == 3
    return torch.where(anywhere, uniform, normal).clamp(low, high).exp()


def pixels(images: NDArray[np.uint8]) -> Tensor:
    """Return stored portraits (B, 3, H, W) as float32 in [0, 1]."""
    return torch.from_numpy(images).float() / 255


def portrait_cache(config: TrainConfig) -> NDArray[np.uint8]:
    """Return the training portraits from a file, which the first run renders on all cores.

    Raises:
        ValueError: if the file is damaged.
    """
    path = config.out / f"portraits{config.size}.npy"
    if path.exists():
        try:
            images = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError):
            raise ValueError(f"{path} is damaged; remove it to draw the portraits again") from None
        if images.shape == (config.num_images, 3, config.size, config.size):
            return images
    images = np.concatenate(list(rendered(config.num_images, size=config.size)))
    with whole(path) as partial, partial.open("wb") as file:
        np.save(file, images)
    return images


def rendered(num_images: int, *, size: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the portraits of seeds 0 to num_images - 1 in batches, drawn on all cores."""
    parts = [range(i, min(i + 250, num_images)) for i in range(0, num_images, 250)]
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(_render, parts, itertools.repeat(size))
        yield from tqdm(drawn, total=len(parts), desc="portraits", unit_scale=250)


def _render(seeds: range, size: int) -> NDArray[np.uint8]:
    # Without torch: its threads do not survive the fork, and a worker would block on them.
    drawn = np.stack([portrait(seed, size=size) for seed in seeds])
    return np.rint(drawn * 255).astype(np.uint8)


@torch.no_grad()
def held_out_loss(trainer: Trainer, *, num_images: int = 192) -> float:
    """Return the averaged network's loss on fixed portraits that are not in the training set."""
    seeds = range(HELD_OUT, HELD_OUT + num_images)
    x = pixels(_render(seeds, trainer.config.size)).to(trainer.config.device)
    return float(trainer.loss(trainer.average, x, torch.Generator().manual_seed(0)))


def _export(trainer: Trainer) -> Path:
    """Save the checkpoint, the averaged weights, and a sheet of 16 of their samples."""
    config = trainer.config
    trainer.save()
    path = config.out / f"portraits{config.size}.safetensors"
    checkpoints.save(path, trainer.averaged)
    score, sde = trainer.averaged.eval(), config.card.sde
    sampler = PredictorCorrector(100, 2e-4, corrector=Langevin(config.card.snr, "sample"))
    noise = seeded_noise(range(16), device=config.device)
    images = sample(score, sampler.chain(sde, noise=noise, shape=(16, 3, *[config.size] * 2)))
    sheet = pictures.grid(pictures.view(images.cpu().numpy()), columns=8)
    write(config.out / f"sheet{trainer.iteration:06d}.png", pictures.png(sheet, ""))
    return path
