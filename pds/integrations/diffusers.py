"""A scheduler with which pipelines of diffusers sample by PDS.

`PreconditionedScoreSdeVeScheduler` takes the place of diffusers' `ScoreSdeVeScheduler`. Its half
steps are the kernels of `pds.kernels` with the M of `pds.filters.preconditioner`:

    init_noise_sigma * z    sigma_max M z
    step_correct            Langevin(snr)
    step_pred               ReverseDiffusion, with G^2 = sigma_k^2 - sigma_{k-1}^2

Noise levels, times and draws of noise are those of diffusers, so that without masks the images are
its own. docs/howto/diffusers.md lists where these differ from the published code.

Source: P. von Platen et al., diffusers (the interface); H. Ma et al., ECCV 2022 (M).
"""

import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pds import filters
from pds.integrations.raw_masks import MaskLike, beside, raw_mask
from pds.integrations.start import StartScale
from pds.kernels import Langevin, ReverseDiffusion, Update
from pds.limits import require_alpha, require_whole
from pds.preconditioners import Preconditioner
from pds.sampling import PredictorCorrector
from pds.sde import VESDE
from pds.theory import tuned

try:
    # DiffusionPipeline looks for SchedulerMixin here when it opens a pipeline.
    from diffusers import SchedulerMixin, ScoreSdeVeScheduler
    from diffusers.configuration_utils import register_to_config
    from diffusers.schedulers.scheduling_sde_ve import SdeVeOutput
    from diffusers.schedulers.scheduling_utils import SchedulerOutput
    from diffusers.utils.torch_utils import randn_tensor
except ImportError as error:
    raise ImportError(
        "pds.integrations.diffusers needs the package diffusers; install it with "
        "`pip install diffusers`"
    ) from error

__all__ = ["PreconditionedScoreSdeVeScheduler", "SchedulerMixin", "tuned_scheduler"]


