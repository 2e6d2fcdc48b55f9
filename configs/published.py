"""The values that all of the paper's experiments share: NCSN++, trained on a continuous VE process.

Source: Y. Song's score_sde; H. Ma et al., ECCV 2022, sample from its checkpoints.
"""

from typing import Any


class Values(dict[str, Any]):
    """A dict whose items are also attributes, as files written with ml_collections use them."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the configuration has no {name}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


ARCHITECTURE = {
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
}


def configuration(
    *, image_size: int, snr: float, batch_size: int, num_samples: int = 50_000, **model: Any
) -> Values:
    """Return a configuration; `model` overrides or adds to the shared architecture."""
    return Values(
        training=Values(sde="vesde", continuous=True),
        sampling=Values(
            method="pc",
            predictor="reverse_diffusion",
            corrector="langevin",
            n_steps_each=1,
            snr=snr,
            noise_removal=True,
            probability_flow=False,
        ),
        eval=Values(batch_size=batch_size, num_samples=num_samples),
        data=Values(image_size=image_size, num_channels=3, centered=False),
        model=Values({**ARCHITECTURE, **model}),
    )
