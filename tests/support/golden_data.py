"""The recorded network and its data as tensors; see tests/golden/README.md."""

from functools import cache

import numpy as np
import torch

from pds import filters
from pds.scores import checkpoints
from pds.scores.ncsnpp import ModelCard, NCSNppConfig
from pds.sde import VESDE
from tests.support.paths import GOLDEN
from tests.support.placed import placed

SHAPE = (3, 32, 32)
CARD = ModelCard(
    network=NCSNppConfig(
        image_size=32, nf=16, ch_mult=(1, 2, 2), num_res_blocks=1, attn_resolutions=(8,)
    ),
    sde=VESDE(0.01, 380.0),
    num_scales=1000,
    snr=0.075,
)


@cache
def arrays(name):
    """The arrays of one .npz file, as tensors."""
    return {key: placed(torch.from_numpy(array)) for key, array in np.load(GOLDEN / name).items()}


@cache
def score(weights="ema"):
    """The recorded network as a score function."""
    return placed(checkpoints.load(GOLDEN / "ve_skip.pth", CARD, weights=weights))


@cache
def masks():
    """The raw frequency and space masks."""
    return tuple(
        placed(filters.load(GOLDEN / f"{name}_mask_raw.npy", SHAPE, kind=kind))
        for name, kind in (("freq", "frequency"), ("space", "space"))
    )


def assert_within(actual, expected, relative):
    """Compare by the largest difference, relative to the largest expected value."""
    error = float((actual.double() - expected.double()).abs().max() / expected.double().abs().max())
    assert error <= relative, f"off by {error:.2g} of the maximum"
