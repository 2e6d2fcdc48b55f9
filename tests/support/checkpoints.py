"""Checkpoint files of a tiny network in other projects' formats, and the error for other files."""

import pytest
import torch
from safetensors.torch import save_file

from pds.scores import checkpoints
from pds.scores.ncsnpp import ModelCard, NCSNppConfig
from pds.sde import VESDE

NETWORK = NCSNppConfig(image_size=8, nf=4, ch_mult=(1,), num_res_blocks=1, attn_resolutions=())
CARD = ModelCard(NETWORK, VESDE(), num_scales=10, snr=0.15)


def published(score, **changes):
    """A checkpoint as score_sde writes it; its averages are the weights plus 1."""
    trained = [p.detach() + 1 for p in score.network.parameters() if p.requires_grad]
    model = {f"module.{name}": value for name, value in score.network.state_dict().items()}
    model["module.sigmas"] = torch.ones(10, dtype=torch.float64)
    ema = {"decay": 0.999, "num_updates": 1, "shadow_params": trained}
    return {"optimizer": {}, "model": model, "ema": ema, "step": 1, **changes}


def write_pth(path, value):
    torch.save(value, path)
    return path


def write_safetensors(path, score, **metadata):
    state = {n: v.contiguous() for n, v in score.network.state_dict().items()}
    save_file(state, path, metadata=metadata or None)
    return path


def refusal(path, card=CARD):
    """The sentence a file is refused with; it is one line and names the file."""
    with pytest.raises(ValueError) as caught:
        checkpoints.load(path, card)
    sentence = str(caught.value)
    assert str(path) in sentence and "\n" not in sentence
    return sentence
