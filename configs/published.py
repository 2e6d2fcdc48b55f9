"""The values that all of the paper's experiments share: NCSN++, trained on a continuous VE process.

Source: Y. Song's score_sde; H. Ma et al., ECCV 2022, sample from its checkpoints.
"""

from typing import Any

from ml_collections import ConfigDict

Values = ConfigDict


def configuration(
    *, image_size: int, snr: float, batch_size: int, num_samples: int = 50_000, **model: Any
) -> ConfigDict:
    """Return a configuration; `model` overrides or adds to the shared architecture."""
    config = ConfigDict()
    config.training = ConfigDict({"sde": "vesde", "continuous": True})
    config.sampling = ConfigDict(
        {
            "method": "pc",
            "predictor": "reverse_diffusion",
            "corrector": "langevin",
            "n_steps_each": 1,
            "snr": snr,
            "noise_removal": True,
            "probability_flow": False,
        }
    )
    config.eval = ConfigDict({"batch_size": batch_size, "num_samples": num_samples})
    config.data = ConfigDict({"image_size": image_size, "num_channels": 3, "centered": False})
    config.model = ConfigDict(
        {
            "name": "ncsnpp",
            "sigma_min": 0.01,
            "scale_by_sigma": True,
            "normalization": "GroupNorm",
            "nonlinearity": "swish",
            "attn_resolutions": (16,),
            "resamp_with_conv": True,
            "conditional": True,
            "fir": True,
            "fir_kernel": (1, 3, 3, 1),
            "skip_rescale": True,
            "resblock_type": "biggan",
            "progressive": "output_skip",
            "progressive_input": "input_skip",
            "progressive_combine": "sum",
            "embedding_type": "fourier",
            "fourier_scale": 16,
            "init_scale": 0.0,
            "conv_size": 3,
            **model,
        }
    )
    return config
