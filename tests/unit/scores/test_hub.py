"""Folders of the diffusers library, read without the library, with equal results."""

import dataclasses
import json
import shutil

import pytest
import torch
from diffusers import DDPMScheduler, ScoreSdeVePipeline, ScoreSdeVeScheduler, UNet2DModel
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from pds import filters
from pds.commands.cli import main
from pds.commands.sample import main_parser
from pds.integrations.diffusers import PreconditionedScoreSdeVeScheduler
from pds.jobs import record
from pds.jobs.checkpoint import open_checkpoint, read_checkpoint
from pds.scores import checkpoints, hub
from pds.scores.skip_unet import OLD_KEYS
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
        "sample_size": 8, "time_embedding_type": "fourier", "center_input_sample": True,
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


@pytest.fixture(scope="module")
def written(tmp_path_factory, unet):
    """A folder that no test changes."""
    return write(tmp_path_factory.mktemp("hub") / "model", unet)


@pytest.fixture
def folder(tmp_path, written):
    return shutil.copytree(written, tmp_path / "model")


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def leave_out(path, *keys):
    values = json.loads(path.read_text())
    path.write_text(json.dumps({key: v for key, v in values.items() if key not in keys}))


def assert_equal_networks(score, unet, size=8):
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


@pytest.mark.parametrize(
    ("name", "key"), [("scheduler_config.json", "sigma_max"), ("config.json", "sample_size")]
)
def test_a_missing_value_is_named(folder, name, key):
    values = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({k: v for k, v in values.items() if k != key}))
    with pytest.raises(ValueError, match=f"{key} is missing"):
        hub.load(folder)


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
    assert "3 channels of 8 px" in capsys.readouterr().out
    score = checkpoints.load(out)
    assert score.card == hub.load(folder).card
    assert_equal_networks(score, unet)


@pytest.mark.parametrize("kind", ["VeSdeScheduler", "ScoreSdeVeScheduler"])
def test_values_that_an_early_scheduler_leaves_out_are_said(folder, kind):
    leave_out(folder / "scheduler_config.json", "num_train_timesteps", "snr")
    change(folder / "scheduler_config.json", _class_name=kind)
    with pytest.warns(UserWarning, match=r"does not say its num_train_timesteps 2000, snr 0\.15"):
        card = hub.load(folder).card
    assert (card.num_scales, card.snr) == (2000, 0.15)


def test_the_sigma_max_of_the_scheduler_is_used_and_said(folder):
    change(folder / "config.json", sigma_max=380.0)
    with pytest.warns(UserWarning, match=r"380\.0 beside the network and 348\.0.*348\.0 is used"):
        assert hub.load(folder).card.sde.sigma_max == 348


def test_a_configuration_with_another_sigma_max_gives_way_to_a_folder(folder):
    card = dataclasses.replace(hub.load(folder).card, sde=VESDE(0.01, 380.0))
    with pytest.warns(UserWarning, match="sigma_max 348 in its scheduler.*380; 348 is used"):
        assert open_checkpoint(folder, card).card.sde.sigma_max == 348


def test_a_configuration_with_another_sigma_max_does_not_fit_a_file(folder, tmp_path):
    score = hub.load(folder)
    checkpoints.save(tmp_path / "a.safetensors", score)
    card = dataclasses.replace(score.card, sde=VESDE(0.01, 380.0))
    with pytest.raises(ValueError, match="was trained on"):
        open_checkpoint(tmp_path / "a.safetensors", card)


