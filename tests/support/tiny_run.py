"""A sampling run of a few milliseconds: 8 px, 5 iterations."""

import io
import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from PIL import Image

from pds.commands.sample import sample_main
from pds.scores import checkpoints
from pds.scores.ncsnpp import ModelCard, NCSNppConfig, NetworkScore
from pds.sde import VESDE

NETWORK = NCSNppConfig(image_size=8, nf=4, ch_mult=(1,), num_res_blocks=1, attn_resolutions=())
# Little noise, so that 5 iterations can remove it and the pixels are not all black or white.
CARD = ModelCard(NETWORK, VESDE(0.05, 1.0), num_scales=10, snr=0.15, scaling="edm", data_std=0.25)

CONFIG = """
def get_config():
    return {
        "training": {"sde": "vesde"},
        "sampling": {
            "predictor": "reverse_diffusion", "corrector": "langevin", "n_steps_each": 1,
            "snr": 0.15,
        },
        "eval": {"batch_size": 3, "num_samples": 3},
        "data": {"image_size": 8, "num_channels": 3, "centered": False},
        "model": {
            "sigma_min": 0.05, "sigma_max": 1.0, "num_scales": 10, "embedding_type": "fourier",
            "scale_by_sigma": True, "nf": 4, "ch_mult": (1,), "num_res_blocks": 1,
            "attn_resolutions": (), "resamp_with_conv": True, "conditional": True, "fir": True,
            "fir_kernel": (1, 3, 3, 1), "skip_rescale": True, "resblock_type": "biggan",
            "progressive": "output_skip", "progressive_input": "input_skip",
            "progressive_combine": "sum",
        },
    }
"""


@pytest.fixture
def refusal(capsys):
    """Run with flags that must be refused, and return the one sentence."""

    def run(words, program=sample_main, name="main.py"):
        try:
            code = program(words)
        except SystemExit as stopped:
            code = stopped.code
        assert code == 2
        error = capsys.readouterr().err
        assert error.startswith(f"{name}: ") and error.count("\n") == 1, error
        return error

    return run


def make_score(seed=0, card=CARD):
    """A network of random weights, every one of them away from zero."""
    torch.manual_seed(seed)
    score = NetworkScore(card).requires_grad_(False)
    for parameter in score.network.parameters():
        parameter.add_(0.3 * torch.randn_like(parameter))
    return score.eval()


def published(score):
    """A checkpoint as score_sde writes it."""
    state = score.network.state_dict()
    parameters = NetworkScore(score.card).network.named_parameters()
    averaged = [state[name].clone() for name, p in parameters if p.requires_grad]
    ema = {"decay": 0.999, "num_updates": 1, "shadow_params": averaged}
    model = {f"module.{name}": value for name, value in state.items()}
    return {"optimizer": {}, "model": model, "ema": ema, "step": 1}


def mask(size=8):
    """A raw frequency mask of smooth images: even and largest at 0."""
    cycles = np.fft.fftfreq(size, 1 / size)
    power = 1e4 / (1 + cycles[:, None] ** 2 + cycles[None, :] ** 2) ** 2
    return np.broadcast_to(np.log1p(power), (3, size, size)).astype(np.float32)


@cache
def checkpoint():
    """The bytes of a checkpoint, written once."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "only.safetensors"
        checkpoints.save(path, make_score())
        return path.read_bytes()


def workdir(folder):
    """Lay out a configuration, a checkpoint and a filter as their owner would."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "only.safetensors").write_bytes(checkpoint())
    (folder / "tiny.py").write_text(CONFIG)
    np.save(folder / "freq.npy", mask())
    return folder


def flags(folder, *more, filtered=True):
    """The published flags of a run in a `workdir`, and more."""
    words = ["--config", f"{folder}/tiny.py", "--workdir", str(folder), "--speed_up", "2"]
    filters = ["--freq_mask_path", f"{folder}/freq.npy"] if filtered else []
    return [*words, *filters, "--device", "cpu", *more]


def draw(folder, *more, filtered=True):
    """Run `main.py` in this process and return its exit code."""
    return sample_main(flags(folder, *more, filtered=filtered))


def pictures(folder):
    """Bytes of all PNG files below a folder, by name."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.png"))}


def pixels(content):
    """Pixels of a PNG, given as path or bytes."""
    source = io.BytesIO(content) if isinstance(content, bytes) else content
    with Image.open(source) as image:
        return np.asarray(image.convert("RGB"))


def metadata(path):
    """What a PNG says about itself."""
    with Image.open(path) as image:
        return json.loads(image.info["pds"])
