"""NCSN++ models in the format of the diffusers library, from a folder or the hub.

A folder holds `config.json` (or `unet/config.json`), the weights beside it, and the process in
`scheduler/scheduler_config.json` (or `scheduler_config.json`). A UNet2DModel of Skip blocks with a
Fourier embedding is an NCSN++ of the skip flavor, tensor by tensor:

| diffusers                                    | pds                                  |
|----------------------------------------------|--------------------------------------|
| time_proj, time_embedding.linear_1, linear_2 | the embedding                        |
| down_blocks.i.resnets.j, attentions.j        | the blocks of level i                |
| down_blocks.i.resnet_down, skip_conv         | resampling and the input pyramid     |
| mid_block.resnets.0, attentions.0, resnets.1 | the middle                           |
| up_blocks.i.resnets.j, attentions.0          | the blocks of level L - 1 - i        |
| up_blocks.i.skip_norm, skip_conv, resnet_up  | its output head and resampling       |
| conv_norm_out, conv_out                      | the head of level 0                  |

Source: the layout is that of P. von Platen et al., diffusers; names such as
google/ncsnpp-church-256 are conversions of Y. Song's checkpoints.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pds.scores.checkpoints import Weights, fill, unpickle
from pds.scores.ncsnpp import ModelCard, NCSNppConfig, NetworkScore
from pds.scores.ncsnpp.layers import Attention, Combine, ResidualBlock
from pds.sde import VESDE

WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
CONFIGS = ("config.json", "scheduler_config.json")

PARTS = {
    ResidualBlock: {
        "GroupNorm_0": "norm1", "Conv_0": "conv1", "Dense_0": "time_emb_proj",
        "GroupNorm_1": "norm2", "Conv_1": "conv2", "Conv_2": "conv_shortcut",
    },
    Attention: {
        "GroupNorm_0": "group_norm", "NIN_0": "to_q", "NIN_1": "to_k", "NIN_2": "to_v",
        "NIN_3": "to_out.0",
    },
    Combine: {"Conv_0": ""},
}  # fmt: skip
"""Names of the parts of a block: pds, diffusers."""

OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Names of the parts of attention in files of diffusers before 0.15."""

FIXED: dict[str, tuple[Any, ...]] = {
    "_class_name": ("UNet2DModel",),
    "time_embedding_type": ("fourier",),
    "act_fn": ("silu",),
    "attention_head_dim": (None,),
    "class_embed_type": (None,),
    "num_class_embeds": (None,),
    "resnet_time_scale_shift": ("default",),
    "add_attention": (True,),
    "norm_eps": (1e-6,),
}
"""Values of config.json with which a UNet2DModel is an NCSN++."""

DEFAULTS = {"act_fn": "silu", "resnet_time_scale_shift": "default", "add_attention": True}
"""Values of keys that a file leaves out; those of the other keys are None."""


def load(source: str | Path) -> NetworkScore:
    """Read a model from a folder, or download it from the hub, ready to sample on the CPU.

    Args:
        source: a folder, or a name such as google/ncsnpp-church-256.

    Raises:
        FileNotFoundError: if a file of the folder is missing.
        OSError: if the hub cannot be reached or has no such name.
        ValueError: if a file is damaged, or the network is not an NCSN++ of the skip flavor.
    """
    folder = Path(source) if Path(source).is_dir() else _download(str(source))
    home = folder / "unet" if (folder / "unet").is_dir() else folder
    card = _card(_json(home / "config.json"), _json(_scheduler(folder)), home)
    # On the meta device, no weights are allocated or initialized before the files are checked.
    with torch.device("meta"):
        score = NetworkScore(card)
    return fill(score, _renamed(score, _read(home)), home)


def _download(name: str) -> Path:
    patterns = [f"{folder}{file}" for folder in ("", "*/") for file in (*WEIGHTS, *CONFIGS)]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise OSError(
            f"{name} is no folder here and cannot be downloaded from the hub ({reason}); download "
            "it where there is a network and give its folder"
        ) from None


def _scheduler(folder: Path) -> Path:
    inside = folder / "scheduler" / "scheduler_config.json"
    return inside if inside.is_file() else folder / "scheduler_config.json"


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"no {path.name} at {path}; expected a folder that diffusers saved, with network and "
            "scheduler"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not readable JSON ({error})") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds a {type(values).__name__}; expected names and values")
    return values


def _read(home: Path) -> Weights:
    safe, pickled = (home / name for name in WEIGHTS)
    if not safe.is_file() and not pickled.is_file():
        raise FileNotFoundError(f"no weights in {home}; expected {' or '.join(WEIGHTS)}")
    try:
        return load_file(safe) if safe.is_file() else unpickle(pickled)
    except SafetensorError as error:
        raise ValueError(f"{safe} is damaged or not a safetensors file ({error})") from None


def _card(config: Mapping[str, Any], scheduler: Mapping[str, Any], home: Path) -> ModelCard:
    try:
        return ModelCard(
            network=_network(config),
            sde=VESDE(float(scheduler["sigma_min"]), float(scheduler["sigma_max"])),
            num_scales=int(scheduler["num_train_timesteps"]),
            snr=float(scheduler["snr"]),
        )
    except KeyError as error:
        raise ValueError(f"{home}: {error.args[0]} is missing from its configuration") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{home}: {error}") from None


