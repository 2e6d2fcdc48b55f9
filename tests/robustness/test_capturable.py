"""CUDA can capture a call only if it waits for nothing and all that it needs is on the device.

On the imitated device, which counts both; see tests/robustness/test_elsewhere.py.
"""

import pytest
import torch

from pds import models
from pds.scores.mixture import SpectralMixture
from pds.scores.ncsnpp import ModelCard, NCSNppConfig, NetworkScore
from pds.scores.ncsnpp.normalization import channels_last, group_norm
from pds.sde import VESDE, VPSDE, SubVPSDE
from tests.support import imitated_device

pytestmark = pytest.mark.only_imitated


def network(sde, conditioning="continuous", **flavor):
    """A small network with attention; its other settings are those of FFHQ."""
    levels = {"ch_mult": (1, 2), "num_res_blocks": 1, "attn_resolutions": (8,)}
    config = NCSNppConfig(image_size=16, nf=8, **levels, **flavor)
    card = ModelCard(config, sde, num_scales=1000, snr=0.15, conditioning=conditioning)
    return NetworkScore(card).eval()


RESIDUAL = {"progressive": "residual", "progressive_input": "residual"}
POSITIONAL = {"embedding_type": "positional", "scale_by_sigma": False}
SCORES = {
    "portraits32": lambda: models.load_model("portraits32").score,
    "portraits64": lambda: models.load_model("portraits64").score,
    "field64": lambda: models.load_model("field64").score,
    "a visitor's images": lambda: SpectralMixture(torch.rand(4, 3, 16, 16), VESDE()),
    "FFHQ": lambda: network(VESDE()),
    "FFHQ in bfloat16": lambda: network(VESDE()).in_precision(torch.bfloat16),
    "residual": lambda: network(VESDE(), **RESIDUAL),
    "joined pyramid": lambda: network(VESDE(), progressive_combine="cat"),
    "VP": lambda: network(VPSDE(), **POSITIONAL, centered=True, progressive="none"),
    "sub-VP": lambda: network(SubVPSDE(), **POSITIONAL, resblock_type="ddpm"),
    "DDPM": lambda: network(VPSDE(), **POSITIONAL, resblock_type="ddpm", fir=False),
    "discrete VE": lambda: network(VESDE(), "discrete", embedding_type="positional"),
    "discrete VP": lambda: network(VPSDE(), "discrete", **POSITIONAL),
    "unconditional": lambda: network(VESDE(), conditional=False),
}
"""Every kind of score that there is."""
SHAPES = {"portraits32": (3, 32, 32), "portraits64": (3, 64, 64), "field64": (1, 64, 64)}


@pytest.mark.parametrize("name", SCORES)
def test_a_network_call_neither_waits_for_the_device_nor_brings_it_anything(name):
    """CUDA can capture a call only if all that it needs is on the device already."""
    score = models.score_on(SCORES[name](), imitated_device.NAME)
    x = torch.randn(2, *SHAPES.get(name, (3, 16, 16))).to(imitated_device.NAME)
    t = torch.full((2,), 0.5, dtype=torch.float64).to(imitated_device.NAME)
    with torch.no_grad():
        score(x, t)  # the first call may keep what later ones need
        before = imitated_device.traffic.count
        assert score(x, t).device.type == imitated_device.NAME
    assert imitated_device.traffic.count == before


def test_nor_does_the_group_norm_of_large_images():
    norm = group_norm(16).to(imitated_device.NAME)
    x = torch.randn(2, 16, 8, 8).contiguous(memory_format=torch.channels_last)
    x = x.to(imitated_device.NAME)
    before = imitated_device.traffic.count
    with torch.no_grad():
        y = channels_last(x, norm.weight, norm.bias, norm.num_groups, norm.eps)
    assert y.device.type == imitated_device.NAME
    assert imitated_device.traffic.count == before