def test_names_of_the_first_version_are_known(folder, unet):
    old_keys = {new: old for old, new in OLD_KEYS.items()}
    values = json.loads((folder / "config.json").read_text())
    values = {old_keys.get(key, key): value for key, value in values.items()}
    for side in ("down_blocks", "up_blocks"):
        values[side] = [f"UNetRes{kind}" for kind in values[side]]
    values["_class_name"] = "UNetUnconditionalModel"
    (folder / "config.json").write_text(json.dumps(values))
    old = {
        "time_proj.": "time_steps.", "mid_block.": "mid.", "down_blocks.": "downsample_blocks.",
        "up_blocks.": "upsample_blocks.",
    }  # fmt: skip
    state = load_file(folder / WEIGHTS)
    for new, name in old.items():
        state = {key.replace(new, name): tensor for key, tensor in state.items()}
    state["time_steps.W"] = state["time_steps.weight"].clone()
    save_file(state, folder / WEIGHTS)
    assert_equal_networks(hub.load(folder), unet)


def test_the_size_of_square_images_may_be_given_twice(folder):
    change(folder / "config.json", sample_size=[8, 8])
    assert hub.load(folder).card.network.image_size == 8


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "bin"])
@pytest.mark.parametrize("variant", [None, "fp16"])
def test_weights_in_several_files_are_read(tmp_path, unet, safe, variant):
    options = {"safe_serialization": safe, "variant": variant}
    unet.save_pretrained(tmp_path, max_shard_size="2MB", **options)
    ScoreSdeVeScheduler().save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("*-of-*"))) > 1
    assert_equal_networks(hub.load(tmp_path), unet)


def test_a_missing_one_of_several_files_is_named(tmp_path, unet):
    unet.save_pretrained(tmp_path, max_shard_size="2MB")
    ScoreSdeVeScheduler().save_pretrained(tmp_path)
    missing = sorted(tmp_path.glob("*-of-*"))[1]
    missing.unlink()
    with pytest.raises(FileNotFoundError, match=missing.name):
        hub.load(tmp_path)


def test_weights_in_half_precision_are_read_where_there_are_no_others(folder):
    state = {name: tensor.half() for name, tensor in load_file(folder / WEIGHTS).items()}
    save_file(state, folder / "diffusion_pytorch_model.fp16.safetensors")
    full = hub.read(folder)
    (folder / WEIGHTS).unlink()
    half = hub.read(folder)
    assert (full.origin, half.origin) == (WEIGHTS, "diffusion_pytorch_model.fp16.safetensors")
    name = "all_modules.3.weight"
    rounded = full.score.network.state_dict()[name].half().float()
    assert torch.equal(half.score.network.state_dict()[name], rounded)


def test_a_folder_of_training_gives_its_averages(tmp_path, unet):
    ScoreSdeVePipeline(unet, ScoreSdeVeScheduler()).save_pretrained(tmp_path)
    other = make_unet()
    with torch.no_grad():
        other.conv_out.bias.add_(1)
    other.save_pretrained(tmp_path / "unet_ema")
    assert_equal_networks(read_checkpoint(tmp_path), other)
    assert_equal_networks(read_checkpoint(tmp_path, weights="raw"), unet)


def test_the_network_within_a_pipeline_finds_its_scheduler(tmp_path, unet):
    ScoreSdeVePipeline(unet, ScoreSdeVeScheduler()).save_pretrained(tmp_path)
    assert hub.load(tmp_path / "unet").card.sde == VESDE(0.01, 1348.0)


def test_a_pipeline_of_another_kind_is_named(folder):
    (folder / "scheduler_config.json").unlink()
    DDPMScheduler().save_pretrained(folder)
    (folder / "model_index.json").write_text('{"_class_name": "DDPMPipeline"}')
    with pytest.raises(ValueError, match="is a DDPMPipeline with a DDPMScheduler; only"):
        hub.load(folder)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["a.pth"], r"name a file in it, such as .*a\.pth"),
        (["checkpoints/checkpoint.pth"], r"such as .*checkpoints/checkpoint\.pth"),
        (["data.pkl", "version"], "the unpacked content of a checkpoint"),
        ([], "expected a folder that diffusers saved"),
    ],
)
def test_another_folder_is_answered_with_what_it_holds(tmp_path, files, words):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=words):
        read_checkpoint(tmp_path)


