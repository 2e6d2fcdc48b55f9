"""Training runs of a tiny network, and the complete state of such a run."""

from dataclasses import replace

import numpy as np
import torch

from pds.portraits.trainer import TrainConfig
from pds.scores.ncsnpp import NCSNppConfig

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)


class TinyConfig(TrainConfig):
    """The trainer's own settings with a tiny network and few held-out portraits."""

    @property
    def card(self):
        network = NCSNppConfig(
            image_size=self.size, nf=4, ch_mult=(1, 1), num_res_blocks=1, attn_resolutions=(),
            fourier_scale=0.5, scale_by_sigma=False,
        )  # fmt: skip
        return replace(super().card, network=network)

    @property
    def num_held_out(self):
        return 4


def tensors(value):
    """All tensors in nested dicts and lists, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [tensor for part in parts for tensor in tensors(part)]


def everything(trainer):
    """All that a run consists of: weights, their average, and the optimizer's moments."""
    owners = (trainer.score, trainer.average, trainer.optimizer)
    return [tensor.clone() for owner in owners for tensor in tensors(owner.state_dict())]
