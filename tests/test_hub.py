"""Folders of the diffusers library, read without it and equal to it."""

import json

import pytest
import torch
from diffusers import ScoreSdeVeScheduler, UNet2DModel
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from pds.commands.cli import main
from pds.scores import checkpoints, hub
from pds.sde import VESDE

BLOCKS = {
    "down_block_types": ("SkipDownBlock2D", "AttnSkipDownBlock2D", "SkipDownBlock2D"),
    "up_block_types": ("SkipUpBlock2D", "AttnSkipUpBlock2D", "SkipUpBlock2D"),
}
WEIGHTS = "diffusion_pytorch_model.safetensors"


def make_unet(**changes):
    """A small NCSN++ as diffusers has it; attention needs 128 channels there."""
    torch.manual_seed(0)
    values = {
        "sample_size": 16, "time_embedding_type": "fourier", "center_input_sample": True,
        "block_out_channels": (64, 128, 128), "layers_per_block": 1, "norm_eps": 1e-6,
        "mid_block_scale_factor": 2**0.5, "norm_num_groups": None, "attention_head_dim": None,
        **BLOCKS, **changes,
    }  # fmt: skip
    unet = UNet2DModel(**values).eval()
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return unet


def write(folder, unet, **scheduler):
    unet.save_pretrained(folder)
    ScoreSdeVeScheduler(snr=0.075, sigma_max=348.0, **scheduler).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def unet():
    return make_unet()


@pytest.fixture
def folder(tmp_path, unet):
    return write(tmp_path / "model", unet)


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def assert_equal_networks(score, unet, size=16):
    x = torch.randn(4, 3, size, size, generator=torch.Generator().manual_seed(1))
    sigma = torch.tensor([0.01, 0.5, 10.0, 348.0])
    with torch.no_grad():
        ours, theirs = score.network(x, sigma), unet(x, sigma).sample
    scale = theirs.flatten(1).abs().amax(1)[:, None, None, None]
    torch.testing.assert_close(ours / scale, theirs / scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"center_input_sample": False, "layers_per_block": 2},
        {"norm_num_groups": 32, "block_out_channels": (128, 128, 128)},
        {
            "block_out_channels": (64, 128),
            "down_block_types": ("SkipDownBlock2D", "SkipDownBlock2D"),
            "up_block_types": ("SkipUpBlock2D", "SkipUpBlock2D"),
        },
    ],
)
def test_a_folder_gives_the_network_that_diffusers_has(tmp_path, changes):
    unet = make_unet(**changes)
    score = hub.load(write(tmp_path, unet))
    assert score.card.network.centered != unet.config.center_input_sample
    assert_equal_networks(score, unet)


def test_the_process_comes_from_the_scheduler(tmp_path, unet):
    card = hub.load(write(tmp_path, unet, num_train_timesteps=1000)).card
    assert card.sde == VESDE(0.01, 348.0)
    assert (card.num_scales, card.snr) == (1000, 0.075)


def test_a_pipeline_folder_has_both_in_folders_of_their_own(tmp_path, unet):
    unet.save_pretrained(tmp_path / "unet")
    ScoreSdeVeScheduler().save_pretrained(tmp_path / "scheduler")
    score = hub.load(tmp_path)
    assert score.card.sde == VESDE(0.01, 1348.0)
    assert_equal_networks(score, unet)


def test_old_names_of_attention_are_known(folder, unet):
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    state = load_file(folder / WEIGHTS)
    for new, name in old.items():
        state = {key.replace(f".{new}.", f".{name}."): tensor for key, tensor in state.items()}
    assert any("proj_attn" in name for name in state)
    save_file(state, folder / WEIGHTS)
    assert_equal_networks(hub.load(folder), unet)


def test_pickled_weights_are_read_without_running_them(folder, unet):
    torch.save(load_file(folder / WEIGHTS), folder / "diffusion_pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    assert_equal_networks(hub.load(folder), unet)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"_class_name": "UNet2DConditionModel"}, "_class_name is 'UNet2DConditionModel'"),
        ({"time_embedding_type": "positional"}, "time_embedding_type is 'positional'"),
        ({"attention_head_dim": 8}, "attention_head_dim is 8; an NCSN.. has None"),
        ({"norm_num_groups": 8}, "norm_num_groups is 8; an NCSN.. has 32 for 128 channels"),
        ({"norm_num_groups": 32}, "norm_num_groups is 32; an NCSN.. has 16 for 64 channels"),
        ({"mid_block_scale_factor": 1}, "mid_block_scale_factor is 1;"),
        ({"down_block_types": ["DownBlock2D"] * 3}, "blocks DownBlock2D are not those"),
        ({"up_block_types": ["SkipUpBlock2D"] * 3}, "do not mirror"),
        ({"block_out_channels": [64, 100, 128]}, "not multiples of the first"),
        ({"sample_size": 15}, "image_size must be divisible by 4"),
        ({"sample_size": None}, "model"),
        ({"layers_per_block": 2}, "does not fit this network: .* is missing"),
        ({"num_class_embeds": 10}, "num_class_embeds is 10"),
    ],
)
def test_what_is_no_skip_ncsnpp_is_refused_in_one_sentence(folder, values, words):
    change(folder / "config.json", **values)
    with pytest.raises(ValueError, match=words):
        hub.load(folder)


def test_a_missing_value_is_named(folder):
    for name, key in (("scheduler_config.json", "sigma_max"), ("config.json", "sample_size")):
        values = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({k: v for k, v in values.items() if k != key}))
        with pytest.raises(ValueError, match=f"{key} is missing"):
            hub.load(folder)
        (folder / name).write_text(json.dumps(values))


@pytest.mark.parametrize("name", ["config.json", "scheduler_config.json", WEIGHTS])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"config\.json|no weights in"):
        hub.load(folder)


@pytest.mark.parametrize("name", ["config.json", "scheduler_config.json", WEIGHTS])
@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\x00" * 64, b"[" * 99_999])
def test_a_damaged_file_is_refused_in_one_sentence(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match="model"):
        hub.load(folder)


def test_an_unknown_tensor_is_refused_by_its_own_name(folder):
    state = load_file(folder / WEIGHTS)
    save_file(state | {"class_embedding.weight": torch.zeros(2)}, folder / WEIGHTS)
    with pytest.raises(ValueError, match=r"class_embedding\.weight is unknown"):
        hub.load(folder)


def test_a_name_that_cannot_be_had_says_to_give_a_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        OSError, match=r"google/ncsnpp-church-256 is no folder here.*give its folder"
    ):
        hub.load("google/ncsnpp-church-256")


def test_a_folder_is_converted_to_a_file_that_carries_its_card(folder, tmp_path, unet, capsys):
    out = tmp_path / "new" / "model.safetensors"
    assert main(["convert", str(folder), "--out", str(out)]) == 0
    assert "3 channels of 16 px" in capsys.readouterr().out
    score = checkpoints.load(out)
    assert score.card == hub.load(folder).card
    assert_equal_networks(score, unet)