def test_a_pipeline_without_an_ncsnpp_is_named(tmp_path):
    (tmp_path / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    with pytest.raises(FileNotFoundError, match=r"no unet/config\.json in .*a FluxPipeline"):
        read_checkpoint(tmp_path)


def test_a_pointer_in_place_of_the_weights_is_named(folder):
    (folder / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\nsize 3\n")
    with pytest.raises(ValueError, match=r"is a Git LFS pointer .*git lfs pull"):
        hub.load(folder)


MAIN, TAGGED = "a" * 40, "b" * 40


@pytest.fixture
def cache(tmp_path, folder, monkeypatch):
    """A cache of own/model with two revisions, without a network."""
    home = tmp_path / "cache" / "models--own--model"
    (home / "refs").mkdir(parents=True)
    for name, commit in (("main", MAIN), ("v2", TAGGED)):
        (home / "refs" / name).write_text(commit)
        shutil.copytree(folder, home / "snapshots" / commit)
    change(home / "snapshots" / TAGGED / "scheduler_config.json", snr=0.3)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("name", "snr", "commit"),
    [
        ("own/model", 0.075, MAIN),
        ("own/model@main", 0.075, MAIN),
        ("own/model@v2", 0.3, TAGGED),
        (f"own/model@{TAGGED}", 0.3, TAGGED),
    ],
)
@pytest.mark.usefixtures("cache")
def test_a_name_may_end_in_a_revision(name, snr, commit):
    score, origin = hub.read(name)
    assert score.card.snr == snr
    assert origin.endswith(f"of commit {commit}")


@pytest.mark.usefixtures("cache")
def test_a_revision_that_cannot_be_had_is_named():
    with pytest.raises(OSError, match=r"own/model@v9 is no folder here.*not in the cache"):
        read_checkpoint("own/model@v9")


def test_a_folder_with_an_at_sign_is_a_folder(folder, tmp_path, monkeypatch, unet):
    shutil.copytree(folder, tmp_path / "own" / "model@v2")
    monkeypatch.chdir(tmp_path)
    assert_equal_networks(read_checkpoint("own/model@v2"), unet)


@pytest.mark.parametrize("name", ["own/model@refs/pr/3", "own/model@v1.0", "own/model@" + MAIN])
def test_names_of_revisions_are_understood(name):
    parsed = hub.HubName.parse(name)
    assert parsed is not None
    assert str(parsed) == name


@pytest.mark.parametrize("name", ["model", "a/b/c", "../model", "own/model@", "/a/b", "own/@v1"])
def test_other_words_are_no_names_of_the_hub(name):
    assert hub.HubName.parse(name) is None


def test_the_record_of_a_picture_reproduces_the_revision():
    flags = ["--config", "a.py", "--workdir", "w", "--checkpoint", "own/model@v2"]
    values = vars(main_parser().parse_args(flags))
    values = {name: values.get(name) for name in record.FLAGS} | {"overrides": {}}
    assert "--checkpoint=own/model@v2" in record.to_command(values)


@pytest.mark.usefixtures("cache")
def test_convert_says_what_it_took(tmp_path, capsys):
    out = tmp_path / "a.safetensors"
    assert main(["convert", "own/model@v2", "--out", str(out)]) == 0
    assert f"from own/model@v2: {WEIGHTS} of commit {TAGGED}" in capsys.readouterr().out


def test_a_folder_with_the_preconditioned_scheduler_gives_the_network(tmp_path, unet):
    """It holds masks as well, which `main.py` is given by its flags."""
    write(tmp_path, unet)
    theirs = ScoreSdeVeScheduler.from_pretrained(tmp_path)
    PreconditionedScoreSdeVeScheduler.from_config(
        theirs.config, frequency_mask=filters.natural((3, 8, 8))
    ).save_pretrained(tmp_path)
    assert (tmp_path / "frequency_mask.npy").is_file()
    card = read_checkpoint(tmp_path).card
    assert (card.sde, card.snr) == (VESDE(0.01, 348.0), 0.075)