class PreconditionedScoreSdeVeScheduler(ScoreSdeVeScheduler):  # type: ignore[misc]
    """diffusers' ScoreSdeVeScheduler, preconditioned by M; without masks it is the vanilla one.

    All images are computed in float32, or in float64 if they come in it, and returned in their own
    precision.

    Args:
        num_train_timesteps, snr, sigma_min, sigma_max, sampling_eps, correct_steps: as in
            ScoreSdeVeScheduler.
        frequency_mask, space_mask: raw masks (C, H, W) of `pds.filters`, or paths of .npy files;
            None for no filter.
        alpha: strength of the filters, > 1; larger is weaker.

    Raises:
        FileNotFoundError: if there is no mask at a path.
        ValueError: for a mask that `pds.filters.read` refuses, or unless alpha > 1.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        num_train_timesteps: int = 2000,
        snr: float = 0.15,
        sigma_min: float = 0.01,
        sigma_max: float = 1348.0,
        sampling_eps: float = 1e-5,
        correct_steps: int = 1,
        frequency_mask: MaskLike | None = None,
        space_mask: MaskLike | None = None,
        alpha: float = 5.0,
    ) -> None:
        frequency = raw_mask(frequency_mask, "frequency")
        space = raw_mask(space_mask, "space")
        self.register_to_config(
            frequency_mask=frequency, space_mask=space, alpha=require_alpha(alpha)
        )
        self._filters: dict[torch.device, Preconditioner] = {}
        super().__init__(
            num_train_timesteps=num_train_timesteps,
            snr=snr,
            sigma_min=sigma_min,
            sigma_max=sigma_max,
            sampling_eps=sampling_eps,
            correct_steps=correct_steps,
        )

    @property
    def init_noise_sigma(self) -> StartScale:
        """sigma_max; noise times it is the start sigma_max M z."""
        return StartScale(self._start_sigma, self._start)

    @init_noise_sigma.setter
    def init_noise_sigma(self, sigma: float) -> None:
        self._start_sigma = float(sigma)

    def set_timesteps(
        self,
        num_inference_steps: int,
        sampling_eps: float | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        """Set the N times, from 1 to sampling_eps.

        Raises:
            ValueError: unless N is a whole number >= 1.
        """
        num_inference_steps = require_whole("num_inference_steps", num_inference_steps, 1)
        super().set_timesteps(num_inference_steps, sampling_eps, device)

    def step_correct(
        self,
        model_output: Tensor,
        sample: Tensor,
        generator: torch.Generator | list[torch.Generator] | None = None,
        return_dict: bool = True,
    ) -> Any:
        """Return the images (B, C, H, W) after a Langevin step, given the score at them.

        Raises:
            ValueError: if the masks have another size than the images.
        """
        # diffusers draws this noise on the CPU; the generator of a device needs its own.
        device = None if generator is None else sample.device
        noise = randn_tensor(sample.shape, generator=generator, device=device)
        snr = self.config.snr
        update = self._step(Langevin(snr), (1.0, snr), model_output, sample, noise)
        x = update.x.to(sample.dtype)
        return SchedulerOutput(prev_sample=x) if return_dict else (x,)

    def step_pred(
        self,
        model_output: Tensor,
        timestep: float | Tensor,
        sample: Tensor,
        generator: torch.Generator | list[torch.Generator] | None = None,
        return_dict: bool = True,
    ) -> Any:
        """Return the images (B, C, H, W) after a predictor step, with and without its noise.

        Args:
            model_output: the score at the images.
            timestep: one of `timesteps`.
            sample: the images.
            generator: one, or one for each image.
            return_dict: False for a tuple.

        Raises:
            ValueError: if the masks have another size than the images.
        """
        noise = randn_tensor(
            sample.shape, generator=generator, device=sample.device, dtype=_precision(sample)
        )
        row = 0.0, self._diffusion(timestep)
        update = self._step(ReverseDiffusion(), row, model_output, sample, noise)
        x, mean = update.x.to(sample.dtype), update.x_mean.to(sample.dtype)
        return SdeVeOutput(prev_sample=x, prev_sample_mean=mean) if return_dict else (x, mean)

    def save_config(
        self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **kwargs: Any
    ) -> None:
        """Write scheduler_config.json, and the masks beside it."""
        Path(save_directory).mkdir(parents=True, exist_ok=True)
        for mask in (self.config.frequency_mask, self.config.space_mask):
            if mask is not None:
                filters.save(Path(save_directory) / mask, mask.values, kind=mask.kind)
        super().save_config(save_directory, push_to_hub=push_to_hub, **kwargs)

    @classmethod
    def load_config(cls, pretrained_model_name_or_path: Any, **kwargs: Any) -> Any:
        """Read scheduler_config.json; the masks beside it are given by their paths."""
        loaded = super().load_config(pretrained_model_name_or_path, **kwargs)
        config = loaded[0] if isinstance(loaded, tuple) else loaded
        for key in ("frequency_mask", "space_mask"):
            if config.get(key) is not None:
                path = beside(pretrained_model_name_or_path, Path(config[key]).name, kwargs)
                config[key] = str(path)
        return loaded

    def _step(
        self,
        kernel: Langevin | ReverseDiffusion,
        row: tuple[float, float],
        score: Tensor,
        sample: Tensor,
        noise: Tensor,
    ) -> Update:
        x = sample.to(_precision(sample))
        return kernel(x, score.to(x), noise.to(x), row, self._m(x))

    def _diffusion(self, timestep: float | Tensor) -> float:
        """Return G at a time, by the index of diffusers, computed in float32."""
        t = torch.tensor([float(timestep)])
        index = (t * (len(self.timesteps) - 1)).long()
        below = self.get_adjacent_sigma(index, t)
        return float((self.discrete_sigmas[index] ** 2 - below**2) ** 0.5)

    def _start(self, product: Tensor) -> Tensor:
        """Return the start from sigma z (B, C, H, W), which it overwrites."""
        if self.config.frequency_mask is None and self.config.space_mask is None:
            return product
        x = product.to(_precision(product))
        return product.copy_(self._m(x).apply(x))

    def _m(self, like: Tensor) -> Preconditioner:
        """Return M on the device of images (B, C, H, W)."""
        masks = [self.config.frequency_mask, self.config.space_mask]
        for mask in masks:
            if mask is not None and mask.values.shape != like.shape[1:]:
                raise ValueError(
                    f"the {mask.kind} mask has shape {tuple(mask.values.shape)}, but the images "
                    f"are {tuple(like.shape[1:])} (channels, height, width); estimate a mask at "
                    "this size"
                )
        if like.device not in self._filters:
            frequency, space = (None if mask is None else mask.values for mask in masks)
            alpha, device = self.config.alpha, like.device
            made = filters.preconditioner(frequency, space, alpha=alpha, device=device)
            self._filters[device] = made
        return self._filters[like.device]


def tuned_scheduler(
    config: Mapping[str, Any], frequency_mask: MaskLike, *, num_inference_steps: int
) -> ScoreSdeVeScheduler:
    """Return diffusers' own scheduler with the levels and the snr that are best at one N.

    They are those of `main.py --tuned`: best for Gaussian images in [0, 1] of the mask's spectrum,
    sampled without M. The search takes about a second at N = 25.

    Args:
        config: of the pipeline's scheduler, which says the levels that the network knows.
        frequency_mask: raw mask (C, H, W), or the path of its .npy file.
        num_inference_steps: N, >= 1, with which the pipeline is to be called.

    Raises:
        FileNotFoundError, ValueError: for a mask that cannot be used, or N < 1.
    """
    own = inspect.signature(ScoreSdeVeScheduler.__init__).parameters
    known = ScoreSdeVeScheduler(**{key: config[key] for key in own if key in config}).config
    mask = raw_mask(frequency_mask, "frequency")
    if mask is None:
        raise ValueError("a tuned scheduler needs a frequency mask, got None")
    published = PredictorCorrector(
        num_steps=num_inference_steps,
        eps=known.sampling_eps,
        corrector=Langevin(known.snr) if known.correct_steps else None,
        num_corrector_steps=max(known.correct_steps, 1),
    )
    sde = VESDE(known.sigma_min, known.sigma_max)
    best = tuned.sampler(mask.values, sde, published)
    lowest, highest = best.sigmas or (sde.sigma_min, sde.sigma_max)
    snr = best.corrector.snr if isinstance(best.corrector, Langevin) else known.snr
    return ScoreSdeVeScheduler.from_config(known, sigma_min=lowest, sigma_max=highest, snr=snr)


def _precision(images: Tensor) -> torch.dtype:
    """Return the precision of the arithmetic: at least float32."""
    return torch.promote_types(images.dtype, torch.float32)