def _network(config: Mapping[str, Any]) -> NCSNppConfig:
    for key, allowed in FIXED.items():
        value = config.get(key, DEFAULTS.get(key))
        if value not in allowed:
            raise ValueError(f"{key} is {value!r}; an NCSN++ has {allowed[0]!r}")
    scale = config.get("mid_block_scale_factor", 1)
    if not math.isclose(scale, math.sqrt(2), rel_tol=1e-3):
        raise ValueError(f"mid_block_scale_factor is {scale}; an NCSN++ has the root of 2")
    channels, levels = config["block_out_channels"], len(config["block_out_channels"])
    nf, attends = channels[0], _attention(config, levels)
    # diffusers uses norm_num_groups, if given, in the middle and in the head.
    groups = config.get("norm_num_groups")
    for count in (channels[-1], nf):
        if groups not in (None, min(count // 4, 32)):
            raise ValueError(
                f"norm_num_groups is {groups}; an NCSN++ has {min(count // 4, 32)} for {count} "
                "channels"
            )
    if any(count % nf for count in channels):
        raise ValueError(f"block_out_channels {channels} are not multiples of the first")
    return NCSNppConfig(
        image_size=config["sample_size"],
        num_channels=config["in_channels"],
        centered=not config["center_input_sample"],
        nf=nf,
        ch_mult=tuple(count // nf for count in channels),
        num_res_blocks=config["layers_per_block"],
        attn_resolutions=tuple(config["sample_size"] >> level for level in attends),
    )


def _attention(config: Mapping[str, Any], levels: int) -> list[int]:
    """Return the levels with attention, after checking that up_block_types mirror the others."""
    kinds = {"SkipDownBlock2D": False, "AttnSkipDownBlock2D": True}
    down, up = config["down_block_types"], config["up_block_types"]
    unknown = [kind for kind in down if kind not in kinds]
    if unknown:
        raise ValueError(f"blocks {unknown[0]} are not those of a skip NCSN++")
    mirrored = [kind.replace("Down", "Up") for kind in reversed(down)]
    if list(up) != mirrored or len(down) != levels:
        raise ValueError(f"up_block_types {list(up)} do not mirror down_block_types {list(down)}")
    return [level for level, kind in enumerate(down) if kinds[kind]]


def _renamed(score: NetworkScore, state: Mapping[str, Tensor]) -> Weights:
    """Return the weights under the names of pds; unknown names stay, and `fill` reports them."""
    rest = {_new_name(name): tensor for name, tensor in state.items()}
    renamed: Weights = {}
    modules = score.network.all_modules
    for index, (module, prefix) in enumerate(zip(modules, _prefixes(score), strict=True)):
        for name in module.state_dict():
            theirs, transposed = _diffusers_name(module, prefix, name)
            if theirs not in rest:
                continue
            tensor = rest.pop(theirs)
            renamed[f"all_modules.{index}.{name}"] = tensor.flatten(1).T if transposed else tensor
    return renamed | rest


def _new_name(name: str) -> str:
    *front, part, leaf = name.split(".") if name.count(".") else ("", name)
    return ".".join([*front, OLD_NAMES.get(part, part), leaf]).removeprefix(".")


def _diffusers_name(module: nn.Module, prefix: str, name: str) -> tuple[str, bool]:
    """Return a tensor's name in diffusers, and whether it is transposed in pds."""
    parts = PARTS.get(type(module), {})
    part, _, leaf = name.rpartition(".")
    if name == "W":
        return f"{prefix}.weight", False
    steps = [prefix, parts.get(part, part), {"W": "weight", "b": "bias"}.get(leaf, leaf)]
    return ".".join(step for step in steps if step), leaf == "W"


def _prefixes(score: NetworkScore) -> Iterator[str]:
    """Yield the names in diffusers of the modules of pds, in the order of `all_modules`."""
    config = score.card.network
    last, size = len(config.ch_mult) - 1, config.image_size
    attends = [size >> level in config.attn_resolutions for level in range(last + 1)]
    yield from ("time_proj", "time_embedding.linear_1", "time_embedding.linear_2", "conv_in")
    for level in range(last + 1):
        for i in range(config.num_res_blocks):
            yield f"down_blocks.{level}.resnets.{i}"
            if attends[level]:
                yield f"down_blocks.{level}.attentions.{i}"
        if level < last:
            yield from (f"down_blocks.{level}.{name}" for name in ("resnet_down", "skip_conv"))
    yield from ("mid_block.resnets.0", "mid_block.attentions.0", "mid_block.resnets.1")
    for i, level in enumerate(reversed(range(last + 1))):
        yield from (f"up_blocks.{i}.resnets.{j}" for j in range(config.num_res_blocks + 1))
        if attends[level]:
            yield f"up_blocks.{i}.attentions.0"
        if level:
            yield from (f"up_blocks.{i}.{n}" for n in ("skip_norm", "skip_conv", "resnet_up"))
    yield from ("conv_norm_out", "conv_out")
