"""A training run in a folder, resumable: `pds train`.

out/portraits64.npy          the portraits, 8 bits
    checkpoint.pt            what `resume` needs
    portraits64.safetensors  the averaged weights
    losses.csv               loss on held-out portraits at each save, and seconds of training
    sheet007000.png          samples of the averaged weights
"""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from pds.driving import sample, seeded_noise
from pds.files import pictures
from pds.files.writing import write
from pds.kernels import Langevin
from pds.portraits.cache import portrait_cache
from pds.portraits.trainer import TrainConfig, Trainer
from pds.sampling import PredictorCorrector
from pds.scores import checkpoints

LOSS_STEPS = 50
"""Steps between two losses in the progress: reading one makes the CPU wait for the GPU."""


def train(config: TrainConfig) -> Path:
    """Train, or continue an interrupted run, and return the path of the averaged weights.

    The run ends after `iterations`, after `seconds`, or at SIGINT or SIGTERM, and saves everything.

    Raises:
        KeyboardInterrupt: after a signal, when everything is saved.
    """
    deadline = time.monotonic() + (math.inf if config.seconds is None else config.seconds)
    config.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, portrait_cache(config.out, config.num_images, size=config.size))
    trainer.resume()
    progress = tqdm(total=config.iterations, initial=trainer.iteration, unit="step", smoothing=0.02)
    with _signals() as stopped, progress:
        recent, saved = torch.tensor(torch.nan), time.monotonic()
        while trainer.iteration < config.iterations and not stopped.is_set():
            if (now := time.monotonic()) > deadline:
                break
            if now - saved > config.save_seconds:
                _export(trainer, progress)
                saved = time.monotonic()
            loss = trainer.step()
            recent = torch.where(recent.isnan(), loss, torch.lerp(recent.to(loss), loss, 0.01))
            progress.update()
            if trainer.iteration % LOSS_STEPS == 0:
                progress.set_postfix(loss=f"{float(recent):.4f}", refresh=False)
        path = _export(trainer, progress)
    if stopped.is_set():
        raise KeyboardInterrupt
    return path


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set; a second signal ends the process as usual."""
    stopped = threading.Event()

    def stop(number: int, _frame: object) -> None:
        stopped.set()
        signal.signal(number, before[number])

    kinds = (signal.SIGINT, signal.SIGTERM)
    # Python allows handlers in its main thread only.
    main = threading.current_thread() is threading.main_thread()
    before: dict[int, Any] = {n: signal.signal(n, stop) for n in kinds} if main else {}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _export(trainer: Trainer, progress: "tqdm[None]") -> Path:
    """Save the checkpoint, the averaged weights, the losses, and a sheet of samples."""
    config = trainer.config
    if all(iteration != trainer.iteration for iteration, _, _ in trainer.losses):
        loss = trainer.held_out_loss()
        trainer.losses.append((trainer.iteration, loss, trainer.seconds))
        progress.write(f"{trainer.iteration}: held-out loss {loss:.4f}")
    trainer.save()
    path = config.out / f"portraits{config.size}.safetensors"
    checkpoints.save(path, trainer.averaged)
    lines = (f"{i},{loss:.6f},{seconds:.1f}\n" for i, loss, seconds in trainer.losses)
    write(config.out / "losses.csv", "".join(["iteration,loss,seconds\n", *lines]).encode())
    write(
        config.out / f"sheet{trainer.iteration:06d}.png", pictures.encode_png(_sheet(trainer), "")
    )
    return path


def _sheet(trainer: Trainer) -> pictures.Pixels:
    config = trainer.config
    score, sde = trainer.averaged.eval(), config.card.sde
    sampler = PredictorCorrector(100, 2e-4, corrector=Langevin(config.card.snr, "sample"))
    count = 16 if config.size <= 64 else 8
    noise = seeded_noise(range(count), device=config.device)
    images = sample(score, sampler.chain(sde, noise=noise, shape=(count, 3, *[config.size] * 2)))
    return pictures.tile_images(pictures.to_uint8(images.cpu().numpy()), columns=count // 2)
